from __future__ import annotations

import copy
import json
import struct
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pdm.errors import BodyTooLargeError, MalformedBodyError, UnsupportedMediaError
from pdm.ingest.decode import Decoded, decode
from pdm.ingest.encode import encode_arrow, encode_json, encode_raw
from pdm.ingest.json_body import MAX_JSON_BYTES
from pdm.ingest.records import MAX_CHANNELS, MAX_RECORDS
from pdm.measurements import Acquisition, OperatingContext, Scalar, Waveform

JSON, ARROW, RAW = "application/json", "application/vnd.apache.arrow.stream", "application/vnd.pdm.raw"
GOOD: dict[str, Any] = {
    "machine": "press-07",
    "measured_at": "2026-11-01T10:00:00.25+09:00",
    "context": {"speed_rpm": 1780, "load": 0.8, "state": "drawing"},
    "waveforms": [
        {"point": "de-h", "unit": "g", "sampling_rate_hz": 25600, "samples": [0.25, -1, 3.5]},
        {"point": "de-v", "unit": "mg", "sampling_rate_hz": 25600, "scale": 0.5, "samples": [1, -2, 32767]},
    ],
    "scalars": [{"point": "oil-temp", "unit": "degC", "value": 61.2}],
}


def decode_document(*records: Any) -> list[Decoded]:
    return decode(JSON, json.dumps({"acquisitions": list(records)}).encode())


def changed(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    record = copy.deepcopy(GOOD)
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return record


def test_a_good_json_record_becomes_an_acquisition_in_utc_and_hz() -> None:
    (decoded,) = decode("Application/JSON; charset=utf-8", json.dumps({"acquisitions": [GOOD]}).encode())
    acquisition = decoded.acquisition
    assert acquisition is not None
    assert decoded.problems == ()
    assert acquisition.measured_at == datetime(2026, 11, 1, 1, 0, 0, 250000, UTC)
    assert acquisition.context == OperatingContext(1780 / 60, 0.8, "drawing")
    assert [w.samples.dtype for w in acquisition.waveforms] == [np.float32, np.int16]
    np.testing.assert_array_equal(acquisition.waveforms[0].samples, np.float32([0.25, -1, 3.5]))
    assert acquisition.scalars == (Scalar("oil-temp", 61.2, "degC"),)


@pytest.mark.parametrize(
    ("path", "value", "code", "field", "words"),
    [
        (("measured_at",), 1761991200, "timestamp", "measured_at", "looks like seconds"),
        (("measured_at",), 1761991200000, "timestamp", "measured_at", "looks like milliseconds"),
        (("measured_at",), 1761991200000000, "timestamp", "measured_at", "looks like microseconds"),
        (("measured_at",), 1761991200000000000, "timestamp", "measured_at", "looks like nanoseconds"),
        (("measured_at",), "1761991200000", "timestamp", "measured_at", "looks like milliseconds"),
        (("measured_at",), "2026-11-01T10:00:00", "timestamp", "measured_at", "no UTC offset"),
        (("measured_at",), "2026-13-01T10:00:00Z", "timestamp", "measured_at", "is not a valid time"),
        (("measured_at",), "2026-W01-1T10:00:00Z", "timestamp", "measured_at", "RFC 3339"),
        (("measured_at",), "0001-01-01T00:00:00+09:00", "timestamp", "measured_at", "is not a valid time"),
        (("measured_at",), "2026-11-01T10:00:00.1234567Z", "timestamp", "measured_at", "one microsecond"),
        (("measured_at",), None, "wrong-type", "measured_at", "null"),
        (("machine",), "Press/07", "key", "machine", "1-63"),
        (("machine",), " ", "key", "machine", "1-63"),
        (("machine",), "x" * 200, "key", "machine", "1-63"),
        (("machine",), 7, "wrong-type", "machine", "int"),
        (("context", "speed_hz"), 29.6, "wrong-type", "context.speed_rpm", "exclude each other"),
        (("context", "speed_rpm"), -1, "out-of-range", "context.speed", "[0, 100000)"),
        (("context", "speed"), 30, "unknown-field", "context", "speed"),
        (("context", "load"), float("nan"), "out-of-range", "context.load", "load"),
        (("context", "state"), "a\u0000b", "wrong-type", "context.state", "printable"),
        (("colour",), "red", "unknown-field", "", "colour"),
        (("waveforms",), {}, "wrong-type", "waveforms", "list"),
    ],
)
def test_a_record_that_is_wrong_on_its_face_is_refused_by_name(path, value, code, field, words) -> None:
    bad, good = decode_document(changed(path, value), GOOD)
    assert bad.acquisition is None
    (problem,) = bad.problems
    assert (problem.code, problem.field) == (code, field)
    assert words in problem.detail
    assert good.acquisition is not None
    assert good.record == 1


@pytest.mark.parametrize(
    ("path", "value", "code", "field", "words"),
    [
        (
            (0, "samples"),
            [0.0, float("nan"), float("inf")],
            "not-finite",
            "waveforms[0].samples[1]",
            "sample 1 is nan",
        ),
        ((0, "samples"), [0.0, None], "not-finite", "waveforms[0].samples[1]", "no value"),
        ((0, "samples"), [], "empty-samples", "waveforms[0].samples", "no samples"),
        ((0, "samples"), [0.0, 1e39], "out-of-range", "waveforms[0].samples[1]", "single precision"),
        ((0, "samples"), [0.0, "1"], "wrong-type", "waveforms[0].samples[1]", "str"),
        ((0, "samples"), [0.0, True], "wrong-type", "waveforms[0].samples[1]", "bool"),
        ((0, "samples"), [[0.0]], "wrong-type", "waveforms[0].samples[0]", "array"),
        ((0, "samples"), "AAAA", "wrong-type", "waveforms[0].samples", "str"),
        ((1, "samples"), [0, 32768], "out-of-range", "waveforms[1].samples[1]", "32768"),
        ((1, "samples"), [0.5], "out-of-range", "waveforms[1].samples[0]", "integer within"),
        ((1, "samples"), [float("inf")], "not-finite", "waveforms[1].samples[0]", "inf"),
        ((1, "scale"), 0, "out-of-range", "waveforms[1].scale", "scale"),
        ((1, "scale"), float("inf"), "out-of-range", "waveforms[1].scale", "scale"),
        ((0, "sampling_rate_hz"), 0, "out-of-range", "waveforms[0].sampling_rate_hz", "sampling_rate_hz"),
        ((0, "sampling_rate_hz"), float("nan"), "out-of-range", "waveforms[0].sampling_rate_hz", "nan"),
        ((0, "unit"), "", "wrong-type", "waveforms[0].unit", "printable"),
        ((0, "point"), "../etc", "key", "waveforms[0].point", "1-63"),
        ((0, "rate"), 1, "unknown-field", "waveforms[0]", "rate"),
        ((0,), 3, "wrong-type", "waveforms[0]", "int"),
    ],
)
def test_a_bad_channel_is_left_out_and_named_while_the_others_stay(path, value, code, field, words) -> None:
    (decoded,) = decode_document(changed(("waveforms", *path), value))
    assert decoded.acquisition is not None
    assert len(decoded.acquisition.waveforms) == 1
    (problem,) = decoded.problems
    assert (problem.code, problem.field) == (code, field)
    assert words in problem.detail


def test_a_missing_unit_is_refused_never_guessed() -> None:
    record = copy.deepcopy(GOOD)
    del record["waveforms"][0]["unit"]
    (decoded,) = decode_document(record)
    (problem,) = decoded.problems
    assert (problem.code, problem.field) == ("missing-field", "waveforms[0]")
    assert "unit" in problem.detail


def test_a_scalar_that_is_not_finite_is_left_out() -> None:
    (decoded,) = decode_document(changed(("scalars", 0, "value"), float("-inf")))
    assert decoded.acquisition is not None
    assert decoded.acquisition.scalars == ()
    assert decoded.problems[0].field == "scalars[0].value"


def test_a_point_given_twice_is_left_out_both_times() -> None:
    record = copy.deepcopy(GOOD)
    record["waveforms"][1]["point"] = "de-h"
    (decoded,) = decode_document(record)
    assert decoded.acquisition is not None
    assert decoded.acquisition.waveforms == ()
    assert [p.code for p in decoded.problems] == ["duplicate-channel"]


def test_a_record_without_channels_and_one_with_too_many_are_refused() -> None:
    empty, crowded = decode_document(
        {"machine": "m", "measured_at": "2026-01-01T00:00:00Z"},
        {
            "machine": "m",
            "measured_at": "2026-01-01T00:00:00Z",
            "scalars": [{"point": f"p{i}", "unit": "K", "value": 1} for i in range(MAX_CHANNELS + 1)],
        },
    )
    assert [empty.problems[0].code, crowded.problems[0].code] == ["empty-record", "too-many-channels"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"acquisitions":{}}',
        b'{"acquisitions":[]}',
        b'{"acquisitions":[],"x":1}',
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"acquisitions":' + b"[" * 200_000,
        b'{"acquisitions":[' + b"1," * MAX_RECORDS + b"1]}",
        b'{"acquisitions":[' + b"9" * 5000 + b"]}",
    ],
)
def test_a_body_of_which_nothing_can_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decode(JSON, body)


def test_a_json_body_too_long_for_the_form_is_refused_unread() -> None:
    with pytest.raises(BodyTooLargeError, match="send Arrow"):
        decode(JSON, b" " * (MAX_JSON_BYTES + 1))


def test_another_content_type_is_unsupported() -> None:
    with pytest.raises(UnsupportedMediaError, match="text/csv"):
        decode("text/csv", b"")


def raw(header: Any, samples: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return b"PDM1" + struct.pack("<I", len(text)) + text + samples


def raw_record(**waveform: Any) -> dict[str, Any]:
    return {
        "acquisitions": [
            {
                "machine": "m",
                "measured_at": "2026-01-01T00:00:00Z",
                "waveforms": [{"point": "a", "unit": "g", "sampling_rate_hz": 10, **waveform}],
            }
        ]
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PDM2\0\0\0\0",
        b"PDM1\xff\xff\xff\xff",
        b"PDM1\x02\0\0\0{}",
        b"PDM1\x01\0\0\0{",
        raw(raw_record(dtype="f4", count=2), b"\0" * 7),
        raw(raw_record(dtype="f4", count=2), b"\0" * 9),
        raw(raw_record(dtype="f8", count=1), b"\0" * 8),
        raw(raw_record(dtype="f4", count=-1)),
        raw(raw_record(dtype="f4", count=10**30)),
        raw(raw_record(dtype="f4", count=1, offset=0), b"\0" * 4),
        raw(raw_record(dtype="f4")),
        raw({"acquisitions": [3]}),
    ],
)
def test_a_raw_body_whose_layout_is_wrong_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        decode(RAW, body)


def test_raw_floats_that_are_not_finite_and_counts_without_scale_are_named() -> None:
    (decoded,) = decode(RAW, raw(raw_record(dtype="f4", count=2), struct.pack("<2f", 1.0, float("nan"))))
    assert decoded.problems[0].field == "waveforms[0].samples[1]"
    (decoded,) = decode(RAW, raw(raw_record(dtype="i2", count=1), b"\1\0"))
    assert decoded.problems[0].field == "waveforms[0].scale"


def arrow(columns: dict[str, Any], batches: int = 1) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=max(1, table.num_rows // batches))
    return sink.getvalue().to_pybytes()


def arrow_columns(**other: Any) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    columns = {
        "machine": ["m", "m"],
        "measured_at": pa.array([at, at], pa.timestamp("us", "UTC")),
        "point": ["a", "b"],
        "unit": ["g", "degC"],
        "sampling_rate_hz": [10.0, None],
        "samples": pa.array([[1.0, 2.0], None], pa.list_(pa.float32())),
        "value": [None, 20.5],
    } | other
    return {name: column for name, column in columns.items() if column is not None}


def test_arrow_rows_of_one_machine_and_time_form_one_acquisition_across_batches() -> None:
    times = pa.array([datetime(2026, 1, 1, 0, 0, s, tzinfo=UTC) for s in (1, 2, 1)], pa.timestamp("ms", "Asia/Seoul"))
    body = arrow(
        {
            "machine": pa.array(["m", "m", "m"]).dictionary_encode(),
            "measured_at": times,
            "point": pa.array(["a", "a", "b"], pa.large_string()),
            "unit": ["g", "g", "g"],
            "sampling_rate_hz": [10.0] * 3,
            "samples": pa.array([[1.0], [2.0, 3.0], [4.0]], pa.large_list(pa.float64())),
        },
        batches=3,
    )
    first, second = decode(ARROW, body)
    assert first.acquisition is not None
    assert second.acquisition is not None
    assert first.acquisition.measured_at == datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert [(w.point, w.samples.tolist()) for w in first.acquisition.waveforms] == [
        ("a", [1.0]),
        ("b", [4.0]),
    ]
    assert second.acquisition.waveforms[0].samples.tolist() == [2.0, 3.0]


def test_a_long_dictionary_entry_is_not_written_out_for_every_row() -> None:
    rows = 20_000
    columns = {
        "machine": pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["m" * 10**6])),
        "measured_at": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * rows, pa.timestamp("us", "UTC")),
        "point": ["a"] * rows,
        "unit": ["K"] * rows,
        "value": [1.0] * rows,
    }
    body = arrow(columns)
    (decoded,) = decode(ARROW, body)
    assert decoded.acquisition is None
    assert pa.default_memory_pool().max_memory() < 100 * 2**20


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"machine": None}, "no column 'machine'"),
        ({"measured_at": [1, 2]}, "int64"),
        ({"measured_at": pa.array([1, 2], pa.timestamp("us"))}, "without a time zone"),
        ({"samples": pa.array([["1"], None])}, "samples"),
        ({"value": ["a", "b"]}, "value"),
        ({"colour": ["a", "b"]}, "colour"),
    ],
)
def test_an_arrow_stream_of_the_wrong_columns_is_malformed(other: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedBodyError, match=words):
        decode(ARROW, arrow(arrow_columns(**other)))


@pytest.mark.parametrize("content_type", [ARROW, "application/vnd.apache.arrow.file"])
def test_an_arrow_file_is_read_like_a_stream(content_type: str) -> None:
    table = pa.table(arrow_columns())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    file = sink.getvalue().to_pybytes()
    ((decoded,), (same,)) = decode(content_type, file), decode(ARROW, arrow(arrow_columns()))
    assert decoded.problems == same.problems == ()
    assert decoded.acquisition is not None
    assert same.acquisition is not None
    assert decoded.acquisition.waveforms[0].samples.tolist() == same.acquisition.waveforms[0].samples.tolist()
    assert decoded.acquisition.scalars == same.acquisition.scalars
    for cut in (file[:-1], file[:60], file[:8]):
        with pytest.raises(MalformedBodyError, match="the Arrow file has no end"):
            decode(content_type, cut)


def test_a_compressed_arrow_stream_is_refused() -> None:
    table = pa.table(arrow_columns())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    with pytest.raises(MalformedBodyError, match="compressed"):
        decode(ARROW, sink.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"samples": pa.array([[1.0, None], None], pa.list_(pa.float32()))}, "samples[1]"),
        ({"samples": pa.array([[1.0, float("nan")], None], pa.list_(pa.float32()))}, "rows[0].samples[1]"),
        ({"samples": pa.array([[1.0, 1e300], None], pa.list_(pa.float64()))}, "rows[0].samples[1]"),
        ({"samples": pa.array([[], None], pa.list_(pa.float32()))}, "rows[0].samples"),
        ({"sampling_rate_hz": pa.array([None, None], pa.float64())}, "rows[0].sampling_rate_hz"),
        ({"value": [1.0, 20.5]}, "rows[0].samples"),
        ({"unit": [None, "degC"]}, "rows[0].unit"),
    ],
)
def test_a_bad_arrow_row_is_left_out_and_named(other: dict[str, Any], field: str) -> None:
    (decoded,) = decode(ARROW, arrow(arrow_columns(**other)))
    assert decoded.acquisition is not None
    assert [s.value for s in decoded.acquisition.scalars] == [20.5]
    assert [p.field for p in decoded.problems] == [field]


def test_arrow_rows_that_disagree_on_the_context_are_refused() -> None:
    (decoded,) = decode(ARROW, arrow(arrow_columns(load=[0.5, 0.6])))
    assert decoded.acquisition is None
    assert decoded.problems[0].code == "conflicting-context"


def _valid_bodies() -> list[tuple[str, bytes]]:
    rng = np.random.default_rng(0)
    sent = [
        Acquisition(
            "m",
            datetime(2026, 1, 1, 0, 0, s, tzinfo=UTC),
            (
                Waveform("a", rng.normal(size=9).astype(np.float32), 100.0, "g"),
                Waveform("b", rng.integers(-99, 99, 7, dtype=np.int16), 100.0, "g", 0.1),
            ),
            (Scalar("t", 1.5, "K"),),
            OperatingContext(1.0, 0.5, "s"),
        )
        for s in range(3)
    ]
    return [encode_json(sent), encode_arrow(sent), encode_raw(sent)]


_BODIES = _valid_bodies()


@given(
    st.sampled_from(_BODIES),
    st.lists(st.tuples(st.integers(0, 10**6), st.binary(min_size=0, max_size=4), st.integers(0, 8)), max_size=6),
    st.none() | st.integers(0, 10**6),
)
@settings(max_examples=600, deadline=None)
def test_no_mutation_of_a_valid_body_crashes_a_decoder(valid, edits, cut) -> None:
    content_type, body = valid
    mutated = bytearray(body)
    for place, insert, remove in edits:
        at = place % (len(mutated) + 1)
        mutated[at : at + remove] = insert
    sent = bytes(mutated if cut is None else mutated[: cut % (len(mutated) + 1)])
    try:
        decoded = decode(content_type, sent)
    except MalformedBodyError:
        return
    assert decoded
    for result in decoded:
        assert result.acquisition is not None or result.problems
        for waveform in result.acquisition.waveforms if result.acquisition else ():
            assert np.isfinite(waveform.samples).all()
            assert waveform.content_hash()


_JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(
        [
            ("machine",),
            ("measured_at",),
            ("context",),
            ("waveforms",),
            ("scalars",),
            ("waveforms", 0),
            ("waveforms", 0, "samples"),
            ("waveforms", 1, "scale"),
            ("scalars", 0, "value"),
            ("context", "load"),
        ]
    ),
    _JSON_VALUES,
)
@settings(max_examples=300, deadline=None)
def test_any_json_value_in_any_place_is_accepted_or_refused_by_name(path, value) -> None:
    (decoded,) = decode_document(changed(path, value))
    assert decoded.acquisition is not None or decoded.problems
    for problem in decoded.problems:
        assert problem.code
        assert problem.detail
