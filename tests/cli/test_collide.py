"""`hubtwin collide` on the second hub: times, rungs, formats, findings kept once."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.text import catalogue, text
from hubtwin.settings import load_settings
from hubtwin.wiring import open_store
from tests.cli.kit import AT, DAY, Hub, make_tiny_hub

HEADER = (
    "rank,train,service_date,key_train,level,scheduled,expected,lead_min,score,rung,booked,boarded,hits,exposed,stage,"
    "calls_left,of_calls,to_board,first_list_calls,evidence,team,platform,exit,leave,synthetic"
)
TINY_AT = ("--date", "2022-03-01", "--at", "08:10")


def as_json(hub: Hub, *asked: str) -> dict[str, Any]:
    listed: dict[str, Any] = json.loads(hub.done("collide", *asked, "--format", "json"))
    return listed


@cache
def kept_json(hub: Hub, *asked: str) -> dict[str, Any]:
    """Return the list of a hub that nobody writes to; asked once a worker."""
    return as_json(hub, *asked)


def moments(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from moments(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from moments(inner, name)
    elif isinstance(value, str) and len(value) > 10 and value[4] == "-" and value[10] == "T":
        yield name, value


def test_json_gives_every_moment_in_iso_utc_and_no_epoch_minute(prepared: Hub) -> None:
    listed = kept_json(prepared, *AT)
    assert listed["hub"] == "san-francisco-caltrain"
    assert listed["now"] == "2017-07-24T15:00:00+00:00"
    found = list(moments(listed))
    assert {"scheduled", "expected", "due", "arrive", "depart", "newest", "leave"} <= {name for name, _ in found}
    assert all(datetime.fromisoformat(moment).utcoffset() == UTC.utcoffset(None) for _, moment in found)
    assert all(value < 24_000_000 for value in _numbers(listed)), "an epoch minute of today is more"


def _numbers(value: object) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, int | float):
        yield value


@pytest.mark.parametrize("at", ["08:00", "17:45"])
def test_every_train_listed_arrives_within_the_horizon_and_passes_an_area(prepared: Hub, at: str) -> None:
    listed = kept_json(prepared, "--date", DAY, "--at", at)
    now = datetime.fromisoformat(listed["now"])
    assert now.astimezone().timestamp() == datetime.fromisoformat(f"{DAY}T{at}-07:00").timestamp()
    for train in listed["trains"]:
        expected = datetime.fromisoformat(train["expected"])
        assert 0 <= (expected - now).total_seconds() < 120 * 60
        assert train["lead_min"] == (expected - now).total_seconds() / 60
        assert train["level"] in ("high", "medium", "none")
        assert bool(train["calls"]) == (train["level"] != "none"), "without an area only its passengers tell"
        assert all(call["area_code"] in ("06081", "06085") for call in train["calls"])
        assert train["synthetic"], "its risk areas are"
    ranks = [(not train["key_train"], -train["score"]) for train in listed["trains"]]
    assert ranks == sorted(ranks), "key trains on top, then by score"


def test_a_longer_horizon_lists_the_trains_of_the_shorter_one_too(prepared: Hub) -> None:
    asked = ((*AT, "--horizon", "30"), AT)
    short, long = ({train["trip_id"] for train in kept_json(prepared, *each)["trains"]} for each in asked)
    assert short < long


def test_each_rung_goes_by_the_data_that_it_may_use(prepared: Hub) -> None:
    of = {rung: kept_json(prepared, *AT, "--rung", rung)["trains"] for rung in ("counts", "hits", "manifest")}
    of["auto"] = kept_json(prepared, *AT)["trains"]
    assert all(t["persons"]["rung"] in ("counts", "none") for t in of["counts"])
    assert all(t["persons"]["hits"] is None and t["persons"]["exposed"] is None for t in of["counts"])
    assert any(t["persons"]["booked"] for t in of["counts"])
    assert all(t["persons"]["exposed"] is None for t in of["hits"])
    assert any(t["persons"]["rung"] == "manifest" and t["persons"]["exposed"] for t in of["manifest"])
    assert any(t["persons"]["rung"] == "manifest" for t in of["auto"]), "the best rung there is"
    assert {t["trip_id"] for t in of["counts"]} <= {t["trip_id"] for t in of["manifest"]}


def test_the_service_pattern_of_another_date_runs_its_trains(prepared: Hub) -> None:
    weekday, sunday = kept_json(prepared, *AT), kept_json(prepared, *AT, "--service-pattern", "2017-07-23")
    assert (weekday["service_pattern"], sunday["service_pattern"]) == (DAY, "2017-07-23")
    assert sunday["service_date"] == DAY
    assert not {t["trip_id"] for t in weekday["trains"]} & {t["trip_id"] for t in sunday["trains"]}
    told = prepared.done("collide", *AT, "--service-pattern", "2017-07-23")
    assert "2017-07-23" in told.splitlines()[1]


def test_limit_shortens_the_table_only_and_says_how_many_are_left(prepared: Hub) -> None:
    all_trains = kept_json(prepared, *AT)["trains"]
    assert len(all_trains) > 4
    assert len(csv_rows(prepared, *AT, "--limit", "2")) == len(all_trains)
    cut, whole = (prepared.done("collide", *AT, "--limit", n) for n in ("2", "0"))
    more = text("cli.more", "en", count=len(all_trains) - 2)
    assert more in cut
    assert "--limit" not in whole
    shown = [train["train"] for train in all_trains if f"★ {train['train']} " in cut or f"  {train['train']} " in cut]
    assert shown[:2] == [train["train"] for train in all_trains[:2]]
    assert all(train["train"] in whole for train in all_trains)


def csv_rows(hub: Hub, *asked: str, lang: str = "en") -> list[dict[str, str]]:
    printed = hub.done("collide", *asked, "--format", "csv", lang=lang)
    assert printed.partition("\n")[0] == HEADER, "programs rely on it; a new column goes to the end"
    return list(csv.DictReader(io.StringIO(printed)))


def test_csv_has_an_english_header_in_any_language_and_the_trains_of_json(prepared: Hub) -> None:
    trains = kept_json(prepared, *AT)["trains"]
    rows = csv_rows(prepared, *AT, lang="zh")
    assert [(r["train"], int(r["lead_min"])) for r in rows] == [(t["train"], t["lead_min"]) for t in trains]
    assert all(datetime.fromisoformat(r["expected"]).utcoffset() for r in rows), "local time with its offset"


def test_a_formula_from_a_source_is_defused_in_csv_and_stays_as_it_is_in_json(tmp_path: Path) -> None:
    hub = make_tiny_hub(tmp_path / "tiny", train="=2+5", station="@SUM(1)")
    (row,) = csv_rows(hub, *TINY_AT)
    assert row["train"] == "'=2+5"
    assert row["evidence"].startswith("'@SUM(1)")
    (train,) = as_json(hub, *TINY_AT)["trains"]
    assert (train["train"], train["calls"][0]["station"]) == ("=2+5", "@SUM(1)")


def test_wide_characters_of_a_table_are_wrapped_and_not_cut(tmp_path: Path) -> None:
    station = "很长很长的车站名字" * 12
    hub = make_tiny_hub(tmp_path / "tiny", station=station)
    printed = hub.done("collide", *TINY_AT, lang="zh")
    assert "…" not in printed
    assert all(printed.count(letter) >= 12 for letter in set(station))
    assert all(sum(2 if ord(c) > 0x2E7F else 1 for c in line) <= 160 for line in printed.splitlines())


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_table_says_hub_time_synthetic_data_and_that_nobody_is_stopped(prepared: Hub, lang: str) -> None:
    printed = prepared.done("collide", *AT, lang=lang)
    assert "2017-07-24 08:00" in printed
    assert catalogue()["cli.synthetic"][lang].partition("{")[0] in printed
    assert text("cli.lock_note", lang) in printed
    assert "cli." not in printed


def test_an_empty_list_says_so_and_is_valid_csv(tiny: Hub) -> None:
    asked = ("--date", "2022-03-01", "--at", "20:00")
    assert text("cli.nothing_found", "en", horizon=120) in tiny.done("collide", *asked)
    assert csv_rows(tiny, *asked) == []


def test_saved_findings_are_kept_once_and_nothing_is_kept_unasked(tiny: Hub) -> None:
    tiny.done("collide", *TINY_AT)
    assert _kept(tiny) == []
    listed = as_json(tiny, *TINY_AT, "--save")["trains"]
    tiny.done("collide", *TINY_AT, "--save")
    assert _kept(tiny) == [train["key"] for train in listed]
    later = as_json(tiny, "--date", "2022-03-01", "--at", "09:05", "--save")["trains"]
    assert _kept(tiny) == [train["key"] for train in [*listed, *later]], "another list is another finding"


def _kept(hub: Hub) -> list[str]:
    with open_store(load_settings(str(hub.hub), hub.home), system_clock) as store:
        return [found.key for found in store.list_findings("epidemic")]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_first_use_brings_the_feeds_in_and_says_so_once_on_standard_error(tiny: Hub, lang: str) -> None:
    first = tiny("collide", *TINY_AT, lang=lang)
    assert first.code == 0
    told = [line for line in first.err.splitlines() if line.strip()]
    assert [
        text(f"cli.step_{kind}", lang) in line for kind, line in zip(("gtfs", "risk_areas"), told, strict=True)
    ] == [
        True,
        True,
    ]
    again = tiny("collide", *TINY_AT, lang=lang)
    assert (again.code, again.err, again.out) == (0, "", first.out)


def test_demo_prepares_what_is_missing_and_prints_the_list(tmp_path: Path) -> None:
    hub = make_tiny_hub(tmp_path / "tiny")
    with hub.hub.open("a", encoding="utf-8") as told:
        told.write("\n[simulation]\nseed = 1\narrivals = 30\n")
    ran = hub("demo", "--list-only", "--date", "2022-03-01", "--at", "08:10")
    assert ran.code == 0, ran
    assert "T1" in ran.out
    assert "2022-03-01" in ran.err, "what to try next"
    listed = as_json(hub, *TINY_AT)["trains"]
    assert [train["persons"]["rung"] for train in listed] == ["counts"]


def test_pathogens_lists_every_profile_with_sources_in_both_languages() -> None:
    for lang, name in (("zh", "麻疹"), ("en", "easles")):
        printed = Hub(Path("hangzhou-east"), Path("unused")).done("pathogens", lang=lang)
        assert name in printed
        assert "http" in printed
        assert text("cli.pathogen_no_trace", lang) in printed
