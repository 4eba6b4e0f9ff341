"""What a newer table no longer supports: the hub hears of it, once, whatever dies on the way, and the list follows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import PacedClock, from_epoch_minute
from hubtwin.library.query import collect
from hubtwin.matcher.engine import Rung
from hubtwin.matcher.match import Hit
from hubtwin.model.record import Row
from hubtwin.scenes.epidemic.persons import count_hits, sum_counts
from hubtwin.wiring.asking import Peer, fetch_status
from tests.matcher.hubside import Hub, Process, matched, start_matcher, wait_until
from tests.matcher.test_engine import EPOCH, Railway, answer_of
from tests.matcher.test_match import truth
from tests.matcher.town import NIGHT_MIN, area_rows, areas_of, folder_of, table_of

WEIGHTS = {"high": 3.0, "medium": 2.0, "low": 1.0}
LATER_MIN = NIGHT_MIN + 120


@pytest.fixture
def railway(tmp_path: Path) -> Iterator[Railway]:
    made = Railway(tmp_path, folder_of(tmp_path))
    yield made
    made.held.close()


class Reader:
    """A hub that reads pages after its cursor; the last row of a key stands."""

    def __init__(self) -> None:
        self.cursor = 0
        self.rows: dict[tuple[object, ...], Hit] = {}

    def read(self, railway: Railway) -> None:
        while page := railway.held.find_page(self.cursor):
            self.cursor = page[0]
            self.rows |= {(hit.trip_id, hit.service_date, hit.pid): hit for hit in page[1]}

    def standing(self) -> set[tuple[object, ...]]:
        return {(*key, hit.level) for key, hit in self.rows.items() if hit.gone_min is None}


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables=st.lists(st.tuples(st.sets(st.integers(0, len(areas_of()) - 1)), st.booleans()), min_size=1, max_size=4))
def test_the_hits_at_the_hub_are_those_of_the_newest_table(
    tables: list[tuple[set[int], bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base, fresh, hub = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two"), Reader()
    one, two = Railway(base, folder_of(base)), Railway(fresh, folder_of(fresh))
    for version, (chosen, reads) in enumerate(tables, 1):
        areas = tuple(area for place, area in enumerate(areas_of()) if place in chosen)
        one.clock.jump(from_epoch_minute(NIGHT_MIN + version))
        one.take(table_of(version, areas=areas, keys=one.keys()))
        one.matcher.match()
        if reads:
            hub.read(one)
    hub.read(one)
    two.take(table_of(areas=areas, keys=two.keys()))  # which knows nothing of the tables before
    two.matcher.match()
    only = Reader()
    only.read(two)
    assert hub.standing() == only.standing()
    assert {_cell(c) for c in one.held.list_counts() if c.gone_min is None} == set(map(_cell, two.held.list_counts()))
    assert one.held.count_kept() == len(only.rows)
    one.held.close()
    two.held.close()


def _cell(count: Any) -> tuple[object, ...]:
    return count.trip_id, count.service_date, count.board_station, count.level, count.persons


def test_with_nothing_listed_hits_are_withdrawn_and_come_back_with_the_area(railway: Railway) -> None:
    hub = Reader()
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    hub.read(railway)
    railway.take(table_of(2, areas=(), keys=railway.keys()))
    railway.clock.jump(from_epoch_minute(NIGHT_MIN + 7))
    assert railway.matcher.match() == 0
    hub.read(railway)
    assert {hit.gone_min for hit in hub.rows.values()} == {NIGHT_MIN + 7}
    assert len(hub.rows) == len(truth())
    assert railway.matcher.match() == 0
    assert railway.held.find_page(hub.cursor) is None  # it is said once
    railway.take(table_of(3, keys=railway.keys()))
    assert railway.matcher.match() == len(truth())
    hub.read(railway)
    assert {hit.gone_min for hit in hub.rows.values()} == {None}


def test_a_hit_that_nobody_has_read_is_forgotten_and_not_withdrawn(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    railway.take(table_of(2, areas=(), keys=railway.keys()))
    railway.matcher.match()
    assert railway.held.find_page(0) is None


def test_a_hit_whose_key_is_no_longer_given_is_not_withdrawn(railway: Railway) -> None:
    hub = Reader()
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    railway.take(table_of(2, keys=railway.keys(EPOCH + 1), made_min=NIGHT_MIN))
    railway.matcher.match()
    hub.read(railway)
    assert len(hub.standing()) == len(truth())


def test_when_the_matching_ends_all_is_forgotten_without_a_word(railway: Railway) -> None:
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    assert railway.held.list_counts()
    railway.take(table_of(2, areas=()))
    railway.matcher.match()
    assert railway.held.find_page(0) is None
    assert railway.held.list_counts() == []
    assert answer_of(railway, "GET", "/counts").status_code == 204


def test_counts_say_what_was_withdrawn_and_change_only_where_they_do(railway: Railway) -> None:
    railway.matcher.setup = replace(railway.matcher.setup, rung=Rung.COUNTS)
    railway.take(table_of(keys=railway.keys()))
    railway.matcher.match()
    before = answer_of(railway, "GET", "/counts")
    railway.clock.jump(from_epoch_minute(NIGHT_MIN + 7))
    railway.matcher.match()
    assert answer_of(railway, "GET", "/counts").content == before.content
    railway.take(table_of(2, areas=(), keys=railway.keys()))
    railway.matcher.match()
    gone = railway.held.list_counts()
    assert {(count.as_of_min, count.gone_min) for count in gone} == {(NIGHT_MIN, NIGHT_MIN + 7)}
    assert len(gone) == len(before.text.splitlines()) - 1
    assert railway.held.find_page(0) is None  # nobody was ever named


def retracted(rows: list[Row]) -> list[Row]:
    """Return areas as the publisher corrects them: they were never listed."""
    return [replace(row, values={**row.values, "gone_by_min": row.values["first_seen_min"]}) for row in rows]


def listed_persons(hub: Hub, now_min: int) -> int:
    """Return how many persons the list of arriving trains shows by hits."""
    frame = count_hits(hub.store.tables(("risk_hits",)), WEIGHTS, now_min)
    return sum(int(row["persons"]) for row in collect(frame).to_pylist())


def standing(hub: Hub) -> set[tuple[object, ...]]:
    return {(row["trip_id"], row["pid"], row["level"]) for row in hub.hits() if row["gone_min"] is None}


@pytest.mark.parametrize("point", ["matcher.match_before_commit", "matcher.match_after_commit"])
def test_a_withdrawn_area_takes_its_hits_away_though_the_matcher_dies_while_it_matches(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process], point: str
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, failpoint=f"{point}:2"))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    wait_until(lambda: matched(peer, 1))
    hub.poll(peer)
    before = standing(hub)
    assert len(before) == len(truth()) == listed_persons(hub, LATER_MIN)
    hub.add(retracted([row for row in area_rows() if row.values["level"] == "high"]))
    publisher.step(clock())
    assert running[0].child.wait(15) != 0
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, port=running[0].port))
    wait_until(lambda: publisher.step(clock()) == 1 or fetch_status(peer)["table"]["version"] == 2)
    wait_until(lambda: matched(peer, 2))
    hub.poll(peer)
    publisher.stop()
    after = standing(hub)
    assert 0 < len(after) < len(before)
    assert "high" not in {level for _, _, level in after}
    assert len(hub.hits()) == len(before)  # nothing is edited or lost: the later row of a key stands
    assert len(after) == listed_persons(hub, LATER_MIN) == fetch_status(peer)["hits_kept"]
    assert hub.poll(peer).pages == 0


def test_counts_at_the_hub_follow_a_withdrawn_area(
    tmp_path: Path, hub: Hub, clock: PacedClock, running: list[Process]
) -> None:
    running.append(start_matcher(tmp_path / "rail", hub.signer.public_hex, "--rung", "counts"))
    peer = running[0].peer(None, "http")
    publisher = hub.publisher(peer, clock)
    assert publisher.step(clock()) == 1
    wait_until(lambda: matched(peer, 1))
    before = _counted(hub, peer)
    hub.add(retracted(area_rows()))
    assert publisher.step(clock()) == 1
    publisher.stop()
    wait_until(lambda: matched(peer, 2))
    assert before[0] <= len(truth()) <= before[1]
    assert _counted(hub, peer) == (0, 0)
    assert None not in {row["gone_min"] for row in hub.counts()}


def _counted(hub: Hub, peer: Peer) -> tuple[int, int]:
    hub.poll(peer, "counts")
    rows = collect(sum_counts(hub.store.tables(("risk_counts",)), WEIGHTS, LATER_MIN)).to_pylist()
    return sum(row["least"] for row in rows), sum(row["most"] for row in rows)
