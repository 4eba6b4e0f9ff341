"""What staff file is filed once; a call for help reaches somebody; a team is sent, the nearest one unless named."""

from dataclasses import replace

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.field import MOST_CALLS, ask_help, file_piece, near_teams, send_team
from hubtwin.flow.handle import handle_task
from hubtwin.flow.timers import tick
from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import ALARMS, EventKind
from hubtwin.model.field import Call, Filing, Piece, PieceKind, Place, ticked
from hubtwin.model.task import TaskState
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS, CLOCKS_MIN, NOW, ROSTER, SCENE, anyone, declared, kinds, ordered, task_command

ITEMS = ("there", "done")


@pytest.fixture
def ledger() -> MemoryLedger:
    made = MemoryLedger()
    declared(made)
    return made


def only(*allowed: str, team: str = "TA"):  # type: ignore[no-untyped-def]
    """Return who may do some actions for one team."""

    def may(action: str, *, scene: str | None = None, team: str | None = team) -> None:
        if action not in allowed or team not in (None, "TA"):
            raise Denied("rules.not_permitted", action=action)

    return may


def filing(
    task_id: str, kind: PieceKind = PieceKind.TICK, ref: str = "there", key: str = "k1", late: int = 0
) -> Filing:
    return Filing(task_id, kind, ref, "wang", "TA", key, NOW + late, NOW)


def test_a_tick_is_filed_once_and_can_be_taken_back(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    first = file_piece(ledger, filing(task.task_id, late=8), only("task.report"), items=ITEMS)
    assert file_piece(ledger, filing(task.task_id, late=9), only("task.report"), items=ITEMS) == first
    assert (first.at_min, first.done_min) == (NOW + 8, NOW)
    assert ticked(ledger.list_pieces(task.task_id)) == {"there": first}
    back = replace(filing(task.task_id, PieceKind.UNTICK, key="k2"), at_min=NOW + 9)
    file_piece(ledger, back, only("task.report"), items=ITEMS)
    assert ticked(ledger.list_pieces(task.task_id)) == {}
    assert kinds(ledger, [EventKind.TASK_CHECKED]) == [EventKind.TASK_CHECKED] * 2
    assert ledger.get_task(task.task_id).version == task.version


def test_a_tick_that_comes_late_from_a_phone_without_connection_does_not_undo_what_was_said_after_it() -> None:
    tick = Piece("p1", "t1", PieceKind.TICK, "there", "wang", NOW, NOW)
    back = Piece("p2", "t1", PieceKind.UNTICK, "there", "li", NOW + 20, NOW + 20)
    late = Piece("p3", "t1", PieceKind.TICK, "there", "qian", NOW + 40, NOW + 10)
    assert ticked([tick, back, late]) == {}
    assert ticked([tick, back, replace(late, done_min=NOW + 20)]) == {"there": replace(late, done_min=NOW + 20)}


def test_what_is_wrong_is_refused_and_files_nothing(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    with pytest.raises(Absent, match="fly"):
        file_piece(ledger, filing(task.task_id, ref="fly"), anyone, items=ITEMS)
    with pytest.raises(Denied):
        file_piece(ledger, filing(task.task_id), only(), items=ITEMS)
    with pytest.raises(Denied):
        file_piece(ledger, replace(filing(task.task_id), by="system"), anyone, items=ITEMS)
    with pytest.raises(Absent):
        file_piece(ledger, filing("nothing"), anyone, items=ITEMS)
    assert ledger.list_pieces(task.task_id) == []
    file_piece(ledger, filing(task.task_id), anyone, items=ITEMS)
    with pytest.raises(Denied) as reused:
        file_piece(ledger, filing(task.task_id, ref="done"), anyone, items=ITEMS)
    assert reused.value.key == "stores.key_reused"


def test_a_phone_that_repeats_itself_fills_no_disk(ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtwin.flow.field.MOST_PIECES", 2)
    task = ordered(ledger)
    for key in ("a", "b"):
        file_piece(ledger, filing(task.task_id, key=key), anyone, items=ITEMS)
    with pytest.raises(Denied) as full:
        file_piece(ledger, filing(task.task_id, key="c"), anyone, items=ITEMS)
    assert full.value.key == "flow.many_pieces"


def test_a_team_that_had_the_task_files_what_it_saw(ledger: MemoryLedger) -> None:
    task = ordered(ledger)
    handle_task(ledger, task_command(task, "reassign", team="TB"), CLOCKS_MIN, anyone, roster=ROSTER)
    note = filing(task.task_id, PieceKind.NOTE, "digest")
    assert file_piece(ledger, note, only("task.report")).ref == "digest"
    other = replace(note, team="TC", key="k9")
    with pytest.raises(Denied):
        file_piece(ledger, other, only("task.report"))


def test_a_refusal_whose_answer_was_lost_is_known_when_it_comes_again(ledger: MemoryLedger) -> None:
    task, may = ordered(ledger), only("task.decline")
    command = task_command(task, "decline", reason="busy")
    for _ in range(2):
        found = handle_task(ledger, command, CLOCKS_MIN, may, roster=ROSTER, key="k")
        assert (found.team, found.state) == ("TB", TaskState.ASSIGNED)
    assert kinds(ledger, [EventKind.TASK_DECLINED]) == [EventKind.TASK_DECLINED]


def call(place: str = "P4", **told: object) -> Call:
    return replace(Call("wang", SCENE, "h1", NOW, Place(place, 120.2, 30.3)), **told)  # type: ignore[arg-type]


def test_a_call_for_help_is_an_alarm_and_a_task_of_the_commander_with_the_nearest_teams(ledger: MemoryLedger) -> None:
    task = ask_help(ledger, call(team="TA"), CLOCKS_MIN, only("help.ask"), roster=ROSTER)
    assert ask_help(ledger, call(team="TA"), CLOCKS_MIN, only("help.ask"), roster=ROSTER) == task
    assert (task.team, task.kind, task.place, task.subject) == (COMMANDER, "help", "P4", "TA")
    assert task.told["near"] == [{"team": "TB", "walk_min": 5}, {"team": "TC", "walk_min": 9}]
    (event,) = ledger.list_events(kinds=[EventKind.HELP_ASKED])
    assert event.kind in ALARMS
    assert "lon" not in event.payload
    tick(ledger, NOW + CLOCKS_MIN["answer"], CLOCKS)
    assert ledger.get_task(task.task_id).state is TaskState.ESCALATED, "nobody answered: it goes up, and sounds again"


def test_who_says_no_place_is_where_the_team_stands(ledger: MemoryLedger) -> None:
    assert ask_help(ledger, call("", team="TB"), CLOCKS_MIN, anyone, roster=ROSTER).place == "B"
    assert ask_help(ledger, call("", team="", key="h2"), CLOCKS_MIN, anyone).place == ""
    with pytest.raises(Denied):
        ask_help(ledger, call(key="h3"), CLOCKS_MIN, only())


def test_a_phone_run_wild_does_not_drown_the_calls_of_others(ledger: MemoryLedger) -> None:
    for number in range(MOST_CALLS):
        asked = ask_help(ledger, call(team="TA", key=f"h{number}"), CLOCKS_MIN, anyone, roster=ROSTER)
    with pytest.raises(Denied) as refused:
        ask_help(ledger, call(team="TA", key="more"), CLOCKS_MIN, anyone, roster=ROSTER)
    assert refused.value.key == "flow.many_calls"
    assert ask_help(ledger, call(team="TA", key=f"h{MOST_CALLS - 1}"), CLOCKS_MIN, anyone, roster=ROSTER) == asked
    assert len(ledger.list_events(kinds=[EventKind.HELP_ASKED])) == MOST_CALLS
    assert ask_help(ledger, call(team="TB", key="other"), CLOCKS_MIN, anyone, roster=ROSTER).is_open
    handle_task(ledger, task_command(asked, "cancel", reason="false alarm"), CLOCKS_MIN, anyone)
    assert ask_help(ledger, call(team="TA", key="more"), CLOCKS_MIN, anyone, roster=ROSTER).is_open


def test_the_team_that_is_sent_gets_the_very_call(ledger: MemoryLedger) -> None:
    asked = ask_help(ledger, call(team="TA"), CLOCKS_MIN, anyone, roster=ROSTER)
    order = Call("zhao", SCENE, "s1", NOW + 1, about=asked.task_id)
    for _ in range(2):
        sent = send_team(ledger, order, CLOCKS_MIN, anyone, roster=ROSTER)
        assert (sent.task_id, sent.team, sent.state, sent.version) == (asked.task_id, "TB", TaskState.ASSIGNED, 1)


def test_a_team_is_sent_to_a_place_once(ledger: MemoryLedger) -> None:
    order = Call("zhao", SCENE, "s1", NOW, Place("P5"), about="thing 7")
    with pytest.raises(Denied) as nobody:
        send_team(ledger, order, CLOCKS_MIN, anyone, roster=ROSTER)
    assert nobody.value.key == "flow.no_team_near"
    named = replace(order, team="TC")
    sent = send_team(ledger, named, CLOCKS_MIN, only("task.assign"), roster=ROSTER)
    assert send_team(ledger, named, CLOCKS_MIN, only("task.assign"), roster=ROSTER) == sent
    assert (sent.team, sent.subject, sent.due_min, sent.kind) == ("TC", "thing 7", NOW, "attend")
    nearest = send_team(ledger, replace(order, place=Place("P4"), key="s2"), CLOCKS_MIN, anyone, roster=ROSTER)
    assert (nearest.team, nearest.due_min) == ("TA", NOW + 2)
    assert [each.team for each in near_teams(ledger, "P4", ROSTER, at_min=NOW)] == ["TB", "TA", "TC"], "busy ones last"
    with pytest.raises(Denied):
        send_team(ledger, replace(order, key="s3"), CLOCKS_MIN, only("task.accept"), roster=ROSTER)
    with pytest.raises(Denied):
        send_team(ledger, replace(named, team="TX", key="s4"), CLOCKS_MIN, anyone, roster=ROSTER)
    with pytest.raises(Malformed):
        send_team(ledger, replace(named, place=Place(), key="s5"), CLOCKS_MIN, anyone, roster=ROSTER)
