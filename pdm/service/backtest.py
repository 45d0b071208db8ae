"""The alarm lab: what rules would have done over the stored past, beside the rules in force."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection

from pdm.alerts.documents import RuleDocument
from pdm.alerts.gate import Figures, Limits, find_objections
from pdm.alerts.history import History
from pdm.alerts.replaying import CaseRun, replay
from pdm.alerts.rules import Condition, ForecastCrossing, RateOfChange, Rule, RuleSet, Threshold
from pdm.alerts.scopes import Scope, ScopedRules, resolve
from pdm.alerts.scoring import Difference, Past, Score, compare, score
from pdm.alerts.suggesting import Suggestion, suggest
from pdm.errors import InvalidInputError, RefusalError
from pdm.service.rule_book import RuleBook
from pdm.store.histories import fetch_history, list_assessed
from pdm.store.machines import StoredMachine, fetch_machine

CREDIT_HORIZONS = 4.0
"""Planning horizons before a failure within which an alarm that has ended still counts as its warning."""
MOST_TRIED = 40
"""Machines on which suggestions are tried out: those with most alarms."""
_WORTH_A_PROCESS = 8

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Question:
    """What to replay: a span of the past, of some machines or all, and rules for a scope (None: those in force)."""

    since: datetime
    before: datetime
    candidate: ScopedRules | None = None
    machines: tuple[str, ...] | None = None
    site_ids: tuple[int, ...] | None = None
    credit_horizons: float = CREDIT_HORIZONS
    with_suggestions: bool = True

    def __post_init__(self) -> None:
        if self.since >= self.before:
            raise InvalidInputError("'from' must lie before 'to'", field="from")
        if not 0 < self.credit_horizons <= 1000:
            raise InvalidInputError("credit_horizons must be in (0, 1000]", field="credit_horizons")


def candidate_of(document: RuleDocument, scope: str = "all", target: str = "") -> ScopedRules:
    """Return rules as they would stand in force for a scope.

    Raises
    ------
    InvalidInputError
        There is no such scope, or it needs a target that is not given.
    """
    if scope not in list(Scope) or (scope == Scope.ALL) != (target == ""):
        raise InvalidInputError("scope is 'all', or 'class', 'site' or 'machine' with a target", field="scope")
    return ScopedRules(Scope(scope), target, document)


@dataclass(frozen=True)
class MachineOutcome:
    """What happened to one machine, and the cases that the rules in force and the candidate open."""

    past: Past
    now: tuple[CaseRun, ...]
    then: tuple[CaseRun, ...]


@dataclass(frozen=True)
class Report:
    """The two scores, what differs, and what would do better."""

    since: datetime
    before: datetime
    now: Score
    then: Score
    difference: Difference
    suggestions: list[Suggestion] = field(default_factory=list)

    def document(self) -> Row:
        """Return the report as plain data."""
        return asdict(self)

    def objections(self, limits: Limits) -> list[str]:
        """Return why the candidate may not replace the rules in force."""
        return find_objections(self.now, self.then, limits)


def objections_of(report: Row, limits: Limits) -> list[str]:
    """Return why the candidate of a report that is plain data may not replace the rules in force."""
    kept = gate_of(report)
    return find_objections(Figures(**kept["now"]), Figures(**kept["then"]), limits)


def gate_of(report: Row) -> Row:
    """Return what is kept of a backtest that rules have passed."""
    names = [each.name for each in fields(Figures)]
    scores = {which: {name: report[which][name] for name in names} for which in ("now", "then")}
    return {"from": str(report["since"]), "to": str(report["before"]), **scores}


def backtest(dsn: str, question: Question, *, processes: int = 1, progress: Progress = lambda *_: None) -> Report:
    """Replay rules over the stored past of machines, one after the other or in several processes.

    Raises
    ------
    RefusalError
        Nothing was assessed within the span.
    """
    with psycopg.connect(dsn) as conn:
        found = list_assessed(
            conn, question.since, question.before, machines=question.machines, site_ids=question.site_ids
        )
    if not found:
        raise RefusalError("nothing of these machines was assessed within the span", field="from")
    keys = list(found)
    outcomes: list[MachineOutcome] = []
    for outcome in _outcomes(dsn, question, keys, processes):
        outcomes.append(outcome)
        progress("machines", len(outcomes), len(keys))
    pasts = [outcome.past for outcome in outcomes]
    now = [run for outcome in outcomes for run in outcome.now]
    then = [run for outcome in outcomes for run in outcome.then]
    report = Report(question.since, question.before, score(pasts, now), score(pasts, then), compare(now, then))
    if question.with_suggestions and report.then.false + report.then.repeats:
        report = replace(report, suggestions=_suggestions(dsn, question, outcomes, progress))
    return report


def _outcomes(dsn: str, question: Question, keys: Sequence[str], processes: int) -> Iterator[MachineOutcome]:
    if processes <= 1 or len(keys) < _WORTH_A_PROCESS:
        with psycopg.connect(dsn) as conn:
            book = RuleBook()
            for key in keys:
                yield _outcome(conn, book, question, key)
                conn.rollback()
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _begin_process, (dsn, question)) as workers:
        yield from workers.imap_unordered(_in_process, keys, chunksize=4)


_held: tuple[Connection[Any], RuleBook, Question] | None = None


def _begin_process(dsn: str, question: Question) -> None:
    global _held
    _held = psycopg.connect(dsn), RuleBook(), question


def _in_process(key: str) -> MachineOutcome:
    assert _held is not None
    conn, book, question = _held
    outcome = _outcome(conn, book, question, key)
    conn.rollback()
    return outcome


def _outcome(conn: Connection[Any], book: RuleBook, question: Question, key: str) -> MachineOutcome:
    stored = fetch_machine(conn, key)
    now, then = _rules(conn, book, question, stored)
    history = _history(conn, question, stored, (now, then))
    before = replay(history, now)
    return MachineOutcome(
        _past(history, question), before, before if then.version == now.version else replay(history, then)
    )


def _rules(conn: Connection[Any], book: RuleBook, question: Question, stored: StoredMachine) -> tuple[RuleSet, RuleSet]:
    """Return the rules in force for a machine, and those that would be."""
    documents = book.fetch(conn, [stored.machine])
    now = resolve(stored.machine, documents)
    candidate = question.candidate
    if candidate is None or not candidate.holds_for(stored.machine):
        return now, now
    others = [each for each in documents if (each.scope, each.target) != (candidate.scope, candidate.target)]
    return now, resolve(stored.machine, [*others, candidate])


def _history(conn: Connection[Any], question: Question, stored: StoredMachine, sets: Sequence[RuleSet]) -> History:
    wanted = tuple(dict.fromkeys(key for rules in sets for key in rules.wanted))
    asks = any(rules.asks_for_diagnoses for rules in sets)
    history = fetch_history(conn, stored, question.since, question.before, wanted, with_diagnoses=asks)
    assert history is not None, "a machine that was listed has assessments"
    return history


def _past(history: History, question: Question) -> Past:
    machine = history.machine
    ended = max([history.at(len(history) - 1), *history.failures])
    return Past(
        machine.key,
        history.at(0),
        ended,
        len(history),
        history.failures,
        history.life_ends,
        timedelta(seconds=question.credit_horizons * machine.planning_horizon),
    )


def _suggestions(
    dsn: str, question: Question, outcomes: Sequence[MachineOutcome], progress: Progress
) -> list[Suggestion]:
    """Try variants of the candidate's rules on the machines with most alarms, and on those that failed."""
    order = sorted(outcomes, key=lambda outcome: (-len(outcome.past.failures), -len(outcome.then)))
    chosen = [outcome for outcome in order if outcome.then or outcome.past.failures][:MOST_TRIED]
    histories: list[tuple[History, RuleSet]] = []
    with psycopg.connect(dsn) as conn:
        book = RuleBook()
        for outcome in chosen:
            stored = fetch_machine(conn, outcome.past.machine)
            _, then = _rules(conn, book, question, stored)
            histories.append((_history(conn, question, stored, (then,)), then))
    pasts = [outcome.past for outcome in chosen]
    opened = {run.rule_key for outcome in chosen for run in outcome.then}
    rules = {rule.key: rule for _, then in histories for rule in then.rules if rule.key in opened}
    tried = 0

    def try_out(variant: Rule) -> Score:
        nonlocal tried
        runs: list[CaseRun] = []
        for (history, then), outcome in zip(histories, chosen, strict=True):
            if variant.key not in then.by_key:
                runs += outcome.then
                continue
            own = replace(variant, condition=_fitted(variant, then.by_key[variant.key]))
            changed = RuleSet(tuple(own if rule.key == own.key else rule for rule in then.rules))
            runs += replay(history, changed)
        tried += 1
        progress("suggestions", tried, 8 * len(rules))
        return score(pasts, runs)

    return suggest(list(rules.values()), score(pasts, [run for outcome in chosen for run in outcome.then]), try_out)


def _fitted(variant: Rule, own: Rule) -> Condition:
    """Return a variant's condition with the points of the machine that it is tried on."""
    condition, fitted = variant.condition, own.condition
    if isinstance(condition, Threshold | RateOfChange | ForecastCrossing):
        assert isinstance(fitted, Threshold | RateOfChange | ForecastCrossing)
        return replace(condition, keys=fitted.keys)
    return condition
