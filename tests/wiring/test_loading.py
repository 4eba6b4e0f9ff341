"""Loads as a person asks for them: a file that changed is not gone on with, a database is read like a file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.connectors.tables.opened import Told
from hubtwin.library.loading import Progress
from hubtwin.settings import load_settings
from hubtwin.wiring.loading import Asked, Loader, opened_loader
from tests.cluster import Cluster

HEADER = "household_no,persons\n"


@pytest.fixture
def loader(tmp_path: Path) -> Iterator[Loader]:
    settings = load_settings(home=tmp_path / "home", environ={})
    with opened_loader(settings, lambda: datetime(2022, 10, 20, 1, tzinfo=UTC)) as found:
        yield found


def _interrupt(told: Progress) -> None:
    raise Retry("stores.disk", path="f", detail="unplugged")


def test_a_file_that_changed_since_its_load_began_is_refused_until_somebody_says_again(
    loader: Loader, tmp_path: Path
) -> None:
    file = tmp_path / "households.csv"
    file.write_text(HEADER + "h1,3\nh2,4\n", encoding="utf-8")
    asked = Asked("households", "steward", file=file)
    with pytest.raises(Retry):
        loader.load(asked, _interrupt, batch_rows=1)
    (begun,) = loader.shelves.loads.list_loads()
    assert (begun.ended_min, begun.rows, begun.part) == (None, 2, "2022-10-20")
    file.write_text(HEADER + "h1,3\nh2,5\nh3,1\n", encoding="utf-8")
    with pytest.raises(Denied) as refused:
        loader.load(asked)
    assert refused.value.key == "wiring.load_changed"
    done = loader.load(Asked("households", "steward", file=file, again=True))
    assert (done.rows, done.ended_min is not None) == (3, True)
    abandoned = loader.shelves.loads.get(begun.load_id)
    assert abandoned.problem is not None
    assert (abandoned.ended_min is not None, abandoned.problem.key) == (True, "stores.load_abandoned")
    assert loader.load(Asked("households", "steward", file=file)) == done


def test_a_file_that_is_written_while_it_is_loaded_stops_the_load(loader: Loader, tmp_path: Path) -> None:
    file = tmp_path / "households.csv"
    file.write_text(HEADER + "h1,3\n", encoding="utf-8")
    with pytest.raises(Denied) as refused:
        loader.load(Asked("households", "steward", file=file), begun=lambda load: file.write_text(HEADER + "h1,33\n"))  # type: ignore[arg-type]
    assert refused.value.key == "wiring.load_changing"
    assert loader.shelves.files() == []


def test_a_table_of_a_database_is_previewed_and_loaded(
    loader: Loader, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = cluster.owner(cluster.make_bare())
    with psycopg.connect(address) as con:
        con.execute(b"CREATE TABLE households (household_no text PRIMARY KEY, persons text)")
        con.execute(b"INSERT INTO households VALUES ('h1', '3'), ('h2', 'many')")
    monkeypatch.setenv("REGISTERS", address)
    asked = Asked("households", "steward", database="REGISTERS", told=Told(table="households"))
    seen = loader.preview(asked)
    assert (seen.format, seen.sampled.rows, len(seen.sampled.bad)) == ("postgresql", 2, 1)
    done = loader.load(asked)
    assert (done.rows, done.quarantined, done.file) == (1, 1, "REGISTERS:households")
    assert loader.load(asked) == done, "the table of a day is loaded once"
    with psycopg.connect(address) as con:
        con.execute(b"CREATE TABLE other (a int)")
    with pytest.raises(Malformed) as refused:
        loader.preview(Asked("households", "steward", database="REGISTERS", told=Told(table="other")))
    assert refused.value.key == "wiring.nothing_mapped"


def test_what_an_archive_holds_is_gone_after_the_load(loader: Loader, tmp_path: Path) -> None:
    assert loader.match_folder(tmp_path) == []
    with loader.shelves.scratch() as folder:
        (folder / "rows.csv").write_text("a", encoding="utf-8")
        loader.shelves.sweep()
        assert folder.exists(), "its maker is alive"
    assert not folder.exists()
    left = loader.shelves.directory / "tmp" / "scratch-left-by-a-crash"
    left.mkdir()
    loader.shelves.sweep()
    assert not left.exists()
