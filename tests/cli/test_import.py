"""`hubtwin import`, `quarantine`, `datasets`, `release`: nothing is written unasked, and the numbers add up."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.text import catalogue, text
from hubtwin.settings import load_settings
from hubtwin.wiring import open_store
from tests.cli.kit import COUNTS, RISK, Hub, write_counts

FEED_ROWS = {"rail_stations": 3, "rail_trips": 1, "rail_service_days": 2, "rail_calls": 3}
MANIFEST = (
    "trip_id,train_code,service_date,order_ref,id_type,id_no,carriage,seat,board_station,alight_station,state,as_of,"
    "provenance\n"
)


def bring_in_feed(hub: Hub) -> dict[str, Any]:
    return reported(hub, "gtfs", hub.hub.parent / "feed", "--station-areas", hub.hub.parent / "areas.csv")


def reported(hub: Hub, kind: str, *arguments: object) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(hub.done("import", kind, *arguments, "--format", "json"))
    dropped, discarded = report["duplicates"]["dropped"], report["discarded"]
    kept, quarantined = sum(report["kept"].values()), sum(report["quarantined"].values())
    assert report["read"] == kept + quarantined + dropped + discarded, "nothing is lost without a trace"
    return report


def held(hub: Hub) -> dict[str, int]:
    entries = json.loads(hub.done("datasets", "--format", "json"))
    return {entry["name"]: entry["rows"] for entry in entries if entry["rows"]}


def test_a_gtfs_folder_comes_in_with_the_counties_of_its_stations(tiny: Hub) -> None:
    assert bring_in_feed(tiny)["kept"] == FEED_ROWS
    assert held(tiny) == FEED_ROWS


def test_a_gtfs_zip_says_the_same_as_its_folder(tiny: Hub) -> None:
    archive = shutil.make_archive(str(tiny.hub.parent / "packed"), "zip", tiny.hub.parent / "feed")
    assert reported(tiny, "gtfs", archive)["kept"] == FEED_ROWS


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_preview_shows_rows_and_problems_and_writes_nothing(tiny: Hub, lang: str) -> None:
    bring_in_feed(tiny)
    before = held(tiny)
    counts = write_counts(tiny.hub.parent / "counts.csv", "A1,120,118", "NOWHERE,1,1")
    printed = tiny.done("import", "bookings", counts, "--preview", lang=lang)
    assert "booked=120" in printed
    assert "NOWHERE" in printed
    assert text("cli.preview_note", lang) in printed
    assert held(tiny) == before
    assert text("cli.quarantine_empty", lang) in tiny.done("quarantine", lang=lang)
    assert reported(tiny, "bookings", counts)["kept"] == {"boarding_counts": 1}, "and may be imported after it"


def test_a_preview_of_a_manifest_masks_who_it_is_about(tiny: Hub) -> None:
    bring_in_feed(tiny)
    line = "T1,T1,2022-03-01,ORDER77,passport,SECRET123,1,2A,A1,HUB,booked,2022-03-01T07:00,synthetic\n"
    manifest = tiny.hub.parent / "manifest.csv"
    manifest.write_text(MANIFEST + line, encoding="utf-8")
    printed = tiny.done("import", "bookings", manifest, "--preview")
    assert "pid=***" in printed
    assert "SECRET123" not in printed


def test_importing_the_same_file_twice_says_nothing_new(tiny: Hub) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tiny.hub.parent / "counts.csv", "A1,120,118", "B1,5,")
    assert reported(tiny, "bookings", counts)["kept"] == {"boarding_counts": 2}
    for lang in ("zh", "en"):
        assert text("cli.report_nothing_new", lang) in tiny.done("import", "bookings", counts, lang=lang)
    again = reported(tiny, "bookings", counts)
    assert (again["pages"], again["read"]) == (0, 0)
    assert held(tiny)["boarding_counts"] == 2


def test_a_changed_file_is_read_again_and_says_what_was_the_same(tiny: Hub) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tiny.hub.parent / "counts.csv", "A1,120,118", "B1,5,")
    reported(tiny, "bookings", counts)
    write_counts(counts, "A1,120,118", "B1,6,6")
    again = reported(tiny, "bookings", counts)
    assert (again["duplicates"]["identical"], again["duplicates"]["replaced"]) == (1, 1)


def test_the_report_counts_bad_rows_by_reason_and_the_quarantine_lists_them(tiny: Hub) -> None:
    bring_in_feed(tiny)
    lines = ("A1,120,118", "X1,1,1", "X2,1,1", "B1,5,9", "B1,five,5", "A1,120,118")
    counts = write_counts(tiny.hub.parent / "counts.csv", *lines)
    report = reported(tiny, "bookings", counts)
    assert (report["read"], report["kept"]) == (6, {"boarding_counts": 1})
    assert report["quarantined"]["connectors.bookings.unknown_station"] == 2
    assert report["quarantined"]["connectors.common.repeated_row"] == 1
    assert sum(report["quarantined"].values()) == 5
    for lang in ("zh", "en"):
        listed = tiny.done("quarantine", "--source", "bookings", lang=lang)
        assert all(f"counts.csv:{line}" in listed for line in (3, 4, 5, 6, 7))
        assert "connectors." not in listed
        assert text("cli.more_rows", lang, count=3) in tiny.done("quarantine", "--limit", "2", lang=lang)
    assert text("cli.quarantine_empty", "en") in tiny.done("quarantine", "--source", "risk_areas")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_printed_report_shows_where_and_why_in_words(tiny: Hub, lang: str) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tiny.hub.parent / "counts.csv", "A1,120,118", "X1,1,1")
    printed = tiny.done("import", "bookings", counts, lang=lang)
    assert "counts.csv:3" in printed
    assert "boarding_counts: 1" in printed
    assert text("cli.report_quarantine", lang, source="bookings") in printed
    assert "connectors." not in printed


def test_a_file_with_an_unknown_column_is_refused_whole_and_named(tiny: Hub) -> None:
    bring_in_feed(tiny)
    before = held(tiny)
    counts = tiny.hub.parent / "counts.csv"
    counts.write_text(COUNTS.replace("booked", "bookedd"), encoding="utf-8")
    for lang in ("zh", "en"):
        ran = tiny("import", "bookings", counts, lang=lang)
        assert (ran.code, ran.out) == (1, "")
        assert "counts.csv" in ran.err
        assert "bookedd" in ran.err
    assert held(tiny) == before


def test_risk_areas_come_in_and_a_manifest_needs_a_timetable(tiny: Hub) -> None:
    assert reported(tiny, "risk-areas", tiny.hub.parent / "risk.csv")["kept"] == {"risk_areas": 1}
    manifest = tiny.hub.parent / "manifest.csv"
    manifest.write_text(MANIFEST, encoding="utf-8")
    ran = tiny("import", "bookings", manifest)
    assert ran.code == 1
    assert catalogue()["connectors.bookings.needs_timetable"]["en"].partition("{")[0] in ran.err


def test_data_from_the_future_are_judged_by_the_moment_that_is_given(tiny: Hub) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tiny.hub.parent / "counts.csv", "A1,120,118")
    early = reported(tiny, "bookings", counts, "--now", "2022-02-01T00:00")
    assert (early["kept"], sum(early["quarantined"].values())) == ({}, 1)


def test_the_catalogue_shows_what_is_synthetic_in_both_languages(tiny: Hub) -> None:
    reported(tiny, "risk-areas", tiny.hub.parent / "risk.csv")
    entries = {entry["name"]: entry for entry in json.loads(tiny.done("datasets", "--format", "json"))}
    assert entries["risk_areas"]["synthetic_share"] == 1.0
    assert entries["bookings"]["grade"] == "L4"
    for lang, word in (("zh", "风险区"), ("en", "risk areas")):
        printed = tiny.done("datasets", lang=lang)
        assert word in printed
        assert "100%" in printed


def test_a_person_releases_a_freeze_and_it_is_written_down_who(tiny: Hub, tmp_path: Path) -> None:
    lines = [RISK.replace("{county}", "A county").splitlines()[0]]
    for number in range(10):
        gone = "2022-02-28T18:00,1" if number < 6 else ",0"  # six of ten areas leave at once: the guard holds them
        lines.append(f"high,p,c,A county,place {number},2022-02-28T12:00,{gone},330102,synthetic")
    (tmp_path / "dropped.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ran = tiny("--log", "warning", "import", "risk-areas", tmp_path / "dropped.csv")
    assert ran.code == 0
    assert '"event": "withdrawals_frozen"' in ran.err
    assert '"areas": 6' in ran.err
    asked = ("release", "high", "--by", "Duty officer 7", "--reason", "confirmed by telephone")
    told = tiny.done(*asked, "--now", "2022-02-28T20:00", lang="zh")
    assert text("cli.released", "zh", count=6) in told
    again = tiny.done(*asked, "--now", "2022-02-28T20:00")
    assert text("cli.released", "en", count=0) not in again, "there is no freeze to release any more"
    with open_store(load_settings(str(tiny.hub), tiny.home), system_clock) as store:
        (event,) = [event for event in store.list_events("FreezeReleased") if event.payload["areas"]]
    assert (event.payload["by"], event.payload["reason"]) == ("Duty officer 7", "confirmed by telephone")
