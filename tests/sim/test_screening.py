"""Simulated exits: the same bytes for the same day, true to capacity, read back without loss, the truth kept apart."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.connectors import gate_screening, lane_counters, test_results
from hubtwin.model.place import Exit
from hubtwin.model.record import Identity, Provenance, Row
from hubtwin.ports import Connector, Page, ReadContext
from hubtwin.sim.day import HubDay, end_min
from hubtwin.sim.people import Kind
from hubtwin.sim.results import Sampled, list_result_pages, list_results, sample_all
from hubtwin.sim.screening import (
    Gates,
    list_counts,
    list_gate_pages,
    list_messages,
    list_passages,
    load_figures,
    simulate_gates,
)
from hubtwin.sim.small import ZONE, small_day

EXITS = (Exit("E1", {"zh": "一", "en": "one"}, 3, 12.0), Exit("E2", {"zh": "二", "en": "two"}, 2, 6.0))
DAY = small_day(1, 300)
GATES = simulate_gates(DAY, EXITS)


def read(connector: Connector, data: bytes, day: HubDay = DAY) -> list[Row]:
    context = ReadContext(zone=ZONE, now=from_epoch_minute(end_min(day.world)) + timedelta(days=1))
    items = list(connector.read(Page("p", (data,), "1"), context))
    assert all(isinstance(item, Row) for item in items), items
    return [item for item in items if isinstance(item, Row)]


def samples(day: HubDay, gates: Gates, kind: str) -> list[Sampled]:
    minutes = dict(zip(gates.person.tolist(), (gates.at_s // 60).tolist(), strict=True))
    return sample_all(gates.tests, {person: minutes[person] for person in gates.list_suspects()}, kind)


def test_the_same_day_gives_the_same_bytes_and_another_seed_others() -> None:
    again = simulate_gates(small_day(1, 300), EXITS)
    assert list(list_gate_pages(DAY, GATES)) == list(list_gate_pages(DAY, again))
    results = [list(list_result_pages(DAY, g.tests, samples(DAY, g, "antigen"))) for g in (GATES, again)]
    assert results[0] == results[1] != []
    other = small_day(2, 300)
    assert list(list_gate_pages(other, simulate_gates(other, EXITS))) != list(list_gate_pages(DAY, GATES))


def test_everybody_who_arrives_passes_once_and_nobody_else() -> None:
    arrived = np.flatnonzero(DAY.bookings.kind == Kind.ARRIVES)
    assert GATES.person.tolist() == arrived.tolist()
    rows = [row for _, page in list_gate_pages(DAY, GATES) for row in _passages(page)]
    assert Counter(row.values["pid"] for row in rows) == Counter(
        Identity("syn", DAY.documents[person]) for person in arrived.tolist()
    )
    assert all(row.marks.provenance is Provenance.SYNTHETIC for row in rows)


def _passages(page: bytes) -> list[Row]:
    return read(gate_screening.CONNECTOR, page) if b'"gate"' in page else []


def test_nobody_passes_before_the_train_is_there_or_faster_than_the_lane() -> None:
    doors = DAY.runs.real_arrive_s[DAY.runs.hub[DAY.bookings.trip[GATES.person]]]
    assert (GATES.joined_s >= doors).all()
    for exit_, place in enumerate(EXITS):
        for lane in range(1, place.lanes + 3):
            here = (GATES.exit == exit_) & (GATES.lane == lane)
            step = 25 if lane > place.lanes else 60 / place.lane_capacity_per_min
            assert all(two - one >= step - 1 for one, two in pairwise(sorted(GATES.at_s[here].tolist())))
            assert (GATES.at_s[here] - GATES.joined_s[here] >= step - 1).all()


def test_first_come_is_first_served_like_in_a_plain_loop() -> None:
    for exit_, lane in {(int(e), int(n)) for e, n in zip(GATES.exit, GATES.lane, strict=True)}:
        here = np.flatnonzero((GATES.exit == exit_) & (GATES.lane == lane))
        place = EXITS[exit_]
        step = 25.0 if lane > place.lanes else 60.0 / place.lane_capacity_per_min
        free = 0.0
        for person in sorted(here.tolist(), key=lambda at: (GATES.joined_s[at], at)):
            free = max(free, float(GATES.joined_s[person])) + step
            assert abs(GATES.at_s[person] - free) <= 1


def test_lane_counts_add_up_to_the_passages_minute_by_minute() -> None:
    counts = list(list_counts(DAY, GATES))
    assert sum(count.passed for count in counts) == len(GATES)
    passed = Counter((p.exit_id, p.lane, p.at.replace(second=0)) for p in list_passages(DAY, GATES))
    assert {(c.exit_id, c.lane, c.minute): c.passed for c in counts if c.passed} == passed
    joined = Counter(zip(GATES.exit.tolist(), GATES.lane.tolist(), (GATES.joined_s // 60).tolist(), strict=True))
    for count in counts:
        exit_ = [place.exit_id for place in EXITS].index(count.exit_id)
        minute = int(count.minute.timestamp()) // 60
        came = sum(n for (e, lane, at), n in joined.items() if (e, lane) == (exit_, count.lane) and at <= minute)
        gone = sum(
            n for (e, lane, at), n in passed.items() if (e, lane) == (count.exit_id, count.lane) and at <= count.minute
        )
        assert count.waiting == came - gone


def test_a_day_is_cut_at_any_minute() -> None:
    whole = list(list_passages(DAY, GATES))
    until = int(whole[len(whole) // 2].at.timestamp()) // 60
    assert list(list_passages(DAY, GATES, until)) == [one for one in whole if int(one.at.timestamp()) // 60 <= until]
    counts = list(list_counts(DAY, GATES))
    assert list(list_counts(DAY, GATES, until)) == [c for c in counts if int(c.minute.timestamp()) // 60 <= until]


def test_messages_carry_the_same_rows_as_pages() -> None:
    messages = list(list_messages(DAY, GATES, "hub"))
    by_kind = {kind: [payload for topic, payload in messages if f"/{kind}/" in topic] for kind in ("gates", "lanes")}
    pages = dict(list_gate_pages(DAY, GATES))
    for kind, prefix in (("gates", "gate_screening/"), ("lanes", "lane_counters/")):
        lines = [line for name, page in pages.items() if name.startswith(prefix) for line in page.splitlines()]
        assert by_kind[kind] == lines
    connector = lane_counters.CONNECTOR
    assert len(read(connector, b"\n".join(by_kind["lanes"]))) == len(by_kind["lanes"])
    assert all(topic.startswith("hubtwin/hub/") for topic, _ in messages)


def test_people_without_a_phone_and_with_foreign_documents_go_to_the_desk() -> None:
    for passage in list_passages(DAY, GATES):
        lanes = next(place.lanes for place in EXITS if place.exit_id == passage.exit_id)
        assert passage.desk == (passage.lane > lanes)
        assert passage.desk or (passage.document == "citizen" and passage.health_code != "none")


def test_the_exposed_show_other_codes_far_more_often_and_none_is_told_the_truth() -> None:
    exposed = DAY.truth.exposed[GATES.person] & ~GATES.desk
    other = ~DAY.truth.exposed[GATES.person] & ~GATES.desk
    changed = GATES.health > 0
    assert changed[exposed].mean() > 0.5 > 0.1 > changed[other].mean()
    wire = b"".join(page for _, page in list_gate_pages(DAY, GATES))
    assert b"infectious" not in wire
    assert b"exposed" not in wire
    assert b"symptom" not in wire


def test_results_follow_the_accuracy_of_the_test() -> None:
    everybody = np.ones_like(DAY.truth.infectious)
    many = replace(GATES.tests, infectious=everybody, symptomatic=~everybody)
    well = replace(GATES.tests, infectious=~everybody, symptomatic=~everybody)
    count = len(everybody)
    for kind in ("antigen", "nucleic"):
        figures = load_figures()[kind]
        for tests, expected in ((many, figures["sensitivity_other"]), (well, 1 - figures["specificity"])):
            fresh = replace(tests, _drawn={})
            said = Counter(fresh.result(Sampled(p, kind, 0, a)) for p in range(count) for a in range(10))
            valid = said["positive"] + said["negative"]
            assert abs(said["positive"] / valid - expected) < 4 * (expected * (1 - expected) / valid) ** 0.5 + 1e-9
            assert abs(said["invalid"] / (10 * count) - figures["invalid"]) < 0.01


def test_a_result_does_not_depend_on_who_else_is_tested_and_a_second_attempt_is_drawn_anew() -> None:
    chosen = samples(DAY, GATES, "antigen")
    alone = [list_results(DAY, simulate_gates(DAY, EXITS).tests, [one])[0] for one in chosen]
    assert sorted(alone, key=lambda pair: pair[1].report_id) == sorted(
        list_results(DAY, GATES.tests, reversed(chosen)), key=lambda pair: pair[1].report_id
    )
    hundred = [Sampled(person, "antigen", 0, attempt) for person in range(50) for attempt in (0, 1)]
    moments = [GATES.tests.result_min(one) for one in hundred]
    assert moments[::2] != moments[1::2]


def test_results_are_read_back_whole_and_come_after_their_specimens() -> None:
    chosen = samples(DAY, GATES, "nucleic")
    rows = [
        row for _, page in list_result_pages(DAY, GATES.tests, chosen) for row in read(test_results.CONNECTOR, page)
    ]
    assert len(rows) == len(chosen) > 0
    assert all(row.marks.provenance is Provenance.SYNTHETIC for row in rows)
    gate = dict(zip(GATES.person.tolist(), (GATES.at_s // 60).tolist(), strict=True))
    assert all(one.at_min > gate[one.person] for one in chosen)
    early = list(list_result_pages(DAY, GATES.tests, chosen, until_min=min(one.at_min for one in chosen)))
    assert early == []


def test_a_hub_without_exits_and_a_figure_of_another_name_are_refused() -> None:
    with pytest.raises(Malformed, match="no exits"):
        simulate_gates(DAY, ())
    with pytest.raises(Malformed, match="no_fone"):
        load_figures(no_fone=1)


def test_a_day_without_arrivals_has_no_passages() -> None:
    empty = replace(DAY, bookings=replace(DAY.bookings, kind=np.full_like(DAY.bookings.kind, Kind.NO_SHOW)))
    gates = simulate_gates(empty, EXITS)
    assert (len(gates), list(list_gate_pages(empty, gates))) == (0, [])
