"""Recordings in the files of measuring instruments: WAV, UFF (universal file format, dataset 58) and TDMS."""

from __future__ import annotations

import importlib
import math
import warnings
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from pdm.errors import ConfigurationError, InvalidInputError
from pdm.ingest.recordings_read import FileChannel, FileRecording, measure_clock

_TIME_RESPONSE = (0, 1)  # function types of dataset 58: general, time response


def read_wav(path: Path) -> FileRecording:
    """Read a WAV file; its channels are named 1, 2, ...; samples are fractions of full scale."""
    from scipy.io import wavfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # unknown chunks
        warnings.filterwarnings("error", "Reached EOF prematurely", wavfile.WavFileWarning)
        rate, samples = wavfile.read(path)
    samples = samples.reshape(len(samples), -1)
    count = 1.0
    if samples.dtype == np.uint8:
        samples, count = samples.astype(np.int16) - 128, 1 / 128
    elif samples.dtype.kind == "i":
        count = 1.0 / -float(np.iinfo(samples.dtype).min)
    return FileRecording(
        tuple(
            FileChannel(str(place + 1), np.ascontiguousarray(column), float(rate), part_of_full_scale=count)
            for place, column in enumerate(samples.T)
        )
    )


def read_uff(path: Path) -> FileRecording:
    """Read the time responses of a universal file; the name is their first line, or node and direction."""
    pyuff = _library("pyuff", path)
    if path.read_bytes().split()[-1:] != [b"-1"]:  # pyuff skips a dataset without its closing line
        raise InvalidInputError("its last dataset lacks the closing line -1: it was cut short", field="file")
    file = pyuff.UFF(str(path))
    places = [place for place, kind in enumerate(np.atleast_1d(file.get_set_types())) if kind == 58]
    sets = [file.read_sets(place) for place in places]
    sets = [each for each in sets if int(each.get("func_type", 0)) in _TIME_RESPONSE]
    titles = [str(each.get("id1", "")).strip() for each in sets]
    counts = Counter(titles)
    channels, jitters = [], []
    for each, title in zip(sets, titles, strict=True):
        place = f"{each.get('rsp_node', 0)}:{each.get('rsp_dir', 0)}"
        name = title if title and title.upper() != "NONE" and counts[title] == 1 else place
        samples = np.asarray(each["data"])
        if samples.dtype.kind == "c":
            raise InvalidInputError(f"channel {name!r} is complex: a spectrum, not a time record", field="file")
        rate, jitter = _uff_clock(each)
        unit = str(each.get("ordinate_axis_units_lab", "")).strip()
        channels.append(FileChannel(name, samples, rate, None if unit.upper() in ("", "NONE") else unit))
        jitters.append(jitter)
    return FileRecording(tuple(channels), jitter=max(jitters, default=None))


def _uff_clock(fields: dict[str, Any]) -> tuple[float | None, float]:
    if int(fields.get("abscissa_spacing", 1)) == 1:
        step = float(fields.get("abscissa_inc", 0.0))
        return (1.0 / step if step > 0 else None), 0.0
    return measure_clock(np.asarray(fields["x"], np.float64))


def read_tdms(path: Path) -> FileRecording:
    """Read the waveforms of a TDMS file; channels with the same name are named group/channel."""
    tdms = _library("nptdms", path)
    file = tdms.TdmsFile.read(path)
    lengths = file.file_status.channel_statuses or {}
    if any(each.read_length < each.expected_length for each in lengths.values()):
        raise InvalidInputError("its last segment lacks samples: it was cut short, or not closed", field="file")
    sampled = [channel for group in file.groups() for channel in group.channels() if len(channel) > 1]
    counts = Counter(channel.name for channel in sampled)
    channels, started = [], None
    for channel in sampled:
        samples = np.asarray(channel[:])
        if samples.dtype.kind not in "iuf":
            continue
        step = float(channel.properties.get("wf_increment", 0.0))
        rate = 1.0 / step if step > 0 and math.isfinite(step) else None
        unit = str(channel.properties.get("unit_string", "")).strip() or None
        name = channel.name if counts[channel.name] == 1 else f"{channel.group_name}/{channel.name}"
        channels.append(FileChannel(name, samples, rate, unit))
        started = started or channel.properties.get("wf_start_time")
    return FileRecording(tuple(channels), measured_at=_moment(started))


def _moment(started: Any) -> datetime | None:
    if started is None:
        return None
    microseconds = int(np.datetime64(started, "us").astype(np.int64))
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def _library(name: str, path: Path) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigurationError(
            f"reading {path.suffix} files requires {name}: install the extra 'files' of pdm-service"
        ) from error
