"""Partners without an address: lines from hub.toml to files, views and sheets, and what they lay down for the hub."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from hubtwin.channels.filedrop import FileDrop
from hubtwin.channels.page import OwnPage
from hubtwin.channels.send import Line, Parcel, Sender
from hubtwin.channels.sheets import FILLED, Sheets
from hubtwin.channels.simulator import fill_in
from hubtwin.channels.views import Views, opened
from hubtwin.model.event import Message
from hubtwin.model.message import Peer
from hubtwin.model.partner import Agreement, Level, Partner, Way
from hubtwin.model.record import Status
from hubtwin.settings import PartnerSettings
from hubtwin.wiring.collecting import IN, Collecting, open_desk
from hubtwin.wiring.partners import VIEWS_FILE, Partners, lines_of, open_partners, reception_of
from tests.contracts.channel_pairs import PROFILE
from tests.contracts.channel_suite import AT_MIN, MADE

HUB, NOW, ZONE = "here", datetime(2022, 10, 20, 1, 5, tzinfo=UTC), ZoneInfo("Asia/Shanghai")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Partners]:
    made = open_partners(tmp_path / "hub", HUB, AT_MIN)
    yield made
    made.wire.close()


def _told(name: str, way: Way, folder: Path, key: str = "") -> PartnerSettings:
    agreement = Agreement("A", "p", "b", date(2022, 1, 1), date(2022, 12, 31), PROFILE.name, frozenset())
    names = {"zh": name, "en": name}
    partner = Partner(name, names, Level.DISTRICT, way, keys=(key,) if key else (), agreements=(agreement,))
    return PartnerSettings(partner, folder=folder)


def _sender(side: Partners, to: str, line: Line, first: int = 0) -> Sender:
    sender = Sender(side.wire, side.signing, {to: line}, lambda message: [])
    data = {"case": "c", "n": first}
    sender.stage(
        [(Message(f"{side.wire.owner}-{first}", "p", {}, AT_MIN), Parcel(to, "t", "c", PROFILE.schema, data, MADE))]
    )
    return sender


def test_every_way_of_hub_toml_has_its_channel(tmp_path: Path) -> None:
    ways = {Way.FILES: FileDrop, Way.VIEWS: Views, Way.SHEETS: Sheets, Way.PAGE: OwnPage}
    partners = {way.value: _told(way.value, way, tmp_path / way.value) for way in ways}
    lines = lines_of(partners, HUB, {}, {PROFILE.name: PROFILE, "other": replace(PROFILE, name="other")})
    assert {Way(name): type(line.channel) for name, line in lines.items()} == ways


def test_what_partners_lay_down_is_taken_in_once_and_answered(hub: Partners, tmp_path: Path) -> None:
    far = {name: open_partners(tmp_path / name, name, AT_MIN) for name in ("by-files", "by-views", "stranger")}
    keys = {name: side.signing.public_hex for name, side in far.items()}
    partners = {
        "by-files": _told("by-files", Way.FILES, tmp_path / "f", keys["by-files"]),
        "by-views": _told("by-views", Way.VIEWS, tmp_path / "v", keys["by-views"]),
        "stranger": _told("stranger", Way.FILES, tmp_path / "s"),
    }
    collect = Collecting(hub, partners, reception_of(partners, HUB, ZONE, Status.ACTUAL)).collect
    assert collect(NOW) == 0
    peer = Peer(HUB, (hub.signing.public_hex,))
    senders = [
        _sender(far[name], HUB, Line(peer, FileDrop(tmp_path / folder / IN, name)))
        for name, folder in (("by-files", "f"), ("stranger", "s"))
    ]
    for sender in senders:
        sender.pump(NOW)
    _sender(far["by-views"], HUB, Line(peer, OwnPage()))
    (waiting,) = far["by-views"].wire.list_waiting(HUB, 9)
    with opened(tmp_path / "v" / VIEWS_FILE) as con:
        con.execute("INSERT INTO answers (line) VALUES (?)", (waiting.signed.line,))
    assert (collect(NOW), collect(NOW)) == (2, 0)
    assert sorted(received.id for _, received in hub.wire.list_applied()) == ["by-files-0", "by-views-0"]
    senders[0].pump(NOW)
    assert far["by-files"].wire.count_outgoing(HUB) == {"arrived": 1}, "the receipt came back"
    (tmp_path / "v" / VIEWS_FILE).write_bytes(b"damaged" * 99)
    _sender(far["by-files"], HUB, Line(peer, FileDrop(tmp_path / "f" / IN, "by-files")), 1).pump(NOW)
    assert collect(NOW) == 1, "one that cannot be read holds up no other"
    for side in far.values():
        side.wire.close()


def test_a_desk_reads_sheets_in_with_a_key_of_its_own(hub: Partners, tmp_path: Path) -> None:
    peer = Peer(HUB, (hub.signing.public_hex,))
    desk = open_desk(tmp_path / "office", "by-sheets", peer, ZONE, Status.ACTUAL, at_min=AT_MIN)
    partners = {"by-sheets": _told("by-sheets", Way.SHEETS, tmp_path / "x", desk.books.signing.public_hex)}
    drill = open_desk(tmp_path / "office", "by-sheets", peer, ZONE, Status.EXERCISE, at_min=AT_MIN)
    assert drill.books.signing.public_hex != desk.books.signing.public_hex, "an exercise has its own books"
    drill.books.wire.close()
    line = lines_of(partners, HUB, {}, {PROFILE.name: PROFILE})["by-sheets"]
    sender = _sender(hub, "by-sheets", line, 7)
    sender.pump(NOW)
    (sheet,) = (tmp_path / "x" / "to").glob("*.xlsx")
    assert load_workbook(sheet).worksheets[0].cell(4, 6).value == 7
    (tmp_path / "x" / FILLED).mkdir()
    (tmp_path / "x" / FILLED / "back.xlsx").write_bytes(fill_in(sheet.read_bytes()))
    (told,) = desk.read_in(tmp_path / "x", [PROFILE], NOW)
    assert (told.taken, told.broken) == (1, 0)
    sender.pump(NOW + timedelta(minutes=1))
    assert hub.wire.count_outgoing("by-sheets") == {"arrived": 1}
    assert [received.envelope for _, received in desk.books.wire.list_applied()] == [None], "the desk keeps no word"
    desk.books.wire.close()
