"""Signatures: the standards' own examples, another implementation, and everything that must not verify."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.jwk import OKPKey

from hubtwin.base.errors import Denied
from hubtwin.channels.jws import Signing, read_line, thumbprint, verify
from hubtwin.model.message import Signed

# RFC 8037 appendix A.1 and A.3
D = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
CONTENT = '{"id":"1","zh":"接站.完成"}'.encode()


def _raw(text: str) -> bytes:
    return urlsafe_b64decode(text + "==")


KEY = Ed25519PrivateKey.from_private_bytes(_raw(D))
PUBLIC = _raw(X).hex()
SIGNING = Signing(KEY.sign, PUBLIC)
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw().hex()


def _b64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _respelled(signature: str) -> str:
    """Return another spelling of the same bytes: of the last letter two bits count only."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return signature[:-1] + letters[letters.index(signature[-1]) + 1]


def _forged(head: dict[str, object], content: bytes = CONTENT, payload: str = "") -> Signed:
    """Return something signed by the right key under another header."""
    protected = _b64(json.dumps(head).encode())
    body = content if head.get("b64") is False else _b64(content).encode()
    return Signed(content, f"{protected}.{payload}.{_b64(KEY.sign(protected.encode() + b'.' + body))}")


def test_the_thumbprint_is_that_of_the_standard() -> None:
    assert thumbprint(PUBLIC) == THUMBPRINT


def test_another_implementation_makes_the_same_signature_and_verifies_ours() -> None:
    signed = SIGNING(CONTENT)
    private = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "d": D, "x": X})
    head = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": THUMBPRINT}
    theirs = jws.serialize_compact(head, CONTENT, private, algorithms=["Ed25519"])
    assert (theirs if isinstance(theirs, str) else theirs.decode()).rpartition(".")[2] == signed.signature.rpartition(
        "."
    )[2]
    assert verify(signed, [OTHER, PUBLIC]) == PUBLIC


def test_a_line_is_read_back_as_it_was() -> None:
    signed = SIGNING(CONTENT)
    assert read_line(signed.line) == signed
    assert len(signed.digest) == 64
    for broken in (b"", b"abc", b"abc ", b" abc", "签 abc".encode()):
        with pytest.raises(Denied):
            read_line(broken)


@pytest.mark.parametrize(
    "signed",
    [
        Signed(CONTENT + b" ", SIGNING(CONTENT).signature),
        Signed(CONTENT, ""),
        Signed(CONTENT, "a.b"),
        Signed(CONTENT, "..."),
        Signed(CONTENT, "签名"),
        Signed(CONTENT, "!!..!!"),
        Signed(CONTENT, SIGNING(CONTENT).signature[:-2]),
        Signed(CONTENT, _respelled(SIGNING(CONTENT).signature)),
        _forged({"alg": "none", "b64": False, "crit": ["b64"], "kid": THUMBPRINT}),
        _forged({"alg": "HS256", "b64": False, "crit": ["b64"], "kid": THUMBPRINT}),
        _forged({"alg": "Ed25519", "kid": THUMBPRINT}),  # not detached as agreed
        _forged({"alg": "Ed25519", "b64": False, "crit": ["b64"]}),  # which key?
        _forged({"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": "other"}),
        _forged({"alg": "Ed25519", "b64": False, "crit": ["b64", "exp"], "exp": 1, "kid": THUMBPRINT}),
        _forged({"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": THUMBPRINT}, payload=_b64(b"{}")),
        _forged({"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": THUMBPRINT, "x": "y" * 2000}),
        _forged({"alg": ["Ed25519"], "b64": False, "crit": ["b64"], "kid": THUMBPRINT}),
        _forged({"alg": "Ed25519", "b64": False, "crit": "b64", "kid": {"a": 1}}),
    ],
)
def test_what_is_not_signed_as_agreed_is_refused(signed: Signed) -> None:
    with pytest.raises(Denied) as refused:
        verify(signed, [PUBLIC])
    assert refused.value.key == "channels.wrong_signature"


def test_a_key_that_is_not_registered_verifies_nothing() -> None:
    with pytest.raises(Denied):
        verify(SIGNING(CONTENT), [OTHER])
    with pytest.raises(Denied):
        verify(SIGNING(CONTENT), [])


def test_what_we_write_ourselves_verifies_without_reading_a_header_and_nothing_else_does() -> None:
    signed = SIGNING(CONTENT)
    assert verify(signed, iter([OTHER, PUBLIC])) == PUBLIC
    for wrong in (
        Signed(CONTENT + b" ", signed.signature),
        Signed(CONTENT, _respelled(signed.signature)),
        Signed(CONTENT, signed.signature + "=="),
        Signed(CONTENT, signed.signature.replace("..", ".x.")),
        Signed(CONTENT, signed.signature + "é"),
        Signed(CONTENT, signed.signature[:-8]),
    ):
        with pytest.raises(Denied):
            verify(wrong, [PUBLIC])
    with pytest.raises(Denied):
        verify(signed, [OTHER])
