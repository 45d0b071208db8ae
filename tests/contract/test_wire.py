"""Every wire form through one suite: what one refuses, all refuse alike."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from pdm.ingest.decode import decode
from pdm.ingest.encode import encode_arrow, encode_json, encode_raw
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

Encode = Callable[[Sequence[Acquisition]], tuple[str, bytes]]
FORMS = pytest.mark.parametrize("encode", [encode_json, encode_arrow, encode_raw])
AT = datetime(2026, 11, 1, 10, tzinfo=UTC)


def acquisition(*waveforms: Waveform, machine: str = "press-07", at: datetime = AT, **other) -> Acquisition:
    return Acquisition(machine, at, waveforms, **other)


def floats(point: str, *values: float) -> Waveform:
    return Waveform(point, np.array(values, np.float32), 25600.0, "g")


def counts(point: str, *values: int, scale: float = 0.001) -> Waveform:
    return Waveform(point, np.array(values, np.int16), 25600.0, "g", scale)


@FORMS
def test_a_record_comes_back_as_it_was_sent(encode: Encode) -> None:
    sent = [
        acquisition(
            counts("de-h", -32768, 0, 32767),
            counts("de-v", 1, 2),
            scalars=(Scalar("oil-temp", 61.25, "degC"),),
            context=OperatingContext(29.5, 0.8, "drawing"),
        ),
        acquisition(floats("de-h", 1.5, -3e38), at=AT + timedelta(microseconds=1)),
        Acquisition("press-08", AT, (), (Scalar("oil-temp", -0.0, "degC"),)),
    ]
    received = decode(*encode(sent))
    for decoded, original in zip(received, sent, strict=True):
        assert decoded.problems == ()
        again = decoded.acquisition
        assert again is not None
        assert (again.machine, again.measured_at, again.context) == (
            original.machine,
            original.measured_at,
            original.context,
        )
        assert [c.content_hash() for c in (*again.waveforms, *again.scalars)] == [
            c.content_hash() for c in (*original.waveforms, *original.scalars)
        ]


@FORMS
def test_times_are_utc_whatever_offset_they_came_with(encode: Encode) -> None:
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    (decoded,) = decode(*encode([acquisition(floats("a", 1.0), at=seoul)]))
    assert decoded.acquisition is not None
    assert decoded.acquisition.measured_at == AT
    assert decoded.acquisition.measured_at.utcoffset() == timedelta(0)


@FORMS
@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (floats("bad"), "empty-samples"),
        (floats("../bad", 1.0), "key"),
        (floats("x" * 64, 1.0), "key"),
        (Waveform("bad", np.float32([1.0]), -1.0, "g"), "out-of-range"),
        (counts("bad", 1, scale=-1.0), "out-of-range"),
        (Waveform("bad", np.float32([1.0]), 10.0, "g\n"), "wrong-type"),
    ],
)
def test_a_bad_channel_is_left_out_with_the_same_code_in_every_form(encode: Encode, bad: Waveform, code: str) -> None:
    good, partly = decode(
        *encode([acquisition(floats("a", 1.0)), acquisition(floats("a", 1.0), bad, at=AT + timedelta(seconds=1))])
    )
    assert good.problems == ()
    assert partly.acquisition is not None
    assert [w.point for w in partly.acquisition.waveforms] == ["a"]
    assert [p.code for p in partly.problems] == [code]


@FORMS
def test_a_point_given_twice_is_left_out_in_every_form(encode: Encode) -> None:
    (decoded,) = decode(*encode([acquisition(floats("a", 1.0), floats("b", 1.0), floats("a", 2.0))]))
    assert decoded.acquisition is not None
    assert [w.point for w in decoded.acquisition.waveforms] == ["b"]
    assert [p.code for p in decoded.problems] == ["duplicate-channel"]


@FORMS
def test_a_machine_that_cannot_be_named_is_refused_in_every_form(encode: Encode) -> None:
    (decoded,) = decode(*encode([acquisition(floats("a", 1.0), machine="Press/07")]))
    assert decoded.acquisition is None
    assert [p.code for p in decoded.problems] == ["key"]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("encode", [encode_arrow, encode_raw])
def test_samples_that_are_not_finite_are_named_by_channel_and_first_index(encode: Encode, value: float) -> None:
    (decoded,) = decode(*encode([acquisition(floats("a", 1.0), floats("b", 0.0, value, value))]))
    (problem,) = decoded.problems
    assert problem.code == "not-finite"
    assert "'b'" in problem.detail
    assert problem.field is not None
    assert problem.field.endswith("samples[1]")


def test_json_alone_loads_neither_arrow_nor_analysis_libraries() -> None:
    code = (
        "import sys; from pdm.ingest.decode import decode\n"
        'decode("application/json", b\'{"acquisitions":[{"machine":"m","measured_at":"2026-01-01T00:00:00Z"}]}\')\n'
        "heavy = {'pyarrow', 'numba', 'lightgbm', 'statsmodels', 'features', 'scipy'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
