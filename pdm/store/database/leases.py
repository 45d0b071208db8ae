"""Leases: claims of queued work that outlast the transaction that makes them, and the wait after failed attempts.

Three queues use leases; the end of the lease is a column, and the row falls due by itself when it has passed:

==================  ==================  ============================================================
table               end of the lease    work that runs under it
==================  ==================  ============================================================
`job`               `lease_until`       a training, minutes to hours, in a child process; renewed
`diagnosis_due`     `not_before`        a diagnosis, seconds
`outbox`            `next_attempt_at`   one attempt to send a message, seconds
==================  ==================  ============================================================

Two claim within a transaction and need no lease: `analysis_state` (with `pending`) and `timer` are locked with
FOR UPDATE SKIP LOCKED until the work commits. A process that dies loses its locks with its connection.

The queries of a queue keep to one convention:

- `claim_*` takes due rows, adds one to `attempts` and moves the end of the lease ahead, in one statement. The caller
  commits before it starts the work, so that the attempt of a worker that dies is counted.
- `renew_*` moves the end of the lease ahead while the work continues.
- `release_*` returns work that was not done: the attempt does not count.
- `retry_*` and `fail_*` record a failure; `finish_*` ends the work.
- An attempt that a later one has replaced changes nothing: the row must have the same number of attempts. Results are
  the exception (a delivered message, a computed diagnosis): they count whichever attempt they come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_MOST_WAITS = 60


@dataclass(frozen=True)
class Lease:
    """The claim of one row: its id, and which attempt this is; void as soon as there is a later attempt."""

    id: int
    attempt: int


@dataclass(frozen=True)
class BackOff:
    """How long failed work waits: `first` after the first failure, `factor` times as long after each other one."""

    first: timedelta
    longest: timedelta
    factor: float = 2.0

    def wait(self, failures: int) -> timedelta:
        """Return how long to wait after so many failures, one or more."""
        full = self.first.total_seconds() * self.factor ** min(failures - 1, _MOST_WAITS)
        return timedelta(seconds=min(full, self.longest.total_seconds()))

    def waits(self) -> list[timedelta]:
        """Return the wait after each number of failures, the longest last, for queries that count failures themselves.

        They read entry `least(failures, cardinality(waits))`.
        """
        found = [self.wait(1)]
        while found[-1] < self.longest and len(found) < _MOST_WAITS:
            found.append(self.wait(len(found) + 1))
        return found
