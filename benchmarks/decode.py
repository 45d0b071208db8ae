"""Decode throughput of the wire forms without HTTP, compared with a Pydantic JSON model.

Prints one JSON line per figure; all forms run interleaved in one process. Run: python -m benchmarks.decode
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from pydantic import BaseModel

from pdm.ingest.decode import decode
from pdm.ingest.encode import encode_arrow, encode_json, encode_raw
from pdm.measurements import Acquisition, OperatingContext, Waveform

RECORDS, CHANNELS, SAMPLES, ROUNDS = 64, 2, 2560, 15


class PeerWaveform(BaseModel):
    point: str
    unit: str
    sampling_rate_hz: float
    samples: list[float]
    scale: float | None = None


class PeerRecord(BaseModel):
    machine: str
    measured_at: datetime
    context: dict[str, Any] | None = None
    waveforms: list[PeerWaveform]


class PeerBody(BaseModel):
    acquisitions: list[PeerRecord]


def peer_decode(body: bytes) -> list[np.ndarray]:
    parsed = PeerBody.model_validate_json(body)
    return [np.array(w.samples, np.float32) for r in parsed.acquisitions for w in r.waveforms]


def batch(counts: bool) -> list[Acquisition]:
    rng = np.random.default_rng(0)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = []
    for index in range(RECORDS):
        waveforms = []
        for channel in range(CHANNELS):
            if counts:
                samples = rng.integers(-3000, 3000, SAMPLES, dtype=np.int16)
                waveforms.append(Waveform(f"p{channel}", samples, 25600.0, "g", 0.001))
            else:
                # three decimals: the format of a sender of milli-g
                samples = rng.normal(size=SAMPLES).round(3).astype(np.float32)
                waveforms.append(Waveform(f"p{channel}", samples, 25600.0, "g"))
        at = start + timedelta(seconds=index)
        made.append(Acquisition("press-07", at, tuple(waveforms), (), OperatingContext(29.5, 0.8, "full")))
    return made


def short_json(acquisitions: list[Acquisition]) -> bytes:
    """JSON as senders write it, with decimals instead of all digits of a float32."""
    document = json.loads(encode_json(acquisitions)[1])
    for record in document["acquisitions"]:
        for waveform in record["waveforms"]:
            waveform["samples"] = [round(value, 3) for value in waveform["samples"]]
    return json.dumps(document, separators=(",", ":")).encode()


def main() -> None:
    floats, counts = batch(counts=False), batch(counts=True)
    text = short_json(floats)
    bodies = {
        "json": ("application/json", text),
        "json_counts": encode_json(counts),
        "arrow": encode_arrow(floats),
        "arrow_counts": encode_arrow(counts),
        "raw": encode_raw(floats),
        "raw_counts": encode_raw(counts),
    }
    cases: dict[str, Callable[[], object]] = {name: partial(decode, *body) for name, body in bodies.items()}
    cases["pydantic_json"] = partial(peer_decode, text)
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, run in cases.items():
            began = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - began) / RECORDS * 1e6)
    peer = min(times["pydantic_json"])
    for name, taken in times.items():
        figure = {
            "benchmark": "decode",
            "form": name,
            "us_per_record_best": round(min(taken), 1),
            "us_per_record_median": round(statistics.median(taken), 1),
            "times_pydantic_json": round(peer / min(taken), 1),
            "record": f"{CHANNELS} x {SAMPLES} samples, batches of {RECORDS}",
        }
        print(json.dumps(figure))


if __name__ == "__main__":
    main()
