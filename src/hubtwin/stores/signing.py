"""The hub's own signature: an Ed25519 key (RFC 8032) in `signing.key` beside the vault, mode 0600.

What is signed names its public key. Who verifies compares that with the key the hub made known earlier: a report
that somebody signed with a key of their own would verify against itself.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hubtwin.base.errors import Denied, Malformed
from hubtwin.stores.keyfile import read_key

SIGNING_FILE = "signing.key"


class Signer:
    """The signing key of one store directory."""

    def __init__(self, directory: Path) -> None:
        """Read the key, or make it at first use. Raises Denied for a key that is damaged or that others can read."""
        seed = read_key(directory / SIGNING_FILE)
        if seed is None:
            raise Denied("stores.signing_key_damaged", path=SIGNING_FILE)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_hex = self._key.public_key().public_bytes_raw().hex()

    def sign(self, content: bytes) -> bytes:
        """Return the signature of some bytes, 64 of them."""
        return self._key.sign(content)

    def seal(self, body: Mapping[str, object]) -> str:
        """Return a body as JSON with the public key and the signature of its canonical form."""
        signature = self.sign(canonical(body)).hex()
        sealed = {"body": body, "public_key": self.public_hex, "signature": signature}
        return json.dumps(sealed, ensure_ascii=False, indent=1, sort_keys=True)


def canonical(body: Mapping[str, object]) -> bytes:
    """Return the one spelling of a body that is signed: JSON, keys sorted, no blanks, UTF-8."""
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def is_signed(content: bytes, signature: bytes, public_hex: str) -> bool:
    """Tell whether some bytes bear a signature of a key."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def open_sealed(sealed: str, public_hex: str) -> Mapping[str, Any]:
    """Return the body of what `Signer.seal` made with a key that is known. Raises Malformed for anything else."""
    try:
        told = json.loads(sealed)
        body, key, signature = dict(told["body"]), str(told["public_key"]), bytes.fromhex(told["signature"])
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("stores.report_unreadable") from error
    if key != public_hex:
        raise Malformed("stores.report_other_key", found=key[:16], known=public_hex[:16])
    if not is_signed(canonical(body), signature, public_hex):
        raise Malformed("stores.report_altered")
    return body
