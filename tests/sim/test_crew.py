"""Simulated staff bring a day to its end: nobody lost, nothing done that the table denies, the same for a seed."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from hubtwin.base.errors import Denied, Retry
from hubtwin.base.ids import stable_key
from hubtwin.flow.emergency import begin_overflow, end_overflow, propose_overflow
from hubtwin.flow.feedback import balance
from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.model.case import COMMANDS, TABLE, Case, CaseCommand, CaseState, Evidence, Outcome
from hubtwin.model.event import EventKind
from hubtwin.model.finding import Flagged
from hubtwin.model.task import Task, TaskState, list_task_moves
from hubtwin.ports import CaseFilter, TaskFilter, Unit
from hubtwin.rules.permission import is_allowed
from hubtwin.sim.crowd import Crowd
from hubtwin.sim.results import Sampled, filed_id
from hubtwin.sim.small import small_day
from hubtwin.sim.staff import GROUPS, WORK, list_people, load_crew_figures
from tests.contracts.memory_ledger import MemoryLedger
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone, case_command, task_command
from tests.sim.crew_story import TEAMS, Story, pid_of

EVERYTHING = load_crew_figures(refuse=0.3, consent=0.5, appeal=0.3, uphold=0.5, decline=0.2, silent=0.2)
CASE_EVENTS = ("CaseMoved", "CaseClosed")
TASK_EVENTS = {
    EventKind.TASK_ACCEPTED: "accept",
    EventKind.TASK_DECLINED: "decline",
    EventKind.TASK_ON_POST: "arrive",
    EventKind.TASK_DONE: "finish",
}


def shown(story: Story) -> list[tuple[object, ...]]:
    return [(event.at_min, event.kind, event.subject, dict(event.payload)) for event in story.events()]


def told(story: Story) -> Story:
    """Run a story with orders for trains."""
    story.order_trains(40)
    return story.run()


@pytest.fixture(scope="module")
def eventful() -> Story:
    return told(Story(figures=EVERYTHING))


# ------------------------------------------------------------------------------------------------ nobody is lost


@pytest.mark.parametrize("figures", [None, EVERYTHING], ids=["as shipped", "eventful"])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_day_ends_with_every_case_closed_and_the_books_agree(seed: int, figures: Mapping[str, object] | None) -> None:
    story = told(Story(seed=seed, figures=figures))
    assert story.ledger.count_cases() == {CaseState.CLOSED: len(story.list_flagged())}
    found = balance(story.ledger, story.emergency.emergency_id, flagged=len(story.list_flagged()))
    assert found.agrees
    assert found.entered == len(story.list_flagged()) > 50
    assert {task.state for task in story.ledger.list_tasks()} <= {TaskState.DONE, TaskState.CANCELLED}
    assert story.events("TimerFailed") == []
    assert story.ledger.list_appeals(open_only=True) == []


def test_every_branch_of_the_table_is_gone(eventful: Story) -> None:
    commands = {str(event.payload["command"]) for event in eventful.events(*CASE_EVENTS)}
    usual = {"report", "report_at_desk", "take_antigen", "antigen_result", "release", "close", "refuse", "consent"}
    assert commands >= usual | {"hand_over", "correct", "take_nucleic", "depart", "arrive"}
    outcomes = {case.outcome for case in eventful.ledger.list_cases()}
    assert outcomes == {Outcome.RELEASED, Outcome.TRANSFERRED, Outcome.HANDED_OVER, Outcome.CORRECTED}


def test_who_is_at_the_desk_is_reported_at_the_desk(eventful: Story) -> None:
    desks = 0
    for place in eventful.list_flagged():
        at_min = int(eventful.gates.at_s[place]) // 60
        (case,) = eventful.ledger.list_cases(CaseFilter(pid=eventful.pid(place, at_min)))
        desk = bool(eventful.gates.desk[place])
        assert ("report" if desk else "report_at_desk") not in eventful.commands(case.case_id)
        desks += desk
    assert desks > 0


# ------------------------------------------------------------------------------------------- the same for the same


def test_the_same_seed_gives_the_same_events_and_another_one_others(eventful: Story) -> None:
    assert shown(told(Story(figures=EVERYTHING))) == shown(eventful)
    assert shown(told(Story(figures=EVERYTHING, seed=2))) != shown(eventful)


@pytest.mark.parametrize("every_min", [7, 60])
def test_a_crew_that_is_hired_anew_goes_on_as_the_one_before(eventful: Story, every_min: int) -> None:
    story = told(Story(figures=EVERYTHING, restart_every_min=every_min))
    assert shown(story) == shown(eventful)
    assert set(story.sampled) == set(eventful.sampled)
    assert len(eventful.sampled) == len(set(eventful.sampled))


# ------------------------------------------------------------------------------------------------- who may do what


def test_each_move_is_done_by_somebody_whom_the_table_allows(eventful: Story) -> None:
    people = {person.user_id: person for person in list_people(SCENE, TEAMS)}
    seen = set()
    for event in eventful.events(*CASE_EVENTS):
        person, command = people[str(event.payload["by"])], str(event.payload["command"])
        assert is_allowed(person, f"case.{command}", scene=event.scene)
        assert command == "correct" or person.user_id.startswith(f"sim.{WORK[command]}.")
        seen.add(person.user_id)
    for event in eventful.events(*TASK_EVENTS):
        person, team = people[str(event.payload["by"])], str(event.payload["team"])
        assert is_allowed(person, f"task.{TASK_EVENTS[EventKind(event.kind)]}", scene=event.scene, team=team)
        seen.add(person.user_id)
    assert len(seen) > 20


def test_the_staff_can_be_given_accounts_and_can_do_every_move_but_one() -> None:
    people = list_people(SCENE, TEAMS)
    assert len({person.user_id for person in people}) == len(people)
    assert all(person.name.startswith("模拟") and person.user_id.startswith("sim.") for person in people)
    assert all(person.name.startswith("Simulated") for person in list_people(SCENE, TEAMS, lang="en"))
    assert set(WORK) == set(COMMANDS) - {"correct"}
    assert set(WORK.values()) <= set(GROUPS)
    for command, group in WORK.items():
        mine = [person for person in people if person.user_id.startswith(f"sim.{group}.")]
        assert mine
        assert all(is_allowed(person, f"case.{command}", scene=SCENE) for person in mine)
        assert not any(is_allowed(person, f"case.{command}", scene="fire") for person in mine)
    assert {person.team for person in people if person.team} == {*TEAMS, "duty_commander"}


def test_evidence_names_nobody_and_says_that_it_is_synthetic(eventful: Story) -> None:
    documents = set(eventful.day.documents)
    for case in eventful.ledger.list_cases():
        for filed in eventful.ledger.list_evidence(case.case_id):
            assert not any(document in filed.evidence.ref for document in documents)
            assert filed.evidence.values["synthetic"] is True


# ---------------------------------------------------------------------------------------------- results and clocks


def test_the_crew_knows_a_result_only_once_it_is_in_the_library(eventful: Story) -> None:
    results = {filed_id(eventful.day, one): eventful.gates.tests.result(one) for one in eventful.sampled}
    used = 0
    for case in eventful.ledger.list_cases():
        for filed in eventful.ledger.list_evidence(case.case_id):
            piece = filed.evidence
            if piece.kind in ("antigen", "nucleic", "negative", "invalid_test"):
                assert piece.values["result"] == results[piece.ref]
                assert filed.at_min >= eventful.arrived_min[piece.ref]
                used += 1
    assert used > 80


def test_without_results_nobody_gets_beyond_the_specimen() -> None:
    story = Story()
    story.desk = replace(story.desk, results=dict)
    story.hire()
    story.run(600)
    found = story.ledger.count_cases()
    assert found[CaseState.ANTIGEN] > 40
    assert set(found) <= {CaseState.ANTIGEN, CaseState.FEEDBACK, CaseState.CLOSED}
    assert {case.outcome for case in story.ledger.list_cases()} <= {None, Outcome.HANDED_OVER, Outcome.CORRECTED}


def test_a_specimen_is_of_the_person_of_the_case_at_the_minute_of_the_move(eventful: Story) -> None:
    taken: list[Sampled] = []
    numbers = {
        pid_of(eventful.day.documents[person], int(second) // 60): person
        for person, second in zip(eventful.gates.person.tolist(), eventful.gates.at_s.tolist(), strict=True)
    }
    attempts: Counter[tuple[str, str]] = Counter()
    for event in eventful.events("CaseMoved"):
        kind = {"take_antigen": "antigen", "take_nucleic": "nucleic"}.get(str(event.payload["command"]))
        if kind:
            attempt = attempts[event.subject, kind]
            taken.append(Sampled(numbers[str(event.payload["pid"])], kind, event.at_min, attempt))
            attempts[event.subject, kind] += 1
    assert sorted(taken) == sorted(eventful.sampled)


def test_invalid_tests_are_taken_again() -> None:
    story = Story(day=small_day(1, 120))
    story.test_otherwise("antigen", invalid=0.5)
    story.run()
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    assert any(one.attempt >= 2 for one in story.sampled)
    for case in story.ledger.list_cases():
        names = story.commands(case.case_id)
        assert all(two == "take_antigen" for one, two in pairwise(names) if one == "antigen_invalid")
        filed = story.ledger.list_evidence(case.case_id)
        reports = [one.evidence.ref for one in filed if one.evidence.kind in ("antigen", "invalid_test")]
        assert len(reports) == len(set(reports)) == names.count("take_antigen")


def test_somebody_who_is_flagged_before_the_gate_is_met_at_the_gate() -> None:
    story = Story(day=small_day(1, 120))
    person = int(np.argmax(story.gates.at_s))
    at_gate = int(story.gates.at_s[person]) // 60
    flagged = Flagged(story.pid(person, at_gate), "G9001 2022-10-20", "hit 1", {"synthetic": True})
    for now_min in range(story.start_min, at_gate + 240):
        story.step(now_min, [flagged] if now_min == story.start_min else [])
    moves = story.events(*CASE_EVENTS)
    assert min(event.at_min for event in moves) >= at_gate
    assert story.ledger.count_cases() == {CaseState.CLOSED: 1}


# ------------------------------------------------------------------------------------------------------- the tasks


def test_teams_answer_within_minutes_and_are_on_post_before_they_are_due() -> None:
    story = told(Story())
    by_task: dict[str, dict[str, int]] = {}
    for event in story.events("TaskAssigned", "TaskAccepted", "TaskOnPost", "TaskDone"):
        by_task.setdefault(event.subject, {})[event.kind] = event.at_min
    clean = 0
    for task in story.ledger.list_tasks(TaskFilter(kind="meet_train")):
        if story.ledger.list_events(kinds=["TaskDeclined", "TaskEscalated"], subject=task.task_id):
            continue
        at = by_task[task.task_id]
        assert 0 <= at["TaskAccepted"] - at["TaskAssigned"] <= 2
        assert 1 <= task.due_min - at["TaskOnPost"] <= 4
        assert 14 <= at["TaskDone"] - at["TaskOnPost"] <= 27
        clean += 1
    assert clean > 30


def test_a_silent_team_is_escalated_and_a_refusal_goes_to_the_next(eventful: Story) -> None:
    silent = eventful.events("TaskEscalated")
    declined = eventful.events("TaskDeclined")
    assert len(silent) > 2
    assert len(declined) > 2
    for event in declined:
        after = eventful.ledger.list_events(event.seq, ["TaskReassigned", "TaskEscalated"], event.subject)
        assert after
        assert after[0].payload["by"] == "system"
    reasons = {task.reason for task in eventful.ledger.list_tasks() if task.reason}
    assert any(reason.startswith("模拟：") for reason in reasons)


def test_the_last_team_takes_an_order_after_all_where_nobody_else_is_found() -> None:
    story = Story(figures=load_crew_figures(silent=1.0, decline=0.0))
    story.order_trains(3)
    story.run(240)
    assert {task.state for task in story.ledger.list_tasks(TaskFilter(kind="meet_train"))} == {TaskState.DONE}
    assert len(story.events("TaskEscalated")) >= 3


# ---------------------------------------------------------------------------------------------------- the appeals


def test_appeals_are_decided_within_two_hours_by_somebody_else(eventful: Story) -> None:
    appeals = eventful.ledger.list_appeals()
    assert len(appeals) > 10
    for appeal in appeals:
        assert appeal.decided_min is not None
        assert 0 <= appeal.decided_min - appeal.lodged_min < CLOCKS_MIN["appeal_min"]
        assert appeal.decided_by.startswith("sim.commander.") != appeal.lodged_by.startswith("sim.commander.")
        (task,) = eventful.ledger.list_tasks(TaskFilter(kind="decide_appeal", subjects=(appeal.appeal_id,)))
        assert task.state is TaskState.DONE
        assert task.since_min == appeal.decided_min
    assert {appeal.upheld for appeal in appeals} == {True, False}


# ----------------------------------------------------------------------------------------------------- overflow


def overflowing(longest: int) -> Callable[[Story, int], None]:
    """Propose overflow at E1 for forty minutes, from when the first person is through."""

    def aside(story: Story, now_min: int) -> None:
        if now_min == int(story.gates.at_s.min()) // 60 - 4:
            overload = {"exit": "E1", "from_min": now_min, "until_min": now_min + 40, "longest_queue": longest}
            propose_overflow(story.ledger, [overload], CLOCKS_MIN, scene=SCENE, now_min=now_min)

    return aside


def test_overflow_begins_on_the_commanders_word_and_ends_after_its_stretch() -> None:
    story = Story(aside=overflowing(2000)).run()
    (order,) = story.ledger.list_overflows()
    (proposed,) = story.events("OverflowProposed")
    assert order.begun_by.startswith("sim.commander.")
    assert "2000" in order.reason
    assert order.ended_min is not None
    assert 0 <= order.ended_min - (proposed.at_min + 40) <= 5
    followed = 0
    for case in story.ledger.list_cases():
        (finding,) = [
            one.evidence for one in story.ledger.list_evidence(case.case_id) if one.evidence.kind == "finding"
        ]
        moves = story.ledger.list_events(kinds=CASE_EVENTS, subject=case.case_id)
        let_go = [event for event in moves if event.payload["command"] == "overflow"]
        assert all(finding.values["exit_id"] == "E1" for _ in let_go)
        for event in moves:
            early = event.payload["from"] in ("found", "reported") and order.begun_min < event.at_min < order.ended_min
            if finding.values["exit_id"] == "E1" and early:
                assert event.payload["command"] == "overflow"
        for event in let_go:
            assert event.payload["evidence"] == [{"kind": "overflow_order", "ref": order.overflow_id}]
            followed += 1
    assert followed > 5
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    assert Counter(case.outcome for case in story.ledger.list_cases())[Outcome.FOLLOWED_UP] > 5


def test_a_person_let_go_is_cleared_by_a_negative_result_and_called_back_by_any_other() -> None:
    story = Story(aside=overflowing(2000))
    story.test_otherwise("nucleic", specificity=0.5)
    story.run()
    seen = set()
    for event in story.events("CaseMoved"):
        if event.payload["from"] == "follow_up":
            filed = [f for f in story.ledger.list_evidence(event.subject) if f.version == event.payload["version"]]
            (piece,) = [one.evidence for one in filed]
            expected = "follow_up_clear" if piece.values["result"] == "negative" else "follow_up_recall"
            assert event.payload["command"] == expected
            assert story.arrived_min[piece.ref] <= event.at_min
            seen.add(expected)
    assert seen == {"follow_up_clear", "follow_up_recall"}
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}


def test_a_short_queue_is_answered_without_overflow() -> None:
    story = Story(aside=overflowing(1500)).run()
    assert story.ledger.list_overflows() == []
    (task,) = story.ledger.list_tasks(TaskFilter(kind="decide_overflow"))
    assert task.state is TaskState.DONE
    assert task.since_min - task.created_min <= 8


def test_an_overflow_that_somebody_else_began_is_theirs_to_end() -> None:
    def aside(story: Story, now_min: int) -> None:
        if now_min == story.start_min:
            begin_overflow(
                *(story.ledger, "E2", CLOCKS_MIN, anyone),
                scene=SCENE,
                by="boss",
                reason="lanes are full",
                at_min=now_min,
            )

    story = Story(aside=aside).run(900)
    (order,) = story.ledger.list_overflows()
    assert order.is_on
    assert Counter(case.outcome for case in story.ledger.list_cases())[Outcome.FOLLOWED_UP] > 5


# --------------------------------------------------------------------------------------------- others are faster


def meddling(story: Story, now_min: int) -> None:
    """Be somebody at the page who does what the table allows, at odd moments, with evidence of the kinds needed."""
    for case in story.ledger.list_cases(CaseFilter(open_only=True)):
        draw = int(stable_key("meddle", case.case_id, now_min)[:4], 16)
        names = [name for (state, name) in TABLE if state is case.state and name not in ("overflow", "refuse")]
        if draw % 9 == 0:
            handle_case(story.ledger, case_command(case, names[draw % len(names)], now_min), CLOCKS_MIN, anyone)
    for task in story.ledger.list_tasks(TaskFilter(open_only=True)):
        draw = int(stable_key("meddle", task.task_id, now_min)[:4], 16)
        moves = [move.command for move in list_task_moves(task.state) if move.command in ("accept", "arrive", "finish")]
        if moves and draw % 7 == 0:
            handle_task(story.ledger, task_command(task, moves[draw % len(moves)], now_min), CLOCKS_MIN, anyone)


def test_moves_of_others_in_between_break_nothing() -> None:
    story = told(Story(figures=EVERYTHING, aside=meddling))
    people = Counter(str(event.payload["by"]).split(".")[0] for event in story.events(*CASE_EVENTS))
    assert people["li"] > 50
    assert people["sim"] > 50
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    assert balance(story.ledger, story.emergency.emergency_id, flagged=len(story.list_flagged())).agrees
    assert {task.state for task in story.ledger.list_tasks()} <= {TaskState.DONE, TaskState.CANCELLED}


class Busy(MemoryLedger):
    """A ledger that is busy in every third minute while the crew acts."""

    def __init__(self) -> None:
        super().__init__()
        self.refused, self.crew_acts = 0, False

    @contextmanager
    def unit(self, at_min: int) -> Iterator[Unit]:
        if at_min % 3 == 0 and self.crew_acts:
            self.refused += 1
            raise Retry("stores.busy")
        with super().unit(at_min) as unit:
            yield unit


class Crowded(MemoryLedger):
    """A ledger at which somebody else acts between the crew's look and the crew's command, each `every`-th time."""

    def __init__(self, between: Callable[["Crowded", int], None], every: int) -> None:
        super().__init__()
        self.between, self.every, self.crew_acts, self.units = between, every, False, 0

    @contextmanager
    def unit(self, at_min: int) -> Iterator[Unit]:
        self.units += self.crew_acts
        if self.crew_acts and self.units % self.every == 0:
            self.crew_acts = False
            self.between(self, at_min)
            self.crew_acts = True
        with super().unit(at_min) as unit:
            yield unit


def racing(ledger: Crowded, aside: Callable[[Story, int], None], minutes: int = 2880) -> Story:
    def acting(story: Story, now_min: int) -> None:
        aside(story, now_min)
        ledger.crew_acts = True

    story = Story(ledger=ledger, figures=EVERYTHING, aside=acting)
    story.after = lambda: setattr(ledger, "crew_acts", False)
    story.order_trains(40)
    return story.run(minutes)


def test_somebody_who_is_faster_by_a_moment_breaks_nothing() -> None:
    def between(ledger: Crowded, now_min: int) -> None:
        for case in ledger.list_cases(CaseFilter(open_only=True)):
            names = [name for (state, name) in TABLE if state is case.state and name not in ("overflow", "refuse")]
            handle_case(ledger, case_command(case, names[ledger.units % len(names)], now_min), CLOCKS_MIN, anyone)
        for task in ledger.list_tasks(TaskFilter(states=(TaskState.ACCEPTED,))):
            handle_task(ledger, task_command(task, "finish", now_min), CLOCKS_MIN, anyone)

    story = racing(Crowded(between, 4), lambda story, now_min: None)
    people = Counter(str(event.payload["by"]).split(".")[0] for event in story.events(*CASE_EVENTS))
    assert min(people["li"], people["sim"]) > 20
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    assert balance(story.ledger, story.emergency.emergency_id, flagged=len(story.list_flagged())).agrees


def test_an_overflow_that_ended_a_moment_ago_sends_people_the_usual_way() -> None:
    """Somebody begins overflow every other minute and ends it as soon as the crew has looked and lifts its hand."""
    ended: set[str] = set()

    def aside(story: Story, now_min: int) -> None:
        for place in ("E1", "E2") if now_min % 2 else ():
            begin_overflow(
                *(story.ledger, place, CLOCKS_MIN, anyone), scene=SCENE, by="boss", reason="lanes full", at_min=now_min
            )

    def between(ledger: Crowded, now_min: int) -> None:
        for order in ledger.list_overflows(on_only=True):
            end_overflow(ledger, order.overflow_id, anyone, by="boss", at_min=now_min)
            ended.add(order.overflow_id)

    story = racing(Crowded(between, 1), aside, minutes=600)
    assert len(ended) > 40
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    assert all("overflow" not in story.commands(case.case_id) for case in story.ledger.list_cases())


def test_a_busy_ledger_is_asked_again_in_the_next_minute() -> None:
    ledger = Busy()

    def aside(story: Story, now_min: int) -> None:
        ledger.crew_acts = True

    story = Story(ledger=ledger, aside=aside)
    story.order_trains(20)
    story.after = lambda: setattr(ledger, "crew_acts", False)
    story.run()
    assert ledger.refused > 20
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}


def test_what_the_table_denies_is_a_fault_of_the_crew_and_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubtwin.sim.crew.WORK", {**WORK, "report": "driver"})
    with pytest.raises(Denied) as caught:
        Story().run()
    assert caught.value.key == "rules.not_permitted"


def test_cases_that_are_left_are_left_and_their_specimens_are_still_tested() -> None:
    def leaves(case: Case) -> bool:
        return int(case.case_id[0], 16) < 4

    def aside(story: Story, now_min: int) -> None:
        for case in story.ledger.list_cases(CaseFilter(open_only=True)):
            command = {CaseState.FOUND: "report", CaseState.REPORTED: "take_antigen"}.get(case.state)
            if command and leaves(case):
                handle_case(story.ledger, case_command(case, command, now_min), CLOCKS_MIN, anyone)

    story = Story(leaves=leaves, aside=aside).run(600)
    left = [case for case in story.ledger.list_cases() if leaves(case)]
    assert len(left) > 5
    for case in left:
        moves = story.ledger.list_events(kinds=CASE_EVENTS, subject=case.case_id)
        assert {event.payload["by"] for event in moves} == {"li"}
        assert case.state is CaseState.ANTIGEN
        assert (case.pid, "antigen") in story.library
        tasks = story.ledger.list_tasks(TaskFilter(subjects=(case.case_id,)))
        assert not [e for task in tasks for e in story.ledger.list_events(kinds=["TaskDone"], subject=task.task_id)]
    others = [case for case in story.ledger.list_cases() if not leaves(case)]
    assert {case.state for case in others} == {CaseState.CLOSED}


def test_a_case_of_another_scene_or_of_a_stranger_is_nobodys_here() -> None:
    story = Story(day=small_day(1, 60))
    with story.ledger.unit(story.start_min) as unit:
        unit.save_case(Case("c1", "fire", story.emergency.emergency_id, "p1", "", story.start_min))
        unit.append(EventKind.CASE_OPENED, "c1", {"case": "c1"}, "fire")
        unit.save_case(Case("c2", SCENE, story.emergency.emergency_id, "p2", "", story.start_min))
        unit.append(EventKind.CASE_OPENED, "c2", {"case": "c2"}, SCENE)
        unit.save_task(Task("t1", SCENE, "meet_train", "G1", "P1", "T99", story.start_min, story.start_min + 5))
        unit.append(EventKind.TASK_ASSIGNED, "t1", {"task": "t1"}, SCENE)
    story.run(600)
    assert [story.ledger.get_case(case_id).version for case_id in ("c1", "c2")] == [0, 0]
    assert story.ledger.get_task("t1").version == 0


def test_a_decision_at_the_page_without_a_result_is_looked_up_in_the_library() -> None:
    """A person at the page wrote down that there is a result, not which: the reviewer reads it in the library."""

    def aside(story: Story, now_min: int) -> None:
        for case in story.ledger.list_cases(CaseFilter(states=(CaseState.ANTIGEN,))):
            row = story.library.get((case.pid, "antigen"))
            if row is not None and row[1] != "invalid":
                piece = Evidence("antigen", "seen on the screen")
                command = CaseCommand(case.case_id, "antigen_result", "li", now_min, [piece])
                handle_case(story.ledger, command, CLOCKS_MIN, anyone)

    story = Story(aside=aside).run()
    assert set(story.ledger.count_cases()) == {CaseState.CLOSED}
    reviewed = 0
    for event in story.events("CaseMoved"):
        if event.payload["command"] in ("release", "take_nucleic"):
            result = story.library[str(event.payload["pid"]), "antigen"][1]
            assert event.payload["command"] == ("release" if result == "negative" else "take_nucleic")
            reviewed += 1
    assert reviewed > 40


def test_a_crew_of_the_exits_of_the_hub_is_not_asked_about_others() -> None:
    def aside(story: Story, now_min: int) -> None:
        if now_min == story.start_min:
            overload = {"exit": "E9", "from_min": now_min, "until_min": now_min + 40, "longest_queue": 9999}
            propose_overflow(story.ledger, [overload], CLOCKS_MIN, scene=SCENE, now_min=now_min)

    story = Story(aside=aside).run(120)
    assert story.ledger.list_overflows() == []
    (task,) = story.ledger.list_tasks(TaskFilter(kind="decide_overflow"))
    assert task.state is TaskState.DONE


def test_a_person_of_a_train_of_another_key_epoch_is_found_under_both_pseudonyms() -> None:
    day = small_day(1, 60)
    story = Story(day=day)
    epoch_min = 28 * 1440
    asked: list[tuple[str, int]] = []

    def whose(document: str, at_min: int) -> str:
        asked.append((document, at_min // epoch_min))
        return f"{document} {at_min // epoch_min}"

    early = replace(day.world, trips=tuple(replace(t, service_date=date(2022, 9, 20)) for t in day.world.trips))
    for world, names in ((day.world, 1), (early, 2)):
        asked.clear()
        crowd = Crowd(replace(day, world=world), story.gates, whose)
        new = crowd.meet(int(story.gates.at_s.max()) // 60)
        assert len(new) == len(set(new)) == names * len(story.gates) == len(asked)
        for place, person in enumerate(story.gates.person.tolist()):
            found = [pid for pid in new if crowd.find(pid) == place]
            assert len(found) == names
            assert all(pid.startswith(day.documents[person]) for pid in found)
    assert crowd.find("nobody") is None


def test_nobody_is_met_before_the_gate() -> None:
    story = Story(day=small_day(1, 60))
    crowd = Crowd(story.day, story.gates, pid_of)
    for now_min in range(story.start_min, story.start_min + 240):
        new = crowd.meet(now_min)
        here = [place for place in range(len(story.gates)) if int(story.gates.at_s[place]) // 60 == now_min]
        assert sorted(new) == sorted(story.pid(place, now_min) for place in here)
    assert crowd.meet(story.start_min) == []
