"""docs/models.md says of models what the code does: its commands, routes and figures are there."""

import re
from pathlib import Path

from typer.testing import CliRunner

from api.app import create
from pdm.cli.app import app
from pdm.prognosis.model import lives
from pdm.prognosis.model.life_state import LONGEST_STEP
from pdm.prognosis.training import comparison, drift
from pdm.service.prognosis import job_runner, retraining_policy
from pdm.settings import Settings
from tests.integration.test_models import HOSTILE

GUIDE = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
TEXT = " ".join(GUIDE.split())


def test_the_commands_of_the_guide_are_commands():
    documented = set(re.findall(r"^pdm model (\w+)", GUIDE, flags=re.MULTILINE))
    listed = CliRunner().invoke(app, ["model", "--help"]).output
    assert documented == {"list", "promote", "rollback", "export", "import"}
    assert all(name in listed for name in documented)


def test_the_routes_of_the_guide_are_served():
    served = create(Settings()).openapi()["paths"]
    documented = {re.sub(r"/\d+|/\{id\}", "/{}", path) for path in re.findall(r"/v1/(?:models|jobs)[\w/{}]*", GUIDE)}
    assert documented == {re.sub(r"\{\w+\}", "{}", path) for path in served if re.match("/v1/(models|jobs)", path)} - {
        "/v1/jobs",
        "/v1/models",
    }


def test_the_figures_of_the_guide_are_those_of_the_code():
    for sentence in (
        f"lives are resampled {comparison.RESAMPLES:,} times",
        f"in {comparison.WANTED_SHARE:.0%} of the resampled fleets".replace("%", " %"),
        f"by {comparison.WANTED_GAIN:.0%} at least".replace("%", " %"),
        f"over {drift.ERROR_GROWTH:g} times its validated error",
        f"over {drift.BEYOND_SHARE:.0%} of an indicator".replace("%", " %"),
        f"(a factor of {lives.STRAY:g} or more",
        f"and {len(HOSTILE)} hostile ones",
        f"loses it after {job_runner.LEASE.total_seconds():g} s",
        f"`PDM_RETRAIN_INTERVAL_S` ({Settings().retrain_interval_s / 86400:g} days)",
    ):
        assert sentence in TEXT, sentence
    assert (LONGEST_STEP, lives.FEWEST_FAILED_LIVES, drift.FEWEST_LIVES) == (4.0, 4, 3)
    assert (retraining_policy.AT_MOST_EVERY.days, retraining_policy.RECENT.days, job_runner.MOST_ATTEMPTS) == (1, 7, 3)
