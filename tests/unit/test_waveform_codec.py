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
from pcodec import standalone

from pdm.errors import RefusalError
from pdm.store.acquisitions.waveform_codec import (
    BITSHUFFLE_LZ4,
    PCODEC,
    RAW,
    ZIGZAG_BITSHUFFLE_LZ4,
    decode,
    encode,
    encode_cold,
)


def _bits(samples: NDArray[Any]) -> bytes:
    return np.ascontiguousarray(samples).tobytes()


both = pytest.mark.parametrize("pack", [encode, encode_cold])


def _assert_comes_back(pack: Any, samples: NDArray[Any]) -> int:
    codec, payload = pack(samples)
    assert len(payload) <= samples.nbytes
    assert _bits(decode(codec, payload, samples.dtype, len(samples))) == _bits(samples)
    return int(codec)


@both
@settings(max_examples=60, deadline=None)
@given(samples=arrays(np.int16, st.integers(1, 400)))
def test_counts_come_back(pack: Any, samples: NDArray[np.int16]) -> None:
    _assert_comes_back(pack, samples)


@both
@settings(max_examples=60, deadline=None)
@given(samples=arrays(np.float32, st.integers(1, 400), elements=st.floats(width=32, allow_nan=True)))
def test_floats_come_back_bit_for_bit(pack: Any, samples: NDArray[np.float32]) -> None:
    _assert_comes_back(pack, samples)


@both
@settings(max_examples=60, deadline=None)
@given(bits=arrays(np.uint32, st.integers(1, 400)))
def test_any_bits_come_back_as_they_were(pack: Any, bits: NDArray[np.uint32]) -> None:
    _assert_comes_back(pack, bits.view(np.float32))


@both
@settings(max_examples=60, deadline=None)
@given(
    counts=arrays(np.int16, st.integers(1, 400)),
    scale=st.floats(1e-6, 10.0),
    odd=st.lists(st.sampled_from([np.nan, np.inf, -np.inf, -0.0, 1e-45, -1e-40, 3.4028235e38]), max_size=5),
)
def test_counts_times_a_scale_come_back_with_their_exceptions(
    pack: Any, counts: NDArray[np.int16], scale: float, odd: list[float]
) -> None:
    samples = counts * np.float32(scale)
    samples[: len(odd)] = odd[: len(samples)]
    _assert_comes_back(pack, samples)


@both
def test_odd_floats_come_back_in_every_position(pack: Any) -> None:
    quiet, signalling = np.array([0x7FC12345, 0x7F800001], np.uint32).view(np.float32)
    samples = np.round(np.random.default_rng(0).normal(0, 300, 5000)).astype(np.float32) * np.float32(0.001)
    samples[::617] = quiet
    samples[1::617] = signalling
    samples[2::617] = -0.0
    samples[3::617] = np.float32(1e-45)
    samples[4::617] = -np.inf
    _assert_comes_back(pack, samples)


@both
@pytest.mark.parametrize("kind", ["i2", "f4"])
@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 63, 64, 65, 255, 256, 257, 2560, 4095, 4096, 8191, 8192, 70001])
def test_records_of_any_length_come_back(pack: Any, kind: str, count: int) -> None:
    samples = np.random.default_rng(count).normal(0, 300, count).astype(kind)
    _assert_comes_back(pack, samples)


@both
@pytest.mark.parametrize("value", [0, 1, -1, 32767, -32768])
def test_constant_records_come_back_and_are_small(pack: Any, value: int) -> None:
    for samples in (np.full(4096, value, np.int16), np.full(4096, value, np.float32)):
        _assert_comes_back(pack, samples)
        assert len(pack(samples)[1]) < 150


@both
def test_every_count_there_is_comes_back(pack: Any) -> None:
    samples = np.arange(-32768, 32768).astype(np.int16)
    _assert_comes_back(pack, samples)
    _assert_comes_back(pack, np.random.default_rng(0).permutation(samples))
    _assert_comes_back(pack, np.resize(np.array([-32768, 32767], np.int16), 5000))


@both
def test_strided_and_big_endian_samples_are_stored_by_value(pack: Any) -> None:
    samples = np.arange(-500, 500, dtype=">i2")[::3]
    np.testing.assert_array_equal(decode(*pack(samples), np.dtype(np.int16), len(samples)), samples)


def _vibration(count: int = 2560) -> NDArray[np.int16]:
    noise = np.random.default_rng(0).normal(0, 300, count + 7)
    return np.round(np.convolve(noise, np.hanning(8), "valid")).astype(np.int16)


@pytest.mark.parametrize("count", [2560, 4096, 8192])
def test_cold_payloads_of_vibration_are_a_tenth_smaller_than_hot_ones(count: int) -> None:
    codec, payload = encode_cold(_vibration(count))
    assert codec == PCODEC
    assert len(payload) < 0.9 * len(encode(_vibration(count))[1])


def test_floats_that_are_counts_times_a_scale_take_no_more_room_than_the_counts_when_cold() -> None:
    counts = _vibration()
    assert len(encode_cold(counts * np.float32(0.001))[1]) < 1.05 * len(encode_cold(counts)[1])


def test_a_panic_of_the_library_costs_room_not_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    class PanicException(BaseException):
        pass

    def panic(*_: Any) -> bytes:
        raise PanicException("range end index 8 out of range")

    monkeypatch.setattr(standalone, "simple_compress", panic)
    assert encode_cold(_vibration()) == encode(_vibration())


def test_what_the_cold_codec_cannot_shrink_keeps_its_hot_form() -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, 4096).astype(np.int16)
    assert encode_cold(samples) == encode(samples)


def test_payloads_stored_by_every_version_still_decode() -> None:
    counts = np.array([0, -1, 1, -2, 300, -300, 32767, -32768], np.int16)
    stored = {
        RAW: "0000ffff0100feff2c01d4feff7f0080",
        BITSHUFFLE_LZ4: (
            "050135020002000000020000610000000000000000020100000000000000000024000000390000001f4601000c1f4a01"
            "000c1f7a01000c1f5a01000c1f6a01000c0f3f000c1f5a3f000c0f02000e0f60004d0f02006d1faa01000750aaaaaaaa"
            "aa"
        ),
        ZIGZAG_BITSHUFFLE_LZ4: (
            "050135020002000000020000610000000000000000020100000000000000000024000000390000001faa01000c1fec01"
            "000c1fe001000c1fd001000c1ff001000c1fc001000c0f3f000c1ff03f000c0f02000e0f60004d0f02006850c0c0c0c0"
            "c0"
        ),
        PCODEC: (
            "bb4121e570636f2103000840040108ff0000302d4a287c00000000f0207c000022fcffff21fcffff21fcffff21fcffff"
            "21fcffff21fcffff21fcffff4100c0fe0f000080ff7f0180fe7f2c81d47effff000000"
        ),
    }
    for codec, payload in stored.items():
        expected = counts if codec == RAW else np.tile(counts, 32)
        samples = decode(codec, bytes.fromhex(payload), np.dtype(np.int16), len(expected))
        np.testing.assert_array_equal(samples, expected)


def test_small_counts_take_less_room_than_their_bytes() -> None:
    samples = np.random.default_rng(0).normal(scale=300, size=2560).astype(np.int16)
    codec, payload = encode(samples)
    assert codec == 2
    assert len(payload) < 0.8 * samples.nbytes


def _damaged(change: slice | int) -> bytes:
    payload = bytearray(encode_cold(_vibration())[1])
    if isinstance(change, slice):
        return bytes(payload[change])
    payload[change] ^= 0x10
    return bytes(payload)


@pytest.mark.parametrize("change", [slice(0), slice(3), slice(4), slice(5), slice(1000), slice(-1), slice(1, None)])
def test_a_shortened_cold_payload_is_refused(change: slice) -> None:
    with pytest.raises(RefusalError, match="damaged: "):
        decode(PCODEC, _damaged(change), np.dtype(np.int16), 2560)


@pytest.mark.parametrize("place", [0, 3, 4, 10, 40, 500, -1])
def test_a_single_wrong_bit_of_a_cold_payload_is_refused(place: int) -> None:
    with pytest.raises(RefusalError, match="damaged: its checksum is wrong"):
        decode(PCODEC, _damaged(place), np.dtype(np.int16), 2560)


@pytest.mark.parametrize(("kind", "count"), [("i2", 2559), ("i2", 2561), ("i2", 0), ("i2", 100_000), ("f4", 2560)])
def test_a_cold_payload_of_other_samples_than_its_row_states_is_refused(kind: str, count: int) -> None:
    with pytest.raises(RefusalError, match="damaged"):
        decode(PCODEC, encode_cold(_vibration())[1], np.dtype(kind), count)


def _payload() -> bytes:
    return encode(np.random.default_rng(0).normal(scale=300, size=2560).astype(np.int16))[1]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "damaged"),
        (b"abc", "damaged"),
        (bytes(32), "damaged"),
        (b"\xff" * 400, "damaged"),
        (_payload()[:-5], "its length differs from its header"),
        (_payload()[:1000], "its length differs from its header"),
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
        for _ in range(100):
            samples = rng.normal(scale=200, size=int(rng.integers(1, 5000))).astype(rng.choice(["i2", "f4"]))
            for pack in (encode, encode_cold):
                if not np.array_equal(decode(*pack(samples), samples.dtype, len(samples)), samples):
                    wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
