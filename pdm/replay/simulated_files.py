"""A simulated fleet as files: a recording for `pdm import`, and the truth in a separate file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from pdm.ingest.fleet_file import write_fleet
from pdm.ingest.npz_folder import EVENTS_FILE, write_block, write_work_events
from pdm.measurements import Acquisition
from pdm.twin.fleet import DemoFleet

BLOCK = 64  # acquisitions per file


def write_files(fleet: DemoFleet, folder: Path) -> int:
    """Write all lives of a simulated fleet and return the number of acquisitions.

    `fleet.yaml` and one folder per machine are as in `pdm.ingest.npz_folder`; `truth.json` has the true fault in the
    present life of each machine.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_fleet(fleet.machines, folder / "fleet.yaml")
    total = 0
    for machine in fleet.machines:
        place = folder / machine.key
        place.mkdir(exist_ok=True)
        write_work_events(place / EVENTS_FILE, fleet.work_events(machine.key))
        past = (item for item in fleet.history(machine.key) if isinstance(item, Acquisition))
        written = _write_blocks(past, place, 0)
        written = _write_blocks(fleet.present(machine.key), place, written)
        total += fleet.count_history(machine.key) + fleet.count_present(machine.key)
    (folder / "truth.json").write_text(json.dumps(truth_document(fleet), indent=2) + "\n", encoding="utf-8")
    return total


def truth_document(fleet: DemoFleet) -> dict[str, object]:
    """Return the simulator's truth of each machine's present life as plain values."""
    truths = {machine.key: fleet.truth(machine.key) for machine in fleet.machines}
    return {
        "seed": fleet.seed,
        "machines": {
            key: {
                "fault": truth.fault,
                "component": truth.component,
                "onset_at": truth.onset_at and truth.onset_at.isoformat(),
                "failed_at": truth.failed_at and truth.failed_at.isoformat(),
                "present_began_at": fleet.present_began_at(key).isoformat(),
                "operating_states": truth.operating_states,
            }
            for key, truth in truths.items()
        },
    }


def _write_blocks(acquisitions: Iterable[Acquisition], place: Path, number: int) -> int:
    """Write blocks of acquisitions from a number on, and return the next free number."""
    block: list[Acquisition] = []
    for acquisition in acquisitions:
        block.append(acquisition)
        if len(block) == BLOCK:
            write_block(place / f"{number:05d}.npz", block)
            block.clear()
            number += 1
    if block:
        write_block(place / f"{number:05d}.npz", block)
        number += 1
    return number
