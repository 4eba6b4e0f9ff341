"""Whom a transport trusts. Reading the authorities of a machine takes 50 ms: once, not at every poll."""

import ssl
from functools import cache
from pathlib import Path


@cache
def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """Return the context that trusts the authorities of a PEM bundle; None: those of the machine.

    A bundle that changes is read again at the next start. Raises OSError where it is missing.
    """
    return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
