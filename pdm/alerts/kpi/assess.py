"""Performance of the alarm system: the figures of ISA-18.2 and IEC 62682, computed from alert events.

An alarm is annunciated when receivers are notified: it is raised, escalates, or its suppression ends while it is
active. An alarm that is shelved, suppressed by design, out of service, inhibited or re-evaluated from late data is not.

References
----------
.. [1] ANSI/ISA-18.2-2016 and IEC 62682:2022, clause 16: monitoring and assessment. Average annunciated alarm rate
   (about one per 10 min is very likely acceptable, two the maximum manageable), floods (more than 10 in
   10 min; an interval of 10 min with 10 or more counts here), stale (24 h), frequently occurring alarms (the ten most
   frequent make 1 % to 5 % of the load at most), priority distribution (about 80 % low, 15 % middle, 5 % high).
.. [2] Bransby and Jenkinson (1998), HSE contract research report 166/1998, and EEMUA 191: a flood ends when fewer
   than five come in 10 min.
.. [3] Kondaveeti, Izadi, Shah, Shook, Kadali, Chen (2013), Quantification of alarm chatter based on run length
   distributions, Chem. Eng. Res. Des. 91, 2550: three or more of one alarm in a minute, the rule of thumb of [1].
.. [4] Wilson (1927), Probable inference, J. Am. Stat. Assoc. 22, 209: interval of a share.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pdm.alerts.kpi.figures import ActiveAlert, Actor, AlarmEvent, Delay, Flood, Kpi, Precision, Rate
from pdm.errors import InvalidInputError

INTERVAL = timedelta(minutes=10)  # over which alarms are counted [1]_
ACCEPTABLE_RATE, MOST_RATE = 1.0, 2.0
"""Alarms per operator and 10 min: very likely acceptable, and maximum manageable [1]_."""

_RAISING = frozenset({"opened", "escalated"})
_RELEASING = frozenset({"unshelved", "unsuppressed", "returned-to-service"})


@dataclass(frozen=True)
class KpiLimits:
    """Definitions of flood, chattering, repeating and stale alarms; the defaults are those of the standard."""

    flood_begins: int = 10
    flood_ends: int = 5
    chatter_count: int = 3
    chatter_window: timedelta = timedelta(minutes=1)
    repeat_count: int = 3
    repeat_window: timedelta = timedelta(days=1)  # chattering at the interval of acquisitions; not from a standard
    stale_after: timedelta = timedelta(hours=24)
    most_bad_actors: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.flood_ends <= self.flood_begins:
            raise InvalidInputError(
                "the count that ends a flood must be between 1 and the count that starts it", field="flood_ends"
            )


def assess_alarms(
    events: Iterable[AlarmEvent],
    standing: Iterable[ActiveAlert],
    verdicts: Iterable[str],
    since: datetime,
    before: datetime,
    operators: int = 1,
    limits: KpiLimits = KpiLimits(),
) -> Kpi:
    """Return the figures of a period.

    Parameters
    ----------
    events : iterable of AlarmEvent
        Sorted by time; of the period, and later ones for the delays of alarms annunciated at the end of the period.
    standing : iterable of ActiveAlert
        Alerts that are active at the end of the period.
    verdicts : iterable of str
        'true', 'false' or 'useful' of each case with a verdict.
    since, before : datetime
        The period, on the wall clock.
    operators : int
        Operating positions that share the alarms.
    limits : KpiLimits
    """
    if before <= since or operators < 1:
        raise InvalidInputError("a period must start before it ends and have at least one operator", field="from")
    every = [event for event in events if since <= event.at]
    annunciated = [event for event in every if event.at < before and is_annunciated(event)]
    raised = [event for event in every if event.at < before and event.kind in _RAISING and not event.reevaluated]
    times = [event.at for event in annunciated]
    floods = find_floods(times, operators, limits)
    actors = Counter((event.machine, event.cause) for event in annunciated)
    worst = rank(actors, limits.most_bad_actors)
    return Kpi(
        since=since,
        before=before,
        operators=operators,
        annunciated=len(annunciated),
        rate=rate_of(times, since, before, operators),
        floods=floods,
        flood_share=sum((min(f.ends, before) - f.begins for f in floods), timedelta()) / (before - since),
        chattering=_bursts(annunciated, limits.chatter_count, limits.chatter_window),
        repeating=_bursts(annunciated, limits.repeat_count, limits.repeat_window),
        stale=tuple(sorted((s for s in standing if before - s.since > limits.stale_after), key=lambda s: s.since)),
        bad_actors=worst,
        bad_actors_share=sum(actor.share for actor in worst),
        severities=dict(Counter(event.severity for event in annunciated)),
        withheld=len(raised) - sum(event.kind in _RAISING for event in annunciated),
        delay=delay_of(every, before),
        precision=precision_of(verdicts),
    )


def is_annunciated(event: AlarmEvent) -> bool:
    """Whether this event annunciated an alarm."""
    if event.withheld is not None or event.reevaluated:
        return False
    return event.kind in _RAISING or (event.kind in _RELEASING and event.state == "unacknowledged")


def rate_of(times: Sequence[datetime], since: datetime, before: datetime, operators: int) -> Rate:
    """Return the rate over intervals of 10 min from `since` on; the last may be shorter."""
    intervals = max(1, math.ceil((before - since) / INTERVAL))
    counts = Counter((at - since) // INTERVAL for at in times)
    rates = [count / operators for count in counts.values()]
    quiet = intervals - len(counts)
    return Rate(
        mean=len(times) / operators / max((before - since) / INTERVAL, 1e-9),
        most=max(rates, default=0.0),
        intervals=intervals,
        share_acceptable=(quiet + sum(rate <= ACCEPTABLE_RATE for rate in rates)) / intervals,
        share_unmanageable=sum(rate > MOST_RATE for rate in rates) / intervals,
    )


def find_floods(times: Sequence[datetime], operators: int = 1, limits: KpiLimits = KpiLimits()) -> tuple[Flood, ...]:
    """Return the floods: from the first of ten alarms per operator within 10 min until there are fewer than five.

    The window slides, so that a flood across an interval boundary is not missed.

    Parameters
    ----------
    times : sequence of datetime
        Times of annunciated alarms, sorted.
    """
    begins_at, ends_below = limits.flood_begins * operators, limits.flood_ends * operators
    floods: list[Flood] = []
    window: deque[datetime] = deque()
    flood: list[datetime] = []
    peak = 0
    for at in times:
        while window and at - window[0] >= INTERVAL:
            window.popleft()
        if flood and _end(flood, ends_below) < at:
            floods.append(Flood(flood[0], _end(flood, ends_below), len(flood), peak))
            flood = []
        window.append(at)
        if flood:
            flood.append(at)
            peak = max(peak, len(window))
        elif len(window) >= begins_at:
            flood = [each for each in window if not floods or each > floods[-1].ends]
            peak = len(window)
    if flood:
        floods.append(Flood(flood[0], _end(flood, ends_below), len(flood), peak))
    return tuple(floods)


def _end(times: Sequence[datetime], ends_below: int) -> datetime:
    """Return when a flood ends: when fewer than `ends_below` alarms remain in the window."""
    return times[-min(ends_below, len(times))] + INTERVAL


def _bursts(events: Sequence[AlarmEvent], least: int, window: timedelta) -> tuple[Actor, ...]:
    """Return the alarms annunciated `least` times or more within a window, the most frequent first."""
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for event in events:
        times[event.machine, event.cause].append(event.at)
    bursting = Counter(
        {
            key: len(each)
            for key, each in times.items()
            if any(last - first <= window for first, last in zip(each, each[least - 1 :], strict=False))
        }
    )
    return rank(bursting, len(bursting), sum(len(each) for each in times.values()))


def rank(counts: Mapping[tuple[str, str], int], most: int, total: int | None = None) -> tuple[Actor, ...]:
    """Return the most frequent alarms with their share of all alarms [1]."""
    whole = total if total is not None else sum(counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple(Actor(machine, cause, count, count / whole) for (machine, cause), count in ordered)


def delay_of(events: Iterable[AlarmEvent], before: datetime) -> Delay:
    """Return the time to acknowledgement of annunciated alarms; an alarm that ended before it is unacknowledged."""
    waiting: dict[str, datetime] = {}
    delays: list[float] = []
    missed = 0
    for event in events:
        if event.kind == "acknowledged":
            since = waiting.pop(event.alert, None)
            if since is not None:
                delays.append((event.at - since).total_seconds())
        elif event.at < before and is_annunciated(event):
            waiting.setdefault(event.alert, event.at)
        elif event.kind == "cleared":
            missed += waiting.pop(event.alert, None) is not None
    delays.sort()
    return Delay(
        acknowledged=len(delays),
        unacknowledged=missed + len(waiting),
        median_s=quantile(delays, 0.5),
        p90_s=quantile(delays, 0.9),
        mean_s=sum(delays) / len(delays) if delays else None,
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Return a quantile by linear interpolation (type 7 of Hyndman and Fan), None without values."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def precision_of(verdicts: Iterable[str]) -> Precision:
    """Return the shares of judged cases that were true, and that were true or useful, with Wilson's interval.

    Examples
    --------
    >>> found = precision_of(["true"] * 8 + ["useful", "false"])
    >>> found.precision, found.worthwhile, round(found.lower, 3), round(found.upper, 3)
    (0.8, 0.9, 0.596, 0.982)
    """
    counts = Counter(verdicts)
    true, useful, false = counts["true"], counts["useful"], counts["false"]
    total = true + useful + false
    if not total:
        return Precision(0, 0, 0, None, None, None, None)
    lower, upper = wilson(true + useful, total)
    return Precision(true, useful, false, true / total, (true + useful) / total, lower, upper)


def wilson(successes: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Return Wilson's interval of a share; 95 % unless another normal quantile is given."""
    share, spread = successes / total, z * z / total
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / total + spread / (4 * total))
    return max(0.0, centre - half), min(1.0, centre + half)
