"""The match: hits equal the truth of a simulated day, counts hide small cells, co-travel follows the plan."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from hubtwin.base.clock import from_epoch_minute
from hubtwin.datasets.health import RISK_HITS
from hubtwin.matcher.manifests import Folder, Travellers, read_timetable
from hubtwin.matcher.match import count_hits, epoch_of_run, find_hits, name_hits, trace_along, wants
from hubtwin.model.record import Identity
from hubtwin.model.risk_table import RiskTable
from hubtwin.rules.privacy import EPOCH_MIN, normalise, pseudonym
from hubtwin.scenes.epidemic.profiles import PROFILES, get_plan_in_force, get_profile
from hubtwin.sim.day import DOCUMENT
from hubtwin.sim.people import Kind
from hubtwin.sim.small import ZONE
from tests.matcher.town import DAY, NIGHT_MIN, RULE, folder_of, table_of, timetable

KEY = bytes(range(32))
NOW = from_epoch_minute(NIGHT_MIN)
LEVELS = RISK_HITS.by_name["level"].values


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return folder_of(tmp_path_factory.mktemp("railway"))


def read(folder: Folder, table: RiskTable) -> Travellers:
    return folder.read(NOW, wants(table, folder.timetable), {area.area_code for area in table.areas})


def truth() -> set[tuple[str, str, str, str]]:
    """Return (trip, document, station, level) of who arrives or stays away and was in a listed community, as far as
    the wire names the community: some stays are told by county or street only."""
    told = DAY.stays.wire_community[DAY.truth.stay] >= 0
    best: dict[int, int] = {}
    for person, interval in zip(DAY.truth.person[told].tolist(), DAY.truth.interval[told].tolist(), strict=True):
        level = LEVELS.index(DAY.places.interval_level[interval])
        best[person] = min(level, best.get(person, len(LEVELS)))
    stations = [call.station_id for trip in DAY.world.trips for call in trip.calls]
    coming = np.isin(DAY.bookings.kind, (Kind.ARRIVES, Kind.NO_SHOW))
    return {
        (
            DAY.world.trips[DAY.bookings.trip[person]].trip_id,
            DAY.documents[person],
            stations[DAY.bookings.board[person]],
            LEVELS[level],
        )
        for person, level in best.items()
        if coming[person]
    }


def test_hits_equal_the_truth_of_the_day(folder: Folder) -> None:
    table = table_of()
    who = read(folder, table)
    found = find_hits(who, table, folder, NIGHT_MIN)
    assert not who.refused
    hits = {(hit.trip_id, who.documents[hit.person].id_no, hit.board_station, hit.level) for hit in found}
    assert hits == truth()
    assert len(hits) == len(found) > 40
    assert all(hit.synthetic for hit in found)


def test_a_hit_bears_the_pseudonym_that_the_hub_makes_of_the_document(folder: Folder) -> None:
    table = table_of()
    who = read(folder, table)
    found = find_hits(who, table, folder, NIGHT_MIN)
    hits, unnamed = name_hits(found, who, folder.timetable, lambda _: KEY, NIGHT_MIN)
    expected = {pseudonym(KEY, normalise(Identity(DOCUMENT, number))) for _, number, _, _ in truth()}
    assert ({hit.pid for hit in hits}, unnamed) == (expected, 0)
    assert {hit.train_code for hit in hits} == {"G9001", "G9002"}
    assert name_hits(found, who, folder.timetable, lambda _: None, NIGHT_MIN) == ([], len(found))
    assert epoch_of_run("T1", date(1970, 1, 29)) == 1 == 28 * 1440 // EPOCH_MIN


def test_nobody_is_read_who_does_not_come_to_the_hub(folder: Folder) -> None:
    elsewhere = replace(table_of(), stations=("EEE",))
    assert find_hits(read(folder, elsewhere), elsewhere, folder, NIGHT_MIN) != []
    nowhere = replace(table_of(), stations=("ZZZ",))
    who = read(folder, nowhere)
    assert (who.bookings, who.documents, who.stays["pid"]) == ([], [], [])


def test_a_coarser_rule_finds_more_and_by_county_a_boarding_counts(folder: Folder) -> None:
    found = {}
    for precision in ("community", "street", "county"):
        table = replace(table_of(), rule=replace(RULE, precision=precision))
        who = read(folder, table)
        found[precision] = {hit.person for hit in find_hits(who, table, folder, NIGHT_MIN)}
    assert len(found["community"]) < len(found["county"])
    aboard = {b.person for b in who.bookings if dict(folder.timetable.calls[b.trip_id])[b.board_seq] == "AAA"}
    assert aboard <= found["county"]  # an area stands in the county of AAA


def test_levels_and_look_back_of_the_table_bind(folder: Folder) -> None:
    high = replace(table_of(), rule=replace(RULE, levels=("high",)))
    who = read(folder, high)
    assert {hit.level for hit in find_hits(who, high, folder, NIGHT_MIN)} == {"high"}
    later = NIGHT_MIN + 90 * 1440
    assert find_hits(who, table_of(), folder, later) == []
    assert find_hits(who, replace(table_of(), areas=()), folder, NIGHT_MIN) == []


def test_counts_under_five_are_not_told(folder: Folder) -> None:
    table = table_of()
    found = find_hits(read(folder, table), table, folder, NIGHT_MIN)
    counts = count_hits(found, NIGHT_MIN)
    exact = [
        sum((h.trip_id, h.board_station, h.level) == (c.trip_id, c.board_station, c.level) for h in found)
        for c in counts
    ]
    assert sum(exact) == len(found)
    assert [count.persons for count in counts] == [str(n) if n >= 5 else "<5" for n in exact]
    assert "<5" in {count.persons for count in counts}


def along(folder: Folder, plan_id: str, case: str) -> tuple[list[str], int]:
    trip = DAY.world.trips[0]
    who = folder.read(NOW, lambda t, d, _: (t, d) == (trip.trip_id, trip.service_date), ())
    contacts, aboard = trace_along(who, folder, [case], get_profile(PROFILES, plan_id, trip.service_date), KEY)
    assert all(contact.case_pid == case for contact in contacts)
    return [contact.pid for contact in contacts], aboard


def pid_of(person: int) -> str:
    return pseudonym(KEY, normalise(Identity(DOCUMENT, DAY.documents[person])))


def test_co_travellers_are_those_of_the_carriage_under_a_plan_that_says_so(folder: Folder) -> None:
    day, trip = DAY.bookings, DAY.world.trips[0]
    case = int(np.flatnonzero((day.trip == 0) & (day.kind == Kind.ARRIVES))[0])
    plan = get_plan_in_force(PROFILES, "covid-19", trip.service_date)
    contacts, aboard = along(folder, plan.pathogen_id, pid_of(case))
    assert aboard == 1
    carriage = np.flatnonzero((day.trip == 0) & (day.kind != Kind.CANCELLED) & (day.carriage == day.carriage[case]))
    near = {pid_of(int(person)) for person in carriage} - {pid_of(case)}
    same_order = {pid_of(int(p)) for p in np.flatnonzero(day.order == day.order[case])} - {pid_of(case)}
    assert contacts
    assert set(contacts) <= near | same_order
    assert len(set(contacts)) == len(contacts)


def test_a_plan_that_traces_nobody_gives_nobody_and_a_stranger_is_not_aboard(folder: Folder) -> None:
    none = next(plan for plan in PROFILES if not plan.traces_cotravellers)
    case = pid_of(int(np.flatnonzero(DAY.bookings.trip == 0)[0]))
    assert along(folder, none.pathogen_id, case) == ([], 1)
    assert along(folder, PROFILES[0].pathogen_id, "0" * 32) == ([], 0)


def test_a_cancelled_booking_a_broken_line_and_another_file_are_not_matched(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    before = {booking.person for booking in read(folder, table_of()).bookings}
    head, line, *_ = sorted(folder.path.glob("manifest-*"))[0].read_text().splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    cells |= {"state": "cancelled", "as_of": "2022-10-20T23:59+08:00"}
    (folder.path / "manifest-20221020T2359.csv").write_text("\n".join([head, ",".join(cells.values()), "broken"]))
    (folder.path / "other.csv").write_text("a,b\n1,2\n")
    who = read(folder, table_of())
    assert len(who.bookings) == len(before) - 1
    assert set(who.refused) == {"connectors.common.wrong_fields", "matcher.other_file"}


def test_a_timetable_is_read_from_several_files_too(tmp_path: Path) -> None:
    found = read_timetable((timetable(tmp_path / "t.zip"),), ZONE, NOW)
    assert found.calls["T1"] == ((1, "AAA"), (2, "BBB"), (3, "CCC"), (4, "HUB"))
    assert found.counties["AAA"] == "990101"
