"""Payloads come back bit for bit, are never larger than their samples, and damage is noticed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from pdm.errors import RefusalError
from pdm.store.payload import decode, encode


def _bits(samples: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(samples).tobytes()


@settings(max_examples=60, deadline=None)
@given(arrays(np.int16, st.integers(1, 400)))
def test_counts_come_back(samples: NDArray[np.int16]) -> None:
    codec, payload = encode(samples)
    assert len(payload) <= samples.nbytes
    assert _bits(decode(codec, payload, samples.dtype, len(samples))) == _bits(samples)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float32, st.integers(1, 400), elements=st.floats(width=32, allow_nan=True)))
def test_floats_come_back_bit_for_bit(samples: NDArray[np.float32]) -> None:
    codec, payload = encode(samples)
    assert len(payload) <= samples.nbytes
    assert _bits(decode(codec, payload, samples.dtype, len(samples))) == _bits(samples)


def test_every_count_there_is_comes_back() -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    np.testing.assert_array_equal(decode(*encode(samples), samples.dtype, 65536), samples)


def test_strided_and_big_endian_samples_are_stored_by_value() -> None:
    samples = np.arange(-500, 500, dtype=">i2")[::3]
    np.testing.assert_array_equal(decode(*encode(samples), np.dtype(np.int16), len(samples)), samples)


def test_small_counts_take_less_room_than_their_bytes() -> None:
    samples = np.random.default_rng(0).normal(scale=300, size=2560).astype(np.int16)
    codec, payload = encode(samples)
    assert codec == 2
    assert len(payload) < 0.8 * samples.nbytes


def _payload() -> bytes:
    return encode(np.random.default_rng(0).normal(scale=300, size=2560).astype(np.int16))[1]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "damaged"),
        (b"abc", "damaged"),
        (bytes(32), "damaged"),
        (b"\xff" * 400, "damaged"),
        (_payload()[:-5], "its length is not the one it states"),
        (_payload()[:1000], "its length is not the one it states"),
        (encode(np.ones(100, np.int16))[1], "200 bytes, not 2560 samples"),
    ],
)
def test_a_damaged_payload_is_refused(payload: bytes, says: str) -> None:
    with pytest.raises(RefusalError, match=says):
        decode(2, payload, np.dtype(np.int16), 2560)


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(RefusalError, match="codec 99"):
        decode(99, b"", np.dtype(np.int16), 0)


def test_threads_do_not_mix_their_samples() -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            samples = rng.normal(scale=200, size=int(rng.integers(1, 5000))).astype(rng.choice(["i2", "f4"]))
            if not np.array_equal(decode(*encode(samples), samples.dtype, len(samples)), samples):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
