"""What a recording file contains and how it would be read, without a machine."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from pdm.errors import PdmError
from pdm.ingest.recording_files import Declared
from pdm.ingest.recordings.clock import is_counter
from pdm.ingest.recordings.content import FileChannel
from pdm.ingest.recordings.open import open_file
from pdm.ingest.recordings.spelling import known_unit


def inspect_file(path: Path, declared: Declared) -> dict[str, Any]:
    """Return the content of a file as a JSON document: layout, channels with clock and unit, and what is not used.

    Raises
    ------
    InvalidInputError
        The file cannot be read, or something in it must be declared first.
    """
    try:
        with open_file(path, replace(declared.reading, split=True), ()) as content:
            return {
                "file": path.name,
                "format": path.suffix[1:].lower(),
                "layout": dict(content.details),
                "speed_rpm": None if content.speed is None else content.speed * 60,
                "channels": [_channel(each, declared) for each in content.channels],
                "notes": list(content.notes),
            }
    except PdmError as error:
        raise type(error)(f"{path.name}: {error.message}", field=error.field) from error


def _channel(channel: FileChannel, declared: Declared) -> dict[str, Any]:
    clock = channel.clock
    known = None if clock is None else clock.rate
    return {
        "name": channel.name,
        "samples": channel.count,
        "type": str(channel.dtype),
        "unit": declared.unit or channel.unit,
        "scale": channel.scale,
        "rate_hz": known if known is not None else declared.rate,
        "rate_from": None if known is None and declared.rate is None else clock.source if clock and known else "--rate",
        "measured_at": None if clock is None or clock.measured_at is None else clock.measured_at.isoformat(),
        "jitter_samples": None if clock is None else clock.jitter,
        "recordings": 1 if clock is None else max(1, len(clock.segments)),
        "open": _open(channel, declared),
    }


def _open(channel: FileChannel, declared: Declared) -> list[str]:
    """Return what the file lacks for a channel, or what is wrong with it."""
    if channel.problem is not None:
        return [channel.problem]
    clock, found = channel.clock, []
    if (clock is None or clock.rate is None) and declared.rate is None:
        found.append("sampling rate missing: that of the point is used, or --rate")
    if clock is not None and clock.is_unit_assumed:
        found.append(f"the times of {clock.source} have no unit: taken as s")
    if clock is not None and clock.note is not None:
        found.append(clock.note)
    if clock is not None and len(clock.segments) > 1 and not declared.reading.split:
        found.append(f"it has {len(clock.segments)} recordings with gaps between them: read them with --split")
    if channel.unit is None and declared.unit is None:
        found.append("unit missing: that of the point is used")
    elif declared.unit is None and known_unit(channel.unit) is None and declared.unknown_unit is None:
        found.append(f"unit {channel.unit!r} is unknown: declare --unit or --unknown-unit")
    if channel.needs_scale and channel.scale is None:
        found.append("scale missing: declare --scale")
    if channel.step is not None and declared.reading.time is None and not is_counter(channel):
        step = "unevenly" if math.isnan(channel.step) else f"by {channel.step:.6g} a sample"
        found.append(f"it increases {step}: is it time? declare --time {channel.name}=UNIT, or --time none")
    return found


def inspection_text(found: dict[str, Any]) -> str:
    """Return the document of `inspect_file` as text."""
    layout = ", ".join(f"{name} {value}" for name, value in found["layout"].items())
    lines = [f"{found['file']}: {found['format'].upper()}" + (f" ({layout})" if layout else "")]
    if found["speed_rpm"] is not None:
        lines.append(f"shaft speed {found['speed_rpm']:g} rpm")
    for each in found["channels"]:
        rate = "rate unknown" if each["rate_hz"] is None else f"{each['rate_hz']:.8g} Hz ({each['rate_from']})"
        parts = [f"{each['samples']} samples", rate, f"unit {each['unit'] or 'not stated'}"]
        if each["measured_at"] is not None:
            parts.append(f"from {each['measured_at']}")
        if each["recordings"] > 1:
            parts.append(f"{each['recordings']} recordings")
        lines.append(f"{each['name']}: {', '.join(parts)}")
        lines += [f"    {text}" for text in each["open"]]
    return "\n".join([*lines, *(f"note: {note}" for note in found["notes"])])
