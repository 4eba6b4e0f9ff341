"""Grants, holds, the audit and reports from the command line: each person proves who it is."""

import io
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.base.text import catalogue, text
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.model.event import EventKind
from hubtwin.model.record import Marks, Provenance
from hubtwin.ports import Batch
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from hubtwin.wiring import open_store
from hubtwin.wiring.keeping import nightly
from tests.cli.kit import Hub, Ran, make_tiny_hub
from tests.flow.loop_story import anyone
from tests.stores.test_erasure import read, stays
from tests.wiring.hub_kept import PASSWORD, add_people, of_hub

ISSUE = ("grant", "issue", "officer", "--column", "name", "--column", "phone", "--purpose", "trace", "--days", "3")
WHY = ("--reason", "tracing of the outbreak", "--password-stdin")
Ask = Callable[..., Ran]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub with accounts, an event, and a night that is done; made once, because hashing passwords takes its time."""
    made = make_tiny_hub(tmp_path_factory.mktemp("people") / "tiny")
    settings = load_settings(str(made.hub), made.home)
    with open_desk(settings, clock=system_clock, real_clock=system_clock) as desk:
        add_people(desk.works.access.accounts)
        now_min = epoch_minute(system_clock())
        marks = Marks(provenance=Provenance.SYNTHETIC)
        said = Declaration("epidemic", "covid-19", "9th plan", "boss", now_min, now_min + 1440, marks)
        declare_emergency(desk.works.ledger, said, anyone)
        assert nightly(desk.works, system_clock()) is not None
    return made


@pytest.fixture
def hub(prepared: Hub, tmp_path: Path) -> Hub:
    """A copy of it."""
    shutil.copytree(prepared.home, tmp_path / "home")
    return Hub(prepared.hub, tmp_path / "home")


@pytest.fixture
def ask(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run a command with one password for each person, or those that are given."""

    def run(*arguments: object, passwords: tuple[str, ...] = (PASSWORD, PASSWORD), lang: str = "en") -> Ran:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{each}\n" for each in passwords)))
        ran = hub(*arguments, lang=lang)
        assert PASSWORD not in ran.out + ran.err
        return ran

    return run


def _event_id(hub: Hub) -> str:
    settings = load_settings(str(hub.hub), hub.home)
    with open_desk(settings, clock=system_clock, real_clock=system_clock) as desk:
        (event,) = desk.works.ledger.list_events(kinds=[EventKind.EMERGENCY_DECLARED])
    return event.subject


def _grants(ask: Ask) -> list[dict[str, object]]:
    ran = ask("grant", "list", "--by", "owner", "--password-stdin", "--format", "json")
    assert ran.code == 0, ran
    return list(json.loads(ran.out))


def test_a_grant_is_given_listed_and_revoked(ask: Ask) -> None:
    ran = ask(*ISSUE, *WHY, "--by", "owner", "--second", "guard")
    assert ran.code == 0, ran
    (grant,) = _grants(ask)
    assert (grant["grantee"], grant["issued_by"], grant["approved_by"]) == ("officer", "owner", "guard")
    assert (grant["live"], grant["purposes"], grant["reason"]) == (True, ["trace"], "tracing of the outbreak")
    assert str(grant["grant_id"]) in ran.out
    for lang in ("zh", "en"):
        table = ask("grant", "list", "--by", "auditor", "--password-stdin", lang=lang).out
        assert str(grant["grant_id"]) in table
        assert catalogue()["cli.grant_live"][lang] in table
    assert ask("grant", "revoke", grant["grant_id"], "--by", "guard", "--password-stdin").code == 0
    assert [each["live"] for each in _grants(ask)] == [False]
    assert ask("grant", "revoke", "no-such", "--by", "guard", "--password-stdin").code == 1


@pytest.mark.parametrize(
    ("by", "second", "passwords"),
    [
        ("owner", "guard", (PASSWORD, "wrong")),
        ("owner", "guard", ("wrong", PASSWORD)),
        ("owner", "guard", (PASSWORD,)),
        ("owner", "owner", (PASSWORD, PASSWORD)),
        ("guard", "owner", (PASSWORD, PASSWORD)),
        ("owner", "auditor", (PASSWORD, PASSWORD)),
        ("owner", "nobody", (PASSWORD, PASSWORD)),
    ],
)
def test_a_grant_takes_two_people_who_may_and_who_prove_it(
    by: str, second: str, passwords: tuple[str, ...], ask: Ask
) -> None:
    ran = ask(*ISSUE, *WHY, "--by", by, "--second", second, passwords=passwords)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.strip()
    assert _grants(ask) == []


def test_a_request_that_is_not_as_it_must_be_is_refused_by_the_name_of_the_entry(ask: Ask) -> None:
    people = ("--by", "owner", "--second", "guard", "--password-stdin")
    ran = ask(*ISSUE, "--reason", "x", *people)
    assert ran.code == 1
    assert "reason" in ran.err
    assert "pydantic" not in ran.err
    ran = ask(*ISSUE, "--column", "shoe_size", "--reason", "tracing", *people)
    assert (ran.code, "shoe_size" in ran.err) == (1, True)
    assert _grants(ask) == []


def test_a_hold_is_set_listed_and_lifted(hub: Hub, ask: Ask) -> None:
    event = _event_id(hub)
    assert ask("hold", "set", event, "--reason", "court order 12", "--by", "boss", "--password-stdin").code == 1
    ran = ask("hold", "set", event, "--reason", "court order 12", "--by", "guard", "--password-stdin")
    assert ran.code == 0, ran
    told = json.loads(ask("hold", "list", "--by", "owner", "--password-stdin", "--format", "json").out)
    (hold,) = told["holds"]
    assert (hold["emergency_id"], hold["reason"], hold["set_by"]) == (event, "court order 12", "guard")
    assert event in ask("hold", "list", "--by", "owner", "--password-stdin", lang="zh").out
    assert ask("hold", "set", "no-such-event", *WHY, "--by", "guard").code == 1
    assert ask("hold", "lift", hold["hold_id"], "--by", "owner", "--password-stdin").code == 0
    assert ask("hold", "lift", hold["hold_id"], "--by", "owner", "--password-stdin").code == 1


def test_the_audit_is_verified_exported_and_checked_elsewhere(hub: Hub, ask: Ask, tmp_path: Path) -> None:
    whole = ask("audit", "verify", "--by", "auditor", "--password-stdin")
    assert whole.code == 0, whole
    key = whole.out.split()[-1]
    target = tmp_path / "audit.jsonl"
    assert ask("audit", "export", target, "--by", "guard", "--password-stdin").code == 1, "only an auditor exports"
    assert not target.exists()
    ran = ask("audit", "export", target, "--by", "auditor", "--password-stdin")
    assert (ran.code, key in ran.out, target.stat().st_mode & 0o777) == (0, True, 0o600)
    assert "AuditExported" in target.read_text(encoding="utf-8")
    assert ask("audit", "export", target, "--by", "auditor", "--password-stdin").code == 1, "nothing is overwritten"
    assert hub("audit", "check", target, "--key", key).code == 0
    assert hub("audit", "check", target, "--key", "00" * 32).code == 1
    target.write_text(target.read_text(encoding="utf-8").replace("9th plan", "10th plan").replace("guard", "g"))
    assert hub("audit", "check", target, "--key", key).code == 1


def test_reports_are_listed_and_printed_in_both_languages(ask: Ask) -> None:
    (told,) = json.loads(ask("report", "list", "--by", "owner", "--password-stdin", "--format", "json").out)
    assert (told["kind"], told["verified"]) == ("nightly_deletion", True)
    kind = ("--kind", "destruction_certificate")
    assert json.loads(ask("report", "list", *kind, "--by", "owner", "--password-stdin", "--format", "json").out) == []
    for lang in ("zh", "en"):
        assert told["report_id"] in ask("report", "list", "--by", "owner", "--password-stdin", lang=lang).out
        shown = ask("report", "show", told["report_id"], "--by", "owner", "--password-stdin", lang=lang)
        assert (shown.code, told["report_id"] in shown.out) == (0, True)
    assert ask("report", "show", "no-such", "--by", "owner", "--password-stdin").code == 1
    assert ask("report", "show", told["report_id"], "--by", "officer", "--password-stdin").code == 1


def test_passwords_are_asked_for_at_the_terminal_by_name_and_never_shown(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def hidden(prompt: str, **how: object) -> str:
        assert how["hide_input"]
        asked.append(prompt)
        return PASSWORD

    monkeypatch.setattr("click.prompt", hidden)
    ran = hub(*ISSUE, *WHY[:2], "--by", "owner", "--second", "guard")
    assert ran.code == 0, ran
    assert asked == ["Password of owner", "Password of guard"]


def test_an_erased_person_stays_erased_when_an_older_backup_is_restored(hub: Hub, tmp_path: Path) -> None:
    settings = load_settings(str(hub.hub), hub.home)
    rows = stays(("erased", 1, 2), ("kept", 1, epoch_minute(system_clock())))
    with open_store(settings, system_clock) as store:
        store.write(Batch("k1", "s", {"stays": of_hub(rows, store.hub_id)}))
    hub.done("backup", tmp_path / "copy")
    with open_desk(settings, clock=system_clock, real_clock=system_clock) as desk:
        assert nightly(desk.works, system_clock() + timedelta(days=2)) is not None
    for lang in ("zh", "en"):
        elsewhere = Hub(hub.hub, tmp_path / lang)
        printed = elsewhere.done("restore", tmp_path / "copy", lang=lang)
        assert text("cli.restored_erased", lang, rows="1") in printed
        with open_store(load_settings(str(elsewhere.hub), elsewhere.home), system_clock) as store:
            assert read(store, "stays", "pid") == [("kept",)]
