"""Detached JSON Web Signatures over exact bytes (RFC 7515, RFC 7797 with b64=false) by Ed25519 keys (RFC 8037).

The signature is over the message, not over a request: it stands the same in a webhook, a file drop and a log, and can
be verified years later. Signing takes a function, so the key stays where it lives; what comes from outside is read by
a library that knows `crit` and the limits of a header. The algorithm is pinned to "Ed25519", its full name since
RFC 9864; which key is meant says `kid`, the thumbprint of RFC 7638.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from hubtwin.base.errors import Denied
from hubtwin.model.message import Signed

ALGORITHM = "Ed25519"
MAX_CONTENT_BYTES = 4 << 20
Sign = Callable[[bytes], bytes]
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])
_REGISTRY.max_payload_length = MAX_CONTENT_BYTES


class Signing:
    """The signature of one hub: how to sign, and under which key that is known to others."""

    def __init__(self, sign: Sign, public_hex: str) -> None:
        """Take a function that signs bytes with the Ed25519 key whose public half is given in hex."""
        self._sign, self.public_hex = sign, public_hex
        self._protected = _protected(public_hex)

    def __call__(self, content: bytes) -> Signed:
        """Return some bytes with their detached signature."""
        signature = self._sign(self._protected + b"." + content)
        return Signed(content, f"{self._protected.decode()}..{_b64(signature).decode()}")


def verify(signed: Signed, keys: Iterable[str]) -> str:
    """Return the public key, in hex, that signed. Raises Denied where none of `keys` did, or the JWS is no such one."""
    keys = tuple(keys)
    if (written := _as_we_write(signed, keys)) is not None:
        return written
    known: Mapping[str, str] = {thumbprint(key): key for key in keys}
    try:
        found = jws.extract_compact(signed.signature.encode("ascii"), signed.content, _REGISTRY)
        headers = found.headers()
        key = known.get(str(headers.get("kid")))
        if (
            not _as_agreed(signed.signature, headers.get("b64"))
            or key is None
            or not jws.validate_compact(found, _key(key), [ALGORITHM], _REGISTRY)
        ):
            raise Denied("channels.wrong_signature")
    except (JoseError, ValueError, TypeError, KeyError) as error:  # a header may hold anything
        raise Denied("channels.wrong_signature") from error
    return key


@cache
def thumbprint(public_hex: str) -> str:
    """Return the JWK thumbprint of an Ed25519 key (RFC 7638, members as in RFC 8037 appendix A.3)."""
    told = json.dumps(_jwk(public_hex), sort_keys=True, separators=(",", ":"))
    return _b64(sha256(told.encode()).digest()).decode()


def read_line(line: bytes) -> Signed:
    """Return what stands in a line: signature, blank, content. Raises Denied for a line that has no signature."""
    signature, blank, content = line.partition(b" ")
    if not blank or not content or not signature or not signature.isascii():
        raise Denied("channels.wrong_signature")
    return Signed(content, signature.decode("ascii"))


def _as_we_write(signed: Signed, keys: Iterable[str]) -> str | None:
    """Return the key of a signature under the very header that `Signing` writes, where it verifies.

    Nothing of such a header is left to be read, so it costs a quarter. Everything else, also what does not verify, goes
    the whole way.
    """
    head, _, signature = signed.signature.partition("..")
    for key in keys:
        if head.encode() == _protected(key):
            try:
                raw = urlsafe_b64decode(signature + "==")
                if _b64(raw) == signature.encode() and len(signed.content) <= MAX_CONTENT_BYTES:
                    _public(key).verify(raw, head.encode() + b"." + signed.content)
                    return key
            except (InvalidSignature, ValueError):
                return None
    return None


def _as_agreed(signature: str, b64: object) -> bool:
    """Tell whether a JWS is detached and written in the one way that base64url has for its bytes.

    A last letter may have bits that no byte holds: another spelling would verify, but have another digest.
    """
    written = signature.rpartition("..")[2].encode()
    return b64 is False and ".." in signature and _b64(urlsafe_b64decode(written + b"==")) == written


@cache
def _protected(public_hex: str) -> bytes:
    """Return the header of a signature by a key, as it is signed."""
    head = {"alg": ALGORITHM, "b64": False, "crit": ["b64"], "kid": thumbprint(public_hex)}
    return _b64(json.dumps(head, separators=(",", ":")).encode())


@cache
def _public(public_hex: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex))


@cache
def _key(public_hex: str) -> OKPKey:
    return OKPKey.import_key({**_jwk(public_hex)})


def _jwk(public_hex: str) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": _b64(bytes.fromhex(public_hex)).decode()}


def _b64(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")
