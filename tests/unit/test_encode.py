from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdm.ingest.decode import decode
from pdm.ingest.encode import encode_arrow, encode_json, encode_raw
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

ENCODERS = (encode_json, encode_arrow, encode_raw)
_FINITE32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def waveforms(draw: st.DrawFn, point: str) -> Waveform:
    rate = draw(st.sampled_from([1.0, 2048.0, 25600.0, 51200.5]))
    if draw(st.booleans()):
        counts = draw(st.lists(st.integers(-32768, 32767), min_size=1, max_size=20))
        scale = draw(st.floats(1e-9, 1e3))
        return Waveform(point, np.array(counts, np.int16), rate, "g", scale)
    return Waveform(point, np.array(draw(st.lists(_FINITE32, min_size=1, max_size=20)), np.float32), rate, "m/s2")


@st.composite
def acquisitions(draw: st.DrawFn) -> list[Acquisition]:
    made = []
    for index in range(draw(st.integers(1, 4))):
        channels = tuple(draw(waveforms(f"p{i}")) for i in range(draw(st.integers(1, 3))))
        scalars = (Scalar("oil", draw(st.floats(-1e6, 1e6)), "degC"),) if draw(st.booleans()) else ()
        context = OperatingContext(
            draw(st.none() | st.floats(0, 1000)),
            draw(st.none() | st.floats(0, 2)),
            draw(st.none() | st.just("압연")),
        )
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=draw(st.integers(0, 10**15)), days=index * 20000)
        made.append(Acquisition("press-07", at, channels, scalars, context))
    return made


def _same(a: Acquisition, b: Acquisition) -> bool:
    hashes = [[c.content_hash() for c in (*x.waveforms, *x.scalars)] for x in (a, b)]
    return hashes[0] == hashes[1] and (a.machine, a.measured_at, a.context) == (
        b.machine,
        b.measured_at,
        b.context,
    )


@given(acquisitions())
@settings(max_examples=60, deadline=None)
def test_a_record_has_one_content_hash_as_json_arrow_and_raw(sent: list[Acquisition]) -> None:
    for encode in ENCODERS:
        received = decode(*encode(sent))
        assert [d.problems for d in received] == [()] * len(sent), encode
        for index, (decoded, acquisition) in enumerate(zip(received, sent, strict=True)):
            assert decoded.record == index
            assert decoded.acquisition is not None
            assert _same(decoded.acquisition, acquisition), encode


@pytest.mark.parametrize("encode", ENCODERS)
def test_points_keep_dtype_scale_unit_and_order(encode) -> None:
    sent = Acquisition(
        "m",
        datetime(2026, 1, 1, tzinfo=UTC),
        (
            Waveform("b", np.array([1, -2], np.int16), 10.0, "mg", 0.5),
            Waveform("a", np.float32([0.1]), 10.0, "g"),
        ),
    )
    (decoded,) = decode(*encode([sent]))
    assert decoded.acquisition is not None
    first, second = decoded.acquisition.waveforms
    assert (first.point, first.samples.dtype, first.scale, first.unit) == ("b", np.int16, 0.5, "mg")
    assert (second.point, second.samples.dtype, second.scale, second.unit) == ("a", np.float32, None, "g")
    np.testing.assert_array_equal(first.samples, [1, -2])


def test_raw_samples_are_views_of_the_body() -> None:
    sent = Acquisition("m", datetime(2026, 1, 1, tzinfo=UTC), (Waveform("a", np.zeros(99, np.float32), 10.0, "g"),))
    (decoded,) = decode(*encode_raw([sent]))
    assert decoded.acquisition is not None
    assert not decoded.acquisition.waveforms[0].samples.flags.owndata
