"""Send a whole recording to a running service."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import cast

from pdm.ingest.formats import open_recording
from pdm.ingest.recording_files import Declared
from pdm.machines.work_events import WorkEvent
from pdm.measurements import Acquisition
from pdm.replay.client import Client, RejectedRecordsError, warnings_of

BATCH = 64
BATCH_BYTES = 8 << 20  # of samples: in memory as they are and as the body of a request

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FeedReport:
    """What an import sent, what of the folder it left out, with the reasons, and the warnings of the registration."""

    machines: int
    acquisitions: int
    work_events: int
    left_out: tuple[str, ...]
    warnings: tuple[str, ...]


def feed_recording(client: Client, folder: Path, progress: Progress, declared: Declared | None = None) -> FeedReport:
    """Register the machines of the recording in `folder` and send their work events and acquisitions.

    The operation is idempotent: a stored acquisition returns `duplicate`. A file that cannot be read is left out and
    the others are sent.
    """
    recording = open_recording(folder, declared)
    left_out = list(recording.left_out)
    events = {machine.key: recording.work_events(machine.key) for machine in recording.machines}
    registered = client.register(recording.machines)
    warnings = [text for item in registered["machines"] for text in warnings_of(item)]
    total = 0
    for machine in recording.machines:
        key = machine.key
        course = in_order(recording.acquisitions(key, left_out.append), events[key])
        count, sent = recording.count(key), 0
        for sent in feed(client, course, left_out.append):
            progress(key, sent, count)
        total += sent
    return FeedReport(len(recording.machines), total, sum(map(len, events.values())), tuple(left_out), tuple(warnings))


def in_order(acquisitions: Iterable[Acquisition], events: Iterable[WorkEvent]) -> Iterator[Acquisition | WorkEvent]:
    """Merge acquisitions and work events, both in order of time."""
    return heapq.merge(acquisitions, events, key=_when)


def feed(
    client: Client, course: Iterable[Acquisition | WorkEvent], refuse: Callable[[str], None] | None = None
) -> Iterator[int]:
    """Send acquisitions, in batches, and work events in order; yield the number of acquisitions sent.

    Records that the service rejects are an error, or are reported to `refuse`, and the others are sent.
    """
    sent = 0
    for is_event, run in itertools.groupby(course, key=lambda item: isinstance(item, WorkEvent)):
        if is_event:
            for event in run:
                client.record_work_event(cast("WorkEvent", event))
            continue
        for batch in batches(cast("Iterable[Acquisition]", run), BATCH, BATCH_BYTES):
            try:
                client.send(batch)
            except RejectedRecordsError as error:
                if refuse is None:
                    raise
                refuse(error.message)
            sent += len(batch)
            yield sent


def batches(
    acquisitions: Iterable[Acquisition], size: int, most_bytes: float = math.inf
) -> Iterator[list[Acquisition]]:
    """Split a stream of acquisitions into lists of at most `size`, whose samples take at most `most_bytes`.

    An acquisition of more is alone in its list.
    """
    batch: list[Acquisition] = []
    taken = 0
    for acquisition in acquisitions:
        own = sum(each.samples.nbytes for each in acquisition.waveforms)
        if batch and taken + own > most_bytes:
            yield batch
            batch, taken = [], 0
        batch.append(acquisition)
        taken += own
        if len(batch) == size or taken >= most_bytes:
            yield batch
            batch, taken = [], 0
    if batch:
        yield batch


def _when(item: Acquisition | WorkEvent) -> datetime:
    return item.occurred_at if isinstance(item, WorkEvent) else item.measured_at
