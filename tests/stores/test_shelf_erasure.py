"""Rows of the library are kept as long as their listing says, or until their event is over; and stay gone."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.loads import Load, NewBad
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.returning import Return, ReturnKind, ReturnState, Said
from hubtwin.stores.backup import backup
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.check import check
from hubtwin.stores.ending import certificate_text, destroy_emergency
from hubtwin.stores.erasure import (
    Where,
    erase_old_lines,
    erase_shelf,
    person_digest,
    restore_forgetting,
)
from hubtwin.stores.erasures_told import list_erasures
from hubtwin.stores.returns import Returns
from hubtwin.stores.shelf_erasure import LOADED, erase_from_shelves
from hubtwin.stores.shelf_rows import Landing, ShelfRows
from hubtwin.stores.shelves import LIBRARY_FOLDER, Shelves
from hubtwin.stores.signing import open_sealed
from tests.stores.test_deletion import BEGIN, EMERGENCY, Hub, _filled

SHAPE = Dataset(
    *("monitored", "监测人员", "persons under monitoring", ("number",)),
    columns=(
        Column("number", "string", "编号", "number", Grade.L3),
        Column("confirmed_on", "date", "更新日期", "confirmed on", nullable=True),
    ),
)
LISTING = Listing(
    *(SHAPE, "epidemic", "health", Sharing.RESTRICTED, {}), confirmed_column="confirmed_on", retain_days=30
)
BOUND = replace(LISTING, retain_days=None, confirmed_column="", ends_with="epidemic")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    made = Hub(tmp_path / "home")
    shelves = Shelves(made.store.directory / LIBRARY_FOLDER, at_min=0)
    rows = ShelfRows(shelves, "here", Status.ACTUAL, clock=made.clock)
    today = BEGIN.date()
    for part, days in enumerate((0, 29, 31, None)):
        confirmed = None if days is None else today - timedelta(days=days)
        told = [Landing(f"k{part}", 1, {"number": f"n{part}", "confirmed_on": confirmed})]
        rows.land(LISTING, f"p{part % 2}", told, f"m{part}", Marks(provenance=Provenance.SYNTHETIC))
    shelves.close()
    yield made
    made.close()


def _held(directory: Path) -> dict[int, str]:
    shelves = Shelves(directory / LIBRARY_FOLDER, at_min=0)
    found = {
        row["row_no"]: row["number"]
        for file in shelves.files("monitored")
        for row in pq.read_table(file.path).to_pylist()
    }
    shelves.close()
    return found


def _nightly(hub: Hub, listing: Listing) -> object:
    hub.keeping = replace(hub.keeping, listings=[listing])
    return hub.nightly()["library_rows"]


def test_the_night_takes_rows_that_nobody_confirmed_for_too_long(hub: Hub) -> None:
    assert _nightly(hub, LISTING) == {"monitored": 1}
    assert _held(hub.store.directory) == {1: "n0", 2: "n1", 4: "n3"}, "a row without a date is not known to be old"
    hub.wait(2)
    assert _nightly(hub, LISTING) == {"monitored": 1}
    assert _nightly(hub, LISTING) == {}
    assert _held(hub.store.directory) == {1: "n0", 4: "n3"}
    assert check(hub.store.directory).problems == ()


def test_without_a_column_of_confirmation_the_time_on_the_shelf_counts(hub: Hub) -> None:
    listing = replace(LISTING, confirmed_column="")
    hub.wait(30)
    assert _nightly(hub, listing) == {}
    hub.wait(1)
    assert _nightly(hub, listing) == {"monitored": 4}
    assert _held(hub.store.directory) == {}


@pytest.mark.parametrize("older_has", [("number",), ("number", "dropped")])
def test_rows_of_two_shapes_in_one_part_go_by_a_column_that_came_later(hub: Hub, older_has: tuple[str, ...]) -> None:
    """Rows from before a contract added the column go by when they came; here that was now, so they stay."""
    columns = tuple(Column(name, "string", name, name, nullable=name != "number") for name in older_has)
    older = replace(LISTING, dataset=Dataset("watched", "x", "x", ("number",), columns))
    newer = replace(LISTING, dataset=replace(SHAPE, name="watched"))
    shelves = Shelves(hub.store.directory / LIBRARY_FOLDER, at_min=0)
    rows = ShelfRows(shelves, "here", Status.ACTUAL, clock=hub.clock)
    rows.add_row(older, dict.fromkeys(older_has, "old"), key="a", source="s")
    rows.add_row(newer, {"number": "new", "confirmed_on": date(2020, 1, 1)}, key="b", source="s")
    rows.add_row(newer, {"number": "newer", "confirmed_on": BEGIN.date()}, key="c", source="s")
    shelves.close()
    gone = Where("confirmed_on", until_value=date(2021, 1, 1))
    assert erase_from_shelves(hub.store.directory, "watched", [gone], 0) == 1
    shelves = Shelves(hub.store.directory / LIBRARY_FOLDER, at_min=0)
    (file,) = shelves.files("watched")
    left = pq.read_table(file.path).to_pylist()
    shelves.close()
    assert [(row["row_no"], row["number"], row.get("dropped")) for row in left] == [
        (1, "old", "old" if "dropped" in older_has else None),
        (3, "newer", None),
    ]
    assert check(hub.store.directory).problems == ()
    assert erase_from_shelves(hub.store.directory, "watched", [Where("added_today", until_value=0)], 0) == 0
    person = Where("new_number", only=frozenset({person_digest("newer")}))
    assert erase_from_shelves(hub.store.directory, "watched", [person], 0) == 1, "found in another column"
    came = [Where("added_today", until_value=1)]
    assert erase_from_shelves(hub.store.directory, "watched", came, 0) == len(left) - 1, "they came before that minute"


def test_what_is_withheld_and_all_rows_under_a_hold_wait(hub: Hub) -> None:
    shelves = Shelves(hub.store.directory / LIBRARY_FOLDER, at_min=0)
    shelves.withhold("monitored", [3], "court order 12", "wu", 0)
    shelves.close()
    assert _nightly(hub, LISTING) == {}
    hub.wait(2)
    hold = hub.keeping.grants.set_hold("e1", by="wu", reason="court")
    assert _nightly(hub, LISTING) == {}
    hub.keeping.grants.lift_hold(hold, by="wu")
    assert _nightly(hub, LISTING) == {"monitored": 1}
    assert _held(hub.store.directory) == {1: "n0", 3: "n2", 4: "n3"}


def _quarantine(hub: Hub, *lines: str) -> None:
    """Put lines of the dataset into quarantine now."""
    with closing(Shelves(hub.store.directory / LIBRARY_FOLDER, at_min=0)) as shelves:
        load = shelves.loads.begin(Load("L1", "monitored", "p", "f.csv", "0" * 64, {}, "zheng", 1))
        bad = [NewBad(number, line, []) for number, line in enumerate(lines)]
        with shelves.database.transaction() as con:
            shelves.loads.advance(con, load, bad, cursor="", rows=0, at_min=hub.keeping.now_min())


def _lines(directory: Path) -> list[str]:
    with closing(Shelves(directory / LIBRARY_FOLDER, at_min=0)) as shelves:
        return [row.raw for row in shelves.quarantined("monitored")]


def test_lines_that_could_not_be_read_go_when_they_are_as_old_as_rows_may_be(hub: Hub, tmp_path: Path) -> None:
    _quarantine(hub, "n7;old")
    hub.wait(2)
    _quarantine(hub, "n8;new")
    hub.wait(29)
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.keeping = replace(hub.keeping, listings=[LISTING])
    hold = hub.keeping.grants.set_hold("e1", by="wu", reason="court")
    assert hub.nightly()["quarantined_lines"] == {}
    hub.keeping.grants.lift_hold(hold, by="wu")
    assert hub.nightly()["quarantined_lines"] == {"monitored": 1}
    assert _lines(hub.store.directory) == ["n8;new"]
    assert hub.nightly()["quarantined_lines"] == {}
    place = hub.store.directory
    restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=hub.clock, forgotten_by=[place])
    assert _lines(tmp_path / "new") == ["n8;new"]


def test_lines_that_could_not_be_read_go_with_their_event(hub: Hub, tmp_path: Path) -> None:
    order = _filled(hub)
    _quarantine(hub, "n7;tomorrow", "n8;yesterday")
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.wait(60)
    hub.keeping = replace(hub.keeping, listings=[BOUND])
    sealed = destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    assert open_sealed(sealed, hub.keeping.signer.public_hex)["rows"]["quarantine:monitored"] == 2
    assert "quarantine:monitored 2" in certificate_text(sealed, hub.keeping.signer.public_hex, "en")
    assert _lines(hub.store.directory) == []
    restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=hub.clock)
    assert _lines(tmp_path / "new") == []


def test_what_streets_sent_back_goes_with_the_event(hub: Hub) -> None:
    order, keeping = _filled(hub), replace(hub.keeping, listings=[BOUND])
    keys = VaultKeys(hub.vault)
    returns = Returns(keeping.register.database, keeping.audit, keys, clock=hub.clock)
    sent = Return("", ReturnKind.ADDITION, "monitored", "street-1", "330102001", "sun", 0, 1 << 40)
    one = returns.send(sent, Said({"number": "n7"}, "moved in"), key="a")
    other = returns.send(replace(sent, dataset="other"), Said({"number": "n8"}, "moved in"), key="b")
    returns.settle(one.return_id, ReturnState.ACCEPTED, by="owner")
    hub.wait(60)
    sealed = destroy_emergency(keeping, replace(order, word_id=hub.word()))
    assert open_sealed(sealed, keeping.signer.public_hex)["rows"]["returns"] == 1
    assert returns.get(one.return_id).state is ReturnState.WITHDRAWN
    assert [returns.read(each.return_id) is None for each in (one, other)] == [True, False]


def test_lines_of_another_event_of_the_scene_stay(hub: Hub) -> None:
    order = _filled(hub)
    _quarantine(hub, "n7;of this event")
    hub.wait(60)
    _quarantine(hub, "n8;later")
    later = replace(EMERGENCY, emergency_id="e2", begins_min=order.emergency.ends_min + 10 * 1440)
    hub.keeping = replace(hub.keeping, listings=[BOUND])
    others = [replace(later, ends_min=later.begins_min + 1440)]
    destroy_emergency(hub.keeping, replace(order, word_id=hub.word(), others=others))
    assert _lines(hub.store.directory) == ["n8;later"]


def test_lines_go_by_when_they_came_and_by_nothing_else(hub: Hub) -> None:
    for where in (Where("confirmed_on", until_value=date(2020, 1, 1)), Where(LOADED, 1)):
        with pytest.raises(Malformed):
            erase_old_lines(hub.store.directory, "monitored", where, clock=hub.clock, why="x")


def test_the_end_of_an_event_destroys_what_was_kept_for_it_and_the_certificate_says_so(
    hub: Hub, tmp_path: Path
) -> None:
    order = _filled(hub)
    backup(hub.store.directory, tmp_path / "copy", clock=hub.clock)
    hub.wait(60)
    hub.keeping = replace(hub.keeping, listings=[BOUND, replace(LISTING, dataset=replace(SHAPE, name="other"))])
    sealed = destroy_emergency(hub.keeping, replace(order, word_id=hub.word()))
    body = open_sealed(sealed, hub.keeping.signer.public_hex)
    assert body["rows"]["library:monitored"] == 4
    assert "library:monitored 4" in certificate_text(sealed, hub.keeping.signer.public_hex, "en")
    assert _held(hub.store.directory) == {}
    _, erased = restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=hub.clock)
    assert erased >= 4
    assert _held(tmp_path / "new") == {}


def test_another_event_of_the_scene_keeps_what_came_outside_of_this_one(hub: Hub) -> None:
    order = _filled(hub)
    hub.wait(60)
    later = replace(EMERGENCY, emergency_id="e2", begins_min=order.emergency.ends_min + 20 * 1440)
    later = replace(later, ends_min=later.begins_min + 1440)
    shelves = Shelves(hub.store.directory / LIBRARY_FOLDER, at_min=0)
    rows = ShelfRows(shelves, "here", Status.ACTUAL, clock=hub.clock)
    rows.add_row(LISTING, {"number": "later"}, key="k", source="street-1")
    shelves.close()
    hub.keeping = replace(hub.keeping, listings=[BOUND])
    destroy_emergency(hub.keeping, replace(order, word_id=hub.word(), others=[later]))
    assert list(_held(hub.store.directory).values()) == ["later"]


def test_one_persons_rows_go_by_digest_and_nothing_that_is_written_down_names_anybody(hub: Hub) -> None:
    named = [Where("number", only=frozenset({person_digest("n1")}))]
    count = erase_shelf(hub.store.directory, "monitored", named, clock=hub.clock, why="asked for by the person")
    assert count == 1
    assert set(_held(hub.store.directory).values()) == {"n0", "n2", "n3"}
    assert "n1" not in [str(told["where"]) for told in list_erasures(hub.store.directory)]


def test_an_erasure_without_a_condition_is_refused(hub: Hub) -> None:
    for where in ([], [Where("number")]):
        with pytest.raises(Malformed):
            erase_shelf(hub.store.directory, "monitored", where, clock=hub.clock, why="x")
    day = date(1900, 1, 1)
    nothing = [Where("confirmed_on", until_value=day)]
    assert erase_shelf(hub.store.directory, "monitored", nothing, clock=hub.clock, why="x") == 0
    assert len(_held(hub.store.directory)) == 4
