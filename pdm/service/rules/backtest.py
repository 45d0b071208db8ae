"""Backtest: alarms of rules on stored data, compared with the rules in force."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg import Connection

from pdm.alerts.backtest.acceptance import AcceptanceLimits, find_objections
from pdm.alerts.backtest.cross_validation import Trial, try_lives
from pdm.alerts.backtest.replay import CaseRun, replay
from pdm.alerts.backtest.scoring import Difference, Judged, Past, Score, compare, score
from pdm.alerts.backtest.tuning import Suggestion, suggest
from pdm.alerts.documents.parser import RuleDocument
from pdm.alerts.documents.scopes import Scope, ScopedRules, resolve
from pdm.alerts.kinds.history import MachineHistory
from pdm.alerts.rules.rule import Rule, RuleSet
from pdm.errors import InvalidInputError, PdmError, RefusalError
from pdm.service.analysis.machine_pipeline import Champion
from pdm.service.analysis.rule_cache import RuleBook
from pdm.service.rules.challenger_prognoses import with_prognoses_of
from pdm.service.rules.rule_sets import check_off
from pdm.store.alerts.cases import fetch_labels
from pdm.store.analysis.backtest_history import fetch_history, list_assessed
from pdm.store.machines.registration import StoredMachine, fetch_machine
from pdm.store.machines.tags import list_keys
from pdm.store.models.models import fetch_model
from pdm.store.models.registry import fetch_fleet

CREDIT_HORIZONS = 4.0
"""Planning horizons before a failure within which an ended alarm still counts as its warning."""
MOST_TRIED = 40
"""Number of machines on which suggestions are evaluated: those with most alarms."""
_WORTH_A_PROCESS = 8

Row = dict[str, Any]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BacktestRequest:
    """Request of a backtest: a period, machines or all, and rules for a scope (None: the rules in force)."""

    since: datetime
    before: datetime
    candidate: ScopedRules | None = None
    machines: tuple[str, ...] | None = None
    site_ids: tuple[int, ...] | None = None
    credit_horizons: float = CREDIT_HORIZONS
    with_suggestions: bool = True
    model_id: int | None = None

    def __post_init__(self) -> None:
        if self.since >= self.before:
            raise InvalidInputError(
                f"'from' ({self.since.isoformat()}) must be before 'to' ({self.before.isoformat()})", field="from"
            )
        if not 0 < self.credit_horizons <= 1000:
            raise InvalidInputError("credit_horizons must be in (0, 1000]", field="credit_horizons")


def candidate_of(document: RuleDocument, scope: str = "all", target: str = "") -> ScopedRules:
    """Return rules as a candidate for a scope.

    Raises
    ------
    InvalidInputError
        The scope is unknown, or it requires a target that is missing.
    """
    if scope not in list(Scope) or (scope == Scope.ALL) != (target == ""):
        raise InvalidInputError("scope is 'all', or 'class', 'site' or 'machine' with a target", field="scope")
    return ScopedRules(Scope(scope), target, document)


@dataclass(frozen=True)
class MachineOutcome:
    """The history of one machine, and the cases of the rules in force and of the candidate.

    `is_challenged`: the candidate used the prognoses of the requested model.
    """

    past: Past
    now: tuple[CaseRun, ...]
    then: tuple[CaseRun, ...]
    is_challenged: bool = False


@dataclass(frozen=True)
class Report:
    """Both scores, the differences and suggestions."""

    since: datetime
    before: datetime
    now: Score
    then: Score
    difference: Difference
    suggestions: list[Suggestion] = field(default_factory=list)

    def document(self) -> Row:
        """Return the report as plain data."""
        return asdict(self)

    def objections(self, limits: AcceptanceLimits) -> list[str]:
        """Return the reasons against replacing the rules in force by the candidate."""
        return find_objections(self.now, self.then, limits)


def backtest(
    dsn: str, question: BacktestRequest, *, processes: int = 1, progress: Progress = lambda *_: None
) -> Report:
    """Evaluate rules on the stored data of machines, in one or several processes.

    Raises
    ------
    InvalidRulesError
        The candidate switches off a rule that does not exist.
    RefusalError
        The period has no assessments, or no machine belongs to the fleet of the requested model.
    """
    with psycopg.connect(dsn) as conn:
        if question.candidate is not None:
            check_off(conn, question.candidate.document, question.site_ids)
        named = question.machines
        machines = None if named is None else list_keys(conn, named, question.site_ids)
        found = list_assessed(conn, question.since, question.before, machines=machines, site_ids=question.site_ids)
    if not found:
        raise RefusalError("no assessments of these machines in the period", field="from")
    keys = list(found)
    outcomes: list[MachineOutcome] = []
    for outcome in _outcomes(dsn, question, keys, processes):
        outcomes.append(outcome)
        progress("machines", len(outcomes), len(keys))
    if question.model_id is not None and not any(outcome.is_challenged for outcome in outcomes):
        raise RefusalError(
            f"none of these machines belongs to the fleet of model {question.model_id}", field="model_id"
        )
    pasts = [outcome.past for outcome in outcomes]
    now = [run for outcome in outcomes for run in outcome.now]
    then = [run for outcome in outcomes for run in outcome.then]
    report = Report(question.since, question.before, score(pasts, now), score(pasts, then), compare(now, then))
    if question.with_suggestions and report.then.false + report.then.repeats:
        report = replace(report, suggestions=_suggestions(dsn, question, outcomes, progress))
    return report


class _Bench:
    """Resources of a backtest, opened once per process: a connection, the rules in force, and the requested model."""

    def __init__(self, dsn: str, question: BacktestRequest) -> None:
        self.conn = psycopg.connect(dsn)
        self.book = RuleBook()
        self.question = question
        self.fleet, self.challenger = "", None
        if question.model_id is not None:
            try:
                self.fleet, _ = fetch_fleet(self.conn, question.model_id)
                self.challenger = Champion(question.model_id, fetch_model(self.conn, question.model_id))
            except PdmError:
                self.conn.close()
                raise

    def outcome(self, key: str) -> MachineOutcome:
        """Evaluate both sets of rules on the history of one machine."""
        stored = fetch_machine(self.conn, key)
        now, then = _rules(self.conn, self.book, self.question, stored)
        history = _history(self.conn, self.question, stored, (now, then))
        other = self.replace_prognoses(stored, history)
        past = replace(_past(history, self.question), judged=_judged(self.conn, stored))
        self.conn.rollback()
        before = replay(history, now)
        is_same = other is history and then.version == now.version
        return MachineOutcome(past, before, before if is_same else replay(other, then), other is not history)

    def candidate(self, key: str) -> tuple[MachineHistory, RuleSet]:
        """Return the history of one machine and the rules to evaluate."""
        stored = fetch_machine(self.conn, key)
        _, then = _rules(self.conn, self.book, self.question, stored)
        history = self.replace_prognoses(stored, _history(self.conn, self.question, stored, (then,)))
        self.conn.rollback()
        return history, then

    def replace_prognoses(self, stored: StoredMachine, history: MachineHistory) -> MachineHistory:
        """Return the history with the prognoses of the requested model, if it belongs to the fleet of the machine."""
        if self.challenger is None or self.fleet != stored.machine.fleet:
            return history
        return with_prognoses_of(self.conn, stored, history, self.challenger, self.question.since)


def _outcomes(dsn: str, question: BacktestRequest, keys: Sequence[str], processes: int) -> Iterator[MachineOutcome]:
    if processes <= 1 or len(keys) < _WORTH_A_PROCESS:
        bench = _Bench(dsn, question)
        with bench.conn:
            yield from map(bench.outcome, keys)
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _begin_process, (dsn, question)) as workers:
        yield from workers.imap_unordered(_in_process, keys, chunksize=4)


_bench: _Bench | None = None


def _begin_process(dsn: str, question: BacktestRequest) -> None:
    global _bench
    _bench = _Bench(dsn, question)


def _in_process(key: str) -> MachineOutcome:
    assert _bench is not None
    return _bench.outcome(key)


def _rules(
    conn: Connection[Any], book: RuleBook, question: BacktestRequest, stored: StoredMachine
) -> tuple[RuleSet, RuleSet]:
    """Return the rules in force for a machine, and those with the candidate."""
    documents = book.fetch(conn, [stored.machine])
    now = resolve(stored.machine, documents)
    candidate = question.candidate
    if candidate is None or not candidate.holds_for(stored.machine):
        return now, now
    others = [each for each in documents if (each.scope, each.target) != (candidate.scope, candidate.target)]
    return now, resolve(stored.machine, [*others, candidate])


def _history(
    conn: Connection[Any], question: BacktestRequest, stored: StoredMachine, sets: Sequence[RuleSet]
) -> MachineHistory:
    wanted = tuple(dict.fromkeys(key for rules in sets for key in rules.wanted))
    asks = any(rules.asks_for_diagnoses for rules in sets)
    history = fetch_history(conn, stored, question.since, question.before, wanted, with_diagnoses=asks)
    assert history is not None, "a listed machine must have assessments"
    return history


def _past(history: MachineHistory, question: BacktestRequest) -> Past:
    machine = history.machine
    ended = max([history.at(len(history) - 1), *history.failures])
    return Past(
        machine.key,
        history.at(0),
        ended,
        len(history),
        history.failures,
        tuple(end.occurred_at for end in history.life_ends),
        timedelta(seconds=question.credit_horizons * machine.planning_horizon),
        component_ends={end.occurred_at: end.component for end in history.life_ends if end.component is not None},
    )


def _judged(conn: Connection[Any], stored: StoredMachine) -> tuple[Judged, ...]:
    labels = [label for label in fetch_labels(conn, machine_ids=[stored.id]) if label.is_true is not None]
    return tuple(Judged(each.cause, each.opened_at, each.ended_at, bool(each.is_true)) for each in labels)


def _suggestions(
    dsn: str, question: BacktestRequest, outcomes: Sequence[MachineOutcome], progress: Progress
) -> list[Suggestion]:
    """Evaluate variants of the candidate's rules on the machines with most alarms and on those that failed."""
    order = sorted(outcomes, key=lambda outcome: (-len(outcome.past.failures), -len(outcome.then)))
    chosen = [outcome for outcome in order if outcome.then or outcome.past.failures][:MOST_TRIED]
    bench = _Bench(dsn, question)
    with bench.conn:
        histories = [bench.candidate(outcome.past.machine) for outcome in chosen]
    pasts = [outcome.past for outcome in chosen]
    opened = {run.rule_key for outcome in chosen for run in outcome.then}
    rules = {rule.key: rule for _, then in histories for rule in then.rules if rule.key in opened}
    tried = 0

    def try_out(variant: Rule) -> Trial:
        nonlocal tried
        runs: list[CaseRun] = []
        for (history, then), outcome in zip(histories, chosen, strict=True):
            if variant.key not in then.by_key:
                runs += outcome.then
                continue
            own = replace(variant, condition=variant.condition.fit_like(then.by_key[variant.key].condition))
            changed = RuleSet(tuple(own if rule.key == own.key else rule for rule in then.rules))
            runs += replay(history, changed)
        tried += 1
        progress("suggestions", tried, 8 * len(rules))
        return try_lives(pasts, runs)

    now = try_lives(pasts, [run for outcome in chosen for run in outcome.then])
    return suggest(list(rules.values()), now, try_out)
