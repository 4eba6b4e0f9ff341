"""The commands of batches as a steward uses them: with a stick that goes to the province and back, and a sheet."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.channels.excel import Column, Form, read_sheet, write_sheet
from hubtwin.channels.filedrop import FileDrop, pick_up
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import Line
from hubtwin.model.message import Peer
from hubtwin.model.record import Marks, Provenance
from hubtwin.sim.province import Province
from hubtwin.wiring.partners import Partners, make_sender, open_partners
from tests.cli.kit import HUB as HUB_TOML
from tests.cli.kit import Hub
from tests.rules.report_story import citizen, facts
from tests.wiring.batch_town import TEMPLATES, ZONE

FAR = "platform"
PARTNER = """
[partners.platform]
name = {{ zh = "省平台", en = "Platform of the province" }}
level = "province"
way = "https"
url = "http://127.0.0.1:9/nobody"
jurisdictions = ["33"]
keys = ["{key}"]

[[partners.platform.agreements]]
id = "P-1"
purpose = "report"
basis = "test"
profile = "province"
from = 2020-01-01
until = 2099-12-31
"""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Partners]:
    made = open_partners(tmp_path / "far", FAR, epoch_minute(system_clock()))
    with closing(made.wire):
        yield made


@pytest.fixture
def hub(tmp_path: Path, far: Partners) -> Hub:
    (tmp_path / "hub.toml").write_text(HUB_TOML + PARTNER.format(key=far.signing.public_hex), encoding="utf-8")
    return Hub(tmp_path / "hub.toml", tmp_path / "home")


@pytest.fixture
def persons(tmp_path: Path) -> Path:
    file = tmp_path / "facts.jsonl"
    rows = [facts(1), facts(2), facts(2), facts(3, identity__phone="12")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def _make(hub: Hub, persons: Path) -> str:
    hub.done("batch", "make", persons, "--template-version", "1", "--synthetic")
    return str(json.loads(hub.done("batch", "list", "--format", "json"))[-1]["batch_id"])


def _answer(hub: Hub, far: Partners, stick: Path) -> Province:
    """Be the platform, to which the stick is carried."""
    peer = Peer("tiny", (hub.done("matcher", "hub-key").strip(),))
    reception = Reception(FAR, {"tiny": peer}, ZONE)
    pick_up(
        stick,
        lambda sender, lines, head: receive(
            far.wire, lines, sender, reception, signing=far.signing, now=system_clock(), head=head
        ),
    )
    back = make_sender(far, {"tiny": Line(peer, FileDrop(stick / "answers", FAR))}, lambda message: ())
    province = Province(far.wire, back, "tiny", TEMPLATES.known)
    province.follow()
    back.pump(system_clock())
    return province


def test_a_stick_goes_to_the_province_and_comes_back(hub: Hub, far: Partners, persons: Path, tmp_path: Path) -> None:
    batch, stick = _make(hub, persons), tmp_path / "stick"
    sent = hub("batch", "send")
    assert sent.code == 1, "nobody listens there"
    assert FAR in sent.err
    assert "2" in hub.done("batch", "export", batch, "--to", stick)
    assert len(_answer(hub, far, stick).persons) == 2
    assert hub.done("batch", "take", stick)
    (told,) = json.loads(hub.done("batch", "list", "--format", "json"))
    assert (told["accepted"], told["held"], told["superseded"]) == (2, 1, 1)
    hub.done("batch", "take", stick)  # twice is once
    assert hub("batch", "export", batch, "--to", stick).code == 1, "nothing is left to hand over"


def test_a_row_is_corrected_and_goes(hub: Hub, far: Partners, persons: Path, tmp_path: Path) -> None:
    batch, file = _make(hub, persons), tmp_path / "errors.csv"
    hub.done("batch", "errors", batch, file)
    assert file.stat().st_mode & 0o077 == 0
    as_before = hub("batch", "resend", batch, file)
    assert as_before.code == 0
    file.write_text(file.read_text("utf-8-sig").replace(",12,", ",13900000000,"), encoding="utf-8-sig")
    hub.done("batch", "resend", batch, file)
    again = hub("batch", "resend", batch, file)
    assert again.code == 1, "the row is corrected already"
    for each in json.loads(hub.done("batch", "list", "--format", "json")):
        hub.done("batch", "export", each["batch_id"], "--to", tmp_path / "stick")
    people = _answer(hub, far, tmp_path / "stick").persons
    assert {person[1] for person in people} == {citizen(1), citizen(2), citizen(3)}
    excel = tmp_path / "errors.xlsx"
    hub.done("batch", "errors", batch, excel)
    assert excel.read_bytes()[:2] == b"PK"


def test_a_sheet_that_a_person_filled_in_counts_as_an_answer(hub: Hub, persons: Path, tmp_path: Path) -> None:
    batch, stick = _make(hub, persons), tmp_path / "stick"
    hub.done("batch", "export", batch, "--to", stick)
    sheet = stick / f"{batch}.xlsx"
    form = Form(
        "urn:hubtwin:batch-sheet:1",
        tuple(Column(key, key, key) for key in ("batch", "key", "revision", "result", "reason")),
    )
    rows = [{**row, "result": "accepted"} for row in read_sheet(sheet.read_bytes(), form).rows.values()]
    sheet.write_bytes(write_sheet(form, rows, Marks(provenance=Provenance.SYNTHETIC)))
    for _ in range(2):
        hub.done("batch", "take", sheet)
        assert json.loads(hub.done("batch", "list", "--format", "json"))[0]["accepted"] == 2
    assert hub.done("batch", "receipts")
    assert hub.done("batch", "list")


def test_a_check_says_what_is_wrong_and_writes_nothing(hub: Hub, persons: Path) -> None:
    for lang, said in (
        ("en", "row 4, Telephone: is no telephone number"),
        ("zh", "第 4 行，联系电话：不是有效的电话号码"),
    ):
        told = hub("batch", "check", persons, "--template-version", "1", lang=lang)
        assert told.code == 1
        assert said in told.out
    assert json.loads(hub.done("batch", "list", "--format", "json")) == []
    hub.done("batch", "list")


def test_what_is_missing_is_said_with_what_to_do(hub: Hub, persons: Path, tmp_path: Path) -> None:
    assert "version 9" in hub("batch", "make", persons, "--template-version", "9").err
    assert "hubtwin batch list" in hub("batch", "errors", "no-such", tmp_path / "x.csv").err
    assert hub("batch", "send", "--again").code == 2
    persons.write_text("{}\nnot json\n", encoding="utf-8")
    assert "2" in hub("batch", "make", persons).err
    assert json.loads(hub.done("batch", "list", "--format", "json")) == [], "nothing was written"
    (tmp_path / "hub.toml").write_text(HUB_TOML, encoding="utf-8")
    assert "province" in hub("batch", "list").err
