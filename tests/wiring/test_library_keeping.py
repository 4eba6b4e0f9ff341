"""One person's rows go from every dataset of the library, with a signed report that names nobody."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.settings import load_settings
from hubtwin.stores.signing import open_sealed
from hubtwin.wiring.library_keeping import forget_person
from hubtwin.wiring.works import Works, open_works

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
NOBODY = "110105194912310021"  # a number that no person has: its check digit is wrong
OTHER = "110105194912310029"


def _person(user: str, role: Role) -> Person:
    return Person(user, user, "data", AgencyKind.DATA, frozenset({role}), frozenset())


STEWARD, OFFICER = _person("zheng", Role.DATA_STEWARD), _person("wu", Role.SECURITY_OFFICER)


@contextmanager
def opened(home: Path) -> Iterator[Works]:
    settings = replace(load_settings("hangzhou-east", home), district="shangcheng")
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={}) as works:
        yield works


def _bound(works: Works) -> list[tuple[str, str]]:
    assert works.library is not None
    return [
        (listing.name, column.name)
        for listing in works.library.catalogue().listings
        for column in listing.dataset.columns
        if listing.trait(column.name).element == "citizen_id"
    ]


def _fill(works: Works) -> list[tuple[str, str]]:
    assert works.library is not None
    bound = _bound(works)[:3]
    for name, column in bound:
        listing = works.library.catalogue().get(name)
        for number in (NOBODY, OTHER):
            works.library.rows.add_row(listing, {column: number}, key=f"{name}{column}{number}", source="test")
    return bound


def _numbers(works: Works, name: str, column: str) -> list[str]:
    assert works.library is not None
    files = works.library.shelves.files(name)
    return [row[column] for file in files for row in pq.read_table(file.path).to_pylist()]


def test_all_rows_of_a_person_go_and_the_report_is_signed_and_names_nobody(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        bound = _fill(works)
        sealed = forget_person(works, "citizen_id", f" {NOBODY} ", by=STEWARD, second=OFFICER, reason="asked for it")
        body = open_sealed(sealed, works.access.audit.public_hex)
        assert body["rows"] == {name: sum(one == name for one, _ in bound) for name, _ in bound}
        assert body["datasets"] >= len(body["rows"])
        assert all(NOBODY not in _numbers(works, name, column) for name, column in bound)
        assert all(OTHER in _numbers(works, name, column) for name, column in bound)
        assert NOBODY not in sealed
        told = [entry.kind for entry in works.access.audit.list_entries(naming="citizen_id")]
        assert told == ["LibraryForgetting"]
        assert body["reason"] == "asked for it"
        assert not any("asked for it" in str(entry.payload) for entry in works.access.audit.list_entries())


def test_it_takes_a_steward_a_security_officer_an_element_and_no_hold(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        bound = _fill(works)
        for by, second in ((OFFICER, STEWARD), (STEWARD, STEWARD)):
            with pytest.raises(Denied):
                forget_person(works, "citizen_id", NOBODY, by=by, second=second, reason="x")
        with pytest.raises(Absent):
            forget_person(works, "shoe_size", NOBODY, by=STEWARD, second=OFFICER, reason="x")
        works.access.grants.set_hold("e1", by="wu", reason="court")
        with pytest.raises(Denied):
            forget_person(works, "citizen_id", NOBODY, by=STEWARD, second=OFFICER, reason="x")
        assert all(NOBODY in _numbers(works, name, column) for name, column in bound)
        assert epoch_minute(NOW) == works.library.now_min() if works.library else False
