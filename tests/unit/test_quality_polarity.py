"""Two channels that were sampled together show when one of them is reversed."""

from __future__ import annotations

import numpy as np

from pdm.quality.polarity import PairMemory


def memory(mean: float, records: int = 30) -> PairMemory:
    rng = np.random.default_rng(0)
    found = PairMemory(partner=7)
    for _ in range(records):
        found = found.after(mean + 0.02 * rng.normal())
    return found


def test_the_opposite_of_a_known_correlation_is_a_reversal() -> None:
    for mean in (-0.3, 0.3, 0.9):
        assert memory(mean).is_reversed(-mean)
        assert not memory(mean).is_reversed(mean)
        assert not memory(mean).is_reversed(0.0), "the machine has changed"
        assert not memory(mean, records=19).is_reversed(-mean)


def test_channels_that_are_not_related_show_no_sign() -> None:
    assert not memory(0.05).is_reversed(-0.05)


def test_figures_restore_a_memory() -> None:
    known = memory(-0.3)
    assert PairMemory.from_figures(known.to_figures()) == known
    assert PairMemory.from_figures([1.0]) == PairMemory()
