"""The end of an event destroys its data on two people's word, or says why not; what a kill parted is finished later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import arm, disarm
from hubtwin.channels.jws import Signing
from hubtwin.channels.log import verify
from hubtwin.channels.send import Parcel, Sender
from hubtwin.model.event import EventKind, Message
from hubtwin.model.record import Marks
from hubtwin.ports import CaseFilter
from hubtwin.stores.ending import certificate_text
from hubtwin.stores.recording import Recorder, Recording, list_sources, page_frame
from hubtwin.stores.signing import Signer, open_sealed
from hubtwin.stores.wire import Wire
from hubtwin.wiring.ending import Ended, data_of, destroy_standing, end_and_destroy, list_standing, why_kept
from hubtwin.wiring.keeping import nightly
from tests.stores.test_erasure import bookings, read, results, screenings, stays
from tests.wiring.hub_kept import BEGIN, STORIES, KeptHub, opened, stop_at

TWO = {"by": "boss", "second": "guard", "reason": "it is over"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path) as found:
        yield found
    disarm()


def fill(hub: KeptHub) -> str:
    """Declare an event, with rows and persons of its time; return its id."""
    event = hub.declare()
    hub.move(hub.open("p1")["p1"], *STORIES["released"])
    hub.keep_rows(
        "k1",
        gate_screenings=screenings(("p1", hub.now_min), ("p2", hub.now_min + 5)),
        test_results=results(("p1", hub.now_min)),
        stays=stays(("p1", hub.now_min - 1440, hub.now_min - 60)),
        bookings=bookings(("p1", 20, hub.now_min)),
    )
    hub.wait(minutes=10)
    return event.emergency_id


def end(hub: KeptHub, emergency_id: str) -> Ended:
    event = hub.works.ledger.find_emergency(emergency_id)
    assert event is not None
    return end_and_destroy(hub.works, event, **TWO)


def data(hub: KeptHub, emergency_id: str) -> str:
    event = hub.works.ledger.find_emergency(emergency_id)
    assert event is not None
    return data_of(hub.works, event)


def is_empty(hub: KeptHub) -> bool:
    return not any(
        read(hub.works.store, name, "pid") for name in ("gate_screenings", "test_results", "stays", "bookings")
    )


def test_the_end_destroys_and_the_certificate_verifies(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    assert data(hub, emergency_id) == "held"
    ended = end(hub, emergency_id)
    assert ended.certificate is not None
    assert ended.kept_because is None
    key = hub.works.access.audit.public_hex
    body = open_sealed(ended.certificate, key)
    assert body["rows"] == {
        "gate_screenings": 2,
        "test_results": 1,
        "stays": 1,
        "bookings": 1,
        "risk_hits": 0,
        "pseudonym_links": 0,
        "cotravellers": 0,
    }
    assert (body["ordered_by"], body["second"], body["persons_forgotten"], body["records"]) == ("boss", "guard", 1, 1)
    assert "guard" in certificate_text(ended.certificate, key, "zh")
    assert is_empty(hub)
    assert not hub.knows("p1")
    assert hub.kept() == {}
    assert data(hub, emergency_id) == "destroyed"
    assert list_standing(hub.works) == []
    assert [e.subject for e in hub.works.ledger.list_events(kinds=[EventKind.EMERGENCY_DATA_DESTROYED])] == [
        emergency_id
    ]
    assert destroy_standing(hub.works, emergency_id, **TWO) == ended, "the same certificate, nothing done twice"
    assert hub.works.access.audit.verify().problems == ()
    kinds = [entry.kind for entry in hub.works.access.audit.list_entries()]
    assert [kind for kind in kinds if kind.startswith(("Word", "Emergency", "Destr"))] == [
        *("EmergencyEnded", "WordAsked", "WordGiven", "DestructionBegun")
    ]


def test_recordings_go_with_the_data_of_an_event(hub: KeptHub) -> None:
    event = hub.declare()
    recorder = Recorder(hub.works.store.directory, "gates", lambda: hub.now)
    recorder.write(page_frame(hub.now, "page", "1", Marks(), b"who passed"))
    hub.wait(minutes=5)
    assert end(hub, event.emergency_id).certificate
    assert list_sources(hub.works.store.directory) == []
    (told,) = hub.works.store.list_events("RecordingsDeleted")
    assert told.payload == {"emergency": event.emergency_id, "segments": 1}
    recorder.write(page_frame(hub.now, "page", "2", Marks(), b"after it"))
    assert [frame.body for frame in Recording(hub.works.store.directory, "gates").frames()] == [b"after it"]
    recorder.close()


def test_the_end_destroys_what_messages_said_of_its_cases_and_of_no_other(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    (case_id,) = (case.case_id for case in hub.works.ledger.list_cases(CaseFilter(emergency_id=emergency_id)))
    still_open = hub.open("p9")["p9"]
    wire = Wire(hub.works.store.directory, hub.works.store.hub_id, hub.now_min)
    signer = Signer(hub.works.store.directory)
    sender = Sender(wire, Signing(signer.sign, signer.public_hex), {}, lambda message: [])
    subjects = (case_id, still_open.case_id, "of nobody")
    parcels = [
        (Message(each, "p", {}, hub.now_min), Parcel("/p", "t", each, "urn:x:1", {"name": "n"})) for each in subjects
    ]
    sender.stage(parcels)
    ended = end(hub, emergency_id)
    assert ended.certificate is not None
    assert open_sealed(ended.certificate, hub.works.access.audit.public_hex)["messages"] == 1
    assert [one.id for one in wire.list_waiting("/p", 9)] == [still_open.case_id, "of nobody"]
    assert verify(wire.list_entries("/p"), wire.owner, "/p") == []
    hub.move(still_open, *STORIES["released"])
    hub.wait(days=70)
    nightly(hub.works, hub.now)
    assert wire.list_waiting("/p", 9) == [], "the open case when it goes, the other one after its time"
    wire.close()


def test_a_legal_hold_keeps_the_data_and_the_event_ends_all_the_same(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    hold = hub.works.access.grants.set_hold(emergency_id, by="owner", reason="court order 12")
    ended = end(hub, emergency_id)
    assert ended.certificate is None
    assert ended.kept_because is not None
    assert all("court order 12" in ended.kept_because.message(lang) for lang in ("zh", "en"))
    (event,) = list_standing(hub.works)
    assert (event.ended_by, event.second, data(hub, emergency_id)) == ("boss", "guard", "standing")
    assert why_kept(hub.works, event) == ended.kept_because
    assert hub.knows("p1")
    assert not is_empty(hub)
    assert destroy_standing(hub.works, emergency_id, **TWO) == ended
    hub.works.access.grants.lift_hold(hold, by="owner")
    assert why_kept(hub.works, event) is None
    assert destroy_standing(hub.works, emergency_id, **TWO).certificate is not None
    assert is_empty(hub)


def test_an_event_that_lasts_keeps_the_data_of_one_before_it_and_two_that_are_over_do_not_keep_each_other(
    hub: KeptHub,
) -> None:
    first = fill(hub)
    hold = hub.works.access.grants.set_hold(first, by="owner", reason="court order 12")
    end(hub, first)
    hub.wait(days=2)
    second = hub.declare().emergency_id
    hub.works.access.grants.lift_hold(hold, by="owner")
    hold = hub.works.access.grants.set_hold(first, by="owner", reason="court order 13")
    hub.wait(days=1)
    kept = end(hub, second).kept_because
    assert kept is not None
    assert (kept.key, kept.values["other"]) == ("stores.emergency_shares", first)
    hub.works.access.grants.lift_hold(hold, by="owner")
    assert [each.emergency_id for each in list_standing(hub.works)] == [first, second]
    assert destroy_standing(hub.works, second, **TWO).certificate is not None
    assert destroy_standing(hub.works, first, **TWO).certificate is not None
    assert list_standing(hub.works) == []


@pytest.mark.parametrize(
    "place", ["wiring.emergency_ended", "stores.emergency_rows_erased", "stores.emergency_persons_forgotten"]
)
def test_a_kill_on_the_way_leaves_data_that_stand_and_can_be_destroyed_later(place: str, tmp_path: Path) -> None:
    clocks = {"hub": BEGIN, "real": BEGIN}
    with opened(tmp_path, clocks=clocks) as hub:
        emergency_id = fill(hub)
        arm(stop_at(place))
        with pytest.raises(KeyboardInterrupt):
            end(hub, emergency_id)
        disarm()
        assert data(hub, emergency_id) == "standing"
    with opened(tmp_path, clocks=clocks) as hub:
        assert [each.emergency_id for each in list_standing(hub.works)] == [emergency_id]
        assert destroy_standing(hub.works, emergency_id, **TWO).certificate is not None
        assert is_empty(hub)
        assert not hub.knows("p1")
        assert data(hub, emergency_id) == "destroyed"


def test_an_event_whose_last_day_is_over_stands_until_two_people_say_so(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    hub.wait(days=61)
    assert data(hub, emergency_id) == "standing"
    assert destroy_standing(hub.works, emergency_id, **TWO).certificate is not None


def test_a_person_whose_case_is_open_can_be_reached_until_it_is_closed(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    case = hub.move(hub.open("p9")["p9"], *STORIES["positive"])
    ended = end(hub, emergency_id)
    assert ended.certificate is not None
    assert open_sealed(ended.certificate, hub.works.access.audit.public_hex)["persons_in_open_cases"] == 1
    assert (hub.knows("p1"), hub.knows("p9")) == (False, True)
    hub.wait(days=1)
    nightly(hub.works, hub.now)
    assert hub.knows("p9")
    hub.move(case, "depart", "arrive", "close")
    hub.wait(days=1)
    nightly(hub.works, hub.now)
    assert not hub.knows("p9")
    assert hub.kept() == {}


def test_nobody_ends_alone_nor_without_being_allowed_and_nothing_happens_then(hub: KeptHub) -> None:
    emergency_id = fill(hub)
    event = hub.works.ledger.find_emergency(emergency_id)
    assert event is not None
    for by, second in (("boss", "boss"), ("boss", "auditor"), ("officer", "guard"), ("system", "guard")):
        with pytest.raises(Denied):
            end_and_destroy(hub.works, event, by=by, second=second, reason="over")
        with pytest.raises(Denied):
            destroy_standing(hub.works, emergency_id, by=by, second=second, reason="over")
    with pytest.raises(Denied) as refused:
        destroy_standing(hub.works, emergency_id, **TWO)
    assert refused.value.key == "stores.emergency_lasts"
    with pytest.raises(Absent):
        destroy_standing(hub.works, "no such event", **TWO)
    assert data(hub, emergency_id) == "held"
    assert hub.knows("p1")


def test_in_a_replay_everybody_in_the_vault_goes_with_the_event(tmp_path: Path) -> None:
    clocks = {"hub": BEGIN, "real": BEGIN.replace(year=2026)}
    with opened(tmp_path, "replay", clocks) as hub:
        emergency_id = fill(hub)
        hub.works.access.vault.remember("beside", {"name": "taken in without a case"})
        ended = end(hub, emergency_id)
        assert ended.certificate is not None
        body = open_sealed(ended.certificate, hub.works.access.audit.public_hex)
        assert (body["at"][:4], body["until"][:4], body["provenance"]) == ("2026", "2022", "synthetic")
        assert not hub.knows("beside")
        assert is_empty(hub)
