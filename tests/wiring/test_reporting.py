"""Closed cases go to the platform above by the hour, each person once, and its answers come back into the books."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Retry
from hubtwin.channels.receive import Reception
from hubtwin.channels.send import Line
from hubtwin.model.event import EventKind
from hubtwin.model.message import Peer
from hubtwin.model.record import Status
from hubtwin.rules.batching import RowState
from hubtwin.scenes.epidemic.scene import SCENE as EPIDEMIC
from hubtwin.sim.province import Province
from hubtwin.stores import batches
from hubtwin.wiring.partners import make_sender, open_partners, reception_of
from hubtwin.wiring.reporting import Reporting
from hubtwin.wiring.running import batching_of, partners_beside, sender_of
from tests.wiring.batch_town import Wired
from tests.wiring.hub_kept import STORIES, KeptHub, opened
from tests.wiring.partner_town import grant_identity, partner, waiting

PLATFORM = "province"


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path / "home") as kept:
        known = {PLATFORM: partner(PLATFORM, "province", "33", tmp_path / PLATFORM)}
        yield replace(kept, works=replace(kept.works, settings=replace(kept.works.settings, partners=known)))


def _reporting(hub: KeptHub) -> Reporting:
    batching = batching_of(hub.works, EPIDEMIC, sender_of(hub.works))
    assert batching is not None
    return Reporting(hub.works, EPIDEMIC, batching)


def _states(reporting: Reporting) -> dict[RowState, int]:
    books = reporting.batching.books
    found = [books.count(head.batch_id) for head in books.list_heads()]
    return {state: n for state in RowState if (n := sum(counts[state] for counts in found))}


def _close(hub: KeptHub, *pids: str) -> None:
    for case in hub.open(*pids).values():
        number = int(case.pid.removeprefix("p"))
        told = {"name": f"合成{number}", "id_type": "CITIZEN", "id_no": _id_no(number), "phone": "13800000000"}
        hub.works.access.vault.remember(case.pid, told)
        hub.move(case, *STORIES["released"])


def _id_no(number: int) -> str:
    """Return a number with a right check digit (GB 11643) of a place that does not exist."""
    body = f"990102199001{1 + number % 28:02d}{number:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def test_each_hour_takes_what_was_closed_since(hub: KeptHub) -> None:
    grant_identity(hub, PLATFORM)
    reporting = _reporting(hub)
    hub.declare()
    _close(hub, "p1", "p2")
    reporting(hub.now)
    before = _states(reporting)
    assert sum(before.values()) == 2
    _close(hub, "p3")
    reporting(hub.now)  # the same hour
    assert _states(reporting) == before
    hub.wait(hours=1)
    reporting(hub.now)
    assert sum(_states(reporting).values()) == 3
    hub.wait(hours=1)
    _reporting(hub)(hub.now)  # as after a restart: nobody is written a second time
    assert sum(_states(reporting).values()) == 3


def test_who_may_not_be_told_waits_for_the_grant(hub: KeptHub) -> None:
    reporting = _reporting(hub)
    hub.declare()
    _close(hub, "p1")
    reporting(hub.now)
    assert _states(reporting) == {}
    assert waiting(hub, PLATFORM) == []
    grant_identity(hub, PLATFORM)
    hub.wait(hours=1)
    reporting(hub.now)
    assert sum(_states(reporting).values()) == 1


def test_without_a_platform_there_are_no_batches(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as kept:
        assert batching_of(kept.works, EPIDEMIC, sender_of(kept.works)) is None


def test_rows_go_to_the_platform_and_its_answers_come_back_through_the_loop(hub: KeptHub, tmp_path: Path) -> None:
    grant_identity(hub, PLATFORM)
    assert hub.works.partners is not None
    far = open_partners(tmp_path / PLATFORM, PLATFORM, hub.now_min)
    me, zone = hub.works.settings.hub.hub_id, hub.works.settings.hub.zone
    peer = Peer(me, (hub.works.partners.signing.public_hex,))
    here = reception_of(hub.works.settings.partners, me, zone, Status.ACTUAL)
    there = Reception(PLATFORM, {me: peer}, zone)
    out = Wired(lambda told: far.take(told, there, hub.now), me)
    back = Wired(lambda told: hub.works.partners.take(told, here, hub.now), PLATFORM)  # type: ignore[union-attr]
    sender = sender_of(hub.works)
    line = Line(Peer(PLATFORM, (far.signing.public_hex,)), out)
    sender = replace(sender, lines={PLATFORM: line})
    parts = partners_beside(hub.works, EPIDEMIC, sender)
    reporting = next(part for part in parts if isinstance(part, Reporting))
    templates = reporting.batching.templates.known
    platform = Province(far.wire, make_sender(far, {me: Line(peer, back)}), me, templates)
    hub.declare()
    _close(hub, *(f"p{number}" for number in range(1, 8)))
    for _ in range(4):
        for part in parts:
            part(hub.now)
        sender.pump(hub.now)
        platform.follow()
        platform.send.pump(hub.now)
        hub.wait(hours=1)
    assert _states(reporting) == {RowState.ACCEPTED: 7}
    assert {person[1] for person in platform.persons} == {_id_no(number) for number in range(1, 8)}
    used = hub.works.ledger.list_events(kinds=(EventKind.PARTNER_DATA_USED,))
    assert sum(int(str(event.payload["changed"])) for event in used) == 7
    far.wire.close()


def test_a_batch_that_could_not_be_made_is_made_the_next_time(hub: KeptHub, monkeypatch: pytest.MonkeyPatch) -> None:
    grant_identity(hub, PLATFORM)
    reporting = _reporting(hub)
    hub.declare()
    _close(hub, "p1", "p2")

    def stop(name: str) -> None:
        if name == "batches.before_made":
            raise Retry("stores.disk", path="batches.sqlite", detail="full")

    with monkeypatch.context() as patch:
        patch.setattr(batches, "failpoint", stop)
        with pytest.raises(Retry):
            reporting(hub.now)
    reporting(hub.now)
    assert sum(_states(reporting).values()) == 2
