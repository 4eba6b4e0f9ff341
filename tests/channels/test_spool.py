"""The spool: what it has acknowledged is on disk, a cut-off line spoils nothing, a full disk is said."""

import json
from pathlib import Path

import pytest

from hubtwin.base.errors import Retry
from hubtwin.channels.spool import Spool
from hubtwin.model.event import Message

AT_MIN = 27_770_460  # 2022-10-20T01:00Z


def test_a_message_is_a_line_of_its_channel_and_day(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "outbox")
    for key in ("a", "b"):
        spool(Message(key, "orders", {"task": key, "zh": "接站"}, AT_MIN))
    spool(Message("c", "cap", {}, AT_MIN + 24 * 60))
    lines = (tmp_path / "outbox/orders/2022-10-20.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in lines] == ["a", "b"]
    assert json.loads(lines[0])["payload"] == {"task": "a", "zh": "接站"}
    assert (tmp_path / "outbox/cap/2022-10-21.jsonl").is_file()


def test_after_a_line_that_a_crash_cut_off_the_next_one_begins_anew(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool(Message("a", "orders", {}, AT_MIN))
    book = tmp_path / "orders/2022-10-20.jsonl"
    book.write_bytes(book.read_bytes() + b'{"key": "hal')
    spool(Message("b", "orders", {}, AT_MIN))
    lines = book.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["key"] == "a"
    assert json.loads(lines[2])["key"] == "b"


def test_a_place_that_takes_nothing_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "orders").write_text("a file where the folder should be")
    with pytest.raises(Retry) as refused:
        Spool(tmp_path)(Message("a", "orders", {}, AT_MIN))
    assert refused.value.key == "channels.spool_failed"
