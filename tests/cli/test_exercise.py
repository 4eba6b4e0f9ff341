"""An exercise of a hub: a store of its own, everything in it marked, and nothing of it in the hub or the other way."""

import json

from hubtwin.base.clock import system_clock
from hubtwin.base.text import text
from hubtwin.library.query import collect
from hubtwin.model.record import Status
from hubtwin.stores.embedded import EmbeddedStore, store_directory
from tests.cli.kit import Hub, Ran, hubtwin, write_counts


def exercise(hub: Hub, *arguments: object) -> Ran:
    """Run a command of the exercise of a hub."""
    return hubtwin("--hub", hub.hub, "--home", hub.home, "--lang", "en", "--exercise", *arguments)


def statuses(hub: Hub, status: Status) -> dict[str, set[str]]:
    """Return with which status the rows of each dataset are marked in a store."""
    store = EmbeddedStore(store_directory(hub.home, "tiny", status), "tiny", clock=system_clock, status=status)
    try:
        tables = store.tables(tuple(store.held()))
        return {name: {row["status"] for row in collect(table).to_pylist()} for name, table in tables.items()}
    finally:
        store.close()


def bring_in(hub: Hub, *, drill: bool, booked: int) -> None:
    """Import the timetable and one count, into the exercise or the hub itself."""
    folder, run = hub.hub.parent, exercise if drill else Hub.__call__
    counts = write_counts(folder / "counts.csv", f"A1,{booked},{booked}")
    feed = run(hub, "import", "gtfs", folder / "feed", "--station-areas", folder / "areas.csv", "--format", "json")
    assert feed.code == 0, feed
    taken = run(hub, "import", "bookings", counts, "--format", "json")
    assert taken.code == 0, taken
    assert json.loads(taken.out)["kept"] == {"boarding_counts": 1}


def test_an_exercise_lies_beside_the_hub_and_every_row_says_what_it_is(tiny: Hub) -> None:
    bring_in(tiny, drill=True, booked=7)
    bring_in(tiny, drill=False, booked=9)
    assert sorted(path.name for path in tiny.home.iterdir() if path.is_dir()) == ["tiny", "tiny.exercise"]
    for status in (Status.ACTUAL, Status.EXERCISE):
        found = statuses(tiny, status)
        assert {"boarding_counts", "rail_calls"} <= set(found)
        assert set().union(*found.values()) == {status.value}
    assert exercise(tiny, "check").code == 0


def test_a_demonstration_is_no_exercise(tiny: Hub) -> None:
    for arguments in (("demo",), ("demo", "--list-only")):
        ran = exercise(tiny, *arguments)
        assert ran.code != 0
        assert text("cli.demo_no_exercise", "en") in " ".join(ran.err.split())
    assert not (tiny.home / "tiny.exercise").exists()
