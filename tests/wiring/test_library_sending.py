"""A partner's share is read as the partner sees it and leaves through its channel with numbers that stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.listing import Listing
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.basket import Basket, Form
from hubtwin.model.batch import RowAnswer, RowFate
from hubtwin.model.partner import Level, Partner, Way
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.ports import Batch
from hubtwin.rules.basket_moves import Changed
from hubtwin.rules.batching import RowState
from hubtwin.settings import load_settings
from hubtwin.settings.partners import PartnerSettings
from hubtwin.stores.signing import Signer
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.asked import salt_of
from hubtwin.wiring.batches import Batching
from hubtwin.wiring.governing import governing_of
from hubtwin.wiring.library_sending import errors_of_sending, send_again, send_corrected, send_through, stop_sendings
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.running import batching_of, make_running, sender_of
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
STEWARD = Person("zheng", "zheng", "data", AgencyKind.DATA, frozenset({Role.DATA_STEWARD}), frozenset())
NAME = "communities"


@contextmanager
def opened(home: Path) -> Iterator[Works]:
    partner = PartnerSettings(Partner("city", {"zh": "市", "en": "city"}, Level.CITY, Way.FILES), folder=home / "out")
    settings = replace(load_settings("hangzhou-east", home), district="shangcheng", partners={"city": partner})
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={}) as works:
        yield works


def _listing(works: Works, name: str = NAME) -> Listing:
    assert works.library is not None
    return works.library.catalogue().get(name)


def _fill(works: Works, *names: str) -> None:
    assert works.library is not None
    listing, library = _listing(works), works.library
    key = listing.dataset.key[0]
    for name in names:
        library.rows.add_row(listing, {key: name}, key=name, source="test")
    governing = governing_of(works)
    assert governing is not None
    governing.govern(NAME, "test")


def _give(works: Works, name: str = NAME, /, **changed: object) -> Share:
    listing, now_min = _listing(works, name), epoch_minute(NOW)
    given = Share(
        *("s1", "b1", "partner:city", name, frozenset({listing.dataset.key[0]}), ()),
        rows=Rows(everything=True),
        purpose=next(iter(works.library.catalogue().purposes)) if works.library else "",
        legal_basis="law",
        delivery=frozenset({Delivery.CHANNEL}),
        lane=Lane.OWNER,
        digest=listing.digest,
        from_min=0,
        until_min=now_min + 60,
        issued_by="owner",
        probed_min=0,
    )
    given = replace(given, **changed)  # type: ignore[arg-type]
    form = Form("k", given.grantee, given.purpose, given.legal_basis, 0, given.until_min, ())
    open_baskets(works.access).submit(Basket("b1", "applicant", "x", form, (), 0), [given])
    return given


def test_rows_leave_with_the_numbers_of_their_records_and_go_again_only_if_new(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        assert works.batches is not None
        assert works.partners is not None
        _fill(works, "a", "b")
        _give(works)
        head = send_through(works, "s1", by=STEWARD).head
        assert head is not None
        assert [row.key for row in works.batches.list_rows(head.batch_id)] != []
        assert len(works.partners.wire.list_waiting("city", 10)) == 2, "a head and a chunk, signed"
        assert send_through(works, "s1", by=STEWARD).head is None
        works.library.shelves.withhold(NAME, [1], "hold", "wu", 0)
        _fill(works, "c")
        second = send_through(works, "s1", by=STEWARD)
        assert {row.row.cells[0] for row in second.batched.rows} == {"2", "3"}, "what is withheld does not leave"
        kinds = [entry.by for entry in works.access.audit.list_entries(kind="LibraryAsked")]
        assert kinds == ["zheng"] * 3


def test_sent_again_go_only_rows_that_may_still_be_seen(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        assert works.batches is not None
        assert works.partners is not None
        _fill(works, "a", "b", "c")
        share = _give(works)
        head = send_through(works, "s1", by=STEWARD).head
        assert head is not None
        assert send_again(works, share, head.batch_id, by=STEWARD) == 3
        works.library.shelves.withhold(NAME, [2], "hold", "wu", 0)
        assert send_again(works, share, head.batch_id, by=STEWARD) == 2
        parcels = works.partners.wire.list_waiting("city", 20)
        assert len(parcels) == 6, "a head and a chunk for each of three times"
        assert works.batches.count(head.batch_id)[RowState.SENT] == 3
        works.library.shelves.withhold(NAME, [1, 3], "hold", "wu", 0)
        assert send_again(works, share, head.batch_id, by=STEWARD) == 0
        assert len(works.partners.wire.list_waiting("city", 20)) == 6, "nothing goes where nothing may be seen"


def test_what_may_not_be_seen_any_more_is_neither_shown_to_be_corrected_nor_sent(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        assert works.batches is not None
        _fill(works, "a", "b", "c")
        share = _give(works)
        head = send_through(works, "s1", by=STEWARD).head
        assert head is not None
        rows = works.batches.list_rows(head.batch_id)
        refused = [RowAnswer(row.key, row.revision, RowFate.REFUSED, "no") for row in rows]
        works.batches.settle("city", head.batch_id, refused)
        name = f"{head.batch_id}-errors.csv"
        content, count = errors_of_sending(works, share, head.batch_id, name, by=STEWARD)
        assert count == 3
        works.library.shelves.withhold(NAME, [2], "hold", "wu", 0)
        shown, count = errors_of_sending(works, share, head.batch_id, name, by=STEWARD)
        assert count == 2
        assert len(shown.splitlines()) == len(content.splitlines()) - 1
        typed = content.replace(b"a", b"x").replace(b"b", b"y")
        done = send_corrected(works, share, head.batch_id, name, typed, by=STEWARD)
        assert [problem.key for _, problem in done.problems] == ["stores.no_batch_row"], "that of the row that is gone"


def test_a_batch_that_a_crash_kept_from_the_wire_goes_when_the_share_is_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(batching: Batching, batch_id: str, *, again: bool = False) -> int:
        raise SystemExit(batch_id)

    with opened(tmp_path) as works:
        assert works.batches is not None
        assert works.partners is not None
        _fill(works, "a", "b", "c")
        _give(works)
        monkeypatch.setattr(Batching, "stage", die)
        with pytest.raises(SystemExit) as died:
            send_through(works, "s1", by=STEWARD)
        monkeypatch.undo()
        assert works.partners.wire.list_waiting("city", 10) == []
        scene = load(next(iter(SCENES.values())))
        upward = batching_of(works, scene, sender_of(works))
        assert upward is None or upward.stage_all() == 0, "the reports to the platform above leave it alone"
        assert works.library is not None
        works.library.shelves.withhold(NAME, [1], "hold", "wu", 0)
        made = send_through(works, "s1", by=STEWARD)
        assert made.head is not None
        assert made.head.batch_id == died.value.code
        went = works.batches.list_rows(made.head.batch_id)
        assert [row.cells[0] for row in went if row.cells] == ["2", "3"], "what may not be seen any more stays here"
        assert len(works.partners.wire.list_waiting("city", 10)) == 2, "a head and a chunk, once"
        assert send_through(works, "s1", by=STEWARD).head is None
        works.library.shelves.release(NAME, [1], "lifted", "wu", 0)
        again = send_through(works, "s1", by=STEWARD).head
        assert again is not None
        assert [row.cells[0] for row in works.batches.list_rows(again.batch_id) if row.cells] == ["1"]


@pytest.mark.parametrize("how", ["revoked", "query_only", "no_partner", "none"])
def test_what_is_not_live_for_a_partners_channel_does_not_leave(tmp_path: Path, how: str) -> None:
    ways: dict[str, dict[str, object]] = {
        "revoked": {"revoked_min": 1},
        "query_only": {"delivery": frozenset({Delivery.QUERY})},
        "no_partner": {"grantee": "agency:health"},
        "none": {},
    }
    with opened(tmp_path) as works:
        _fill(works, "a")
        _give(works, **ways[how])
        with pytest.raises((Denied, Absent)):
            send_through(works, "other" if how == "none" else "s1", by=STEWARD)
        assert works.partners is not None
        assert works.partners.wire.list_waiting("city", 10) == []


OWN = DATASETS["rail_calls"]  # its key has two columns, neither of which the partner is given


def _call(works: Works, batch: str, *calls: tuple[str, int, str]) -> None:
    """Let the store of the hub take calls: trip, order in it, platform."""
    marks = {"hub_id": works.store.hub_id, "source": "s", "status": "Actual", "provenance": "real", "replayed": False}
    rows = [
        {"trip_id": trip, "seq": seq, "station_id": "HGH", "code": "G1", "platform": platform, **marks}
        for trip, seq, platform in calls
    ]
    works.store.write(Batch(key=batch, source="s", tables={OWN.name: pa.Table.from_pylist(rows, schema=OWN.schema)}))


def test_the_hubs_own_records_leave_known_by_their_key_and_again_only_where_they_changed(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.batches is not None
        assert works.partners is not None
        _call(works, "k1", ("T1", 1, "4"), ("T1", 11, "5"), ("T11", 1, "6"))
        _give(works, OWN.name, columns=frozenset({"station_id", "platform"}))
        first = send_through(works, "s1", by=STEWARD)
        assert first.head is not None
        salt = salt_of(Signer(works.store.directory), "s1")
        keys = ("2:T11:1", "2:T12:11", "3:T111:1")  # each part of a key after its length: T1, 11 is not T11, 1
        expected = [sha256(f"record{salt}{key}".encode()).hexdigest()[:32] for key in keys]
        assert [tuple(row.row.cells) for row in first.batched.rows] == [
            (record, "HGH", platform) for record, platform in zip(expected, ("4", "5", "6"), strict=True)
        ]
        waiting = works.partners.wire.list_waiting("city", 10)
        assert len(waiting) == 2, "a head and a chunk, signed"
        told = b"".join(bytes(str(each), "utf-8") for each in waiting)
        assert b"T11" not in told, "a key that was not given does not leave"
        works.store.compact(OWN.name)  # rows lie elsewhere, and are the same records
        assert send_through(works, "s1", by=STEWARD).head is None
        _call(works, "k2", ("T1", 11, "7"), ("T2", 1, "8"))
        second = send_through(works, "s1", by=STEWARD)
        assert second.head is not None
        going = {row.row.cells[0]: (row.row.cells[2], row.revision) for row in second.batched.rows if row.revision}
        assert going.pop(expected[1]) == ("7", 2), "what changed is the next revision of the same record"
        assert list(going.values()) == [("8", 1)]
        rows = works.batches.list_rows(second.head.batch_id)
        assert len(rows) == 2


def test_another_share_knows_a_record_by_another_name(tmp_path: Path) -> None:
    found = []
    for share in ("s1", "s2"):
        with opened(tmp_path / "one" if share == "s1" else tmp_path / "two") as works:
            _call(works, "k1", ("T1", 1, "4"))
            _give(works, OWN.name, share_id=share, columns=frozenset({"trip_id", "seq"}))
            (row,) = send_through(works, share, by=STEWARD).batched.rows
            assert row.row.cells[1:] == ["T1", "1"]
            found.append(row.row.cells[0])
    assert len(set(found)) == 2


def test_rows_from_before_a_contract_added_a_column_are_read_with_the_others(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        listing = _listing(works)
        key, *_, last = listing.dataset.columns
        before = replace(listing, dataset=replace(listing.dataset, columns=listing.dataset.columns[:-1]))
        works.library.rows.add_row(before, {key.name: "old"}, key="old", source="test")
        _fill(works, "new")
        _give(works, columns=frozenset({key.name, last.name}))
        made = send_through(works, "s1", by=STEWARD)
        assert sorted(row.row.cells[1] for row in made.batched.rows) == ["new", "old"]


@pytest.mark.parametrize("how", ["revoked_min", "suspended_min", "until_min", "digest"])
def test_what_waits_for_a_partner_goes_no_more_once_its_share_has_ended(tmp_path: Path, how: str) -> None:
    with opened(tmp_path) as works:
        assert works.batches is not None
        assert works.partners is not None
        wire = works.partners.wire
        _fill(works, "a", "b")
        share = _give(works)
        head = send_through(works, "s1", by=STEWARD).head
        assert head is not None
        assert stop_sendings(works) == 0, "it holds"
        assert len(wire.list_waiting("city", 10)) == 2

        def put(changed: Share) -> None:
            open_baskets(works.access).change("b1", lambda basket, _: Changed(basket, (changed,)))

        put(replace(share, **{how: "other" if how == "digest" else epoch_minute(NOW)}))  # type: ignore[arg-type]
        assert stop_sendings(works) == 2
        assert wire.list_waiting("city", 10) == []
        assert stop_sendings(works) == 0
        with pytest.raises(Denied):
            send_through(works, "s1", by=STEWARD)
        put(share)  # as after a suspension: what did not go goes now
        send_through(works, "s1", by=STEWARD)
        assert len(wire.list_waiting("city", 10)) == 2
        assert wire.list_waiting("city", 10)[0].subject == f"{head.batch_id}.2"
        for name, count in (("streets", 0), (NAME, 2)):  # a person was erased in it
            assert stop_sendings(works, {name}) == count
        assert works.batches.count(head.batch_id)[RowState.SENT] == 2


def test_the_service_stops_what_waits_under_a_share_that_has_ended(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.partners is not None
        _fill(works, "a")
        share = _give(works)
        send_through(works, "s1", by=STEWARD)
        ended = replace(share, until_min=epoch_minute(NOW))
        open_baskets(works.access).change("b1", lambda basket, _: Changed(basket, (ended,)))
        make_running(works, {}).service.step(NOW)
        assert works.partners.wire.list_waiting("city", 10) == []
