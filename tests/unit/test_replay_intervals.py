"""How the intervals of a replayed life are judged."""

from datetime import UTC, datetime, timedelta

import pytest

from pdm.replay.hold_out import interval_quality
from pdm.replay.report import held_out_text

END = datetime(2026, 1, 2, tzinfo=UTC)


def answer(hours_left, lower, upper, level=0.83):
    return {"t": END - timedelta(hours=hours_left), "rul_lower_s": lower, "rul_upper_s": upper, "level": level}


def test_only_intervals_that_claim_a_level_are_judged():
    answers = [answer(3, 3600.0, None), answer(2, 10.0, 20.0), answer(1, 0.0, None, level=None), answer(1, None, None)]
    assert interval_quality(answers, END) == {
        "interval_level": 0.83,
        "interval_coverage": 0.5,
        "interval_width_s": 10.0,
        "answered": 0.5,
    }


@pytest.mark.parametrize("answers", [[], [answer(1, 0.0, None, level=None)]])
def test_a_life_beyond_all_past_ones_is_reported_without_a_level(answers):
    report = {
        "held_out": "bearing1_1",
        "life_s": 28030.0,
        "training_lives": 5,
        "points": [],
        **interval_quality(answers, END),
        "first_alert_lead_s": None,
        "early_alarms": 0,
        "rate_acquisitions_s": 900,
        "mode": "bulk",
    }
    assert "interval" not in held_out_text(report)
