"""One person's rows go from every dataset of the library, with a signed report that names nobody."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.library.loads import Load, NewBad
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.returning import Return, ReturnKind, ReturnState, Said
from hubtwin.settings import load_settings
from hubtwin.stores.backup import backup
from hubtwin.stores.erasure import erase_shelf, restore_forgetting
from hubtwin.stores.shelves import Shelves
from hubtwin.stores.signing import open_sealed
from hubtwin.stores.uploads import Uploads
from hubtwin.wiring import library_keeping
from hubtwin.wiring.library_keeping import forget_person
from hubtwin.wiring.library_returns import open_returns, return_desk
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


def test_what_waits_for_partners_of_what_was_erased_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = set[str]()
    monkeypatch.setattr(library_keeping, "stop_sendings", lambda _, datasets: stopped.update(datasets))
    with opened(tmp_path) as works:
        bound = _fill(works)
        forget_person(works, "citizen_id", "nobody's number", by=STEWARD, second=OFFICER, reason="asked for it")
        assert stopped == set()
        forget_person(works, "citizen_id", NOBODY, by=STEWARD, second=OFFICER, reason="asked for it")
        assert stopped == {name for name, _ in bound}


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


def _quarantine(works: Works, dataset: str) -> None:
    """Put lines into quarantine: of nobody in a cell, in a line as it came, in a longer number; and of others."""
    assert works.library is not None
    shelves = works.library.shelves
    load = shelves.loads.begin(Load("L1", dataset, "p", "f.csv", "0" * 64, {"format": "csv"}, "zheng", 1))
    bad = [
        NewBad(2, "cut", [], {"anything": f" {NOBODY} "}),
        NewBad(3, f'"Nobody";tomorrow|{NOBODY}', []),
        NewBad(4, f'{{"id":"{NOBODY}"}}', []),
        NewBad(5, f"Nobody,{NOBODY}7,tomorrow", []),
        NewBad(6, f"Other,{OTHER},tomorrow", [], {"anything": OTHER}),
        NewBad(7, f"Nobody^{NOBODY}，明天", []),
        NewBad(8, f'{{"id": "\\u0031{NOBODY[1:]}"', []),
    ]
    with shelves.database.transaction() as con:
        shelves.loads.advance(con, load, bad, cursor="6", rows=0, at_min=1)


def test_lines_that_could_not_be_read_go_too_and_waiting_files_are_told(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        (name, _), *_ = _fill(works)
        _quarantine(works, name)
        receiving = Uploads(works.library.shelves.directory).begin("new.csv", "zheng", "data", epoch_minute(NOW))
        receiving.write(NOBODY.encode())
        receiving.finish()
        backup(works.store.directory, tmp_path / "copy", clock=lambda: NOW)
        sealed = forget_person(works, "citizen_id", NOBODY, by=STEWARD, second=OFFICER, reason="asked for it")
        body = open_sealed(sealed, works.access.audit.public_hex)
        assert body["quarantined_lines"] == {name: 5}
        assert body["uploads_not_looked_into"] == 1
        assert [row.line_no for row in works.library.shelves.quarantined(name)] == [5, 6]
        assert NOBODY not in sealed
        kept = works.library.shelves.directory.glob("shelves.sqlite*")
        assert not any(f"tomorrow|{NOBODY}" in path.read_bytes().decode("latin-1") for path in kept)
        assert b"Other," in (works.library.shelves.directory / "shelves.sqlite").read_bytes()
        told = [works.store.directory]
        restore_forgetting(tmp_path / "copy", tmp_path / "new", clock=lambda: NOW, forgotten_by=told)
    with closing(Shelves(tmp_path / "new" / "library", at_min=epoch_minute(NOW))) as restored:
        assert [row.line_no for row in restored.quarantined(name)] == [5, 6]


def test_what_streets_sent_back_of_a_person_goes_and_is_not_written_any_more(tmp_path: Path) -> None:
    with opened(tmp_path) as works:
        assert works.library is not None
        (name, column), *_ = _fill(works)
        returns = open_returns(works.access)
        one = Return("", ReturnKind.ADDITION, name, "street-1", "330102001", "sun", 0, 1 << 40)
        sent = [
            returns.send(one, Said({column: number}, "moved in"), key=f"{number}{kind}").return_id
            for number in (NOBODY, OTHER)
            for kind in ("sent", "accepted")
        ]
        for return_id in sent[1::2]:
            returns.settle(return_id, ReturnState.ACCEPTED, by="owner")
        backup(works.store.directory, tmp_path / "copy", clock=lambda: NOW)

        def before(*args: Any, **named: Any) -> int:
            """What is accepted and not written yet is written as soon as a shelf was looked through."""
            count = erase_shelf(*args, **named)
            return_desk(works).apply_accepted()
            return count

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(library_keeping, "erase_shelf", before)
            sealed = forget_person(works, "citizen_id", NOBODY, by=STEWARD, second=OFFICER, reason="asked for it")
        assert open_sealed(sealed, works.access.audit.public_hex)["returns"] == {name: 2}
        assert NOBODY not in _numbers(works, name, column)
        assert _numbers(works, name, column).count(OTHER) == 2, "hers was there, and what was accepted came"
        assert [returns.get(each).state for each in sent] == [
            *(ReturnState.WITHDRAWN, ReturnState.WITHDRAWN, ReturnState.SENT, ReturnState.APPLIED)
        ]
        assert [returns.read(each) is None for each in sent] == [True, True, False, False]
        told, place = [works.store.directory], works.store.directory.relative_to(tmp_path)
        (tmp_path / "new" / place).parent.mkdir(parents=True, exist_ok=True)
        restore_forgetting(tmp_path / "copy", tmp_path / "new" / place, clock=lambda: NOW, forgotten_by=told)
    with opened(tmp_path / "new") as works:
        again = open_returns(works.access)
        assert [again.read(each) is None for each in sent] == [True, True, False, False], "the keys are gone there too"
