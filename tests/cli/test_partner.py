"""`hubtwin partner`: who the partners are, and whether the log with each holds."""

import json
import sqlite3
from contextlib import closing

from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.channels.send import Parcel
from hubtwin.model.event import Message
from hubtwin.settings import load_settings
from hubtwin.stores.embedded import store_directory
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import WIRE_FILE
from hubtwin.wiring.partners import make_sender, open_partners
from tests.cli.kit import Hub

PARTNERS = """
[partners.depot]
name = { zh = "公交", en = "Bus depot" }
level = "district"
way = "page"
jurisdictions = ["33"]
[[partners.depot.agreements]]
id = "B-1"
purpose = "send a vehicle"
basis = "order"
profile = "bus"
from = 2020-01-01
until = 2099-12-31
"""


def _write_to_depot(hub: Hub) -> None:
    settings = load_settings(str(hub.hub), hub.home)
    at_min = epoch_minute(system_clock())
    partners = open_partners(store_directory(settings.home, settings.hub.hub_id), settings.hub.hub_id, at_min)
    sender = make_sender(partners, {}, lambda message: [Parcel("depot", "t", "s", "urn:x", message.payload)])
    sender.take([Message(f"m{number}", "c", {"n": number}, at_min) for number in range(3)])
    partners.wire.close()


def test_partners_are_listed_with_what_is_agreed(tiny: Hub) -> None:
    assert "docs/formats.md" in tiny("partner", "list").err
    tiny.hub.write_text(tiny.hub.read_text(encoding="utf-8") + PARTNERS, encoding="utf-8")
    _write_to_depot(tiny)
    shown = tiny.done("partner", "list")
    assert all(word in shown for word in ("Bus depot", "2099-12-31", "3 waiting"))
    (told,) = json.loads(tiny.done("partner", "list", "--format", "json"))
    assert (told["partner"], told["sent"]["waiting"], told["received"]) == ("depot", 3, {})
    assert "公交" in tiny("partner", "list", lang="zh").out


def test_the_key_is_that_of_the_signature(tiny: Hub) -> None:
    settings = load_settings(str(tiny.hub), tiny.home)
    key = Signer(store_directory(settings.home, settings.hub.hub_id)).public_hex
    assert key in tiny.done("partner", "key").replace("\n", "")


def test_a_log_that_somebody_changed_is_found(tiny: Hub) -> None:
    tiny.hub.write_text(tiny.hub.read_text(encoding="utf-8") + PARTNERS, encoding="utf-8")
    _write_to_depot(tiny)
    assert "3 entries" in tiny.done("partner", "verify", "depot")
    settings = load_settings(str(tiny.hub), tiny.home)
    path = store_directory(settings.home, settings.hub.hub_id) / WIRE_FILE
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("UPDATE entries SET digest = 'x' WHERE seq = 2")
    broken = tiny("partner", "verify", "depot")
    assert (broken.code, broken.out != "") == (1, True)
    assert tiny("partner", "verify", "nobody").code == 1


def test_what_was_refused_is_listed_and_can_be_voided(tiny: Hub) -> None:
    tiny.hub.write_text(tiny.hub.read_text(encoding="utf-8") + PARTNERS, encoding="utf-8")
    assert "nothing" in tiny("partner", "refused").err
    _write_to_depot(tiny)
    settings = load_settings(str(tiny.hub), tiny.home)
    at_min = epoch_minute(system_clock())
    books = open_partners(store_directory(settings.home, settings.hub.hub_id), settings.hub.hub_id, at_min)
    first = books.wire.list_waiting("depot", 1)[0]
    with books.wire.unit() as unit:
        unit.settle("depot", first.signed.digest, "refused", "channels.not_taken", at_min * 60_000)
    books.wire.close()
    (told,) = json.loads(tiny.done("partner", "refused", "--format", "json"))
    assert (told["partner"], told["id"]) == ("depot", "m0")
    assert "m0" in tiny.done("partner", "void", "depot", "m0")
    assert "nothing" in tiny("partner", "refused").err
    assert tiny("partner", "void", "depot", "m9").code == 1


def test_a_desk_reads_in_sheets_of_partners_that_have_them(tiny: Hub) -> None:
    sheets = PARTNERS.replace('way = "page"', 'way = "sheets"\nfolder = "depot"')
    tiny.hub.write_text(tiny.hub.read_text(encoding="utf-8") + sheets, encoding="utf-8")
    key = tiny.done("partner", "desk-key", "depot")
    assert key == tiny.done("partner", "desk-key", "depot")
    assert "depot" in tiny("partner", "read-in", "depot").err
    assert tiny("partner", "read-in", "nobody").code == 1
    tiny.hub.write_text(tiny.hub.read_text(encoding="utf-8").replace('"sheets"', '"page"'), encoding="utf-8")
    assert "sheets" in tiny("partner", "read-in", "depot").err
