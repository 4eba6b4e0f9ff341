"""Keys handed to one receiver: sealed for a public key that the receiver made known, opened by nobody else.

A fresh X25519 key agrees with the receiver's (RFC 7748); HKDF-SHA256 makes of it a key that is used once, for
AES-256-GCM. The label binds what is sealed to its purpose: it opens under the same words only.
"""

from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hubtwin.base.errors import Denied, Malformed
from hubtwin.stores.keyfile import read_key

WRAPPING_FILE = "wrapping.key"
_KEY = 32  # bytes, of X25519 and of AES-256
_NONCE = bytes(12)  # each key seals once only
_INFO = b"hubtwin key wrapping 1"


class Unwrapper:
    """The receiving key of a directory: `wrapping.key`, mode 0600, made at first use."""

    def __init__(self, directory: Path) -> None:
        """Read or make the key. Raises Denied for one that is damaged or that others can read."""
        seed = read_key(directory / WRAPPING_FILE)
        if seed is None:
            raise Denied("stores.wrapping_key_damaged", path=WRAPPING_FILE)
        self._key = X25519PrivateKey.from_private_bytes(seed)
        self._public = self._key.public_key().public_bytes_raw()
        self.public_hex = self._public.hex()

    def unwrap(self, sealed: str, label: str) -> bytes:
        """Return what was sealed for this key under a label. Raises Denied for anything else."""
        try:
            told = bytes.fromhex(sealed)
            fresh, content = told[:_KEY], told[_KEY:]
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(fresh))
            return AESGCM(_derive(shared, fresh, self._public)).decrypt(_NONCE, content, label.encode())
        except (InvalidTag, ValueError) as error:
            raise Denied("stores.not_wrapped_for_us") from error


def wrap(content: bytes, public_hex: str, label: str) -> str:
    """Return some bytes sealed for a public key, in hexadecimal. Raises Malformed for what is no such key."""
    try:
        receiver = bytes.fromhex(public_hex)
        fresh = X25519PrivateKey.generate()
        shared = fresh.exchange(X25519PublicKey.from_public_bytes(receiver))
    except ValueError as error:
        raise Malformed("stores.no_wrapping_key") from error
    public = fresh.public_key().public_bytes_raw()
    return (public + AESGCM(_derive(shared, public, receiver)).encrypt(_NONCE, content, label.encode())).hex()


def _derive(shared: bytes, fresh: bytes, receiver: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt=None, info=_INFO + fresh + receiver).derive(shared)
