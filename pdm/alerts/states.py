"""State machine of an alarm: one table of states and verbs, by IEC 62682 and OPC UA Part 9.

`TRANSITIONS` contains every pair of state and verb. `pdm.alerts.evaluation.evaluate` evaluates the condition, on the
machine's timeline; this module gives the effect of the condition and of operator actions on the state. Suppression
(shelved, suppressed by design, out of service, inhibited) is a separate state machine, `pdm.alerts.lifecycle.holds`, as
in OPC UA.

References: IEC 62682:2022 figure 3 (states A to D, and latch); OPC UA Part 9 (IEC 62541-9) 5.7 and 5.8:
ActiveState, AckedState, ConfirmedState, LatchedState.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pdm.errors import ConflictError


class AlertState(StrEnum):
    """States of an alert; it is open in all states except `normal`, and its condition is active in the first two."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    NORMAL = "normal"

    @property
    def is_open(self) -> bool:
        """Whether the alert is open: its condition is active or a response is still required."""
        return self is not AlertState.NORMAL

    @property
    def is_active(self) -> bool:
        """Whether the condition is active."""
        return self in (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED)


class Verb(StrEnum):
    """Inputs of the state machine: the first five come from the evaluation, the others from operators.

    `end`: a recorded failure or replacement has ended the life that the alert refers to, so that no response is
    required any more.
    """

    OPEN = "open"
    ESCALATE = "escalate"
    EASE = "ease"
    RETURN = "return"
    END = "end"
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    CONFIRM = "confirm"
    COMMENT = "comment"
    ASSIGN = "assign"


class Kind(StrEnum):
    """Events of an alert's history, as stored and notified."""

    OPENED = "opened"
    ESCALATED = "escalated"
    EASED = "eased"
    RETURNED = "returned"
    LATCHED = "latched"
    RESET = "reset"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    CONFIRMED = "confirmed"
    COMMENTED = "commented"
    ASSIGNED = "assigned"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    UNSUPPRESSED = "unsuppressed"
    REMOVED_FROM_SERVICE = "removed-from-service"
    RETURNED_TO_SERVICE = "returned-to-service"
    OVERDUE = "overdue"
    REMINDED = "reminded"


@dataclass(frozen=True)
class Demands:
    """Responses that the rule requires before the alert may end."""

    needs_acknowledgement: bool = False
    is_latching: bool = False


@dataclass(frozen=True)
class Transition:
    """A transition: the next state and the events in order; without events nothing has changed."""

    state: AlertState
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A verb that a state does not allow, and the reason."""

    reason: str


@dataclass(frozen=True)
class Ending:
    """Transition when the condition has cleared: the first unmet demand decides the next state."""

    before: tuple[Kind, ...] = ()
    is_acknowledged: bool = True

    def resolve(self, demands: Demands) -> Transition:
        """Return the transition for an alert with these demands."""
        if demands.needs_acknowledgement and not self.is_acknowledged:
            return Transition(AlertState.RETURNED, (*self.before, Kind.RETURNED))
        if demands.is_latching:
            return Transition(AlertState.LATCHED, (*self.before, Kind.LATCHED))
        return Transition(AlertState.NORMAL, (*self.before, Kind.CLEARED))


CORRECTION = "correction"  # reason of an alert opened again: the work event that had ended it was corrected or voided
WITHDRAWN = "correction-withdrawn"  # reason of an end regardless of demands: only the wrong work event had raised it
TIMELINE_CHANGED = "timeline-changed"  # reason of an end regardless of demands: the wall clock does not apply any more
RETIRED = "retired"  # reason of an end regardless of demands: the machine or the sensor was taken out of use
LIFE_CLOSED = "life-closed"  # reason of an end regardless of demands: a failure or replacement ended the life

_U, _A, _R, _L, _N = AlertState
_HAS_ENDED = Refused("the alert has ended")
_NOT_LATCHED = Refused("only a latched alert can be reset: its condition must have cleared and it must be acknowledged")
_ACKNOWLEDGE_FIRST = Refused("acknowledge the alert before confirming it")

TRANSITIONS: Mapping[tuple[AlertState, Verb], Transition | Ending | Refused] = {
    # normal: no open alert; an active condition opens a new alert, only comment and confirmation are accepted
    (_N, Verb.OPEN): Transition(_U, (Kind.OPENED,)),
    (_N, Verb.ESCALATE): Transition(_U, (Kind.OPENED,)),
    (_N, Verb.EASE): Transition(_N),
    (_N, Verb.RETURN): Transition(_N),
    (_N, Verb.END): Transition(_N),
    (_N, Verb.ACKNOWLEDGE): _HAS_ENDED,
    (_N, Verb.RESET): _HAS_ENDED,
    (_N, Verb.CONFIRM): Transition(_N, (Kind.CONFIRMED,)),
    (_N, Verb.COMMENT): Transition(_N, (Kind.COMMENTED,)),
    (_N, Verb.ASSIGN): _HAS_ENDED,
    # unacknowledged: the condition is active and not acknowledged
    (_U, Verb.OPEN): Transition(_U),
    (_U, Verb.ESCALATE): Transition(_U, (Kind.ESCALATED,)),
    (_U, Verb.EASE): Transition(_U, (Kind.EASED,)),
    (_U, Verb.RETURN): Ending(is_acknowledged=False),
    (_U, Verb.END): Transition(_N, (Kind.CLEARED,)),
    (_U, Verb.ACKNOWLEDGE): Transition(_A, (Kind.ACKNOWLEDGED,)),
    (_U, Verb.RESET): _NOT_LATCHED,
    (_U, Verb.CONFIRM): _ACKNOWLEDGE_FIRST,
    (_U, Verb.COMMENT): Transition(_U, (Kind.COMMENTED,)),
    (_U, Verb.ASSIGN): Transition(_U, (Kind.ASSIGNED,)),
    # acknowledged: the condition is active and acknowledged; an escalation requires a new acknowledgement
    (_A, Verb.OPEN): Transition(_A),
    (_A, Verb.ESCALATE): Transition(_U, (Kind.ESCALATED,)),
    (_A, Verb.EASE): Transition(_A, (Kind.EASED,)),
    (_A, Verb.RETURN): Ending(),
    (_A, Verb.END): Transition(_N, (Kind.CLEARED,)),
    (_A, Verb.ACKNOWLEDGE): Transition(_A),
    (_A, Verb.RESET): _NOT_LATCHED,
    (_A, Verb.CONFIRM): Transition(_A, (Kind.CONFIRMED,)),
    (_A, Verb.COMMENT): Transition(_A, (Kind.COMMENTED,)),
    (_A, Verb.ASSIGN): Transition(_A, (Kind.ASSIGNED,)),
    # returned: the condition is inactive, the acknowledgement is still required
    (_R, Verb.OPEN): Transition(_U, (Kind.OPENED,)),
    (_R, Verb.ESCALATE): Transition(_U, (Kind.OPENED,)),
    (_R, Verb.EASE): Transition(_R),
    (_R, Verb.RETURN): Transition(_R),
    (_R, Verb.END): Transition(_N, (Kind.CLEARED,)),
    (_R, Verb.ACKNOWLEDGE): Ending(before=(Kind.ACKNOWLEDGED,)),
    (_R, Verb.RESET): _NOT_LATCHED,
    (_R, Verb.CONFIRM): _ACKNOWLEDGE_FIRST,
    (_R, Verb.COMMENT): Transition(_R, (Kind.COMMENTED,)),
    (_R, Verb.ASSIGN): Transition(_R, (Kind.ASSIGNED,)),
    # latched: the condition is inactive and acknowledged, a reset is required
    (_L, Verb.OPEN): Transition(_U, (Kind.OPENED,)),
    (_L, Verb.ESCALATE): Transition(_U, (Kind.OPENED,)),
    (_L, Verb.EASE): Transition(_L),
    (_L, Verb.RETURN): Transition(_L),
    (_L, Verb.END): Transition(_N, (Kind.CLEARED,)),
    (_L, Verb.ACKNOWLEDGE): Transition(_L),
    (_L, Verb.RESET): Transition(_N, (Kind.RESET, Kind.CLEARED)),
    (_L, Verb.CONFIRM): Transition(_L, (Kind.CONFIRMED,)),
    (_L, Verb.COMMENT): Transition(_L, (Kind.COMMENTED,)),
    (_L, Verb.ASSIGN): Transition(_L, (Kind.ASSIGNED,)),
}


def step(state: AlertState, verb: Verb, demands: Demands) -> Transition:
    """Return the transition of a state and verb.

    Raises
    ------
    ConflictError
        The state does not allow the verb; the message gives the reason.
    """
    entry = TRANSITIONS[state, verb]
    if isinstance(entry, Refused):
        raise ConflictError(f"{entry.reason}; it is {state.value}", field="state")
    return entry.resolve(demands) if isinstance(entry, Ending) else entry
