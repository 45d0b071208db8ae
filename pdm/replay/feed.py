"""Feed a whole recording into a running service."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pdm.ingest.formats import open_recording
from pdm.measurements import Acquisition
from pdm.replay.client import Client

BATCH = 64

Progress = Callable[[str, int, int], None]


def feed_recording(client: Client, folder: Path, progress: Progress) -> dict[str, int]:
    """Register the machines of the recording in `folder` and send their work events and acquisitions.

    Work events go first: they close lives at their own times, whenever the acquisitions come. Sending
    again is safe: what is stored already answers `duplicate`.
    """
    recording = open_recording(folder)
    client.register(recording.machines)
    stored = total = 0
    for machine in recording.machines:
        for event in recording.work_events(machine.key):
            client.record_work_event(event)
        sent = 0
        for batch in batches(recording.acquisitions(machine.key), BATCH):
            stored += client.send(batch)["stored"]
            sent += len(batch)
            progress(machine.key, sent, recording.count(machine.key))
        total += sent
    return {"machines": len(recording.machines), "acquisitions": total, "stored": stored}


def batches(acquisitions: Iterable[Acquisition], size: int) -> Iterator[list[Acquisition]]:
    """Cut a stream of acquisitions into lists of at most `size`."""
    stream = iter(acquisitions)
    while batch := list(itertools.islice(stream, size)):
        yield batch
