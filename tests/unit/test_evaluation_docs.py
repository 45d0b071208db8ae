"""docs/evaluation.md names commands and figures as they are."""

from pathlib import Path

from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.prognosis.evaluation.performance import LAMBDAS
from pdm.replay.evaluate_lives import REQUIRED

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text(encoding="utf-8")


def test_every_command_of_the_page_is_there_with_its_options():
    lines = [line.split() for line in PAGE.splitlines() if line.startswith("pdm evaluate ")]
    assert {words[2] for words in lines} == {"pronostia", "lives", "cmapss"}
    for words in lines:
        output = CliRunner().invoke(app, ["evaluate", words[2], "--help"], env={"COLUMNS": "200"}).stdout
        for option in (word.strip("[]") for word in words if word.strip("[").startswith("--")):
            assert option in output, (words[2], option)


def test_columns_and_shares_of_the_page_are_those_of_the_code():
    for column in REQUIRED:
        assert f"`{column}`" in PAGE
    assert "25, 50, 75 and 90 % of life" in PAGE
    assert LAMBDAS == (0.25, 0.5, 0.75, 0.9)


def test_every_file_the_page_names_is_there():
    room = Path(__file__).parents[2] / "pdm" / "prognosis"
    for place in (
        "model/few_lives.py",
        "statistics/first_passage.py",
        "statistics/degradation_trend.py",
        "statistics/weibull.py",
    ):
        assert place.split("/")[1] in PAGE
        assert (room / place).is_file()
