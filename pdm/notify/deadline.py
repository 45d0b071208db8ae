"""A deadline for a whole exchange with a library that limits only each step."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache


@contextmanager
def shut_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Shut a connection down if the block takes longer than `seconds` [s]; the block may start TLS on it."""
    with connection.dup() as same:  # starting TLS detaches the descriptor of the socket
        timer = threading.Timer(seconds, _shut, (same,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


@lru_cache(maxsize=32)
def tls_context(authority: str | None) -> ssl.SSLContext:
    """Return a context that verifies names and certificates by the system's authorities and an additional one (PEM).

    Cached: loading the system's authorities takes tens of milliseconds.
    """
    context = ssl.create_default_context()
    if authority:
        context.load_verify_locations(cadata=authority)
    return context
