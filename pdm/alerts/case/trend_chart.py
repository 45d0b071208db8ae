"""Trend chart of a case as SVG: health over time, with the begin and the end of the case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

WIDTH, HEIGHT = 640, 240  # px, of the picture; chosen by eye, as the margins
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 12, 34, 30  # px, margins with room for the texts
_TITLE = 86  # characters of a title that fit


@dataclass(frozen=True)
class TrendPoint:
    """Health [1] and zone at a time; None where unknown."""

    at: datetime
    health: float | None
    zone: str | None = None


@dataclass(frozen=True)
class Picture:
    """Content of a trend chart, in the reader's language; `nothing` is the text shown without points."""

    title: str
    axis: str
    points: Sequence[TrendPoint]
    opened_at: datetime
    ended_at: datetime | None
    nothing: str


def draw(picture: Picture) -> str:
    """Return the chart as a self-contained SVG document.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> at = datetime(2026, 11, 1, tzinfo=UTC)
    >>> draw(Picture("pump: health low", "health", (), at, None, "no data")).startswith("<svg ")
    True
    """
    known = [(point.at.timestamp(), point.health) for point in picture.points if point.health is not None]
    begin, end = picture.opened_at.timestamp(), picture.ended_at.timestamp() if picture.ended_at else None
    times = [at for at, _ in known] + [begin] + ([end] if end is not None else [])
    first, last = min(times), max(*times, min(times) + 1.0)

    def x(at: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (at - first) / (last - first)

    def y(health: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (1 - min(max(health, 0.0), 1.0))

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'role="img" aria-label={quoteattr(picture.title)} font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="20" font-size="13" fill="#1c2430">{escape(picture.title[:_TITLE])}</text>',
    ]
    for share in (0.0, 0.3, 0.6, 1.0):
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(share):.1f}" y2="{y(share):.1f}" stroke="#d7dde4"/>'
            f'<text x="{_LEFT - 6}" y="{y(share) + 4:.1f}" text-anchor="end" fill="#4a5561">{100 * share:.0f} %</text>'
        )
    parts += _marks([(begin, "#c0392b")] + ([(end, "#2c7a4b")] if end is not None else []), x)
    if known:
        path = " ".join(
            f"{'L' if place else 'M'}{x(at):.1f},{y(health):.1f}" for place, (at, health) in enumerate(known)
        )
        parts.append(f'<path d="{path}" fill="none" stroke="#1f4e79" stroke-width="1.6"/>')
    else:
        parts.append(_middle(HEIGHT / 2, picture.nothing))
    parts += [
        f'<text x="{_LEFT}" y="{HEIGHT - 10}" fill="#4a5561">{_stamp(first)}</text>',
        f'<text x="{WIDTH - _RIGHT}" y="{HEIGHT - 10}" text-anchor="end" fill="#4a5561">{_stamp(last)}</text>',
        _middle(HEIGHT - 10, picture.axis),
        "</svg>",
    ]
    return "\n".join(parts)


def _marks(marks: list[tuple[float, str]], place: Callable[[float], float]) -> list[str]:
    return [
        f'<line x1="{place(at):.1f}" x2="{place(at):.1f}" y1="{_TOP}" y2="{HEIGHT - _BOTTOM}" stroke="{colour}" '
        'stroke-dasharray="4 3"/>'
        for at, colour in marks
    ]


def _middle(height: float, text: str) -> str:
    return f'<text x="{WIDTH / 2}" y="{height}" text-anchor="middle" fill="#4a5561">{escape(text)}</text>'


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
