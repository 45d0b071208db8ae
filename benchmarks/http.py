"""Binary ingest over HTTP compared with Pydantic JSON and a bare ASGI app, with authentication, without database.

Each server is one uvicorn process; each body is one waveform of 8192 samples. The service's route decodes the raw form
and returns a receipt; only the database is omitted. Prints a JSON line per figure.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import re
import selectors
import socket
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import Depends, FastAPI
from pydantic import BaseModel

import api.routes.acquisitions as route
from api.app import create
from api.dependencies import allow
from pdm.ingest.encode import encode_json, encode_raw
from pdm.measurements import Acquisition, Outcome, Receipt, RecordResult, Waveform
from pdm.service.platform.access import Caller, KeyRing, Role
from pdm.settings import Settings

SAMPLES = 8192
CONNECTIONS = 8
KEY = "pdm_benchmark"
CALLER = Caller(1, "benchmark", Role.INGEST, None)


class KnownKey(KeyRing):
    """A key ring with a cached key: the cost of a key in use."""

    def recall(self, key: str) -> Caller | None:
        super().recall(key)  # the hash is computed as in service
        return CALLER if key == KEY else None


def _record_nowhere(_: Any, records: Any, **__: Any) -> Receipt:
    now = datetime.now(UTC)
    told = [RecordResult(r.record, r.machine, r.measured_at, Outcome.STORED, r.problems) for r in records]
    return Receipt("00000000-0000-4000-8000-000000000000", now, tuple(told))


def service() -> FastAPI:
    """Return the service without storage."""
    route.record = _record_nowhere
    app = create(Settings(dsn="host=/nonexistent connect_timeout=1"))
    inner = app.router.lifespan_context

    def lifespan(_: Any) -> Any:
        opened = inner(app)

        class Opened:
            async def __aenter__(self) -> Any:
                entered = await opened.__aenter__()
                held = app.state.resources
                held.keys = KnownKey()
                held.watch.is_available = True
                held.watch.probe = _never_probe
                return entered

            async def __aexit__(self, *error: Any) -> Any:
                return await opened.__aexit__(*error)

        return Opened()

    app.router.lifespan_context = lifespan
    return app


async def _never_probe() -> bool:
    return True


class _PydanticWaveform(BaseModel):
    point: str
    unit: str
    sampling_rate_hz: float
    samples: list[float]


class _PydanticAcquisition(BaseModel):
    machine: str
    measured_at: datetime
    waveforms: list[_PydanticWaveform]


class _PydanticBody(BaseModel):
    acquisitions: list[_PydanticAcquisition]


def pydantic_json() -> FastAPI:
    """Return a plain implementation: FastAPI with a Pydantic body, to arrays, the same authentication."""
    app = FastAPI()
    app.state.resources = type("Held", (), {"keys": KnownKey()})()

    @app.post("/v1/acquisitions")
    def send(body: _PydanticBody, _: Annotated[Caller, Depends(allow(Role.INGEST))]) -> dict[str, int]:
        for acquisition in body.acquisitions:
            for wave in acquisition.waveforms:
                np.asarray(wave.samples, np.float32)
        return {"stored": len(body.acquisitions)}

    return app


async def bare(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and respond: the upper limit of Python with this server."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    answer = b'{"stored":1}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def _serve(name: str, listener: socket.socket) -> None:
    logging.disable(logging.CRITICAL)  # the service does not find a database
    app: Any = {"service": service, "pydantic_json": pydantic_json, "bare": lambda: bare}[name]()
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="on", ws="none")
    uvicorn.Server(config).run([listener])


def _measure(port: int, content_type: str, body: bytes, seconds: float) -> float:
    """Return requests per second over a few connections, each with one request at a time."""
    head = (
        f"POST /v1/acquisitions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body
    waiting = selectors.DefaultSelector()
    opened = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(CONNECTIONS)]
    for each in opened:
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        waiting.register(each, selectors.EVENT_READ)
        each.sendall(request)
    count, began = 0, time.perf_counter()
    while (now := time.perf_counter()) - began < seconds:
        for key, _ in waiting.select(1.0):
            each = key.fileobj
            assert isinstance(each, socket.socket)
            _read_answer(each)
            each.sendall(request)
            count += 1
    for each in opened:
        each.close()
    return count / (now - began)


def _read_answer(connection: socket.socket) -> None:
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, told = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(answer[:400].decode(errors="replace"))
    left = int(re.search(rb"content-length: (\d+)", head, re.IGNORECASE)[1]) - len(told)  # type: ignore[index]
    while left > 0:
        left -= len(connection.recv(65536))


def main() -> None:
    """Measure the three servers interleaved and print rates and ratios."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=1.0)
    given = arguments.parse_args()
    samples = np.random.default_rng(0).standard_normal(SAMPLES).astype(np.float32)
    wave = Waveform("de-h", samples, 25600.0, "g")
    acquisition = [Acquisition("press-07", datetime(2026, 11, 1, tzinfo=UTC), (wave,))]
    bodies = {
        "service": encode_raw(acquisition),
        "bare": encode_raw(acquisition),
        "pydantic_json": encode_json(acquisition),
    }
    processes, ports = [], {}
    for name in bodies:
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        ports[name] = listener.getsockname()[1]
        process = multiprocessing.get_context("fork").Process(target=_serve, args=(name, listener), daemon=True)
        process.start()
        listener.close()
        processes.append(process)
    try:
        for name, (content_type, body) in bodies.items():
            _measure(ports[name], content_type, body, 0.5)
        rates: dict[str, list[float]] = {name: [] for name in bodies}
        for _ in range(given.rounds):
            for name, (content_type, body) in bodies.items():
                rates[name].append(_measure(ports[name], content_type, body, given.seconds))
    finally:
        for process in processes:
            process.terminate()
            process.join()
    for name, measured in rates.items():
        _tell(f"http_{name}_requests_per_s", measured, None)
    for other, goal in (("pydantic_json", 10.0), ("bare", 0.3)):
        ratios = [mine / theirs for mine, theirs in zip(rates["service"], rates[other], strict=True)]
        _tell(f"http_raw_ingest_over_{other}", ratios, goal)


def _tell(figure: str, values: list[float], goal: float | None) -> None:
    told = {"figure": figure, "median": statistics.median(values), "best": max(values), "goal": goal}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
