"""An area that a partner tells changes the list, the gates, the map and the matcher's table, and again when it is gone;
whatever is killed meanwhile, each message has its effect once."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.text import text
from hubtwin.cli.show import _evidence
from hubtwin.library.query import collect
from hubtwin.model.event import EventKind
from hubtwin.model.partner import Taken
from hubtwin.model.record import UNMARKED, Marks, Status
from hubtwin.model.risk_table import MatchRule
from hubtwin.web.real_map import RealMap
from hubtwin.wiring.lists import Ask, warn
from hubtwin.wiring.matchers import hub_side
from hubtwin.wiring.risk_tables import _list_areas
from tests.walk.town import Town, town
from tests.wiring.partner_kit import OFFICE, Line, copied, office, open_line
from tests.wiring.taking_killed import MET

ROOT = Path(__file__).parents[2]
AREAS, TASK, TRACE = Taken.RISK_AREAS.value, Taken.TASK.value, Taken.TRACE.value
SECOND = {"area_code": "330103", "level": "high", "place": "a lane"}  # where the train calls between A and the hub


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a town in which one person was flagged: made once, copied for every test."""
    folder = tmp_path_factory.mktemp("prepared") / "town"
    with town(folder) as here:
        here.step(0)
        here.step(52)
        here.pass_gate()
        assert len(here.step(MET).cases) == 1
    return folder


@pytest.fixture
def here(prepared: Path, tmp_path: Path) -> Iterator[Town]:
    with copied(prepared, tmp_path / "town") as made:
        yield made


@pytest.fixture
def line(here: Town, tmp_path: Path) -> Line:
    return open_line(here.works, tmp_path / "partner")


def told(here: Town, *areas: dict[str, Any], gone: tuple[dict[str, Any], ...] = (), ago_min: int = 0) -> dict[str, Any]:
    data: dict[str, Any] = {"published_at": (here.clock() - timedelta(minutes=ago_min)).isoformat()}
    return {**data, **({"areas": list(areas)} if areas else {}), **({"gone": list(gone)} if gone else {})}


def calls(here: Town) -> list[dict[str, Any]]:
    """Return the calls of the one listed train, as the list and `hubtwin collide` judge it."""
    listed = warn(here.works.settings, here.works.store, Ask(here.clock(), 180))
    (train,) = listed.trains
    found: list[dict[str, Any]] = train.finding.evidence["calls"]  # type: ignore[assignment]
    return found


def test_the_list_changes_when_an_area_is_told_and_when_it_is_gone(here: Town, line: Line) -> None:
    before = calls(here)
    assert [call["station_id"] for call in before] == ["A1"]
    assert "told_by" not in before[0]
    event = line.sends(AREAS, "areas", told(here, SECOND))
    assert (event.kind, event.payload["changed"], event.payload["type"]) == (EventKind.PARTNER_DATA_USED, 1, AREAS)
    first, second = calls(here)
    assert first == before[0]
    assert (second["station_id"], second["areas"], second["high_areas"]) == ("B1", 1, 1)
    assert (second["told_areas"], second["told_by"]) == (1, [OFFICE])
    evidence = _evidence({"calls": [second], "expected_min": here.now_min}, here.works.settings.hub.zone, "en")
    assert text("cli.evidence_told", "en", count=1, partners=OFFICE) in evidence
    here.clock.jump(here.at(5))
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},)))
    assert len(calls(here)) == 2, "the train called there, and its passengers were there while it stood"


def test_a_train_that_calls_after_an_area_is_gone_is_not_listed_for_it(here: Town, line: Line) -> None:
    before = calls(here)
    line.sends(AREAS, "areas", told(here, SECOND, ago_min=30))
    assert len(calls(here)) == 2
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},), ago_min=20))
    assert calls(here) == before


def test_the_loop_hears_of_it_at_its_next_turn(here: Town, line: Line) -> None:
    def listed() -> list[str]:
        (found,) = here.running.works.latest().trains
        return [call["station_id"] for call in found.finding.evidence["calls"]]  # type: ignore[attr-defined]

    here.step(1)
    assert listed() == ["A1"]
    line.sends(AREAS, "areas", told(here, SECOND, ago_min=30))
    assert here.step(2).findings, "judged at once, because something was written"
    assert listed() == ["A1", "B1"]
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},), ago_min=20))
    here.step(3)
    assert listed() == ["A1"]


def test_an_area_told_again_by_a_partner_counts_at_the_higher_level(here: Town, line: Line) -> None:
    line.sends(AREAS, "areas", told(here, {"area_code": "330102", "level": "medium"}))
    (call,) = calls(here)
    assert (call["areas"], call["high_areas"], call["told_by"]) == (2, 1, [OFFICE])


def test_the_map_and_the_table_of_a_matcher_hold_it(here: Town, line: Line) -> None:
    rule = MatchRule(14, 1.0, "county", ("high", "medium"))
    line.sends(AREAS, "areas", told(here, SECOND))
    shown = {one.properties.area_code: one.properties for one in RealMap(here.works).areas().features}
    assert (shown["330103"].high, list(shown["330103"].told_by), list(shown["330102"].told_by)) == (1, [OFFICE], [])
    table = _list_areas(hub_side(here.works), rule, here.now_min)
    assert {row["area_code"]: row["level"] for row in table.to_dicts()} == {"330102": "high", "330103": "high"}
    here.clock.jump(here.at(4))
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},)))
    assert [one.properties.area_code for one in RealMap(here.works).areas().features] == ["330102"]
    gone = {r["area_code"]: r["gone_by_min"] for r in _list_areas(hub_side(here.works), rule, here.now_min).to_dicts()}
    assert gone == {"330102": None, "330103": here.now_min}


def test_names_are_found_in_the_tables_of_the_country(here: Town, line: Line) -> None:
    place = {"province": "浙江省", "city": "杭州市", "county": "西湖区", "level": "medium"}
    assert line.sends(AREAS, "areas", told(here, place)).payload["changed"] == 1
    (row,) = stored(here)
    assert (row["area_code"], row["county"], row["resolution"]) == ("330106", "西湖区", "county")
    wrong = told(here, {**place, "county": "无此区"})
    assert line.is_refused(AREAS, "areas", wrong) == "rules.partner_area_unknown"
    assert stored(here) == [row]


def stored(here: Town) -> list[dict[str, Any]]:
    """Return the rows of the dataset."""
    frame = here.works.store.tables(("told_areas",))["told_areas"]
    return sorted(collect(frame).to_pylist(), key=lambda row: (row["area_code"], row["first_seen_min"]))


def test_a_row_says_who_told_it_in_which_message_and_is_marked(here: Town, line: Line) -> None:
    event = line.sends(AREAS, "areas", told(here, SECOND))
    (row,) = stored(here)
    assert (row["partner"], row["message_id"], row["gone_message_id"]) == (OFFICE, event.payload["message_id"], None)
    assert (row["provenance"], row["source"], row["first_seen_min"]) == (
        "synthetic",
        "partner:city-health",
        here.now_min,
    )
    line.marks = UNMARKED
    here.clock.jump(here.at(3))
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},)))
    (row,) = stored(here)
    assert (row["provenance"], row["gone_by_min"]) == ("synthetic", here.now_min), "made once, marked for good"


def test_one_partner_does_not_end_what_another_told(here: Town, line: Line, tmp_path: Path) -> None:
    other = open_line(here.works, tmp_path / "other", replace(office(), partner_id="province"))
    both = {OFFICE: office(), "province": replace(office(), partner_id="province")}
    line.taking.registry = other.taking.registry = both
    other.taking = line.taking
    line.sends(AREAS, "areas", told(here, SECOND, ago_min=30))
    other.sends(AREAS, "areas", told(here, {**SECOND, "level": "medium"}, ago_min=30))
    line.sends(AREAS, "areas", told(here, gone=({"area_code": "330103"},), ago_min=20))
    assert [(row["partner"], row["level"]) for row in stored(here) if row["gone_by_min"] is None] == [
        ("province", "medium")
    ]
    (_, second) = calls(here)
    assert (second["high_areas"], second["told_by"]) == (0, ["province"])


def test_an_exercise_touches_nothing_real(here: Town, line: Line) -> None:
    line.marks = Marks(Status.EXERCISE)
    assert line.is_refused(AREAS, "areas", told(here, SECOND)) == "channels.other_status", "even if it was received"
    assert stored(here) == []


POINTS = (
    *("stores.before_commit:1", "stores.after_commit:1", "taking.stored:3", "ledger.saved:1"),
    *("ledger.before_commit:2", "ledger.after_commit:2", "taking.refused:1", "taking.let_go:1"),
)


def run(folder: Path, point: str = "") -> int:
    done = subprocess.run(
        [sys.executable, "-m", "tests.wiring.taking_killed", str(folder)],
        cwd=ROOT,
        env={**os.environ, "HUBTWIN_FAILPOINT": point},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2000:]
    return done.returncode


@pytest.fixture(scope="module")
def waiting(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a town in whose books five messages stand that nobody has taken over."""
    folder = tmp_path_factory.mktemp("waiting") / "town"
    with copied(prepared, folder, MET) as here:
        line = open_line(here.works, folder / "partner")
        (case,) = here.works.ledger.list_cases()
        line.tell_of(case.case_id)
        at = (here.clock() - timedelta(minutes=5)).isoformat()
        due = (here.clock() + timedelta(minutes=60)).isoformat()
        line.say(AREAS, "areas", told(here, SECOND))
        line.say(TRACE, case.case_id, {"case": case.case_id, "result": "reached", "at": at, "ref": "R"})
        line.say(TASK, "wishes", {"kind": "meet", "what": "a group", "due": due, "ref": "W"})
        line.say(TASK, "wishes", {"kind": "meet", "what": "", "due": due, "ref": "W"})
        line.say(AREAS, "areas", told(here, {"area_code": "330106", "level": "low"}))
        line.wire.wire.close()
    return folder


def books(folder: Path) -> dict[str, Any]:
    with copied(folder, folder) as here:
        ledger = here.works.ledger
        wire = open_line(here.works, folder / "partner").wire.wire
        return {
            "rows": stored(here),
            "evidence": [ledger.list_evidence(case.case_id) for case in ledger.list_cases()],
            "tasks": ledger.list_tasks(),
            "timers": ledger.list_timers(),
            "events": [(e.at_min, e.kind, e.subject, e.payload) for e in ledger.list_events() if e.scene],
            "outbox": ledger.list_outbox(1_000),
            "content": [one.signed for _, one in wire.list_applied()],
        }


@pytest.fixture(scope="module")
def whole(waiting: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the books of a hub that nobody killed."""
    folder = tmp_path_factory.mktemp("whole") / "town"
    shutil.copytree(waiting, folder)
    assert run(folder) == 0
    found = books(folder)
    assert [event[1] for event in found["events"]].count(EventKind.PARTNER_DATA_USED) == 4
    assert (len(found["rows"]), found["content"]) == (2, [None] * 5)
    return found


@pytest.mark.parametrize("point", POINTS)
def test_killed_between_any_two_steps_nothing_is_lost_and_nothing_doubled(
    point: str, waiting: Path, whole: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "town"
    shutil.copytree(waiting, folder)
    assert run(folder, point) == -signal.SIGKILL, f"{point} is not passed so often"
    assert run(folder) == 0
    assert run(folder) == 0
    found = books(folder)
    for name, expected in whole.items():
        assert found[name] == expected, name
