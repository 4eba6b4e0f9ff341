"""Sheets as a channel: a row a message, filled in by hand, errors by row, and only the desk's word settles anything."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from hubtwin.channels.excel import FIRST_ROW
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.sheets import FILLED, NO, REFUSED_BY_HAND, YES, Returned, Sheets, TakeSheet, read_back
from hubtwin.channels.simulator import Faults, fill_in
from hubtwin.model.message import Signed
from tests.contracts.channel_pairs import VIEW, sheets_pair
from tests.contracts.channel_suite import HUB, PARTNER, ZONE, Pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    found = sheets_pair(tmp_path, Faults())
    yield found
    found.close()


def _folder(pair: Pair) -> Path:
    return pair.hub.directory.parent / "sheets"


def _take(pair: Pair) -> TakeSheet:
    reception = Reception(PARTNER, {HUB: pair.hub.peer}, ZONE)

    def take(sender: str, lines: Any, head: Signed | None, refuse: Any) -> Signed:
        side = pair.partner
        told = {"signing": side.signing, "now": pair.now, "head": head, "refuse": refuse}
        return receive(side.books, lines, sender, reception, **told)

    return take


def _hand_in(pair: Pair, change: Callable[[Any, list[str]], None], said: str = YES) -> list[Returned]:
    """Fill in the only sheet that is out, change it, hand it in and read it back."""
    (path,) = (_folder(pair) / "to").glob("*.xlsx")
    book = load_workbook(io.BytesIO(fill_in(path.read_bytes(), said)))
    sheet: Any = book.worksheets[0]
    change(sheet, [cell.value for cell in sheet[2]])
    (_folder(pair) / FILLED).mkdir(exist_ok=True)
    book.save(_folder(pair) / FILLED / "from the district.xlsx")
    return read_back(_folder(pair), [VIEW], _take(pair))


def test_what_the_partner_may_know_stands_in_a_row_and_what_is_filled_in_settles_it(pair: Pair) -> None:
    pair.say(3)
    pair.sender.pump(pair.now)
    (path,) = (_folder(pair) / "to").glob("*.xlsx")
    sheet: Any = load_workbook(path).worksheets[0]
    assert sheet.title == "合成 synthetic"
    keys = [cell.value for cell in sheet[2]]
    assert keys == ["digest", "id", "subject", "time", "case", "n", "received", "reason", "answer"]
    assert [cell.value for cell in sheet[FIRST_ROW + 1]][1:6] == ["m1", "c1", "2022-10-20T01:00:00+00:00", "c1", 1]

    def answered(sheet: Any, keys: list[str]) -> None:
        sheet.cell(FIRST_ROW, keys.index("answer") + 1).value = "接到人"

    assert _hand_in(pair, answered) == [Returned("from the district.xlsx", 3, 0, 0, {"m0": "接到人"})]
    pair.sender.pump(pair.now)
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 3}
    assert list((_folder(pair) / "to").iterdir()) == []
    assert list((_folder(pair) / "desk" / "to").iterdir()) == [], "what it says lies nowhere any more"


def test_rows_that_are_not_filled_in_wait_on_a_sheet_of_their_own(pair: Pair) -> None:
    pair.say(3)
    pair.sender.pump(pair.now)

    def empty(sheet: Any, keys: list[str]) -> None:
        sheet.cell(FIRST_ROW + 1, keys.index("received") + 1).value = None

    (first,) = (_folder(pair) / "to").glob("*.xlsx")
    assert [one.taken for one in _hand_in(pair, empty)] == [2]
    pair.sender.pump(pair.now)
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 2, "handed": 1}
    (second,) = (_folder(pair) / "to").glob("*.xlsx")
    assert second != first
    assert [one.taken for one in _hand_in(pair, lambda sheet, keys: None)] == [1]
    pair.sender.pump(pair.now)
    assert pair.applied() == ["m0", "m2", "m1"]


def test_a_person_may_refuse_and_the_case_goes_on(pair: Pair) -> None:
    pair.say(2, cases=1)
    pair.sender.pump(pair.now)

    def refused(sheet: Any, keys: list[str]) -> None:
        sheet.cell(FIRST_ROW, keys.index("received") + 1).value = NO
        sheet.cell(FIRST_ROW, keys.index("reason") + 1).value = "不是本区"

    assert [(one.taken, one.refused) for one in _hand_in(pair, refused)] == [(1, 1)]
    pair.sender.pump(pair.now)
    assert pair.applied() == ["m1"]
    assert [(one.id, one.reason, one.placed) for one in pair.hub.books.list_to_mend()] == [
        ("m0", REFUSED_BY_HAND, True)
    ]


def test_rows_with_an_error_are_named_and_the_others_are_taken(pair: Pair) -> None:
    pair.say(4, cases=4)
    pair.sender.pump(pair.now)

    def spoilt(sheet: Any, keys: list[str]) -> None:
        sheet.cell(FIRST_ROW, keys.index("digest") + 1).value = "0" * 64
        sheet.cell(FIRST_ROW + 1, keys.index("received") + 1).value = "maybe"
        sheet.cell(FIRST_ROW + 2, keys.index("answer") + 1).value = "=1+1"

    ((told),) = _hand_in(pair, spoilt)
    assert (told.taken, told.broken) == (1, 3)
    assert pair.applied() == ["m3"]
    (errors,) = (_folder(pair) / "back").glob("*.errors.csv")
    rows = errors.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert [(row.split(",")[0], row.split(",")[1]) for row in rows] == [
        *(("5", "channels.cell_wrong"), ("6", "channels.cell_formula"), ("4", "channels.row_of_nothing"))
    ]
    pair.now += timedelta(hours=1)
    pair.sender.pump(pair.now)
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 1, "handed": 3}, "out again"


def test_another_book_or_none_at_all_settles_nothing(pair: Pair) -> None:
    pair.say(1)
    pair.sender.pump(pair.now)
    filled = _folder(pair) / FILLED
    filled.mkdir()
    (filled / "a.xlsx").write_bytes(b"no zip")
    (filled / "~$b.xlsx").write_bytes(b"lock of an office program")
    (filled / "c.txt").write_bytes(b"")
    assert [(one.name, one.taken, one.broken) for one in read_back(_folder(pair), [VIEW], _take(pair))] == [
        ("a.xlsx", 0, 1)
    ]
    assert sorted(path.name for path in filled.iterdir()) == ["c.txt", "~$b.xlsx"]
    assert pair.hub.books.count_outgoing(PARTNER) == {"handed": 1}


def test_a_receipt_that_the_desk_did_not_sign_lets_go_of_no_row(pair: Pair) -> None:
    pair.say(1)
    pair.sender.pump(pair.now)
    channel = pair.channel
    assert isinstance(channel, Sheets)
    for forged in (pair.hub.signing(b'{"verdicts": []}'), pair.partner.signing(b"no receipt")):
        (_folder(pair) / "back").mkdir(exist_ok=True)
        (_folder(pair) / "back" / "x.receipt").write_bytes(forged.line)
        assert channel.collect() == [forged]
        channel.forget(forged)
        assert channel.collect() == []
    assert len(list((_folder(pair) / "to").iterdir())) == 1


def test_a_sheet_that_somebody_writes_in_is_left_as_it_is(pair: Pair) -> None:
    pair.say(1)
    pair.sender.pump(pair.now)
    (path,) = (_folder(pair) / "to").glob("*.xlsx")
    path.write_bytes(fill_in(path.read_bytes()))
    before = path.read_bytes()
    pair.now += timedelta(hours=1)
    pair.sender.pump(pair.now)
    assert path.read_bytes() == before


def test_what_is_withdrawn_leaves_no_sheet_and_its_neighbours_get_a_new_one(pair: Pair) -> None:
    pair.say(4, cases=2)
    pair.sender.pump(pair.now)
    assert pair.sender.destroy(["c0"]) == 2
    (path,) = (_folder(pair) / "to").glob("*.xlsx")
    sheet: Any = load_workbook(path).worksheets[0]
    assert [row[1].value for row in sheet.iter_rows(min_row=FIRST_ROW)] == ["m1", "m3"]
    pair.run()
    assert pair.applied() == ["m1", "m3"]
