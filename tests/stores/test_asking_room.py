"""What is kept of a grantee between questions: the views that they read, each once, as long as anybody reads it."""

from collections.abc import Iterator

import duckdb
import pytest

from hubtwin.stores.asking_room import KEPT_VIEWS, Room


@pytest.fixture
def room() -> Iterator[Room]:
    connection = duckdb.connect()
    yield Room(connection)
    connection.close()


def schemas(room: Room) -> set[str]:
    """Return the schemas that hold views now."""
    found = room.connection.execute("SELECT schema_name FROM duckdb_views() WHERE NOT internal").fetchall()
    return {name for (name,) in found}


def test_the_same_text_is_one_view_and_another_text_another(room: Room) -> None:
    cursor = room.connection.cursor()
    with room.views(cursor, {"a": "SELECT 1 AS n"}) as first:
        assert cursor.execute(f"SELECT n FROM {first['a']}.a").fetchall() == [(1,)]
    with room.views(cursor, {"a": "SELECT 1 AS n", "b": "SELECT 3 AS n"}) as second:
        assert second["a"] == first["a"]
        assert cursor.execute(f"SELECT n FROM {second['b']}.b").fetchall() == [(3,)]
    with room.views(cursor, {"a": "SELECT 2 AS n"}) as third:
        assert third["a"] not in {*second.values()}
        assert cursor.execute(f"SELECT n FROM {third['a']}.a").fetchall() == [(2,)]
    assert schemas(room) == {*second.values(), *third.values()}


def test_the_last_views_are_kept_and_none_goes_that_is_read(room: Room) -> None:
    cursor = room.connection.cursor()
    with room.views(cursor, {"held": "SELECT 'held' AS n"}) as held:
        for number in range(KEPT_VIEWS + 5):
            with room.views(cursor, {"a": f"SELECT {number} AS n"}):
                pass
        assert cursor.execute(f"SELECT n FROM {held['held']}.held").fetchall() == [("held",)]
        assert len(schemas(room)) <= KEPT_VIEWS + 1
    for number in range(KEPT_VIEWS):
        with room.views(cursor, {"a": f"SELECT -{number} AS n"}):
            pass
    assert held["held"] not in schemas(room)
    assert len(schemas(room)) == KEPT_VIEWS


def test_a_view_that_cannot_be_made_leaves_nothing_behind(room: Room) -> None:
    cursor = room.connection.cursor()
    for _ in range(3):
        with (
            pytest.raises(duckdb.Error),
            room.views(cursor, {"a": "SELECT 1 AS n", "b": "SELECT n FROM nowhere"}),
        ):
            pass
    made = room.connection.execute("SELECT count(*) FROM duckdb_schemas() WHERE schema_name[:2] = 'v_'").fetchall()
    assert made == [(1,)]  # that of the view that could be made
    with room.views(cursor, {"a": "SELECT 1 AS n"}) as found:
        assert cursor.execute(f"SELECT n FROM {found['a']}.a").fetchall() == [(1,)]
