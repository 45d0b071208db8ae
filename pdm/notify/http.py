"""HTTP POST within a deadline, to a checked address only."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import httpcore

from pdm.notify.message import Attempt
from pdm.notify.targets import ForbiddenTargetError, Network, check_url, resolve

MAX_ANSWER_BYTES = 64 * 1024  # of a response body; a longer one closes the connection
_SHOWN_CHARACTERS = 200


class HttpPoster:
    """Posts to receivers over persistent connections; for one thread.

    A name is resolved once per connection, every address is checked, and the connection goes to the checked address, so
    that a later DNS response has no effect. Redirects and proxies are not used.

    Parameters
    ----------
    networks : sequence of network
        Allowed ranges that are not public.
    timeout : float
        Longest total time of an attempt [s], including a slow response.
    """

    def __init__(self, networks: Sequence[Network] = (), timeout: float = 10.0) -> None:
        self._networks = tuple(networks)
        self._timeout = timeout
        self._backend = _CheckedBackend(self._networks)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_ssl_context(), max_connections=2, keepalive_expiry=30.0, network_backend=self._backend
        )

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Attempt:
        """Post a body once; an error of the receiver or the URL is returned, not raised."""
        self._backend.deadline = time.monotonic() + self._timeout
        try:
            check_url(url, self._networks)
            status, body_text = self._post(url, headers, body)
        except ForbiddenTargetError as error:
            return Attempt(False, True, f"forbidden target: {error}")
        except (httpcore.TimeoutException, TimeoutError):
            return Attempt(False, False, f"no answer within {self._timeout:g} s")
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError, UnicodeError) as error:
            return Attempt(False, False, f"{type(error).__name__}: {error}"[:_SHOWN_CHARACTERS])
        answer = f"the receiver answered {status}" + (f": {body_text}" if body_text else "")
        if 200 <= status < 300:
            return Attempt(True, True, answer=answer)
        return Attempt(False, True, answer)

    def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), self._timeout)
        with self._pool.stream(
            "POST", url, headers=list(headers.items()), content=body, extensions={"timeout": limits}
        ) as response:
            read, begin = 0, b""
            for part in response.iter_stream():
                read += len(part)
                begin = (begin + part)[: 2 * _SHOWN_CHARACTERS]
                if read > MAX_ANSWER_BYTES:
                    break
            return response.status, _shown(begin)


def _shown(body: bytes) -> str:
    """Return the begin of a response body as one line of printable text."""
    text = " ".join(body.decode(errors="replace").split())[:_SHOWN_CHARACTERS]
    return text if text.isprintable() else ""


@cache
def _ssl_context() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to checked addresses only, within the deadline."""

    def __init__(self, networks: Sequence[Network]) -> None:
        self._networks = networks
        self._sockets = httpcore.SyncBackend()
        self.deadline = 0.0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        address = resolve(host.strip("[]"), port, self._networks)
        left = self.left(httpcore.ConnectTimeout)
        return _BoundedStream(self._sockets.connect_tcp(address, port, left, local_address, socket_options), self)

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        raise ForbiddenTargetError(f"{path} is a local socket", field="url")

    def left(self, error: type[httpcore.TimeoutException]) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise error("delivery attempt timed out")
        return left


class _BoundedStream(httpcore.NetworkStream):
    """A stream whose operations end by the deadline of the attempt."""

    def __init__(self, inner: httpcore.NetworkStream, backend: _CheckedBackend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._inner.read(max_bytes, self._backend.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._inner.write(buffer, self._backend.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        left = self._backend.left(httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, left), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
