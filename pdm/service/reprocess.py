"""Late data and late work events: roll a machine back to a checkpoint and follow it again.

Features are stored already, so a replay costs what health, prognosis and alerts cost. Assessments and
prognoses from the late moment on are appended under the next revision; what was said before stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection

from pdm.alerts.lifecycle import reconcile
from pdm.alerts.rules import DEFAULT_RULES, RuleSet
from pdm.service.follow import Champion, Course, follow
from pdm.service.inputs import recall
from pdm.service.memory import Memory, begin
from pdm.store import alerts, analysis, conclusions, queue
from pdm.store.diagnosis_notes import fetch_notes
from pdm.store.machines import StoredMachine
from pdm.store.queue import SavedState

CHUNK = 512


def reprocess(
    conn: Connection[Any],
    stored: StoredMachine,
    held: SavedState,
    champion: Champion | None,
    reorder_horizon: timedelta,
    rules: RuleSet = DEFAULT_RULES,
) -> SavedState:
    """Follow a claimed machine again from its last checkpoint before `held.dirty_from`; returns its new state."""
    assert held.dirty_from is not None
    assert held.last_measured_at is not None
    since = held.dirty_from
    machine_id, until = held.machine_id, held.last_measured_at
    conclusions.drop_checkpoints_from(conn, machine_id, since)
    checkpoint = conclusions.fetch_checkpoint_before(conn, machine_id, since)
    after, memory = (
        (checkpoint[0], Memory.from_bytes(checkpoint[1])) if checkpoint else (analysis.BEGINNING, begin(stored.machine))
    )
    times = analysis.fetch_times_between(conn, machine_id, after, until)
    known = analysis.fetch_life_ends(conn, {machine_id: after})[machine_id]
    ends = [end for end in known if end <= until + reorder_horizon]
    life_ends = tuple(ends)
    revision = held.revision + 1
    notes = fetch_notes(conn, {machine_id: (after, until)}).get(machine_id, ()) if rules.asks_for_diagnoses else ()
    for start in range(0, max(1, len(times)), CHUNK):
        chunk = times[start : start + CHUNK]
        is_last = start + CHUNK >= len(times)
        now_ended = [end for end in ends if is_last or end <= chunk[-1]]
        ends = ends[len(now_ended) :]
        snapshots = recall(conn, machine_id, stored, chunk)
        course = follow(stored.machine, memory, snapshots, now_ended, champion, rules, notes)
        memory = course.memory
        _append(conn, machine_id, revision, course, since)
        if chunk and not is_last:
            conclusions.save_checkpoints(conn, [(machine_id, chunk[-1], memory.to_bytes())])
    alerts.apply_all(conn, {}, reevaluated=True, life_ends={machine_id: life_ends})
    active = [alert for alert in alerts.fetch_open(conn, machine_id) if alert.state.is_active]
    changes = reconcile(active, memory.cases, until, rules)
    alerts.apply_changes(conn, machine_id, changes, reevaluated=True)
    if changes or life_ends:
        alerts.notify(conn)
    state = SavedState(machine_id, memory.to_bytes(), until, None, revision)
    queue.save_states(conn, [state])
    conclusions.save_checkpoints(conn, [(machine_id, until, memory.to_bytes())])
    conclusions.prune_checkpoints(conn, {machine_id: until - reorder_horizon})
    return state


def _append(conn: Connection[Any], machine_id: int, revision: int, course: Course, since: datetime) -> None:
    conclusions.insert_assessments(
        conn, [(machine_id, revision, a) for a in course.assessments if a.measured_at >= since]
    )
    conclusions.insert_prognoses(conn, [(machine_id, revision, p) for p in course.prognoses if p.measured_at >= since])
