"""Whom to trust over TLS: for httpx, and for what is sent before httpx is imported."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # as in streamplay.families
if TYPE_CHECKING:
    import ssl


def whom_to_trust() -> ssl.SSLContext:
    """Return what httpx would trust: ``SSL_CERT_FILE``, ``SSL_CERT_DIR``, or certifi's list.

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
