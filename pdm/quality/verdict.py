"""The verdict on one channel of one acquisition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Quality(StrEnum):
    """What a channel's record is worth."""

    OK = "ok"
    DOUBTFUL = "doubtful"  # used, and what follows from it names the doubt
    NO_MEASUREMENT = "no-measurement"  # not used: it teaches nothing, ends nothing, and is a fault of the instrument


@dataclass(frozen=True)
class ChannelQuality:
    """The quality of one channel of one acquisition, with the codes of the reasons, the decisive one first."""

    quality: Quality = Quality.OK
    reasons: tuple[str, ...] = ()

    @property
    def is_measured(self) -> bool:
        """Whether the record is a measurement."""
        return self.quality is not Quality.NO_MEASUREMENT


GOOD = ChannelQuality()


def no_measurement(*reasons: str) -> ChannelQuality:
    """Return the quality of a record that is no measurement."""
    return ChannelQuality(Quality.NO_MEASUREMENT, reasons)


def doubtful(*reasons: str) -> ChannelQuality:
    """Return the quality of a record that is used with a doubt."""
    return ChannelQuality(Quality.DOUBTFUL, reasons)
