"""Files that were once answered wrongly without a word: each gives right values, or is refused by name.

They lie beside the recordings of PDM_DATA, in `cases`; what they are about is generated in test_recording_lies.py too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pdm.errors import InvalidInputError
from pdm.ingest.fleet_file import read_fleet
from pdm.ingest.formats import open_recording
from pdm.ingest.recording_files import Declared, ReadFile, read_recording_file

CASES = Path(os.environ.get("PDM_DATA", "../shared/data")).resolve().parent / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"{CASES} is absent")


def read(name: str, machine: str = "machine_25600.yaml", **declared: object) -> ReadFile:
    return read_recording_file(CASES / name, read_fleet(CASES / machine)[0], Declared(**declared))


def rates(found: ReadFile) -> dict[str, float]:
    return {channel.point.key: channel.sampling_rate for channel in found.recording.channels}


def has_rates(**expected: float) -> Callable[[str], None]:
    def check(name: str) -> None:
        assert rates(read(name)) == pytest.approx(expected, rel=1e-5)

    return check


def is_refused(words: str, **declared: object) -> Callable[[str], None]:
    def check(name: str) -> None:
        with pytest.raises(InvalidInputError, match=words):
            read(name, **declared)

    return check


def both_names_are_reached(name: str) -> None:
    with pytest.raises(InvalidInputError, match=r"#1.*#2"):
        read(name)
    label = "de" if name.endswith(".csv") else "RUN-1"
    first, second = (read(name, points={"de": f"{label}#{place}"}).recording.channels[0].samples for place in (1, 2))
    assert not np.array_equal(first[: len(second)], second[: len(first)])


FILES: dict[str, Callable[[str], None]] = {
    "good.csv": has_rates(de=12000.0),
    "time_named_x_value.csv": has_rates(de=12000.0),
    "time_is_the_index.parquet": has_rates(de=12000.0),
    "two_time_columns.csv": has_rates(de=12000.0, fe=6000.0),
    "one_cell_over.csv": is_refused(r"column 'de', line \d+: 'Over' is not a number"),
    "epoch_ms.csv": has_rates(de=1000.0),
    "abscissa_in_ms.uff": has_rates(de=12000.0),
    "triggered_segments.tdms": is_refused("20 recordings"),
    "names_repeat.csv": both_names_are_reached,
    "names_repeat.uff": both_names_are_reached,
    "empty_cells_one_column.csv": is_refused(r"column 'de', line \d+ is empty"),
    "units_in_second_line.csv": has_rates(de=12000.0),
    "header_lines.csv": is_refused("--skip 3"),
    "decimal_comma_after_zeros.csv": has_rates(de=25600.0, fe=25600.0),
    "decimal.parquet": has_rates(de=12000.0),
    "sizes_never_written.wav": is_refused("never written", points={"de": "1"}),
    "tone_at_1x.csv": has_rates(de=1000.0),
}
UNREAD = {"README.md", "machine.yaml", "machine_25600.yaml", "rules_off_typo.yaml"}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_read_right_or_refused_by_name(name: str) -> None:
    FILES[name](name)


def test_every_file_of_the_folder_is_tried() -> None:
    there = {path.name for path in CASES.iterdir() if path.is_file() and path.suffix != ".py"}
    assert there - UNREAD <= set(FILES)


def test_a_decimal_comma_that_shows_late_is_seen() -> None:
    samples = read("decimal_comma_after_zeros.csv").recording.channels[0].samples
    assert np.abs(samples).max() > 0.5
    assert np.isfinite(samples).all()


def test_an_extension_in_capitals_is_imported() -> None:
    recording = open_recording(CASES / "import_upper_case")
    assert len(list(recording.acquisitions("up-1"))) == 1


def test_blank_lines_are_missing_samples() -> None:
    recording = open_recording(CASES / "import_blank_lines")
    with pytest.raises(InvalidInputError, match=r"line \d+ is empty"):
        list(recording.acquisitions("bl-1"))


def test_an_event_at_an_unquoted_time_is_read() -> None:
    (event,) = open_recording(CASES / "import_event_unquoted").work_events("ev-1")
    assert event.occurred_at.isoformat() == "2026-11-01T12:00:00+00:00"
