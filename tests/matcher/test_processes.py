"""A hub and a matcher as two processes over mutual TLS: what arrives, what is refused, and what is nowhere."""

import json
import sqlite3
import ssl
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from hubtwin.base.clock import PacedClock, from_epoch_minute
from hubtwin.base.errors import Denied, Retry
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.model.record import Identity
from hubtwin.rules.privacy import epoch_of, normalise, pseudonym
from hubtwin.scenes.epidemic.profiles import PROFILES, get_profile
from hubtwin.sim.day import DOCUMENT
from hubtwin.sim.people import Kind
from hubtwin.stores.signing import Signer
from hubtwin.wiring.asking import Peer, Trace, ask_cotravel, fetch_status
from tests.matcher.hubside import Hub, Process, matched, start_matcher, wait_until
from tests.matcher.test_match import truth
from tests.matcher.town import DAY, HUB, NIGHT_MIN, area_rows, make_authority, sealed, table_of

PEOPLE = {*DAY.documents}


def pid_of(hub: Hub, document: str) -> str:
    day = DAY.world.hub_date
    minute = (day - datetime(1970, 1, 1).date()).days * 1440  # noqa: DTZ001
    key = hub.vault.find_epoch_key(epoch_of(minute))
    assert key is not None
    return pseudonym(key, normalise(Identity(DOCUMENT, document)))


def test_hits_reach_the_hub_under_its_pseudonyms_and_nobody_else_is_anywhere(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    authority = make_authority(tmp_path / "pki")
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority))
    peer = running[0].peer(authority)
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    assert publisher.step(clock()) == 0
    wait_until(lambda: matched(peer, 1))
    report = hub.poll(peer)
    assert report.kept == {"risk_hits": len(truth())}
    found = {(row["trip_id"], row["pid"], row["board_station"], row["level"]) for row in hub.hits()}
    assert found == {(trip, pid_of(hub, document), station, level) for trip, document, station, level in truth()}
    assert {row["provenance"] for row in hub.hits()} == {"synthetic"}
    assert hub.poll(peer).pages == 0
    publisher.stop()
    log = running[0].end()
    _nobody_but(tmp_path, hub, {document for _, document, _, _ in truth()}, log)


def _nobody_but(tmp_path: Path, hub: Hub, hits: set[str], log: str) -> None:
    """Count persons in everything that was written: documents nowhere, pseudonyms of hits only, one row each."""
    assert "matched" in log
    written = log.encode()
    for base in (tmp_path / "rail" / "matcher", tmp_path / "hub"):
        files = [path for path in base.rglob("*") if path.is_file()]
        assert files
        written += b"".join(path.read_bytes() for path in files)
    assert not [document for document in PEOPLE if document.encode() in written]
    assert {pid for pid in (pid_of(hub, d) for d in PEOPLE - hits) if pid.encode() in written} == set()
    data = sqlite3.connect(tmp_path / "rail" / "matcher" / "matcher.sqlite")
    rows = {
        name: data.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for (name,) in data.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    data.close()
    cells = rows.pop("counted")
    assert cells <= 2 * 4 * 3
    assert rows == {"migrations": 3, "held": 1, "changes": 0, "hits": len(hits), "pages": 1, "matches": 1, "queries": 0}
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "rail" / "matcher").iterdir()}
    assert sizes.pop("matcher.sqlite-journal", 0) == 0
    assert sizes.keys() == {"matcher.sqlite", "wrapping.key"}
    assert hub.store.held().keys() == {"risk_areas", "risk_hits"}
    assert len(hub.vault.list_people()) == 0


def test_a_connection_that_is_cut_comes_back_with_the_newest_table_only(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    authority = make_authority(tmp_path / "pki")
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority))
    peer = running[0].peer(authority)
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    running[0].end(9)
    for number in range(3):
        hub.add([replace(row, values={**row.values, "area_key": f"new{number}"}) for row in area_rows()[:1]])
        assert publisher.step(clock()) == 0
        time.sleep(0.01)
    assert publisher.states()[0].error == "connectors.common.http_unreachable"
    publisher.stop()  # the hub is started anew as well
    publisher = hub.publisher(peer, clock)
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority, port=running[0].port))
    assert fetch_status(peer)["table"]["version"] == 1  # it remembers what it held
    wait_until(lambda: publisher.step(clock()) == 1)
    status = fetch_status(peer)
    assert status["table"]["version"] == publisher.states()[0].version == 5  # made anew after the restart
    assert status["table"]["areas"] == len(area_rows()) + 3
    assert publisher.states()[0].error == ""
    wait_until(lambda: matched(peer, 5))
    assert {row["pid"] for row in _polled(hub, peer)} == {pid_of(hub, document) for _, document, _, _ in truth()}
    publisher.stop()


def test_a_matcher_that_is_killed_again_and_again_ends_with_the_newest_table_and_every_hit_once(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    port = 0
    authority = make_authority(tmp_path / "pki")
    publisher = None
    for number, delay_s in enumerate((0.0, 0.1, 0.3, 0.6)):
        running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority, port=port))
        port, peer = running[-1].port, running[-1].peer(authority)
        if publisher is None:
            publisher = hub.publisher(peer, clock)
            publisher.start()
        hub.add([replace(row, values={**row.values, "area_key": f"new{number}"}) for row in area_rows()[:1]])
        time.sleep(delay_s)
        running[-1].end(9)
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority, port=port))
    assert publisher is not None
    newest = publisher.states()[0].version
    wait_until(lambda: fetch_status(peer)["table"]["version"] == newest)
    wait_until(lambda: matched(peer, newest))
    publisher.stop()
    assert fetch_status(peer)["table"]["areas"] == len(area_rows()) + 4
    rows = _polled(hub, peer)
    assert sorted(str(row["pid"]) for row in rows) == sorted({pid_of(hub, d) for _, d, _, _ in truth()})
    assert hub.poll(peer).pages == 0


def _polled(hub: Hub, peer: Peer) -> list[dict[str, object]]:
    hub.poll(peer)
    return hub.hits()


def test_a_new_area_is_in_force_at_the_matcher_within_two_seconds_and_its_hits_follow(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    authority = make_authority(tmp_path / "pki")
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority))
    peer = running[0].peer(authority)
    publisher = hub.publisher(peer, clock)
    publisher.start()
    try:
        wait_until(lambda: matched(peer, 1))
        before = len(_polled(hub, peer))
        values = {**area_rows()[0].values, "area_key": "new", "street_code": None, "community": "模拟小区01"}
        hub.add([replace(area_rows()[0], values=values)])
        took_s = wait_until(lambda: fetch_status(peer)["table"]["version"] == 2)
        assert took_s < 10  # a refusal waits for 60; `benchmarks` measure it
        wait_until(lambda: matched(peer, 2))
        assert len(_polled(hub, peer)) > before
    finally:
        publisher.stop()


def test_older_unsigned_and_foreign_tables_are_refused_and_the_one_in_force_stands(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    authority = make_authority(tmp_path / "pki")
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=authority))
    peer, client = running[0].peer(authority), _client(authority)
    stranger = Signer(tmp_path / "stranger")
    table = table_of(version=7)

    def put(content: bytes) -> tuple[int, str]:
        answer = client.put(f"{peer.url}/table", content=content)
        return answer.status_code, answer.json().get("error", "")

    kept = sealed(hub.signer, table.body())
    assert put(kept) == (200, "")
    assert put(kept) == (200, "")  # the same again is no harm
    assert put(sealed(hub.signer, replace(table, version=6).body())) == (409, "matcher.older")
    assert put(sealed(hub.signer, replace(table, areas=()).body())) == (409, "matcher.older")
    assert put(sealed(stranger, replace(table, version=8).body())) == (403, "matcher.other_key")
    assert put(json.dumps({"body": table.body()}).encode()) == (403, "matcher.unsigned")
    stale = replace(table, version=8, made_min=NIGHT_MIN - 900, valid_until_min=NIGHT_MIN - 300)
    assert put(sealed(hub.signer, stale.body())) == (403, "matcher.stale")
    assert put(sealed(hub.signer, replace(table, version=8, hub_id="other").body())) == (403, "matcher.other_hub")
    assert put(b"no table") == (400, "matcher.unreadable")
    assert fetch_status(peer)["table"]["version"] == 7
    # a hub that lost what it had sent counts on from there
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 0
    assert publisher.step(clock()) == 1
    assert fetch_status(peer)["table"]["version"] == 8
    publisher.stop()
    client.close()


def _client(authority: object) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(authority.ca))  # type: ignore[attr-defined]
    context.load_cert_chain(authority.client.cert, authority.client.key)  # type: ignore[attr-defined]
    return httpx.Client(verify=context, trust_env=False, timeout=10)


def test_who_shows_no_certificate_or_another_one_gets_nothing(tmp_path: Path, hub: Hub, running: list[Process]) -> None:
    ours, theirs = make_authority(tmp_path / "pki"), make_authority(tmp_path / "theirs", "theirs")
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, authority=ours))
    peer = running[0].peer(ours)
    assert fetch_status(peer)["hub_id"] == HUB
    for wrong in (replace(peer, client=None), replace(peer, client=theirs.client), replace(peer, ca_file=theirs.ca)):
        with pytest.raises(Retry):
            fetch_status(wrong)
    with pytest.raises(Retry):
        fetch_status(replace(peer, url=peer.url.replace("https", "http")))
    with pytest.raises(Retry):
        list(HttpTransport(f"{peer.url}/hits", ca_file=ours.ca, timeout_s=5).pages(None))
    with pytest.raises(Denied):
        fetch_status(replace(peer, ca_file=tmp_path / "none.pem"))


def test_co_travellers_of_a_later_case_are_asked_for_and_some_plans_answer_nobody(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex))
    peer = running[0].peer(None, "http")
    case = next(person for person in range(len(DAY.bookings)) if DAY.bookings.kind[person] == Kind.ARRIVES)
    trip, day = DAY.world.trips[DAY.bookings.trip[case]], DAY.world.hub_date
    pid = pid_of(hub, DAY.documents[case])

    def ask(plan: str, decided_by: str = "", cases: tuple[str, ...] = (pid,)) -> dict[str, object]:
        asked = Trace(trip.trip_id, day, cases, get_profile(PROFILES, plan, day), decided_by)
        return dict(ask_cotravel(hub.side(), peer, asked, clock()))

    found = ask("covid-19-9th")
    assert found["traced"] is True
    assert (found["cases_aboard"], found["synthetic"]) == (1, True)
    contacts = found["contacts"]
    assert isinstance(contacts, list)
    known = {pid_of(hub, document) for document in PEOPLE}
    assert {contact["pid"] for contact in contacts} <= known - {pid}
    assert len(contacts) == found["persons"]
    assert contacts
    assert ask("influenza-seasonal")["traced"] is False
    with pytest.raises(Denied):
        ask("mpox")
    assert ask("mpox", "wang")["traced"] is True
    assert ask("covid-19-9th", cases=("f" * 32,))["cases_aboard"] == 0
    running[0].end()
    data = sqlite3.connect(tmp_path / "rail" / "matcher" / "matcher.sqlite")
    noted = data.execute("SELECT trip_id, pathogen_id, decided_by, answer FROM queries").fetchall()
    data.close()
    assert {row[1:3] for row in noted} == {("covid-19-9th", ""), ("mpox", "wang")}
    assert not [contact for contact in contacts if contact["pid"] in str(noted)]


def test_at_the_rung_of_counts_no_pseudonym_leaves_or_is_kept(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, "--rung", "counts"))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    publisher.stop()
    wait_until(lambda: matched(peer, 1))
    exact = Counter((trip, station, level) for trip, _, station, level in truth())
    assert hub.poll(peer, "counts").quarantined == {}
    cells = ("trip_id", "board_station", "level")
    told = {tuple(row[c] for c in cells): (row["persons_least"], row["persons_most"]) for row in hub.counts()}
    assert told == {cell: (n, n) if n >= 5 else (1, 4) for cell, n in exact.items()}
    assert {row["provenance"] for row in hub.counts()} == {"synthetic"}
    assert hub.poll(peer, "counts").pages == 0  # the same counts are the same page, whenever they were matched
    with pytest.raises(Denied):
        hub.poll(peer)
    assert fetch_status(peer)["hits_kept"] == 0
    asked = Trace("T1", DAY.world.hub_date, (pid_of(hub, DAY.documents[0]),), PROFILES[0])
    assert "contacts" not in ask_cotravel(hub.side(), peer, asked, clock())


def test_when_the_event_ends_the_matcher_forgets_its_hits_and_its_keys(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    wait_until(lambda: matched(peer, 1))
    assert fetch_status(peer)["hits_kept"] == len(truth())
    hub.in_force = False
    clock.jump(from_epoch_minute(NIGHT_MIN + 1))
    assert publisher.step(clock()) == 1
    publisher.stop()
    wait_until(lambda: matched(peer, 2))
    status = fetch_status(peer)
    assert (status["hits_kept"], status["table"]["areas"]) == (0, 0)
    running[0].end()
    written = (tmp_path / "rail" / "matcher" / "matcher.sqlite").read_bytes()
    assert not [d for _, d, _, _ in truth() if pid_of(hub, d).encode() in written]
    assert b'"sealed":"' not in written
