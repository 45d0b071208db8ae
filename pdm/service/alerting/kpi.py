"""Performance indicators of the alarm system over a period, for the API, reports and Prometheus."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg_pool import ConnectionPool

from pdm.alerts.kpi.assess import INTERVAL, KpiLimits, assess_alarms
from pdm.alerts.kpi.figures import Kpi
from pdm.errors import InvalidInputError
from pdm.service.platform.access import Caller
from pdm.store.alerts import kpi as stored
from pdm.store.machines.access import scoped

MOST_EVENTS = 500_000
LONGEST = timedelta(days=400)
GAUGES = (
    "alarms_last_day",
    "alarm_rate_mean",
    "alarm_rate_most",
    "alarm_floods_last_day",
    "alarm_flood_now",
    "alarm_flood_share",
    "alarms_chattering",
    "alarms_repeating",
    "alarms_stale",
    "alarm_bad_actors_share",
    "alarm_acknowledge_s",
    "alarms_unacknowledged",
    "alarm_precision",
)
_PATIENCE = timedelta(days=1)  # how long after a period an acknowledgement is still counted


def read_kpi(
    pool: ConnectionPool[Any], caller: Caller, since: datetime, before: datetime, site: str | None, operators: int
) -> Kpi:
    """Return the indicators of a period for all sites visible to the caller, or for one of them.

    Raises
    ------
    InvalidInputError
        The period is empty, longer than 400 days, or contains more than half a million events.
    """
    with pool.connection() as conn, scoped(conn, caller.site_ids):
        return measure(conn, since, before, site, operators)


def measure(conn: Connection[Any], since: datetime, before: datetime, site: str | None, operators: int) -> Kpi:
    """Return the indicators of a period; raises the errors of `read_kpi`."""
    if not since < before <= since + LONGEST:
        raise InvalidInputError("the period must be 1 to 400 days, with 'from' before 'to'", field="from")
    events = stored.fetch_alarm_events(conn, since, before + _PATIENCE, site, MOST_EVENTS + 1)
    if len(events) > MOST_EVENTS:
        raise InvalidInputError(f"the period has more than {MOST_EVENTS} events; choose a shorter period", field="from")
    limits = KpiLimits()
    standing = stored.fetch_standing_alarms(conn, before, before - limits.stale_after, site)
    verdicts = stored.fetch_verdicts(conn, since, before, site)
    return assess_alarms(events, standing, verdicts, since, before, operators, limits)


def gauges(pool: ConnectionPool[Any], now: datetime, operators: int = 1) -> dict[str, float]:
    """Return the indicators of the last 24 hours for Prometheus; NaN if unknown."""
    nothing = float("nan")
    try:
        with pool.connection() as conn:
            day = measure(conn, now - timedelta(days=1), now, None, operators)
    except InvalidInputError:  # too many events to count at every scrape
        return dict.fromkeys(GAUGES, nothing)
    recent = [flood for flood in day.floods if flood.ends > now]
    return {
        "alarms_last_day": day.annunciated,
        "alarm_rate_mean": day.rate.mean,
        "alarm_rate_most": day.rate.most,
        "alarm_floods_last_day": len(day.floods),
        "alarm_flood_now": float(bool(recent)),
        "alarm_flood_share": day.flood_share,
        "alarms_chattering": len(day.chattering),
        "alarms_repeating": len(day.repeating),
        "alarms_stale": len(day.stale),
        "alarm_bad_actors_share": day.bad_actors_share,
        "alarm_acknowledge_s": nothing if day.delay.median_s is None else day.delay.median_s,
        "alarms_unacknowledged": day.delay.unacknowledged,
        "alarm_precision": nothing if day.precision.precision is None else day.precision.precision,
    }


def report_text(kpi: Kpi) -> str:
    """Return the indicators as text, each with the acceptable value of the standard."""
    rate, delay, precision = kpi.rate, kpi.delay, kpi.precision
    lines = [
        f"Alarms from {kpi.since.isoformat()} to {kpi.before.isoformat()}, {kpi.operators} operator(s)",
        f"  annunciated            {kpi.annunciated} ({kpi.withheld} withheld): {_mix(kpi)}",
        f"  per operator, {INTERVAL.seconds // 60} min    {rate.mean:.2f} on average (1 is acceptable, 2 is the "
        f"maximum), "
        f"{rate.most:g} at most (10)",
        f"  intervals above 2      {rate.share_unmanageable:.1%} of {rate.intervals}",
        f"  floods                 {len(kpi.floods)}, {kpi.flood_share:.2%} of the time (below 1 %)",
        f"  chattering             {len(kpi.chattering)} (none): {_named(kpi.chattering)}",
        f"  repeating in a day     {len(kpi.repeating)}: {_named(kpi.repeating)}",
        f"  stale over 24 h        {len(kpi.stale)} (below 5): "
        + (", ".join(f"{one.machine} {one.cause}" for one in kpi.stale[:10]) or "-"),
        f"  ten most frequent      {kpi.bad_actors_share:.1%} of all (1 % to 5 %): {_named(kpi.bad_actors)}",
        f"  time to acknowledge    {_seconds(delay.median_s)} median, {_seconds(delay.p90_s)} in 90 %; "
        f"{delay.acknowledged} acknowledged, {delay.unacknowledged} not",
        f"  precision              {_share(precision.precision)} true, {_share(precision.worthwhile)} worthwhile "
        f"({_share(precision.lower)} to {_share(precision.upper)}) of "
        f"{precision.true + precision.useful + precision.false} judged",
    ]
    return "\n".join(lines)


def _mix(kpi: Kpi) -> str:
    return ", ".join(f"{kpi.severities.get(name, 0)} {name}" for name in ("advisory", "warning", "critical"))


def _named(actors: Any) -> str:
    return ", ".join(f"{actor.machine} {actor.cause} {actor.count}x" for actor in actors[:10]) or "-"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f} s"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
