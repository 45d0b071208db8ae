"""The life of an alarm as people see it: one table of states and verbs, after IEC 62682 and OPC UA Part 9.

`TRANSITIONS` holds every state x verb. The condition itself is decided elsewhere (`pdm.alerts.evaluation.evaluate`, on
the machine's own time); here is decided what its coming and going and what people do mean for the alarm. Whether an
alarm is withheld from receivers (shelved, suppressed by design, out of service, inhibited) is another question
with another table, `pdm.alerts.lifecycle.holds`: in OPC UA too these are state machines side by side.

References: IEC 62682:2022 figure 3 (states A to D, and latch); OPC UA Part 9 (IEC 62541-9) 5.7 and 5.8:
ActiveState, AckedState, ConfirmedState, LatchedState.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pdm.errors import ConflictError


class AlertState(StrEnum):
    """States of an alert; it is open in all but `normal`, and its condition is there in the first two."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    NORMAL = "normal"

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done or to happen."""
        return self is not AlertState.NORMAL

    @property
    def is_active(self) -> bool:
        """Whether the condition is there."""
        return self in (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED)


class Verb(StrEnum):
    """What can happen to an alert: the first five by itself, the others by people.

    `end` is that the life it speaks of is over: somebody recorded a failure or a replacement, so that nobody
    needs to be asked for anything any more.
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
    """Events of an alert's history, as stored and told."""

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
    """What an alert asks of people before it may end, as its rule had it."""

    needs_acknowledgement: bool = False
    is_latching: bool = False


@dataclass(frozen=True)
class Transition:
    """A transition: the state after it and the events that tell it, in order; without events nothing happened."""

    state: AlertState
    kinds: tuple[Kind, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A verb that a state does not allow, and why."""

    reason: str


@dataclass(frozen=True)
class Ending:
    """What follows when the condition is gone: the first demand that is not met decides."""

    before: tuple[Kind, ...] = ()
    is_acknowledged: bool = True

    def resolve(self, demands: Demands) -> Transition:
        """Return the step for an alert of these demands."""
        if demands.needs_acknowledgement and not self.is_acknowledged:
            return Transition(AlertState.RETURNED, (*self.before, Kind.RETURNED))
        if demands.is_latching:
            return Transition(AlertState.LATCHED, (*self.before, Kind.LATCHED))
        return Transition(AlertState.NORMAL, (*self.before, Kind.CLEARED))


LIFE_CLOSED = "life-closed"  # why a case ends whatever it demands: a failure or replacement ended the life

_U, _A, _R, _L, _N = AlertState
_HAS_ENDED = Refused("the alert has ended")
_NOT_LATCHED = Refused("only a latched alert can be reset: its condition must have cleared and it must be acknowledged")
_ACKNOWLEDGE_FIRST = Refused("acknowledge the alert before confirming it")

TRANSITIONS: Mapping[tuple[AlertState, Verb], Transition | Ending | Refused] = {
    # normal: no open alert; its condition comes as a new one, so only the last words are taken
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
    # unacknowledged: the condition is there, nobody has seen it
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
    # acknowledged: the condition is there and somebody has seen it; for less, if it escalates
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
    # returned: the condition is gone, and somebody must still see that it was there
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
    # latched: the condition is gone and seen, and somebody must reset it
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
    """Return what a verb makes of an alert.

    Raises
    ------
    ConflictError
        The state does not allow the verb; the message says why.
    """
    entry = TRANSITIONS[state, verb]
    if isinstance(entry, Refused):
        raise ConflictError(f"{entry.reason}; it is {state.value}", field="state")
    return entry.resolve(demands) if isinstance(entry, Ending) else entry
