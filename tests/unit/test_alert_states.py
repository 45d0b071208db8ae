from __future__ import annotations

from itertools import product

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pdm.alerts.states import TRANSITIONS, AlertState, Demands, Kind, Verb, step
from pdm.errors import ConflictError

U, A, R, L, N = AlertState
DEMANDS = [Demands(*pair) for pair in product((False, True), repeat=2)]

# Every state x verb for an alert without demands: the next state and the events; a text: refused.
PLAIN = """
                unacknowledged           acknowledged             returned                     latched         normal
  open        U                        A                        U opened                     U opened        U opened
  escalate    U escalated              U escalated              U opened                     U opened        U opened
  ease        U eased                  A eased                  R                            L               N
  return      N cleared                N cleared                R                            L               N
  end         N cleared                N cleared                N cleared                    N cleared       N
  acknowledge A acknowledged           A                        N acknowledged+cleared       L               -
  reset       -                        -                        -                            N reset+cleared -
  confirm     -                        A confirmed              -                            L confirmed     N confirmed
  comment     U commented              A commented              R commented                  L commented     N commented
  assign      U assigned               A assigned               R assigned                   L assigned      -
"""


def expected() -> dict[tuple[AlertState, Verb], tuple[AlertState, tuple[str, ...]] | None]:
    letters = {state.value[0].upper(): state for state in AlertState}
    table: dict[tuple[AlertState, Verb], tuple[AlertState, tuple[str, ...]] | None] = {}
    for line in PLAIN.strip().splitlines()[1:]:
        verb, *words = line.split()
        cells: list[tuple[str, str]] = []
        for word in words:
            if word in letters or word == "-":
                cells.append((word, ""))
            else:
                cells[-1] = (cells[-1][0], word)
        for state, (letter, kinds) in zip(AlertState, cells, strict=True):
            kinds_expected = tuple(kinds.split("+")) if kinds else ()
            table[state, Verb(verb)] = None if letter == "-" else (letters[letter], kinds_expected)
    return table


def test_the_table_knows_every_state_and_verb() -> None:
    assert set(TRANSITIONS) == set(product(AlertState, Verb))
    assert set(expected()) == set(TRANSITIONS)


@pytest.mark.parametrize(("state", "verb"), list(product(AlertState, Verb)))
def test_every_verb_does_to_every_state_what_the_standard_has(state: AlertState, verb: Verb) -> None:
    wanted = expected()[state, verb]
    if wanted is None:
        with pytest.raises(ConflictError, match=state.value) as refusal:
            step(state, verb, Demands())
        assert refusal.value.field == "state"
    else:
        done = step(state, verb, Demands())
        assert (done.state, tuple(kind.value for kind in done.kinds)) == wanted


@pytest.mark.parametrize(
    ("state", "verb", "needs", "latches", "after", "kinds"),
    [
        (U, Verb.RETURN, True, False, R, ["returned"]),
        (U, Verb.RETURN, False, True, L, ["latched"]),
        (U, Verb.RETURN, True, True, R, ["returned"]),
        (A, Verb.RETURN, True, False, N, ["cleared"]),
        (A, Verb.RETURN, False, True, L, ["latched"]),
        (A, Verb.RETURN, True, True, L, ["latched"]),
        (R, Verb.ACKNOWLEDGE, True, False, N, ["acknowledged", "cleared"]),
        (R, Verb.ACKNOWLEDGE, False, True, L, ["acknowledged", "latched"]),
        (R, Verb.ACKNOWLEDGE, True, True, L, ["acknowledged", "latched"]),
    ],
)
def test_an_alert_ends_only_when_what_it_demands_was_done(
    state: AlertState, verb: Verb, needs: bool, latches: bool, after: AlertState, kinds: list[str]
) -> None:
    done = step(state, verb, Demands(needs, latches))
    assert (done.state, [kind.value for kind in done.kinds]) == (after, kinds)


@pytest.mark.parametrize(("state", "verb"), list(product(AlertState, Verb)))
def test_demands_change_nothing_but_how_an_alert_ends(state: AlertState, verb: Verb) -> None:
    if (state, verb) in {(U, Verb.RETURN), (A, Verb.RETURN), (R, Verb.ACKNOWLEDGE)} or expected()[state, verb] is None:
        return
    assert len({step(state, verb, demands) for demands in DEMANDS}) == 1


class Life(RuleBasedStateMachine):
    """An alert against a second, naive account of it in four facts."""

    def __init__(self) -> None:
        super().__init__()
        self.state = AlertState.NORMAL
        self.demands = Demands()
        self.is_there, self.is_seen, self.is_reset = False, True, True

    def do(self, verb: Verb) -> tuple[Kind, ...]:
        done = step(self.state, verb, self.demands)
        assert done.kinds or done.state is self.state, "nothing changes without an event"
        self.state = done.state
        return done.kinds

    @rule(demands=st.sampled_from(DEMANDS), verb=st.sampled_from([Verb.OPEN, Verb.ESCALATE]))
    def comes(self, demands: Demands, verb: Verb) -> None:
        if self.state is AlertState.NORMAL:
            self.demands = demands
        if not self.is_there or verb is Verb.ESCALATE:
            self.is_seen = self.is_reset = False
        self.is_there = True
        self.do(verb)

    @rule()
    def goes(self) -> None:
        self.is_there = False
        self.do(Verb.RETURN)

    @precondition(lambda self: self.state is not AlertState.NORMAL)
    @rule()
    def is_acknowledged(self) -> None:
        self.is_seen = True
        self.do(Verb.ACKNOWLEDGE)

    @rule()
    def is_reset_by_somebody(self) -> None:
        try:
            assert self.do(Verb.RESET) == (Kind.RESET, Kind.CLEARED)
        except ConflictError:
            assert self.state is not AlertState.LATCHED
        else:
            self.is_reset = True

    @rule(verb=st.sampled_from([Verb.COMMENT, Verb.ASSIGN, Verb.CONFIRM]))
    def is_spoken_of(self, verb: Verb) -> None:
        before = self.state
        try:
            assert len(self.do(verb)) == 1
        except ConflictError:
            assert verb is not Verb.COMMENT
        assert self.state is before

    @rule()
    def life_ends(self) -> None:
        self.is_there = False
        assert self.do(Verb.END) in ((), (Kind.CLEARED,))
        assert self.state is AlertState.NORMAL
        self.is_seen = self.is_reset = True

    @invariant()
    def state_agrees_with_the_facts(self) -> None:
        assert self.state.is_active == self.is_there
        if self.is_there:
            assert (self.state is AlertState.ACKNOWLEDGED) == self.is_seen
        elif self.state is AlertState.NORMAL:
            assert self.is_seen or not self.demands.needs_acknowledgement
            assert self.is_reset or not self.demands.is_latching
        elif self.state is AlertState.LATCHED:
            assert self.demands.is_latching
            assert not self.is_reset
        elif self.state is AlertState.RETURNED:
            assert self.demands.needs_acknowledgement
            assert not self.is_seen


TestLife = Life.TestCase
