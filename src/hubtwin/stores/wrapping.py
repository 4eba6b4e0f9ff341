"""Keys handed to one receiver: sealed for a public key that the receiver made known, opened by nobody else.

A fresh X25519 key agrees with the receiver's (RFC 7748); HKDF-SHA256 makes of it a key that is used once, for
AES-256-GCM. The label binds what is sealed to its purpose: it opens under the same words only.
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from hubtwin.base.errors import Denied, Malformed
from hubtwin.stores.sqlite import fsync

WRAPPING_FILE = "wrapping.key"
_KEY = 32  # bytes, of X25519 and of AES-256
_NONCE = bytes(12)  # each key seals once only
_INFO = b"hubtwin key wrapping 1"


class Unwrapper:
    """The receiving key of a directory: `wrapping.key`, mode 0600, made at first use."""

    def __init__(self, directory: Path) -> None:
        """Read or make the key. Raises Denied for one that is damaged or that others can read."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = directory / WRAPPING_FILE
        if not path.exists():
            _create(path)
        if path.stat().st_mode & 0o077:
            raise Denied("stores.open_key_file", path=WRAPPING_FILE, mode=oct(path.stat().st_mode & 0o777))
        seed = path.read_bytes()
        if len(seed) != _KEY:
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


def _create(path: Path) -> None:
    """Write the key beside its place and link it there: a crash leaves a whole key or none, nobody's is replaced."""
    draft = path.with_suffix(f".{secrets.token_hex(4)}.draft")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(secrets.token_bytes(_KEY))
        stream.flush()
        os.fsync(stream.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    fsync(path.parent)
