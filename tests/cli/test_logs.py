"""Logs are JSON lines on standard error, off unless asked for, and never hold a value of a person."""

import json
from pathlib import Path
from typing import Any

from tests.cli.kit import Hub, write_counts
from tests.cli.test_import import MANIFEST, bring_in_feed

NUMBERS = ("330102199003071233", "E12345678", "SYN000111222", "33010219900307123")
ORDERS = ("ORDER0001", "ORDER0002")


def _events(err: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def _named(err: str) -> list[str]:
    return [event["event"] for event in _events(err)]


def test_nothing_is_logged_unless_asked_for(tiny: Hub, tmp_path: Path) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tmp_path / "counts.csv", "A1,120,118", "X1,1,1")
    assert tiny("import", "bookings", counts).err == ""


def test_an_import_logs_its_page_with_counts_and_warns_of_bad_rows(tiny: Hub, tmp_path: Path) -> None:
    bring_in_feed(tiny)
    counts = write_counts(tmp_path / "counts.csv", "A1,120,118", "X1,1,1")
    ran = tiny("--log", "info", "import", "bookings", counts)
    bad, page = _events(ran.err)
    assert (bad["event"], bad["level"], bad["rows"]) == ("rows_quarantined", "warning", 1)
    assert bad["reasons"] == {"connectors.bookings.unknown_station": 1}
    assert (page["event"], page["level"], page["page"], page["read"]) == ("page_read", "info", "counts.csv", 2)
    assert page["kept"] == {"boarding_counts": 1}
    assert page["timestamp"].endswith("Z")
    write_counts(counts, "A1,120,119", "X1,1,1")
    assert _named(tiny("--log", "warning", "import", "bookings", counts).err) == ["rows_quarantined"]


def test_a_refused_file_warns_with_its_reason(tiny: Hub, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("what,is,this\n1,2,3\n", encoding="utf-8")
    (refused,) = _events(tiny("--log", "warning", "import", "bookings", tmp_path / "bad.csv").err)
    assert (refused["event"], refused["page"]) == ("page_rejected", "bad.csv")
    assert refused["reason"] == "connectors.common.unknown_column"


def test_a_list_a_simulation_and_a_backup_log_what_they_did(tiny: Hub, tmp_path: Path) -> None:
    first = tiny("--log", "info", "collide", "--date", "2022-03-01", "--at", "08:10")
    listed = _events(first.err)[-1]
    assert (listed["event"], listed["trains"], listed["now"]) == ("list_computed", 1, "2022-03-01T00:10:00+00:00")
    assert listed["judge_s"] > 0
    asked = ("simulate", "--date", "2022-03-01", "--arrivals", "20", "--out", tmp_path / "day")
    assert "day_simulated" in _named(tiny("--log", "info", *asked).err)
    assert "backup_written" in _named(tiny("--log", "info", "backup", tmp_path / "copy").err)
    other = Hub(tiny.hub, tmp_path / "other")
    assert _named(other("--log", "info", "restore", tmp_path / "copy").err) == ["backup_restored"]


def test_debug_logs_and_everything_printed_hold_no_document_number(tiny: Hub, tmp_path: Path) -> None:
    bring_in_feed(tiny)
    kinds = ("citizen", "passport", "syn", "citizen")
    lines = [
        f"T1,T1,2022-03-01,{ORDERS[n % 2]},{kind},{number},1,{n + 1}A,A1,HUB,booked,2022-03-01T07:00,synthetic"
        for n, (kind, number) in enumerate(zip(kinds, NUMBERS, strict=True))
    ]
    lines += [
        lines[0].replace("A1,HUB", "HUB,A1"),  # alights before it boards
        lines[1].replace("T1,T1", "NO-SUCH-TRIP,T1"),
        lines[2].replace(",1,3A", ",1,99Z"),
        f"{lines[3]},one field too many",
        f'T1,"unclosed quote {NUMBERS[0]}',
    ]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(MANIFEST + "\n".join(lines) + "\n", encoding="utf-8")
    stays = tmp_path / "stays.csv"
    stays.write_text(
        "id_type,id_no,area_code,street_code,community,from,to,provenance\n"
        f"citizen,{NUMBERS[0]},330102,,,2022-02-20T10:00,2022-02-21T10:00,synthetic\n"
        f"citizen,{NUMBERS[0]},330102,,,2022-02-22T10:00,2022-02-21T10:00,synthetic\n",
        encoding="utf-8",
    )
    told = ""
    for arguments in (
        ("import", "bookings", manifest, "--preview"),
        ("import", "bookings", manifest, stays),
        ("quarantine",),
        ("collide", "--date", "2022-03-01", "--at", "08:10", "--rung", "manifest", "--format", "json"),
        ("check",),
    ):
        ran = tiny("--log", "debug", *arguments)
        told += ran.out + ran.err
    assert "batch_stored" in told
    assert "rows_quarantined" in told
    assert not [value for value in (*NUMBERS, *ORDERS) if value in told.replace("\n", "")]
