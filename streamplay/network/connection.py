"""A connection that bytes are read from, with TLS or without.

The early request opens and uses it on a thread, blocking; then the event loop reads the answer
from it. So TLS runs between two memory buffers (`ssl.MemoryBIO`): an event loop cannot take over a
socket that `ssl` has wrapped.
"""

from __future__ import annotations

import contextlib
import os
import socket

TYPE_CHECKING = False  # as in streamplay.rules.families
if TYPE_CHECKING:
    import ssl
    from typing import Any, Final

CONNECT_SECONDS: Final = 1.0
"""For connecting to one address, and for one step of TLS. What takes longer is left to
`HttpTransport`, which tries the addresses of a host side by side."""

READ_BYTES: Final = 65536


class Connection:
    """A connection, with TLS or without; blocking until the event loop takes it over."""

    def __init__(self, address: tuple[str, int]) -> None:
        host, port = address
        # As bytes: Python encodes a string with IDNA, and takes 2 ms to import the tables of that.
        # The host of an `Endpoint` is ASCII.
        name: Any = host.encode("ascii")
        self.socket = socket.create_connection((name, port), CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tls: ssl.SSLObject | None = None

    def secure(self, context: ssl.SSLContext, host: str) -> None:
        """Do the TLS handshake; its last message is sent together with the next data."""
        import ssl

        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_hostname=host.encode("ascii")
        )
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self.socket.sendall(self._outgoing.read())
                self.take(self.socket.recv(READ_BYTES))
            else:
                return

    @property
    def is_secure(self) -> bool:
        """Whether TLS runs over the connection."""
        return self._tls is not None

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self.socket.sendall(data)

    def take(self, data: bytes) -> None:
        """Take bytes that the socket has received; ``b""`` is its end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def read(self) -> bytes | None:
        """Return decrypted bytes; ``b""`` at the connection's end, None where more has to come."""
        import ssl

        assert self._tls is not None
        try:
            return self._tls.read(READ_BYTES)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def reply(self) -> bytes:
        """Return what TLS has to send in answer to what it has read."""
        return self._outgoing.read()

    def close(self) -> None:
        """Close the connection, also while another thread waits for data on it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def trust_context() -> ssl.SSLContext:
    """Return the TLS context: with ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, or certifi's list.

    Raises
    ------
    OSError
        If the file named there is missing, or holds no certificates.
    """
    import ssl

    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    import certifi

    return ssl.create_default_context(cafile=certifi.where())
