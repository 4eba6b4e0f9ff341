"""What the hub signs, and what it does not accept as signed."""

import json
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.stores.signing import SIGNING_FILE, Signer, is_signed, open_sealed


def test_a_sealed_report_opens_with_the_hubs_key_only(tmp_path: Path) -> None:
    signer, other = Signer(tmp_path / "a"), Signer(tmp_path / "b")
    sealed = signer.seal({"rows": 3, "of": "停留"})
    assert open_sealed(sealed, signer.public_hex) == {"rows": 3, "of": "停留"}
    for wrong in (other.seal({"rows": 3}), sealed.replace(other.public_hex, ""), "", "[]", '{"body": 1}'):
        if wrong != sealed:
            with pytest.raises(Malformed):
                open_sealed(wrong, signer.public_hex)


def test_a_report_that_was_altered_does_not_open(tmp_path: Path) -> None:
    signer = Signer(tmp_path)
    told = json.loads(signer.seal({"rows": 3}))
    for change in ({"body": {"rows": 4}}, {"signature": "00" * 64}, {"signature": "zz"}):
        with pytest.raises(Malformed):
            open_sealed(json.dumps({**told, **change}), signer.public_hex)
    assert open_sealed(json.dumps(told), signer.public_hex) == {"rows": 3}


def test_the_key_stays_the_same_and_a_damaged_one_is_refused(tmp_path: Path) -> None:
    assert Signer(tmp_path).public_hex == Signer(tmp_path).public_hex
    assert not is_signed(b"x", b"y", "not hex")
    (tmp_path / SIGNING_FILE).write_bytes(b"short")
    with pytest.raises(Denied):
        Signer(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [SIGNING_FILE]
