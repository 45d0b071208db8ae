"""Rules over the past: the same as live however much is passed over, and what they are worth."""

from __future__ import annotations

from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.schemas import rules as answers
from pdm.alerts.backtest.acceptance import AcceptanceLimits, find_objections
from pdm.alerts.backtest.cross_validation import Tally, Trial, total, try_lives
from pdm.alerts.backtest.replay import CaseRun, replay
from pdm.alerts.backtest.scoring import Difference, Judged, Past, Score, Warned, compare, score
from pdm.alerts.backtest.tuning import ChangeEffect, Suggestion, suggest, variants
from pdm.alerts.kinds.behaviour import Category, Observation, Severity
from pdm.alerts.kinds.history import PastHold
from pdm.alerts.kinds.kind import Plain
from pdm.alerts.kinds.rule_input import DiagnosedFault, DiagnosisNote, Reading
from pdm.alerts.rules.rule import (
    DEFAULT_RULES,
    FaultDiagnosed,
    ForecastCrossing,
    HealthLow,
    OffDelay,
    OnDelay,
    RateOfChange,
    Rule,
    RuleSet,
    SensorFault,
    Signal,
    SymptomNamed,
    Threshold,
    ZoneReached,
)
from pdm.cli.rules import text_of
from pdm.machines.work_events import LifeEnd
from pdm.service.rules.backtest import Report
from tests.unit.rule_histories import HOUR, MACHINE, START, history, hour

QUICK, SHORT = OnDelay(2, 3), OffDelay(2)
TEMPERATURE = Signal("temperature", unit="K")
EVERY = RuleSet(
    (
        Rule("zone", Severity.CRITICAL, ZoneReached("D"), QUICK, SHORT),
        Rule("health", Severity.WARNING, HealthLow(0.6, 0.7), QUICK, SHORT, operating_states=("run",)),
        *(replace(r, on_delay=QUICK, off_delay=SHORT) for r in DEFAULT_RULES.rules if r.key.startswith("life")),
        Rule("worn", Severity.ADVISORY, SymptomNamed(0.8), QUICK, SHORT),
        Rule("hot", Severity.WARNING, Threshold(TEMPERATURE, "above", 350.0, 5.0), QUICK, SHORT),
        Rule("blind", Severity.ADVISORY, SensorFault(), QUICK, SHORT),
        Rule("found", Severity.WARNING, FaultDiagnosed(0.9), OnDelay(1, 1), OffDelay(1)),
    )
)
COURSE = RuleSet(
    (
        *EVERY.rules,
        Rule("rising", Severity.WARNING, RateOfChange(TEMPERATURE, "rising", 1 / 3600, 0.5 / 3600, 86400.0), QUICK),
        Rule("ahead", Severity.WARNING, ForecastCrossing(None, "below", 0.3, 5 * 86400.0, 86400.0), QUICK, SHORT),
    )
)

rows = st.tuples(
    st.sampled_from([float("nan"), 0.2, 0.5, 0.65, 0.75, 0.95, 0.95, 0.95]),
    st.sampled_from([0, 1, 3, 4]),
    st.sampled_from([float("nan"), 3600.0, 40 * 3600.0, 1e7]),
    st.sampled_from(["run", "run", "idle", "off"]),
    st.sampled_from([float("nan"), 0.5, 0.75, 0.9]),
    st.sampled_from([300.0, 340.0, 347.0, 360.0, float("nan")]),
    st.sampled_from([1.0, 1.0, 1.0, float("nan")]),
    st.booleans(),
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(rows, min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=3),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0.5, 0.95])), max_size=4),
    st.sampled_from([EVERY, COURSE]),
)
def test_what_is_passed_over_changes_nothing(
    drawn: list[tuple[float, int, float, str, float, float, float, bool]],
    ends: list[int],
    notes: list[tuple[int, float]],
    rules: RuleSet,
) -> None:
    health, zones, rul, states, confidence, temperature, rms, came = zip(*drawn, strict=True)
    past = history(
        health, zones=zones, rul=rul, states=states, confidence=confidence,
        symptoms=["unbalance" if value > 0 else "" for value in confidence],
        measured={
            ("de-t", ""): np.array(temperature), ("de-h", "rms"): np.array(rms), ("de-v", "rms"): np.ones(len(drawn)),
        },
        present={("de-h", "rms"): np.array(came)},
        life_ends=tuple(LifeEnd(hour(end + 0.5)) for end in sorted(set(ends))),
        diagnoses=tuple(
            DiagnosisNote(hour(at), (DiagnosedFault("unbalance", "de", "SUPPORTED", sure),))
            for at, sure in sorted(dict(notes).items())
        ),
    )  # fmt: skip
    fitted = rules.fit(MACHINE)
    assert replay(past, fitted) == replay(past, fitted, skip=False)


def test_a_quiet_year_is_replayed_in_no_time_and_raises_nothing() -> None:
    past = history(np.full(8760, 0.95), measured={("de-h", "rms"): np.ones(8760), ("de-v", "rms"): np.ones(8760)})
    assert replay(past, DEFAULT_RULES.fit(MACHINE)) == ()


def test_a_decline_is_one_case_that_ends_with_the_life() -> None:
    health = np.r_[np.full(50, 0.95), np.full(20, 0.5), np.full(10, 0.2)]
    (run,) = replay(history(health, life_ends=(LifeEnd(hour(80)),)), DEFAULT_RULES.fit(MACHINE))
    assert (run.opened_at, run.ended_at, run.severity) == (hour(52), hour(80), Severity.CRITICAL)
    assert (run.end_reason, run.rule_key, run.category) == ("life-closed", "health-warning", Category.MACHINE)


def test_a_gap_of_months_in_the_data_raises_and_ends_nothing() -> None:
    quiet = history([0.95] * 40)
    with_gap = replace(
        quiet, conclusions=replace(quiet.conclusions, times=quiet.conclusions.times + (np.arange(40) > 20) * 10**13)
    )
    for rules in (DEFAULT_RULES.fit(MACHINE), COURSE.fit(MACHINE)):
        assert replay(with_gap, rules) == ()


def test_a_dead_sensor_is_a_case_of_its_own_and_a_machine_that_is_off_has_none() -> None:
    dead = np.arange(40) >= 20
    measured = {("de-h", "rms"): np.where(dead, np.nan, 1.0), ("de-v", "rms"): np.ones(40)}
    (run,) = replay(history([0.95] * 40, measured=measured), DEFAULT_RULES.fit(MACHINE))
    assert (run.cause, run.category, run.rule_key) == ("sensor:de-h", Category.INSTRUMENT, "sensor-silent:de-h")
    assert replay(history([0.95] * 40, measured=measured, states=["off"] * 40), DEFAULT_RULES.fit(MACHINE)) == ()
    (missing,) = replay(
        history([0.95] * 40, measured=measured, present={("de-h", "rms"): ~dead}), DEFAULT_RULES.fit(MACHINE)
    )
    assert missing.opened_at == run.opened_at


def test_nothing_at_all_of_any_channel_is_no_fault_of_a_sensor() -> None:
    nothing = np.zeros(40, bool)
    measured = {("de-h", "rms"): np.ones(40), ("de-v", "rms"): np.ones(40)}
    silent = history([0.95] * 40, measured=measured, present=dict.fromkeys(measured, nothing))
    assert replay(silent, DEFAULT_RULES.fit(MACHINE)) == ()


def test_the_default_rule_for_a_hot_bearing_raises_at_the_third_reading_and_clears_beyond_the_deadband() -> None:
    temperature = np.r_[np.full(20, 340.0), np.full(10, 367.0), np.full(10, 363.0), np.full(12, 350.0)]
    (run,) = replay(history([0.95] * 52, measured={("de-t", ""): temperature}), DEFAULT_RULES.fit(MACHINE))
    assert (run.rule_key, run.component, run.opened_at) == ("bearing-hot", "de", hour(22))
    assert run.ended_at == hour(49)


def test_a_steady_rise_raises_before_the_limit_and_a_spike_or_noise_does_not() -> None:
    signal = Rule(
        "ahead",
        Severity.WARNING,
        ForecastCrossing(TEMPERATURE, "above", 360.0, 5 * 86400.0, 3 * 86400.0),
        QUICK,
        SHORT,
    )
    rules = RuleSet((signal,)).fit(MACHINE)
    rng = np.random.default_rng(2)
    noise = rng.normal(0, 0.5, 400)
    rising = 320 + noise + 0.1 * np.maximum(0, np.arange(400) - 100)
    (run,) = replay(history([0.95] * 400, measured={("de-t", ""): rising}), rules)
    crossing = hour(100 + (360 - 320) / 0.1)
    assert 3 * 86400 < (crossing - run.opened_at).total_seconds() < 6 * 86400
    spike = np.where(np.arange(400) == 300, 900.0, 320 + noise)
    assert replay(history([0.95] * 400, measured={("de-t", ""): spike}), rules) == ()


def test_a_diagnosis_counts_once_and_one_of_the_life_before_not_at_all() -> None:
    rules = RuleSet((Rule("found", Severity.WARNING, FaultDiagnosed(0.9), OnDelay(2, 2), OffDelay(1)),)).fit(MACHINE)

    def note(at: float, sure: float = 0.95, verdict: str = "SUPPORTED") -> DiagnosisNote:
        return DiagnosisNote(hour(at), (DiagnosedFault("unbalance", "de", verdict, sure),))

    def opened(*notes: DiagnosisNote, ends: tuple[datetime, ...] = ()) -> list[datetime]:
        past = history([0.95] * 40, diagnoses=notes, life_ends=tuple(map(LifeEnd, ends)))
        return [run.opened_at for run in replay(past, rules)]

    assert opened(note(3)) == []
    assert opened(note(3), note(20)) == [hour(20)]
    assert opened(note(3), note(20, sure=0.8), note(25)) == []
    assert opened(note(3), note(20, verdict="WEAK"), note(25)) == []
    assert opened(note(3), note(20), ends=(hour(22),)) == [hour(20)]
    assert opened(note(3), ends=(hour(10),)) == []


def _past(failures: tuple[datetime, ...] = (), ends: tuple[datetime, ...] = (), name: str = "press-07") -> Past:
    return Past(name, START, hour(1000), 1000, failures, ends or failures, timedelta(hours=100))


def _run(opened: float, ended: float | None, name: str = "press-07", reason: str = "returned") -> CaseRun:
    end = None if ended is None else hour(ended)
    return CaseRun(
        name, "machine", None, Category.MACHINE, "rule", Severity.WARNING, hour(opened), end, reason, hour(opened)
    )


@pytest.mark.parametrize(
    ("run", "past", "verdict"),
    [
        (_run(850, 900), _past((hour(900),)), "true"),  # open when it failed
        (_run(100, 900), _past((hour(900),)), "true"),  # long before, and open all the time
        (_run(810, 830), _past((hour(900),)), "true"),  # ended, but within the credit
        (_run(700, 720), _past((hour(900),)), "false"),  # came and went too early
        (_run(700, 720), _past((hour(750), hour(900))), "true"),
        (_run(100, 150), _past(ends=(hour(200),)), "false"),  # replaced without a failure
        (_run(100, 150), _past(), "false"),
        (_run(950, 960), _past(), "undecided"),
        (_run(100, None), _past(), "undecided"),  # still open
    ],
)
def test_an_alarm_is_true_false_or_undecided_by_what_followed(run: CaseRun, past: Past, verdict: str) -> None:
    found = score([past], [run])
    assert {name: getattr(found, name) for name in ("true", "false", "undecided")} == {
        "true": 0, "false": 0, "undecided": 0, verdict: 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("run", "judged", "verdict"),
    [
        (_run(850, 900), (Judged("machine", hour(860), hour(880), False),), "false"),
        (_run(100, 150), (Judged("machine", hour(90), hour(110), True),), "true"),
        (_run(100, None), (Judged("machine", hour(400), None, False),), "false"),
        (_run(100, 150), (Judged("machine", hour(90), None, False), Judged("machine", hour(120), None, True)), "true"),
        (_run(850, 900), (Judged("machine", hour(700), hour(849), False),), "true"),  # another time
        (_run(850, 900), (Judged("gear", hour(860), hour(880), False),), "true"),  # another cause
    ],
)
def test_what_people_found_of_a_case_decides(run: CaseRun, judged: tuple[Judged, ...], verdict: str) -> None:
    found = score([replace(_past((hour(900),)), judged=judged)], [run])
    assert (found.true, found.false) == (int(verdict == "true"), int(verdict == "false"))


def test_lead_time_runs_from_the_first_alarm_of_the_life_and_a_failure_without_one_is_missed() -> None:
    past = _past((hour(200), hour(900)))
    found = score([past], [_run(850, 900), _run(870, 900)])
    assert (found.failures, found.missed, found.lead_median_s) == (2, 1, 50 * 3600.0)
    assert [each.warned_at for each in found.warned] == [None, hour(850)]
    assert found.early == 0
    assert score([past], [_run(300, None)]).early == 1


def test_instruments_and_data_are_counted_apart() -> None:
    apart = replace(_run(10, 20), category=Category.INSTRUMENT)
    found = score([_past()], [apart, _run(950, None)])
    assert (found.alarms, found.false) == (1, 0)
    assert found.by_category == {"instrument": 1, "machine": 1}


def test_a_flood_is_ten_alarms_in_ten_minutes_and_its_share_of_the_time() -> None:
    pasts = [_past(name=f"m{number}") for number in range(10)]
    runs = [_run(500 + number / 60, None, f"m{number}") for number in range(10)]
    found = score(pasts, runs)
    assert found.floods == 1
    assert found.flood_share == pytest.approx(15 / 60 / 1000, rel=1e-6), "until fewer than five come in ten minutes"
    assert score(pasts, runs[:9]).floods == 0


@pytest.mark.parametrize(
    ("core", "answer"),
    [
        (Score, answers.ScoreAnswer),
        (Warned, answers.WarnedAnswer),
        (CaseRun, answers.CaseRunAnswer),
        (Difference, answers.DifferenceAnswer),
        (ChangeEffect, answers.EffectAnswer),
        (Suggestion, answers.SuggestionAnswer),
        (Report, answers.BacktestAnswer),
    ],
)
def test_the_api_answers_with_every_figure_and_no_other(core: type, answer: type[answers.Answer]) -> None:
    assert [each.name for each in fields(core)] == list(answer.model_fields)


def test_a_case_that_opens_again_within_a_day_of_its_return_is_a_repeat() -> None:
    runs = [_run(10, 20), _run(30, 40), _run(100, 110), _run(112, 120, reason="life-closed"), _run(121, 130)]
    assert score([_past()], runs).repeats == 2


def test_the_difference_is_what_only_one_set_opens() -> None:
    before, after = [_run(10, 20), _run(100, 200)], [_run(150, 160), _run(300, None)]
    found = compare(before, after)
    assert [run.opened_at for run in found.appearing] == [hour(300)]
    assert [run.opened_at for run in found.disappearing] == [hour(10)]


def test_a_gate_objects_to_what_is_worse_than_declared_and_to_nothing_else() -> None:
    past = [_past((hour(900),))]
    good, late = score(past, [_run(800, 900)]), score(past, [_run(895, 900)])
    noisy, blind = score(past, [_run(10, 20), _run(800, 900)]), score(past, [])
    assert find_objections(good, good, AcceptanceLimits()) == []
    assert "misses 1 of 1" in find_objections(good, blind, AcceptanceLimits())[0]
    assert find_objections(good, blind, AcceptanceLimits(more_missed=1)) == []
    assert "false alarms" in find_objections(good, noisy, AcceptanceLimits())[0]
    assert "median lead time 5 h" in find_objections(good, late, AcceptanceLimits())[0]
    assert find_objections(good, late, AcceptanceLimits(lead_loss=0.96)) == []
    assert "2 alarms, 1 now" in find_objections(good, noisy, AcceptanceLimits(more_false=10, more_alarms=0.5))[-1]
    assert find_objections(noisy, good, AcceptanceLimits()) == []


def test_a_suggestion_spares_false_alarms_without_missing_a_failure() -> None:
    flapping = np.tile(np.r_[np.full(12, 0.95), np.full(3, 0.5)], 20)
    healths = np.r_[flapping, np.full(60, 0.95), np.full(30, 0.5)]
    end = hour(len(healths))
    past = history(healths, life_ends=(LifeEnd(end),), failures=(end,))
    own = Past("press-07", START, end, len(healths), (end,), (end,), timedelta(hours=48))
    rules = DEFAULT_RULES.fit(MACHINE)

    def try_out(variant: Rule) -> Trial:
        changed = RuleSet(tuple(variant if rule.key == variant.key else rule for rule in rules.rules))
        return try_lives([own], replay(past, changed))

    now = try_lives([own], replay(past, rules))
    assert now.whole.cost > 20
    (found,) = suggest([rules.by_key["health-warning"]], now, try_out)
    effect = found.effect
    assert effect.false_after + effect.repeats_after < effect.false_before + effect.repeats_before
    assert effect.missed_after == 0
    assert found.field in ("on_delay", "off_delay", "deadband")
    assert found.held_out is None, "of a single life nothing can be left out"
    worth = score([own], replay(past, rules))
    report = Report(START, end, worth, worth, compare((), ()), [found]).document()
    assert answers.BacktestAnswer.model_validate(report).suggestions[0].effect.missed_after == 0
    text = text_of(report)
    assert "suggested: health-warning: " in text
    assert "no cross-validation" in text
    both = replace(found, held_out=found.effect)
    assert text_of(report | {"suggestions": [asdict(both)]}).splitlines()[-1].startswith("  cross-validated")


def _trial(*folds: Tally) -> Trial:
    return Trial(total(folds), folds)


def test_what_was_chosen_on_some_lives_is_counted_on_the_others() -> None:
    rule = DEFAULT_RULES.by_key["health-warning"]
    now = _trial(Tally(false=4, leads=(9.0,)), Tally(false=4, leads=(9.0,)), Tally(false=4, leads=(9.0,)))
    good = _trial(Tally(false=1, leads=(9.0,)), Tally(false=1, leads=(9.0,)), Tally(false=1, leads=(9.0,)))
    lucky = _trial(Tally(leads=(9.0,)), Tally(leads=(9.0,)), Tally(false=2, missed=1))
    makes = dict.fromkeys(range(8), good) | {0: lucky}
    order = iter(range(8))
    (found,) = suggest([rule], now, lambda _: makes[next(order)])
    assert found.held_out is not None
    assert (found.effect.false_after, found.effect.missed_after) == (3, 0)
    assert (found.held_out.false_before, found.held_out.false_after) == (12, 4), "the lucky one on the third life"
    assert (found.held_out.missed_before, found.held_out.missed_after) == (0, 1)


def test_folds_are_separate_and_their_sum_is_the_whole() -> None:
    healths = np.r_[np.full(100, 0.95), np.full(20, 0.5), np.full(100, 0.95), np.full(20, 0.5)]
    ends = (hour(110), hour(len(healths)))
    past = history(healths, life_ends=tuple(map(LifeEnd, ends)), failures=ends)
    own = Past("press-07", START, ends[1], len(healths), ends, ends, timedelta(hours=48))
    trial = try_lives([own], replay(past, DEFAULT_RULES.fit(MACHINE)))
    assert len(trial.folds) == 2
    assert total(trial.folds) == trial.whole
    assert trial.without(0) == trial.folds[1]
    assert [len(fold.leads) for fold in trial.folds] == [1, 1]


def test_every_variant_is_a_rule_that_works_and_differs() -> None:
    for rule in EVERY.rules:
        made = list(variants(rule))
        assert len(made) >= 4
        assert all(variant != rule and variant.key == rule.key for variant, *_ in made)


def test_a_backtest_says_the_same_twice() -> None:
    rng = np.random.default_rng(5)
    past = history(rng.uniform(0.2, 1.0, 500), measured={("de-t", ""): rng.uniform(300, 360, 500)}, step=HOUR)
    assert replay(past, COURSE.fit(MACHINE)) == replay(past, COURSE.fit(MACHINE))


def test_a_kind_of_rule_without_a_screen_is_an_error_and_no_backtest_without_alarms() -> None:
    class Unscreened(Plain):  # a condition whose screen is forgotten
        def observe(self, reading: Reading) -> Observation:
            return Observation.VIOLATED

    with pytest.raises(TypeError, match="screen"):
        Unscreened()  # type: ignore[abstract]


def test_a_maintenance_window_suppresses_what_begins_in_it_until_it_is_over() -> None:
    past = history(np.r_[np.full(5, 0.95), np.full(40, 0.5)])
    rules = DEFAULT_RULES.fit(MACHINE)
    for holds, notified_at in (
        ((), hour(7)),
        ((PastHold(hour(0), hour(20)),), hour(20)),
        ((PastHold(hour(0), hour(20)), PastHold(hour(19), hour(30), "machine")), hour(30)),
        ((PastHold(hour(0), hour(20), "de"),), hour(7)),
        ((PastHold(hour(8), hour(20)),), hour(7)),
    ):
        (run,) = replay(replace(past, holds=holds), rules)
        assert (run.opened_at, run.notified_at) == (hour(7), notified_at)
    ended = replace(past, life_ends=(LifeEnd(hour(18)),), holds=(PastHold(hour(0), hour(20)),))
    found = score([_past()], replay(ended, rules))
    assert (found.alarms, found.suppressed) == (1, 1), "the new life begins a case of its own, after the window"
