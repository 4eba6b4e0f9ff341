"""The epidemic scene, told as stories."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.rules.touching import list_touched
from hubtwin.scenes.epidemic.scene import SCENE
from tests.engines.frames import ENGINES, rows_of
from tests.scenes.epidemic.story import DAY, NOW, PARAMS, Story, area, at, calls, count, morning, tables, with_persons


def judge(story: Story, engine: str = "polars", **params: Any) -> dict[str, Any]:
    return {f.subject.split()[0]: f for f in SCENE.judge(tables(engine, story), {**PARAMS, **params}, NOW)}


def test_a_train_that_passes_an_area_is_listed_with_persons_lead_time_and_evidence() -> None:
    found = judge(morning())
    g1 = found["G1"].evidence
    assert (g1["lead_min"], g1["level"], g1["key_train"]) == (30, "high", True)
    assert g1["persons"] == {
        "rung": "counts", "concerned": 32, "booked": 32, "boarded": 31, "to_board": 0, "hits": None, "exposed": None,
    }  # fmt: skip
    (call,) = g1["calls"]
    assert (call["station"], call["county"], call["high_areas"], call["newest_min"]) == (
        "aaa",
        "county 110101",
        1,
        at(0),
    )
    assert found["G1"].score == pytest.approx(32 * 2 ** -(540 / 10080))


@pytest.mark.parametrize("engine", ENGINES)
def test_without_told_areas_the_findings_are_as_before(engine: str) -> None:
    story = tables(engine, with_persons(morning()))
    before = {name: frame for name, frame in story.items() if name != "told_areas"}
    found = SCENE.judge(story, PARAMS, NOW)
    assert found == SCENE.judge(before, PARAMS, NOW)
    assert found
    assert not any("told_by" in call for each in found for call in each.evidence["calls"])  # type: ignore[attr-defined]


def test_a_train_through_low_or_ended_areas_is_not_listed() -> None:
    assert set(judge(morning())) == {"G1", "G2"}


def test_an_area_published_after_the_train_left_lists_it_too() -> None:
    story = morning()
    story["risk_areas"].append(area("just now in C", "330303", "high", 539))
    assert set(judge(story)) == {"G1", "G2", "G3"}


def test_a_frozen_withdrawal_still_counts_for_trains() -> None:
    story = morning()
    story["risk_freezes"] = [{"area_key": "over in D", "from_min": at(300), "until_min": None}]
    assert "G4" in judge(story)
    story["risk_freezes"] = [{"area_key": "over in D", "from_min": at(300), "until_min": at(400)}]
    assert "G4" not in judge(story)


def test_lateness_moves_both_clocks_and_completeness() -> None:
    lists = judge(morning())["G2"].evidence["lists"]
    assert lists["stage"] == "preview"
    assert (lists["first"]["due_min"], lists["final"]["due_min"]) == (at(580), at(572))
    assert (lists["now"]["calls"], lists["now"]["of_calls"], lists["now"]["to_board"]) == (1, 2, 12)
    assert (lists["first"]["completeness"], lists["first"]["to_board"]) == (1.0, 0)
    punctual = morning() | {"running_information": []}
    lists = judge(punctual)["G2"].evidence["lists"]
    assert (lists["first"]["due_min"], lists["final"]["due_min"]) == (at(570), at(562))


def test_a_list_before_the_last_upstream_call_says_who_is_still_to_board() -> None:
    story = morning()
    story["rail_calls"] = [
        *calls("g1", "G1", ("AAA", None, 400), ("CCC", 555, 556), ("HUB", 572, 575)),
        *[c for c in story["rail_calls"] if c["trip_id"] != "g1"],
    ]
    lists = judge(story)["G1"].evidence["lists"]
    assert (lists["first"]["due_min"], lists["first"]["calls"], lists["first"]["of_calls"]) == (at(542), 1, 2)
    assert lists["first"]["to_board"] == 50


def test_unknown_persons_are_never_zero_and_make_a_key_train() -> None:
    story = morning() | {"boarding_counts": []}
    found = judge(story)["G1"]
    assert found.evidence["persons"]["booked"] is None
    assert found.evidence["persons"]["rung"] == "none"
    assert found.evidence["key_train"]
    assert found.evidence["lists"]["now"]["to_board"] in (0, None)


def test_few_persons_or_a_medium_level_are_no_key_train() -> None:
    assert not judge(morning(), key_persons={"high": 33, "medium": 200})["G1"].evidence["key_train"]
    assert not judge(morning())["G2"].evidence["key_train"]
    assert judge(morning(), key_persons={"high": 20, "medium": 8})["G2"].evidence["key_train"]


def test_key_trains_come_first_then_the_score() -> None:
    story = morning()
    for counted in story["boarding_counts"]:
        if counted["trip_id"] == "g2":
            counted["booked"] = 4000
    few = {"high": 20, "medium": 5000}
    assert list(judge(story, key_persons=few)) == ["G1", "G2"]
    assert judge(story, key_persons=few)["G2"].score > judge(story, key_persons=few)["G1"].score
    assert list(judge(story)) == ["G2", "G1"]


def test_hits_of_a_matcher_replace_counts() -> None:
    story = morning()
    story["risk_hits"] = [
        {"trip_id": t, "service_date": story["rail_service_days"][0]["service_date"], "pid": p, "board_station": "AAA",
         "level": "high", "as_of_min": at(500)}
        for t, p in (("g1", "p1"), ("g1", "p2"), ("g3", "p3"))
    ]  # fmt: skip
    found = judge(story)
    assert (found["G1"].evidence["persons"]["rung"], found["G1"].evidence["persons"]["concerned"]) == ("hits", 2)
    assert found["G3"].evidence["level"] == "none"
    assert found["G3"].evidence["persons"]["hits"] == 1
    assert "G3" not in judge(story, rung="counts")


def hit(trip: str, pid: str, gone: int | None = None) -> dict[str, Any]:
    told = {"trip_id": trip, "service_date": DAY, "pid": pid, "board_station": "AAA", "level": "high"}
    return {**told, "as_of_min": at(500), "gone_min": None if gone is None else at(gone)}


def hit_count(trip: str, station: str, least: int, most: int, gone: int | None = None) -> dict[str, Any]:
    told = {"trip_id": trip, "service_date": DAY, "board_station": station, "level": "high", "as_of_min": at(500)}
    return {**told, "persons_least": least, "persons_most": most, "gone_min": None if gone is None else at(gone)}


def test_a_hit_counts_until_the_minute_in_which_it_is_withdrawn() -> None:
    story = morning() | {"risk_hits": [hit("g3", "p1", 540), hit("g1", "p2", 541), hit("g1", "p3")]}
    found = judge(story)
    assert "G3" not in found
    assert found["G1"].evidence["persons"]["hits"] == 2


@pytest.mark.parametrize("engine", ENGINES)
def test_where_nobody_is_named_the_list_says_how_many_and_a_range_where_it_knows_no_more(engine: str) -> None:
    story = morning() | {
        "risk_hits": [hit("g2", "p1")],
        "risk_counts": [
            *(hit_count("g1", "AAA", 1, 4), hit_count("g1", "CCC", 17, 17), hit_count("g1", "BBB", 9, 9, 540)),
            *(hit_count("g2", "BBB", 1, 4), hit_count("g3", "CCC", 6, 6)),
        ],
    }
    found = judge(story, engine)
    shown = {code: one.evidence["persons"] for code, one in found.items()}
    assert {
        code: (told["rung"], told.get("hits_least"), told["hits"], told["concerned"]) for code, told in shown.items()
    } == {
        "G1": ("hits", 18, 21, 21),
        "G2": ("hits", None, 1, 1),  # who is named counts, not the number told beside
        "G3": ("hits", None, 6, 6),
    }
    assert found["G1"].score == pytest.approx(21 * PARAMS["level_weights"]["high"])
    assert found["G1"].evidence["key_train"]  # 20 make one: it may carry as many, and is prepared for
    assert "G3" not in judge(story, engine, rung="counts")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_manifest_counts_who_stayed_or_boarded_in_an_area_within_the_look_back(engine: str) -> None:
    found = judge(with_persons(morning()), engine, rung="manifest")
    assert found["G3"].evidence["persons"]["exposed"] == 1  # p1 stayed; the stay of p3 is older than 7 days
    assert found["G1"].evidence["persons"]["exposed"] == 1  # p2 boarded in A; p4 has cancelled


def test_a_stay_under_an_earlier_key_still_counts_through_its_link() -> None:
    story = with_persons(morning())
    story["stays"][0]["pid"] = "p1 under the old key"
    assert judge(story, rung="manifest").get("G3") is None
    story["pseudonym_links"] = [{"pid": "p1", "earlier_pid": "p1 under the old key", "expires_min": at(5000)}]
    assert judge(story, rung="manifest")["G3"].evidence["persons"]["exposed"] == 1


@settings(max_examples=10, deadline=None)
@given(st.permutations(["p1", "p2", "p3", "p4"]), st.sampled_from(["11", "33", "65", "99"]))
def test_permuting_persons_or_their_prefixes_changes_nothing(order: list[str], prefix: str) -> None:
    names = {old: f"{prefix}{order.index(old)}" for old in order}
    story = with_persons(morning())
    renamed = with_persons(morning())
    for rows in (renamed["bookings"], renamed["stays"]):
        for row in rows:
            row["pid"] = names[row["pid"]]
    plain, other = judge(story, rung="manifest"), judge(renamed, rung="manifest")
    assert {k: f.evidence for k, f in plain.items()} == {k: f.evidence for k, f in other.items()}


def test_a_home_region_alone_is_never_found() -> None:
    story = with_persons(morning())
    story["stays"] = []  # p1 and p3 live in A, and were not there while it was listed
    assert "G3" not in judge(story, rung="manifest")


CHANGES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "an area is published": ("risk_areas", area("new in C", "330303", "high", 530), {"area_codes": ["330303"]}),
    "a count comes in": ("boarding_counts", count("g2", "CCC", 300, None, 539), {"trip_ids": ["g2"]}),
    "a train is late": (
        "running_information",
        {"trip_id": "g1", "service_date": DAY, "seq": 2, "departure_delay_s": 1800, "relation": "SCHEDULED",
         "observed_min": at(535)},
        {"trip_ids": ["g1"]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_judging_what_a_change_touches_equals_judging_everything(what: str) -> None:
    dataset, row, touches = CHANGES[what]
    before, story = judge(morning()), morning()
    story[dataset].append(row)
    known = tables("polars", story)
    frames = (known["rail_calls"], known["rail_stations"], known["rail_trips"])
    touched = [found["trip_id"] for found in rows_of(list_touched(*frames, **touches))]
    assert 0 < len(touched) < 4
    kept = {code: found for code, found in before.items() if found.evidence["trip_id"] not in touched}
    again = judge(story, trips=touched)
    everything = judge(story)
    assert {**kept, **again}.keys() == everything.keys()
    assert all({**kept, **again}[code].evidence == found.evidence for code, found in everything.items())
