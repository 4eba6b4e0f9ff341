"""`hubtwin simulate`: the same seed gives the same bytes, and the truth stays outside the library."""

from pathlib import Path

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.text import text
from hubtwin.library.query import collect
from hubtwin.settings import load_settings
from hubtwin.wiring import open_store
from tests.cli.kit import Hub


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_twice_gives_the_same_bytes_and_another_seed_others(tiny: Hub, tmp_path: Path) -> None:
    asked = ("simulate", "--date", "2022-03-01", "--arrivals", "60")
    printed = [tiny.done(*asked, "--out", tmp_path / name) for name in ("first", "again")]
    tiny.done(*asked, "--seed", "99", "--out", tmp_path / "other")
    first, again, other = (_files(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert printed[0] == printed[1]
    assert first != other
    assert any(name.startswith("truth/") for name in first)
    assert all(b"synthetic" in body for name, body in first.items() if name.endswith(".csv"))


def test_what_a_simulation_writes_can_be_imported_and_loading_it_does_the_same(tmp_path: Path, tiny: Hub) -> None:
    with tiny.hub.open("a", encoding="utf-8") as told:
        told.write("\n[simulation]\nseed = 1\narrivals = 40\n")
    day = "2022-03-01"
    tiny.done("simulate", "--date", day, "--out", tmp_path / "day", "--load")
    assert "truth" not in {path.name for path in tiny.home.rglob("*")}
    other = Hub(tiny.hub, tmp_path / "other")
    other.done("collide", "--date", day, "--at", "08:00")
    for form in ("counts", "manifest", "stays"):
        pages = sorted((tmp_path / "day/wire/bookings").glob(f"{form}-*"))
        assert pages, form
        other.done("import", "bookings", "--now", "2022-03-02T12:00", *pages)
    loaded = _rows(tiny)
    assert loaded == _rows(other)
    assert all(loaded.values()), loaded


def _rows(hub: Hub) -> dict[str, int]:
    names = ("boarding_counts", "bookings", "stays", "pseudonym_links")
    with open_store(load_settings(str(hub.hub), hub.home), system_clock) as store:
        return {name: len(collect(frame)) for name, frame in store.tables(names).items()}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_more_arrivals_than_seats_is_said_and_not_invented(tiny: Hub, tmp_path: Path, lang: str) -> None:
    printed = tiny.done(
        "simulate", "--date", "2022-03-01", "--arrivals", "100000", "--out", tmp_path / "day", lang=lang
    )
    assert "100000" in printed
    assert text("cli.simulated_full", lang).partition("{")[0].strip() in printed
