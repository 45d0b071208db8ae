"""`pdm inspect`: what a file contains and how it would be read, also of a file that needs a declaration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from pdm.cli.app import app
from pdm.errors import InvalidInputError
from pdm.ingest.recording_files import Declared
from pdm.ingest.recordings.content import Reading
from pdm.replay.inspect_file import inspect_file, inspection_text

RATE = 12000.0
SIGNAL = np.sin(np.arange(60) * 0.7)


def write(path: Path, header: str, *columns: Any) -> Path:
    rows = ["\t".join(f"{value:.9g}" for value in row) for row in zip(*columns, strict=True)]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_channels_are_listed_with_clock_unit_and_layout(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "time [ms]\tde [g]\tfe", np.arange(60) / RATE * 1e3, SIGNAL, SIGNAL)
    found = inspect_file(path, Declared())
    assert found["layout"] == {"encoding": "utf-8", "delimiter": "tab", "decimal": ".", "first row": "line 2"}
    de, fe = found["channels"]
    assert (de["name"], de["samples"], de["unit"], de["open"]) == ("de", 60, "g", [])
    assert de["rate_hz"] == pytest.approx(RATE)
    assert de["rate_from"] == "column 'time'"
    assert fe["open"] == ["unit missing: that of the point is used"]
    assert "de: 60 samples, 12000 Hz (column 'time'), unit g" in inspection_text(found)


def test_what_is_open_is_named_with_the_option_that_closes_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "x\tde [EU]", np.arange(60) / RATE, SIGNAL)
    text = inspection_text(inspect_file(path, Declared()))
    for option in ("--rate", "--unknown-unit", "--time x=UNIT"):
        assert option in text
    (channel,) = inspect_file(path, Declared(unknown_unit="g", reading=Reading(time="x=s")))["channels"]
    assert channel["rate_hz"] == pytest.approx(RATE)
    assert channel["open"] == []


def test_a_file_with_gaps_is_shown_with_its_recordings(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "time\tde [g]", np.arange(60) / RATE + (np.arange(60) >= 30), SIGNAL)
    (channel,) = inspect_file(path, Declared())["channels"]
    assert channel["recordings"] == 2
    assert any("--split" in text for text in channel["open"])


def test_a_column_that_cannot_be_used_is_shown_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "de\tfe", SIGNAL, SIGNAL)
    path.write_text(path.read_text().replace("\t0\n", "\tOver\n", 1))
    assert "'Over' is not a number" in inspection_text(inspect_file(path, Declared()))


def test_a_file_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(InvalidInputError, match=r"a\.csv: the file is empty"):
        inspect_file(tmp_path / "a.csv", Declared())


def test_the_command_prints_text_or_json(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tsv", "0.5\t0.25", SIGNAL, SIGNAL)
    options = ["inspect", str(path), "--columns", "de,fe", "--rate", "12000", "--unit", "g", "--delimiter", "tab"]
    printed = CliRunner().invoke(app, options)
    assert printed.exit_code == 0, printed.output
    assert "de: 61 samples, 12000 Hz (--rate), unit g" in printed.output
    document = json.loads(CliRunner().invoke(app, [*options, "--json"]).output)
    assert [each["name"] for each in document["channels"]] == ["de", "fe"]
