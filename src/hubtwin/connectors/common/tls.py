"""Whom a transport trusts, and who it says it is. Reading the authorities of a machine takes 50 ms: once, not at every
poll.
"""

import ssl
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ClientCert:
    """The certificate (PEM, with its chain) that a transport shows where the other side asks for one, and its key."""

    cert: Path
    key: Path


@cache
def trusting(ca_file: Path | None, client: ClientCert | None = None) -> ssl.SSLContext:
    """Return the context that trusts the authorities of a PEM bundle; None: those of the machine.

    A bundle or a certificate that changes is read again at the next start. Raises OSError where one is missing or is
    none (ssl.SSLError).
    """
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    if client is not None:
        context.load_cert_chain(client.cert, client.key)
    return context
