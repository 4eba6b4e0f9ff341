"""A day against the clock: the same lines as on disk, hits that equal the truth, nothing before its time."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.ids import stable_key
from hubtwin.connectors.bookings.mapper import read
from hubtwin.connectors.test_results import CONNECTOR as LABORATORY
from hubtwin.datasets.health import RISK_HITS
from hubtwin.model.place import Exit
from hubtwin.model.record import Row
from hubtwin.ports import Page, ReadContext
from hubtwin.rules.privacy import moment_min
from hubtwin.sim.day import end_min
from hubtwin.sim.laboratory import Laboratory
from hubtwin.sim.people import Kind
from hubtwin.sim.results import Sampled, filed_id, list_results
from hubtwin.sim.screening import list_messages, simulate_gates
from hubtwin.sim.small import ZONE, small_day
from hubtwin.sim.timed import Timed, list_hits, list_minutes, list_timed
from hubtwin.sim.wire import list_pages

EXITS = (Exit("E1", {"zh": "一", "en": "one"}, 3, 12.0), Exit("E2", {"zh": "二", "en": "two"}, 2, 6.0))
DAY = small_day(1, 600)
GATES = simulate_gates(DAY, EXITS)


def pid_of(document: str, at_min: int) -> str:
    return stable_key("key of", at_min // (28 * 1440), document)


def timed(*kinds: str, page_min: int = 5) -> list[Timed]:
    return list(list_timed(DAY, GATES, hub_id="hub", pid_of=pid_of, kinds=kinds, page_min=page_min))


def lines(page: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.decode())))


def test_timed_pages_hold_the_lines_of_the_hourly_pages_in_the_same_order() -> None:
    for kind in ("counts", "manifest", "stays"):
        hourly = [line for _, page in list_pages(DAY, kinds=(kind,)) for line in lines(page)]
        assert [line for page in timed(kind) for line in lines(page.body)] == hourly != []
    assert [page.body for page in timed("running")] == [page for _, page in list_pages(DAY, kinds=("running",))]


def test_pages_of_five_minutes_on_disk_hold_the_same_lines_too() -> None:
    hourly, short = (list(list_pages(DAY, kinds=("manifest",), page_min=minutes)) for minutes in (60, 5))
    assert len(short) > len(hourly)
    assert [line for _, page in short for line in lines(page)] == [line for _, page in hourly for line in lines(page)]


@pytest.mark.parametrize("page_min", [1, 5, 7])
def test_a_page_is_given_at_the_end_of_its_slot_and_the_snapshot_at_its_moment(page_min: int) -> None:
    pages = timed("counts", "hits", page_min=page_min)
    first = next(page for page in pages if "counts" in page.name)
    assert first.at_min == DAY.snapshot_min
    assert len({page.name for page in pages}) == len(pages)
    for page in pages:
        known = [epoch_minute(datetime.fromisoformat(line["as_of"])) for line in lines(page.body)]
        assert page.at_min - page_min < min(known) <= max(known) <= page.at_min or page is first
        assert page.name.endswith(f"{from_epoch_minute(page.at_min).astimezone(ZONE):%Y%m%dT%H%M}.csv")


def test_everything_comes_in_order_of_time_and_says_whose_it_is() -> None:
    pages = timed("counts", "hits", "running", "gates")
    assert [page.at_min for page in pages] == sorted(page.at_min for page in pages)
    assert {page.source for page in pages} == {"bookings", "running", "gates"}
    assert {page.source for page in pages if page.name.startswith("bookings/")} == {"bookings"}
    said = [(page.name, page.body) for page in pages if page.source == "gates"]
    assert sorted(said) == sorted(list_messages(DAY, GATES, "hub"))


def test_hits_are_the_exposed_who_come_or_stay_away_and_nobody_else() -> None:
    truth, bookings, places = DAY.truth, DAY.bookings, DAY.places
    expected: dict[str, set[str]] = {}
    for person, interval in zip(truth.person.tolist(), truth.interval.tolist(), strict=True):
        if bookings.kind[person] in (Kind.ARRIVES, Kind.NO_SHOW):
            expected.setdefault(DAY.documents[person], set()).add(places.interval_level[interval])
    moments: list[int] = []

    def whose(document: str, at_min: int) -> str:
        moments.append(at_min)
        return document

    hits = list_hits(DAY, whose)
    assert len(hits) == len(expected) > 20
    for _, hit in hits:
        assert hit.level == ("high" if "high" in expected[hit.pid] else "medium")
    assert {hit.level for _, hit in hits} == {"high", "medium"}
    assert moments == [moment_min(RISK_HITS, {"service_date": hit.service_date}) for _, hit in hits]


def test_of_several_levels_the_highest_counts_in_whatever_order() -> None:
    levels = DAY.places.interval_level
    high, medium = levels.index("high"), levels.index("medium")
    person = int(np.flatnonzero(DAY.bookings.kind == Kind.ARRIVES)[0])
    for met in ([high, medium], [medium, high], [medium, medium]):
        truth = replace(DAY.truth, person=np.array([person, person]), interval=np.array(met))
        ((_, hit),) = list_hits(replace(DAY, truth=truth), pid_of)
        assert hit.level == ("high" if high in met else "medium")


def test_a_hit_is_known_an_hour_before_the_train_or_when_it_was_booked() -> None:
    later = 0
    number = {document: person for person, document in enumerate(DAY.documents)}
    for minute, hit in list_hits(DAY, lambda document, _: document):
        person = number[hit.pid]
        trip = DAY.world.trips[DAY.bookings.trip[person]]
        hour_before = trip.calls[trip.hub_at].arrive_min - 60
        assert minute == max(hour_before, int(DAY.bookings.booked_min[person])) == epoch_minute(hit.as_of)
        assert (hit.trip_id, hit.train_code) == (trip.trip_id, trip.code)
        later += minute > hour_before
    assert later > 0


def test_the_connector_keeps_every_hit() -> None:
    calls = {trip.trip_id: tuple((call.seq, call.station_id) for call in trip.calls) for trip in DAY.world.trips}
    context = ReadContext(zone=ZONE, now=datetime(2022, 10, 21, tzinfo=UTC), calls=calls)
    rows = [row for page in timed("hits") for row in read(Page(page.name, (page.body,), ""), context)]
    assert all(isinstance(row, Row) and row.dataset == RISK_HITS.name for row in rows)
    assert len(rows) == len(list_hits(DAY, pid_of)) > 0


def test_messages_of_gates_and_lanes_come_minute_by_minute() -> None:
    minutes = list(list_minutes(DAY, GATES, "hub"))
    assert [minute for minute, _ in minutes] == sorted({minute for minute, _ in minutes})
    for minute, said in minutes:
        stamp = f"{from_epoch_minute(minute).astimezone(ZONE):%Y-%m-%dT%H:%M}"
        assert said
        assert all(stamp.encode() in payload for _, payload in said)
    assert sorted(pair for _, said in minutes for pair in said) == sorted(list_messages(DAY, GATES, "hub"))


def test_another_kind_is_refused_by_name() -> None:
    with pytest.raises(Malformed) as caught:
        timed("weather")
    assert "weather" in caught.value.message("zh")


def samples() -> list[Sampled]:
    return [
        Sampled(person, kind, int(second) // 60 + 5)
        for person, second in zip(GATES.person[:80].tolist(), GATES.at_s[:80].tolist(), strict=True)
        for kind in ("antigen", "nucleic")
    ]


def rows_of(page: bytes) -> list[Row]:
    context = ReadContext(zone=ZONE, now=from_epoch_minute(end_min(DAY.world) + 1440))
    rows = [row for row in LABORATORY.read(Page("p", (page,), ""), context) if isinstance(row, Row)]
    assert rows
    return rows


def test_the_laboratory_sends_each_result_once_and_none_before_it_is_there() -> None:
    laboratory, expected = Laboratory(DAY, GATES.tests), list_results(DAY, GATES.tests, samples())
    sent: dict[object, int] = {}
    names = []
    first = min(one.at_min for one in samples())
    for minute in range(first, first + 600):
        laboratory.take(one for one in samples() if one.at_min == minute)
        laboratory.take(one for one in samples() if one.at_min == minute - 3)
        for name, page in laboratory.pages(minute):
            names.append(name)
            for row in rows_of(page):
                assert row.values["report_id"] not in sent
                sent[row.values["report_id"]] = minute
    assert sorted(sent.values()) == [minute for minute, _ in expected]
    assert len(set(names)) == len(names)
    assert sent == {filed_id(DAY, one): GATES.tests.result_min(one) for one in samples()}


def test_a_specimen_that_came_late_is_sent_with_the_next_minute() -> None:
    laboratory = Laboratory(DAY, GATES.tests)
    early, late = samples()[0], samples()[2]
    laboratory.take([early])
    now_min = max(GATES.tests.result_min(one) for one in (early, late)) + 60
    assert len(laboratory.pages(now_min)) == 1
    laboratory.take([late])
    assert laboratory.pages(now_min) == []
    ((_, page),) = laboratory.pages(now_min + 1)
    assert [row.values["report_id"] for row in rows_of(page)] == [filed_id(DAY, late)]
    assert laboratory.pages(now_min + 2) == []
