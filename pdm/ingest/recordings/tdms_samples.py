"""Samples of TDMS channels, read by slices from where the segments of the file have them.

The library reads whole chunks: of a file that was written in one, each slice of a channel would cost all of it, and all
channels where they are interleaved.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from pdm.errors import InvalidInputError

_MOST_BYTES = 4 << 20  # in memory at a time, of which a channel that is interleaved uses a part


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a segment of the file has the samples of a channel.

    Each chunk of the segment, `chunk_bytes` long, has `in_chunk` samples, `step` bytes from one to the next; the first
    is at `position`.
    """

    count: int
    position: int
    in_chunk: int
    chunk_bytes: int
    step: int
    dtype: np.dtype[Any]


def stretches(segment: Any) -> dict[str, Stretch]:
    """Return where a segment, as the library describes it, has samples, by path; without channels of other forms.

    Other forms are texts, timestamps and DAQmx data, and what a last chunk has that is shorter than the others.
    """
    from nptdms.common import toc_properties
    from nptdms.tdms_segment import TdmsSegmentObject

    objects = [each for each in segment.ordered_objects if each.has_data]
    if segment.final_chunk_lengths_override is not None or not all(isinstance(e, TdmsSegmentObject) for e in objects):
        return {}
    order = ">" if segment.toc_mask & toc_properties["kTocBigEndian"] else "<"
    is_interleaved = bool(segment.toc_mask & toc_properties["kTocInterleavedData"])
    if is_interleaved and any(each.data_type.size is None for each in objects):
        return {}
    if is_interleaved and len({each.number_values for each in objects}) > 1:
        return {}
    chunk_bytes = sum(int(each.data_size) for each in objects)
    width = sum(each.data_type.size or 0 for each in objects)
    found, position = {}, int(segment.data_position)
    for each in objects:
        kind = each.data_type.nptype
        if kind is not None and each.number_values and segment.num_chunks:
            found[each.path] = Stretch(
                count=int(each.number_values) * int(segment.num_chunks),
                position=position,
                in_chunk=int(each.number_values),
                chunk_bytes=chunk_bytes,
                step=width if is_interleaved else kind.itemsize,
                dtype=kind.newbyteorder(order),
            )
        position += int(each.data_type.size or 0) if is_interleaved else int(each.data_size)
    return found


def loader(stream: BinaryIO, parts: Sequence[Stretch]) -> Callable[[int, int], NDArray[Any]]:
    """Return a function that reads the samples [first, stop) of a channel, as they are in the file."""
    firsts = [0, *(int(each) for each in np.cumsum([part.count for part in parts])[:-1])]

    def load(first: int, stop: int) -> NDArray[Any]:
        values = np.empty(stop - first, parts[0].dtype.newbyteorder("="))
        place = first
        while place < stop:
            number = bisect_right(firsts, place) - 1
            taken = _read(stream, parts[number], place - firsts[number], stop - place)
            values[place - first : place - first + len(taken)] = taken
            place += len(taken)
        return values

    return load


def _read(stream: BinaryIO, part: Stretch, place: int, most: int) -> NDArray[Any]:
    """Return samples from a place in a stretch to the end of its chunk, or as many as may be in memory."""
    chunk, begin = divmod(place, part.in_chunk)
    count = min(most, part.in_chunk - begin, max(1, _MOST_BYTES // part.step))
    size = (count - 1) * part.step + part.dtype.itemsize
    stream.seek(part.position + chunk * part.chunk_bytes + begin * part.step)
    content = stream.read(size)
    if len(content) < size:
        raise InvalidInputError("its last segment lacks samples: it was cut short, or not closed", field="file")
    return np.ndarray((count,), part.dtype, content, 0, (part.step,))
