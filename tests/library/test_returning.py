"""The way back: what a street may send, who answers, and that what was accepted is written once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied, HubError, Malformed
from hubtwin.datasets.listing import Catalogue, Library, LibraryKind, Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.returning import ReturnDesk, table_of
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.returning import ReturnState, Said
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from tests.stores.returns_town import Town

OWN, OTHER = "330102001", "330102003"
SHAPE = Dataset(
    *("residents", "居民", "residents", ("id_no",)),
    columns=(
        Column("id_no", "string", "证件号", "document number", Grade.L3),
        Column("street", "string", "街道", "street"),
        Column("rooms", "int", "房间数", "rooms", nullable=True, minimum=0),
    ),
)
LISTING = Listing(SHAPE, "people", "civil-affairs", Sharing.RESTRICTED, {}, street_column="street")
PLAIN = replace(LISTING, dataset=replace(SHAPE, name="weather"), street_column="")
CATALOGUE = Catalogue(
    (Library("people", LibraryKind.BASE, {}),),
    (LISTING, PLAIN),
    agency_streets={"street-1": OWN, "street-2": OTHER},
)


def _person(user: str, agency: str, kind: AgencyKind, role: Role) -> Person:
    return Person(user, user, agency, kind, frozenset({role}), frozenset())


SUN = _person("sun", "street-1", AgencyKind.STREET, Role.AGENCY_LIAISON)
OWNER = _person("owner", "civil-affairs", AgencyKind.DEPARTMENT, Role.DATA_OWNER)
SHARE = Share(
    *("s1", "b1", "agency:street-1", "residents", frozenset({"id_no", "rooms", "street"}), ()),
    rows=Rows(column="street", values=frozenset({OWN})),
    purpose="elder_care",
    legal_basis="law",
    delivery=frozenset({Delivery.QUERY}),
    lane=Lane.OWNER,
    digest=LISTING.digest,
    from_min=0,
    until_min=1 << 40,
    issued_by="owner",
    probed_min=0,
)


class Shelf:
    """Rows in memory, written once by key; `broken` lets the next write fail."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, object]] = {
            1: {"id_no": "a", "street": OWN, "rooms": 2},
            2: {"id_no": "b", "street": OTHER, "rooms": 3},
        }
        self.keys: set[str] = set()
        self.broken = False

    def find_row(self, listing: Listing, row_no: int) -> Mapping[str, object] | None:
        return self.rows.get(row_no)

    def add_row(self, listing: Listing, values: Mapping[str, object], *, key: str, source: str) -> None:
        self._fail()
        if key not in self.keys:
            self.rows[len(self.rows) + 1] = table_of(listing, values).to_pylist()[0]
        self.keys.add(key)

    def correct(self, listing: Listing, row_no: int, column: str, value: object, *, key: str) -> None:
        self._fail()
        if row_no not in self.rows:
            raise Absent("stores.no_row", row=row_no, dataset=listing.name)
        self.rows[row_no][column] = value

    def _fail(self) -> None:
        if self.broken:
            raise OSError("disk")


def parse(listing: Listing, values: Mapping[str, str]) -> Mapping[str, object]:
    try:
        return {
            name: int(text) if listing.dataset.by_name[name].type == "int" else text for name, text in values.items()
        }
    except ValueError as error:
        raise Malformed("model.return_empty") from error


class Office:
    def __init__(self, folder: Path) -> None:
        self.town, self.shelf, self.shares = Town(folder), Shelf(), [SHARE]
        self.desk = ReturnDesk(
            *(CATALOGUE, self.town.returns, self.shelf, self._find, parse),
            now_min=lambda: 30_000_000,
            due=lambda minute: minute + 5 * 1440,
        )

    def _find(self, grantees: Sequence[str]) -> Sequence[Share]:
        return [share for share in self.shares if share.grantee in grantees]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path)
    yield made
    made.town.close()


def test_a_dispute_that_the_source_accepts_changes_the_row(office: Office) -> None:
    one = office.desk.dispute(SUN, "residents", 1, "rooms", Said({"rooms": "4"}, "counted on site"), key="k")
    assert one.due_min == 30_000_000 + 5 * 1440
    assert office.desk.read(OWNER, one.return_id) == Said({"rooms": "4"}, "counted on site")
    done = office.desk.answer(OWNER, one.return_id, accept=True)
    assert done.state is ReturnState.APPLIED
    assert office.shelf.rows[1]["rooms"] == 4


def test_an_addition_gets_the_street_of_who_sends_it_and_is_written_once(office: Office) -> None:
    said = Said({"id_no": "c", "rooms": "1"}, "moved in")
    one, again = (office.desk.add(SUN, "residents", said, key="k") for _ in range(2))
    assert one == again
    office.desk.answer(OWNER, one.return_id, accept=True)
    assert office.shelf.rows[3] == {"id_no": "c", "street": OWN, "rooms": 1}
    assert office.desk.apply_accepted() == 0
    assert len(office.shelf.rows) == 3


def test_what_cannot_be_written_holds_up_nothing_else(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this one return of a row that is gone would stop every later one, and what is to be forgotten too."""
    sent = [office.desk.add(SUN, "residents", Said({"id_no": name}, "moved in"), key=name) for name in "cd"]
    for one in sent:
        office.town.returns.settle(one.return_id, ReturnState.ACCEPTED, by=OWNER.user_id)
    add_row = office.shelf.add_row

    def refusing(listing: Listing, values: Mapping[str, object], *, key: str, source: str) -> None:
        if values["id_no"] == "d":
            raise Absent("stores.no_return", number="d")
        add_row(listing, values, key=key, source=source)

    monkeypatch.setattr(office.shelf, "add_row", refusing)
    assert office.desk.apply_accepted() == 1
    assert [office.town.returns.get(one.return_id).state for one in sent] == [ReturnState.APPLIED, ReturnState.ACCEPTED]


@pytest.mark.parametrize("is_later", [False, True])
def test_a_dispute_about_a_row_that_is_gone_lapses_so_that_what_it_says_goes(office: Office, is_later: bool) -> None:
    one = office.desk.dispute(SUN, "residents", 1, "rooms", Said({"rooms": "4"}, "counted on site"), key="k")
    del office.shelf.rows[1]
    if is_later:
        office.town.returns.settle(one.return_id, ReturnState.ACCEPTED, by=OWNER.user_id)
        assert office.desk.apply_accepted() == 0
    else:
        assert office.desk.answer(OWNER, one.return_id, accept=True).state is ReturnState.WITHDRAWN
    assert office.town.returns.get(one.return_id).state is ReturnState.WITHDRAWN
    assert office.town.returns.forget(1 << 40) == 1
    assert office.desk.read(OWNER, one.return_id) is None


def test_what_was_accepted_and_not_written_is_written_later(office: Office) -> None:
    one = office.desk.add(SUN, "residents", Said({"id_no": "c"}, "moved in"), key="k")
    office.shelf.broken = True
    with pytest.raises(OSError, match="disk"):
        office.desk.answer(OWNER, one.return_id, accept=True)
    office.shelf.broken = False
    assert office.desk.apply_accepted() == 1
    assert office.shelf.rows[3]["id_no"] == "c"
    assert office.town.returns.get(one.return_id).state is ReturnState.APPLIED


@pytest.mark.parametrize(
    ("who", "dataset", "row_no", "column", "error"),
    [
        (SUN, "residents", 2, "rooms", Absent),  # a row of another street
        (SUN, "residents", 9, "rooms", Absent),  # no row: the same answer
        (SUN, "weather", 1, "rooms", Denied),
        (SUN, "residents", 1, "height", Malformed),
        (OWNER, "residents", 1, "rooms", Denied),
        (replace(SUN, agency="street-9"), "residents", 1, "rooms", Denied),
        (replace(SUN, agency="street-2"), "residents", 2, "rooms", Denied),  # nothing was shared with it
        (SUN, "nothing", 1, "rooms", Absent),
    ],
)
def test_who_may_not_dispute_does_not(
    office: Office, who: Person, dataset: str, row_no: int, column: str, error: type[HubError]
) -> None:
    with pytest.raises(error):
        office.desk.dispute(who, dataset, row_no, column, Said({column: "1"}, "why"), key="k")
    assert office.town.returns.list_returns() == []


def test_the_answer_for_a_row_of_another_street_is_that_for_no_row(office: Office) -> None:
    told = set()
    for row_no in (2, 9):
        with pytest.raises(Absent) as refused:
            office.desk.dispute(SUN, "residents", row_no, "rooms", Said({"rooms": "1"}, "why"), key="k")
        told.add((refused.value.key, tuple(sorted(set(refused.value.values) - {"row"}))))
    assert len(told) == 1


@pytest.mark.parametrize(
    "share",
    [
        replace(SHARE, revoked_min=1),
        replace(SHARE, suspended_min=1),
        replace(SHARE, probed_min=None),
        replace(SHARE, until_min=30_000_000),
        replace(SHARE, digest="other"),
        replace(SHARE, count_floor=10),
        replace(SHARE, columns=frozenset({"id_no"})),
        replace(SHARE, rows=Rows(column="id_no", values=frozenset({"z"}))),
        replace(SHARE, rows=Rows()),
    ],
)
def test_without_a_live_share_of_the_value_nothing_is_sent(office: Office, share: Share) -> None:
    office.shares = [share]
    with pytest.raises((Denied, Absent)):
        office.desk.dispute(SUN, "residents", 1, "rooms", Said({"rooms": "1"}, "why"), key="k")


def test_a_street_adds_nothing_to_another_and_no_value_that_is_none(office: Office) -> None:
    with pytest.raises(Denied):
        office.desk.add(SUN, "residents", Said({"id_no": "c", "street": OTHER}, "why"), key="k")
    with pytest.raises(Malformed):
        office.desk.add(SUN, "residents", Said({"id_no": "c", "rooms": "many"}, "why"), key="k")


def test_only_the_owner_answers_and_only_both_sides_read(office: Office) -> None:
    one = office.desk.dispute(SUN, "residents", 1, "rooms", Said({"rooms": "4"}, "why"), key="k")
    for who in (replace(OWNER, agency="health"), SUN):
        with pytest.raises(Denied):
            office.desk.answer(who, one.return_id, accept=True)
    with pytest.raises(Denied):
        office.desk.read(replace(OWNER, agency="health"), one.return_id)
    assert [each.return_id for each in office.desk.list_for(OWNER)] == [one.return_id]
    assert office.desk.list_for(replace(OWNER, agency="health")) == []
    office.desk.withdraw(SUN, one.return_id)
    with pytest.raises(Denied):
        office.desk.answer(OWNER, one.return_id, accept=True)
