"""Hostile input, damaged homes and killed runs, through the command as a user gives it."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from hubtwin.base.failpoint import arm, disarm
from hubtwin.cli.desk import PlainConsole
from tests.cli.kit import COUNTS, Hub, make_tiny_hub, write_counts

ASK = ("collide", "--date", "2022-03-01", "--at", "08:45", "--format", "json")
HOSTILE = "\x1b[31m[/red]\x1b]0;title\x07\x9b"
DOCUMENT = "110101199001011234"
MANIFEST = (
    "trip_id,train_code,service_date,order_ref,id_type,id_no,carriage,seat,board_station,alight_station,state,as_of,"
    "provenance\n"
)
RIDE = f"T1,T1,2022-03-01,ORDER20220301,CITIZEN,{DOCUMENT},8,12F,A1,HUB,booked,2022-03-01T07:00,synthetic\n"


class Stopped(BaseException):
    """The process ends here."""


@pytest.fixture(autouse=True)
def _disarmed() -> Iterator[None]:
    yield
    disarm()


def _stop_after(commits: int) -> None:
    left = [commits]

    def action(name: str) -> None:
        left[0] -= name == "stores.after_commit"
        if not left[0]:
            disarm()
            raise Stopped

    arm(action)


def _held(hub: Hub) -> dict[str, int]:
    return {row["name"]: row["rows"] for row in json.loads(hub.done("datasets", "--format", "json"))}


def _many_days(hub: Hub) -> None:
    """Make the timetable longer than one batch: a second train on 25,000 dates."""
    feed = hub.hub.parent / "feed"
    with (feed / "trips.txt").open("a") as trips, (feed / "stop_times.txt").open("a") as times:
        trips.write("R,L,T2,T2\n")
        times.write("T2,08:00:00,08:00:00,A1,1\nT2,09:40:00,09:40:00,HUB,2\n")
    with (feed / "calendar_dates.txt").open("a") as days:
        first = date(1995, 1, 1)
        days.writelines(f"L,{first + timedelta(days=n):%Y%m%d},1\n" for n in range(25_000))


def test_a_first_use_that_is_stopped_after_any_commit_is_finished_by_the_next_run(tiny: Hub, tmp_path: Path) -> None:
    _many_days(tiny)
    whole = Hub(tiny.hub, tmp_path / "whole")
    expected, held = whole.done(*ASK), _held(whole)
    for commits in range(1, 6):
        cut = Hub(tiny.hub, tmp_path / f"cut-{commits}")
        _stop_after(commits)
        try:
            cut(*ASK)
        except Stopped:
            pass
        else:
            assert commits > 3  # fewer commits than that would prove nothing
        disarm()
        assert cut.done(*ASK) == expected
        assert _held(cut) == held


def test_what_a_source_writes_is_neither_markup_nor_a_terminal_command(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    bad = tmp_path / f"counts{HOSTILE.replace('/', '')}.csv"
    bad.write_text(COUNTS + f"{HOSTILE},T1,2022-03-01,A1,1,1,2022-03-01T07:00,synthetic\n", encoding="utf-8")
    odd = tmp_path / "odd.csv"
    odd.write_text(COUNTS.strip() + f",{HOSTILE}\n", encoding="utf-8")
    runs = [
        tiny("import", "bookings", "--preview", bad),
        tiny("import", "bookings", bad),
        tiny("quarantine"),
        tiny("check"),
        tiny("import", "bookings", odd),
        tiny("quarantine", "--source", HOSTILE),
    ]
    assert [ran.code for ran in runs] == [0, 0, 0, 0, 1, 0]
    for ran in runs:
        assert not any((ord(c) < 0x20 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in ran.out + ran.err)
    assert "␛[31m[/red]" in runs[2].out


def test_a_hostile_name_from_the_timetable_shows_in_no_form_of_the_list(tmp_path: Path) -> None:
    made = make_tiny_hub(tmp_path / "odd", station="[/red]\x1b[2JA")
    made.done("collide", "--date", "2022-03-01", "--at", "08:45")
    for form in ("table", "json", "csv"):
        assert "\x1b" not in made.done(*ASK[:-1], form)


def test_a_manifest_leaves_neither_document_nor_order_number_anywhere(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    file = tmp_path / "manifest.csv"
    broken = RIDE.replace("8,12F", f"99,{DOCUMENT}") + RIDE.replace("T1,T1", f"{DOCUMENT},T1") + f"x,{RIDE}"
    file.write_text(MANIFEST + RIDE + broken, encoding="utf-8")
    headless = tmp_path / "headless.csv"
    headless.write_text(f"{DOCUMENT},CITIZEN\n", encoding="utf-8")
    shown = [
        tiny(*arguments)
        for arguments in (
            ("import", "bookings", "--preview", file),
            ("--log", "debug", "import", "bookings", file),
            ("quarantine",),
            ("import", "bookings", headless),
            (*ASK, "--rung", "manifest"),
        )
    ]
    assert [ran.code for ran in shown] == [0, 0, 0, 1, 0]
    kept = [path.read_bytes() for path in tiny.home.rglob("*") if path.is_file()]
    for text in (*(ran.out + ran.err for ran in shown), *(content.decode("latin-1") for content in kept)):
        assert DOCUMENT not in text
        assert "ORDER20220301" not in text


def test_nobody_else_on_the_machine_may_look_into_a_home_or_a_backup(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    tiny.done("backup", tmp_path / "copy")
    for folder in (tiny.home / "tiny", tmp_path / "copy"):
        assert folder.stat().st_mode & 0o077 == 0


def test_a_lost_list_of_files_destroys_no_data(tiny: Hub) -> None:
    tiny.done(*ASK)
    before = sorted(tiny.home.rglob("*.parquet"))
    for rows in tiny.home.glob("tiny/rows.sqlite*"):
        rows.unlink()
    (tiny.home / "tiny" / "rows.sqlite").touch()
    for command in (ASK, ("check",), ("check", "--repair"), ("datasets",)):
        ran = tiny(*command)
        assert (ran.code, "rows.sqlite" in ran.out + ran.err) == (1, True)
    assert sorted(tiny.home.rglob("*.parquet")) == before


def test_a_damaged_file_is_named_by_check_and_makes_no_backup(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    (calls,) = (tiny.home / "tiny/columns/rail_calls").iterdir()
    calls.write_bytes(b"PAR1" + b"\0" * calls.stat().st_size)
    assert calls.name in tiny("check").out
    assert tiny("check").code == 1
    asked = tiny(*ASK)
    assert asked.code == 1
    assert "hubtwin check" in asked.err
    assert tiny("backup", tmp_path / "copy").code == 1
    assert not (tmp_path / "copy").exists()


def test_lost_keys_stop_an_import_and_quarantine_no_valid_row(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    (tmp_path / "one.csv").write_text(MANIFEST + RIDE, encoding="utf-8")
    (tmp_path / "two.csv").write_text(MANIFEST + RIDE.replace(DOCUMENT, "110101199001019999"), encoding="utf-8")
    tiny.done("import", "bookings", tmp_path / "one.csv")
    tiny.done("backup", tmp_path / "copy")
    store = tiny.home / "tiny"
    for name, damage in (("keys.sqlite", None), ("vault.sqlite", None), ("vault.key", b"0" * 32)):
        whole = (store / name).read_bytes()
        (store / name).unlink()
        if damage is not None:
            (store / name).write_bytes(damage)
            (store / name).chmod(0o600)
        assert tiny("import", "bookings", tmp_path / "two.csv").code == 1
        (store / name).unlink(missing_ok=True)
        (store / name).write_bytes(whole)
        (store / name).chmod(0o600)
    assert "empty" in tiny.done("quarantine")
    tiny.done("import", "bookings", tmp_path / "two.csv")
    wrong = tmp_path / "wrong"
    shutil.copytree(tmp_path / "copy" / "keys", wrong)
    (wrong / "vault.key").write_bytes(b"1" * 32)
    elsewhere = Hub(tiny.hub, tmp_path / "elsewhere")
    assert elsewhere("restore", tmp_path / "copy", "--keys", wrong).code == 1
    elsewhere.done("restore", tmp_path / "copy")


def test_a_backup_of_another_hub_or_without_its_files_is_refused(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    tiny.done("backup", tmp_path / "copy")
    renamed = tmp_path / "renamed"
    shutil.copytree(tiny.hub.parent, renamed)
    (renamed / "hub.toml").write_text(tiny.hub.read_text(encoding="utf-8").replace('"tiny"', '"other"', 1))
    assert Hub(renamed / "hub.toml", tmp_path / "a")("restore", tmp_path / "copy").code == 1
    head = json.loads((tmp_path / "copy/MANIFEST.json").read_text(encoding="utf-8"))
    for gone in ("rows.sqlite", next(name for name in head["files"] if "rail_calls" in name)):
        files = {name: entry for name, entry in head["files"].items() if name != gone}
        (tmp_path / "copy/MANIFEST.json").write_text(json.dumps({**head, "files": files}), encoding="utf-8")
        assert Hub(tiny.hub, tmp_path / "b")("restore", tmp_path / "copy").code == 1


def test_pipes_and_devices_and_odd_file_names_end_with_a_sentence(tiny: Hub, tmp_path: Path) -> None:
    tiny.done(*ASK)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    assert "pipe" in tiny("import", "bookings", tmp_path / "pipe").err
    assert tiny("import", "bookings", "/dev/null").code == 1
    assert tiny("import", "bookings", "a" * 5000).code == 1
    assert "no files" in tiny.done("import", "bookings", tmp_path / "empty")
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"))
    write_counts(odd, "A1,5,4", "A1,5")
    assert "\\udcff.csv:3" in tiny.done("import", "bookings", odd)


def test_a_home_that_cannot_be_used_ends_with_a_sentence(tiny: Hub, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", Path("/dev/null/home"), tmp_path / ("a" * 300)):
        ran = Hub(tiny.hub, home)(*ASK)
        assert (ran.code, "Traceback" in ran.err, bool(ran.err)) == (1, False, True)


@pytest.mark.parametrize("day", ["0001-01-01", "0001-01-03", "9999-12-31", "0000-01-01", "2023-02-29", "1889-12-31"])
def test_an_absurd_date_is_refused(tiny: Hub, day: str) -> None:
    assert tiny("collide", "--date", day, "--at", "09:00").code == 2
    assert tiny(*ASK, "--service-pattern", day).code == 2


@pytest.mark.parametrize("at", ["24:00", "9:00", "09:00+05:00", "09:00Z", "09", "0900", "09:00:30", ""])
def test_a_time_that_is_not_hours_and_minutes_is_refused_by_name(tiny: Hub, at: str) -> None:
    ran = tiny("collide", "--date", "2022-03-01", "--at", at)
    assert (ran.code, "--at" in ran.err) == (2, True)


def test_a_reader_who_has_seen_enough_ends_no_process() -> None:
    with pytest.raises(BrokenPipeError):
        PlainConsole(file=sys.stdout).on_broken_pipe()
