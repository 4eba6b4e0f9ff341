"""The file drop: nothing half, nothing lost at a crash between two steps, and a person can carry it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from hubtwin.base.errors import Retry
from hubtwin.channels.filedrop import FileDrop, pick_up
from hubtwin.channels.jws import Signing
from hubtwin.channels.simulator import Faults
from hubtwin.channels.webhook import Delivery
from hubtwin.model.message import Signed
from hubtwin.stores.signing import Signer
from tests.contracts.channel_pairs import filedrop_pair
from tests.contracts.channel_suite import PARTNER, take_of


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    signer = Signer(tmp_path / "key")
    return Signing(signer.sign, signer.public_hex)


class Taking:
    """What was taken in."""

    def __init__(self, signing: Signing) -> None:
        self.lines: list[Signed] = []
        self._signing = signing

    def __call__(self, sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        assert sender == "/hubs/here"
        self.lines += lines
        return self._signing(b'{"receipt":1}')


def test_a_file_is_there_when_its_marker_is(tmp_path: Path, signing: Signing) -> None:
    drop, taking = FileDrop(tmp_path / "d", "/hubs/here"), Taking(signing)
    batch = [signing(b'{"n":1}'), signing(b'{"n":2}')]
    drop.put(batch, signing(b"{}"))
    (marker,) = (tmp_path / "d/to").glob("*.done")
    shutil.move(marker, tmp_path / "marker")
    assert pick_up(tmp_path / "d", taking) == [], "not complete yet"
    shutil.move(tmp_path / "marker", marker)
    (picked,) = pick_up(tmp_path / "d", taking)
    assert (picked.taken, picked.broken) == (2, 0)
    assert taking.lines == batch
    assert list((tmp_path / "d/to").iterdir()) == []
    (receipt,) = drop.collect()
    assert drop.collect() == [receipt], "it stays until it stands in the books"
    drop.forget(receipt)
    assert drop.collect() == []


def test_what_is_handed_over_twice_is_one_file(tmp_path: Path, signing: Signing) -> None:
    drop = FileDrop(tmp_path, "/hubs/here")
    for _ in range(2):
        drop.put([signing(b"{}")], signing(b"{}"))
    assert len(list((tmp_path / "to").glob("*.jsonl"))) == 1


@pytest.mark.parametrize("damage", [b"", b"x", b"cut"])
def test_a_file_that_was_cut_off_is_put_aside_with_a_reason(tmp_path: Path, signing: Signing, damage: bytes) -> None:
    drop, taking = FileDrop(tmp_path, "/hubs/here"), Taking(signing)
    drop.put([signing(b"{}")], signing(b"{}"))
    (file,) = (tmp_path / "to").glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-3] if damage == b"cut" else damage)
    (picked,) = pick_up(tmp_path, taking)
    assert (picked.taken, picked.broken) == (0, 1)
    assert taking.lines == []
    (errors,) = (tmp_path / "back").glob("*.errors.csv")
    told = errors.read_text(encoding="utf-8-sig")
    assert "channels.broken_marker" in told
    assert "重新发送" in told
    drop.put([signing(b"{}")], signing(b"{}"))
    assert [one.taken for one in pick_up(tmp_path, taking)] == [1], "sent again it is taken"


def test_a_broken_line_is_named_and_the_others_are_taken(tmp_path: Path, signing: Signing) -> None:
    drop, taking = FileDrop(tmp_path, "/hubs/here"), Taking(signing)
    drop.put([signing(b'{"n":1}'), Signed(b"=cmd", ""), signing(b'{"n":2}')], signing(b"{}"))
    (picked,) = pick_up(tmp_path, taking)
    assert (picked.taken, picked.broken) == (2, 1)
    (errors,) = (tmp_path / "back").glob("*.errors.csv")
    assert errors.read_text(encoding="utf-8-sig").splitlines()[1].startswith("2,channels.wrong_signature")


def test_files_of_other_names_and_drafts_are_left_alone(tmp_path: Path, signing: Signing) -> None:
    (tmp_path / "to").mkdir()
    for name in ("notes.txt", "a.jsonl.done", ".x.jsonl.part", "../x.jsonl.done".replace("/", "_")):
        (tmp_path / "to" / name).write_bytes(b"{}")
    assert pick_up(tmp_path, Taking(signing)) == []
    assert len(list((tmp_path / "to").iterdir())) == 4


def test_a_receipt_that_is_none_is_put_aside(tmp_path: Path, signing: Signing) -> None:
    drop = FileDrop(tmp_path, "/hubs/here")
    (tmp_path / "back").mkdir()
    (tmp_path / "back/junk.receipt").write_bytes(b"junk")
    assert drop.collect() == []
    assert (tmp_path / "archive/junk.receipt").exists()


def test_a_folder_that_cannot_be_used_is_tried_again(tmp_path: Path, signing: Signing) -> None:
    (tmp_path / "to").write_text("a file where the folder should be")
    with pytest.raises(Retry):
        FileDrop(tmp_path, "/hubs/here").put([signing(b"{}")], signing(b"{}"))


def test_a_person_carries_the_folder_where_there_is_no_network(tmp_path: Path) -> None:
    pair = filedrop_pair(tmp_path, Faults())
    keys = pair.say(3)
    pair.sender.pump(pair.now)
    there, back = tmp_path / "stick", tmp_path / "drop"
    shutil.copytree(back / "to", there / "to")
    take = take_of(pair.partner, pair.reception, lambda: pair.now)

    def taken(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        return take(Delivery(sender, tuple(lines), head))

    assert [one.taken for one in pick_up(there, taken)] == [3]
    shutil.copytree(there / "back", back / "back")
    pair.sender.pump(pair.now)
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 3}
    assert pair.applied() == keys
    pair.close()
