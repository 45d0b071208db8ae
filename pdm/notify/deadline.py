"""One deadline over a conversation whose library bounds only each of its steps."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache


@contextmanager
def shut_after(connection: socket.socket, seconds: float) -> Iterator[None]:
    """Shut a connection down if what happens inside takes longer than `seconds` [s]; TLS may be put over it."""
    with connection.dup() as same:  # what TLS is put over forgets its own descriptor
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
    """Return a context that verifies names and certificates, by the system's authorities and one more (PEM).

    Kept: to read the system's authorities takes tens of milliseconds.
    """
    context = ssl.create_default_context()
    if authority:
        context.load_verify_locations(cadata=authority)
    return context
