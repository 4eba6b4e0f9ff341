"""What partners send changes cases, tasks and lists once, under an agreement, and every refusal says why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.errors import Denied
from hubtwin.base.text import LANGUAGES, text
from hubtwin.channels.batch_wire import ANSWER as BATCH_ANSWER
from hubtwin.channels.replies import reply_parcels
from hubtwin.channels.send import VOID
from hubtwin.flow.dispatch import PARTNER_TASK, REPLIES
from hubtwin.flow.emergency import begin_overflow, end_emergency
from hubtwin.flow.handle import handle_case, handle_task
from hubtwin.flow.partner import CLOSED_CORRECTION, MOST_TASKS
from hubtwin.model.case import Case, CaseCommand, CaseState, Evidence
from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import EventKind
from hubtwin.model.message import Handling, Received
from hubtwin.model.partner import Answer, Said, Taken
from hubtwin.model.record import UNMARKED
from hubtwin.model.task import TaskCommand, TaskState
from hubtwin.ports import TaskFilter
from hubtwin.web import shown_loop
from hubtwin.wiring.works import Works
from tests.walk.town import Town, town
from tests.wiring.partner_kit import AGREED, OFFICE, Line, copied, office, open_line

TRACE, TASK, CORRECTION, ANSWER = (each.value for each in (Taken.TRACE, Taken.TASK, Taken.CORRECTION, Taken.ANSWER))
AT, MET = "2022-10-20T00:30:00Z", 53


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
    with copied(prepared, tmp_path / "town", MET) as made:
        yield made


@pytest.fixture
def line(here: Town, tmp_path: Path) -> Line:
    return open_line(here.works, tmp_path / "partner")


def open_case(here: Town) -> Case:
    """Return the case of the person who was flagged."""
    (case,) = here.works.ledger.list_cases()
    return case


def move(here: Town, case: Case, command: str, kind: str, user: str = "li", ref: str = "R") -> Case:
    asked = CaseCommand(case.case_id, command, user, here.now_min, [Evidence(kind, ref)])
    return handle_case(here.works.ledger, asked, here.works.clocks_min, here.may(user))


def follow_up(here: Town, line: Line) -> Case:
    case = open_case(here)
    order = begin_overflow(
        *(here.works.ledger, "N1", here.works.clocks_min, here.may("wang")),
        scene="epidemic",
        by="wang",
        reason="full",
        at_min=here.now_min,
    )
    line.tell_of(case.case_id)
    return move(here, case, "overflow", "overflow_order", "wang", order.overflow_id)


def trace(case: Case, **told: Any) -> dict[str, Any]:
    return {"case": case.case_id, "result": "reached", "at": AT, "ref": "CDC-7", **told}


def test_a_trace_is_filed_with_its_case_and_shown_in_its_timeline(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    event = line.sends(TRACE, case.case_id, trace(case, area_code="330106"))
    assert event.kind == EventKind.PARTNER_DATA_USED
    assert event.subject == case.case_id
    assert {name: event.payload[name] for name in ("partner", "type", "changed", "number", "provenance")} == {
        "partner": OFFICE,
        "type": TRACE,
        "changed": 1,
        "number": 1,
        "provenance": "synthetic",
    }
    filed = here.works.ledger.list_evidence(case.case_id)[-1]
    assert (filed.by, filed.evidence.kind) == (OFFICE, "trace")
    assert filed.evidence.values == {
        "partner": OFFICE,
        "message_id": event.payload["message_id"],
        "synthetic": True,
        "result": "reached",
        "at_min": here.now_min - 63,
        "area_code": "330106",
        "report": "CDC-7",
    }
    assert here.works.ledger.get_case(case.case_id) == case, "nothing moves by it"
    change = next(one for one in here.desk.events_after(0, 1_000) if one.kind == EventKind.PARTNER_DATA_USED)
    assert (change.topic, change.key) == ("case", case.case_id), "the page of the case hears of it"
    timeline = here.desk.case(here.people["li"], case.case_id).timeline
    assert EventKind.PARTNER_DATA_USED in [each.kind for each in timeline]


@pytest.mark.parametrize(
    ("result", "command", "to"),
    [("clear", "follow_up_clear", CaseState.FEEDBACK), ("recall", "follow_up_recall", CaseState.REPORTED)],
)
def test_a_result_of_follow_up_is_proposed_and_a_person_decides(
    here: Town, line: Line, result: str, command: str, to: CaseState
) -> None:
    case = follow_up(here, line)
    event = line.sends(TRACE, case.case_id, trace(case, result=result))
    assert event.payload["proposed"] == command
    assert here.works.ledger.get_case(case.case_id).state is CaseState.FOLLOW_UP
    (proposal,) = shown_loop.proposals(case, here.works.ledger.list_evidence(case.case_id))
    assert (proposal.command, proposal.kind, proposal.values["result"]) == (command, "follow_up", result)
    assert move(here, case, command, proposal.kind, ref=proposal.ref).state is to


def test_reached_proposes_nothing(here: Town, line: Line) -> None:
    case = follow_up(here, line)
    assert "proposed" not in line.sends(TRACE, case.case_id, trace(case)).payload


def test_a_correction_proposes_and_its_words_stay_with_the_case(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    words = "a sentence that stands in no event"
    told = {"case": case.case_id, "ground": "identity", "text": words, "ref": "C-1"}
    event = line.sends(CORRECTION, case.case_id, told)
    assert event.payload["proposed"] == "correct"
    (proposal,) = shown_loop.proposals(case, here.works.ledger.list_evidence(case.case_id))
    assert (proposal.command, proposal.kind, proposal.values["ground"]) == ("correct", "correction", "identity")
    assert here.works.ledger.list_evidence(case.case_id)[-1].evidence.values["note"] == words
    assert words not in str(here.works.ledger.list_events())
    assert here.works.ledger.get_case(case.case_id) == case


def test_a_correction_of_a_closed_case_is_filed_and_the_commander_is_asked(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    closed = move(here, case, "correct", "correction")
    assert not closed.is_open
    told = {"case": case.case_id, "ground": "test", "ref": "C-2"}
    assert "proposed" not in line.sends(CORRECTION, case.case_id, told).payload
    assert here.works.ledger.get_case(case.case_id) == closed
    (task,) = here.works.ledger.list_tasks(TaskFilter(kind=CLOSED_CORRECTION))
    assert (task.subject, task.team) == (case.case_id, COMMANDER)


def ask(here: Town, line: Line, **told: Any) -> Any:
    data = {"kind": "visit", "what": "look after the hall", "place": "N1", "due": "2022-10-20T02:30:00Z", "ref": "W-3"}
    return line.sends(TASK, "wishes", {**data, **told})


def test_what_a_partner_asks_for_is_a_task_and_every_state_goes_back(here: Town, line: Line) -> None:
    ledger, clocks_min = here.works.ledger, here.works.clocks_min
    event = ask(here, line)
    (task,) = ledger.list_tasks(TaskFilter(kind=PARTNER_TASK))
    assert (task.team, task.place, task.subject) == (COMMANDER, "N1", OFFICE)
    assert task.told["what"] == "look after the hall"
    assert event.payload["task"] == task.task_id
    assert "look after" not in str(ledger.list_events())
    assert "look after" not in str(ledger.list_outbox(1_000))

    def handle(user: str, command: str, **how: Any) -> None:
        asked = TaskCommand(task.task_id, command, user, here.now_min, **how)
        handle_task(ledger, asked, clocks_min, here.may(user), roster=here.works.roster)

    handle("wang", "reassign", team="T01")
    handle("zhao", "accept")
    handle("zhao", "finish")
    waiting = [message for message in ledger.list_outbox(1_000) if message.channel == REPLIES]
    parcels = [parcel for message in waiting for parcel in reply_parcels(message, ledger.find_task)]
    assert [parcel.data["state"] for parcel in parcels] == ["assigned", "assigned", "accepted", "done"]
    assert {(one.partner, one.type, one.subject) for one in parcels} == {(OFFICE, "hubtwin.task_state", task.task_id)}
    assert parcels[0].data["ref"] == "W-3"
    assert parcels[0].marks == line.marks


def test_a_flood_of_tasks_is_refused_until_some_are_done(here: Town, line: Line) -> None:
    for _ in range(MOST_TASKS):
        ask(here, line)
    refused = ask(here, line)
    assert (refused.kind, refused.payload["reason"]) == (EventKind.PARTNER_DATA_REFUSED, "flow.partner_many_tasks")
    open_tasks = TaskFilter(kind=PARTNER_TASK, open_only=True, limit=100)
    assert len(here.works.ledger.list_tasks(open_tasks)) == MOST_TASKS


def test_a_task_that_is_taken_back_says_why(here: Town, line: Line) -> None:
    ask(here, line, place="the words of the partner")
    ledger = here.works.ledger
    (task,) = ledger.list_tasks(TaskFilter(kind=PARTNER_TASK))
    assert task.place == "", "a place that the hub does not know stays with the partner's words"
    assert "the words" not in str(ledger.list_events())
    asked = TaskCommand(task.task_id, "cancel", "wang", here.now_min, reason="no hands free")
    handle_task(ledger, asked, here.works.clocks_min, here.may("wang"))
    last = [message for message in ledger.list_outbox(1_000) if message.channel == REPLIES][-1]
    (parcel,) = reply_parcels(last, ledger.find_task)
    assert (parcel.data["state"], parcel.data["reason"]) == (TaskState.CANCELLED, "no hands free")


def test_an_answer_goes_to_whoever_takes_answers(here: Town, tmp_path: Path) -> None:
    answers: list[Answer] = []
    line = open_line(here.works, tmp_path / "partner", on_answer=lambda works, answer, key: answers.append(answer))
    line.tell_of("c1", "m7")
    told = {"message_id": "m7", "said": "accepted", "by": "Desk 3", "expected": "2022-10-20T02:03:00Z"}
    event = line.sends(ANSWER, "c1", told)
    assert (event.payload["answers"], event.kind) == ("m7", EventKind.PARTNER_DATA_USED)
    assert answers == [
        Answer(OFFICE, "m7", "c1", Said.ACCEPTED, here.now_min, "wire", by="Desk 3", expected_min=here.now_min + 30)
    ]
    assert line.is_refused(ANSWER, "c1", {**told, "message_id": "m8"}) == "wiring_partner_not_told"


def test_an_answer_that_does_not_fit_is_refused_with_the_reason_of_whoever_takes_them(
    here: Town, tmp_path: Path
) -> None:
    def refuse(works: Works, answer: Answer, key: str) -> None:
        raise Denied("rules.answer_done_first")

    line = open_line(here.works, tmp_path / "partner", on_answer=refuse)
    line.tell_of("c1", "m7")
    assert line.is_refused(ANSWER, "c1", {"message_id": "m7", "said": "done"}) == "rules.answer_done_first"


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (TRACE, {"result": "gone"}, "rules.partner_word"),
    (TRACE, {"result": 4}, "rules.partner_field_wrong"),
    (TRACE, {"ref": None}, "rules.partner_field_missing"),
    (TRACE, {"ref": " "}, "rules.partner_field_wrong"),
    (TRACE, {"ref": "a\u202eb"}, "rules.partner_field_wrong"),
    (TRACE, {"ref": "x" * 101}, "rules.partner_text_long"),
    (TRACE, {"area_code": "33010"}, "rules.partner_area_code"),
    (TRACE, {"phone": "1"}, "rules.partner_field_unknown"),
    (TRACE, {"at": "2022-10-21T00:30:00Z"}, "rules.partner_time_ahead"),
    (TRACE, {"case": "another"}, "wiring_partner_other_subject"),
    (TASK, {"kind": "arrest"}, "rules.partner_word"),
    (TASK, {"what": "x" * 201}, "rules.partner_text_long"),
    (TASK, {"due": "2022-10-20T00:20:00Z"}, "rules.partner_due_past"),
    (CORRECTION, {"ground": "mood"}, "rules.partner_word"),
    (CORRECTION, {"text": ["no", "text"]}, "rules.partner_field_wrong"),
    (ANSWER, {"said": "perhaps"}, "rules.partner_word"),
    ("hubtwin.something", {}, "wiring_partner_not_agreed"),
]


@pytest.fixture(scope="module")
def met(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Town, Line, Case]]:
    """Give a hub with a case that a partner was told of."""
    folder = tmp_path_factory.mktemp("met")
    with copied(prepared, folder / "town", MET) as here:
        case, line = open_case(here), open_line(here.works, folder / "partner")
        line.tell_of(case.case_id, "m7")
        yield here, line, case


@pytest.mark.parametrize(("kind", "wrong", "reason"), WRONG)
def test_what_is_wrong_is_refused_as_a_whole_and_the_partner_is_told(
    met: tuple[Town, Line, Case], kind: str, wrong: dict[str, Any], reason: str
) -> None:
    here, line, case = met
    right: dict[str, dict[str, Any]] = {
        TRACE: trace(case),
        TASK: {"kind": "meet", "what": "a group", "due": "2022-10-20T02:00:00Z", "ref": "W"},
        CORRECTION: {"case": case.case_id, "ground": "area", "ref": "C"},
        ANSWER: {"message_id": "m7", "said": "received"},
    }
    data = {name: value for name, value in {**right.get(kind, {}), **wrong}.items() if value is not None}
    before = (here.works.ledger.list_evidence(case.case_id), here.works.ledger.list_tasks())
    key = f"wrong {line.wire.wire.count_incoming(OFFICE)}"
    assert line.is_refused(kind, case.case_id, data, key=key) == reason
    assert (here.works.ledger.list_evidence(case.case_id), here.works.ledger.list_tasks()) == before
    message = [each for each in here.works.ledger.list_outbox(1_000) if each.channel == REPLIES][-1]
    (parcel,) = reply_parcels(message, here.works.ledger.find_task)
    assert (parcel.partner, parcel.type, parcel.data["message_id"]) == (OFFICE, "hubtwin.refused", key)
    assert parcel.data["reason"] == reason
    assert all("{" not in str(parcel.data[lang]) and parcel.data[lang] for lang in LANGUAGES)
    assert text(reason, "zh") != text(reason, "en"), "the reason is a text in both languages"


def test_a_partner_speaks_only_of_cases_that_it_was_told_of(here: Town, line: Line) -> None:
    case = open_case(here)
    assert line.is_refused(TRACE, case.case_id, trace(case)) == "wiring_partner_not_told"
    line.tell_of(case.case_id)
    assert line.sends(TRACE, case.case_id, trace(case)).kind == EventKind.PARTNER_DATA_USED
    line.tell_of("nobody")
    told = {**trace(case), "case": "nobody"}
    assert line.is_refused(TRACE, "nobody", told) == "flow.partner_no_case"


@pytest.mark.parametrize(
    ("agreement", "used"),
    [
        (AGREED, True),
        (replace(AGREED, until_day=date(2022, 10, 20)), True),  # the last day is included
        (replace(AGREED, until_day=date(2022, 10, 19)), False),
        (replace(AGREED, from_day=date(2022, 10, 21)), False),
        (replace(AGREED, takes=frozenset({Taken.RISK_AREAS})), False),
        (replace(AGREED, takes=frozenset()), False),
    ],
)
def test_only_what_an_agreement_of_the_day_allows_is_used(
    here: Town, tmp_path: Path, agreement: Any, used: bool
) -> None:
    line = open_line(here.works, tmp_path / "partner", office(agreement))
    event = ask(here, line)
    assert (event.kind == EventKind.PARTNER_DATA_USED) is used
    assert used or event.payload["reason"] == "wiring_partner_not_agreed"


def test_without_an_event_in_force_cases_and_tasks_are_refused(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    event = here.works.ledger.list_emergencies()[0]
    end_emergency(
        *(here.works.ledger, event.emergency_id, here.works.clocks_min, here.may("wang")),
        by="wang",
        at_min=here.now_min,
        second="wu",
    )
    assert line.is_refused(TRACE, case.case_id, trace(case)) == "flow.no_emergency"
    told = {"case": case.case_id, "ground": "area", "ref": "C"}
    assert line.is_refused(CORRECTION, case.case_id, told) == "flow.no_emergency"
    assert ask(here, line).payload["reason"] == "flow.no_emergency"


def test_a_message_has_its_effect_once_in_the_order_of_its_case(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    assert line.say(TRACE, case.case_id, trace(case, ref="second"), "b", 2).handling is Handling.HELD
    assert line.take() == []
    assert line.say(TRACE, case.case_id, trace(case, ref="first"), "a", 1).handling is Handling.APPLIED
    assert [event.payload["message_id"] for event in line.take()] == ["a", "b"]
    assert line.say(TRACE, case.case_id, trace(case, ref="first"), "a", 1).handling is Handling.DOUBLED
    line.again()
    assert line.take() == []
    filed = [each.evidence.values.get("report") for each in here.works.ledger.list_evidence(case.case_id)]
    assert filed[-2:] == ["first", "second"]


def test_the_content_is_let_go_and_the_proof_of_it_stays(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    line.sends(TRACE, case.case_id, trace(case))
    ((number, kept),) = line.wire.wire.list_applied()
    assert (number, kept.signed, kept.envelope) == (1, None, None)
    assert kept.digest
    assert [entry.id for entry in line.wire.wire.list_entries(OFFICE)][-1] == kept.id


def test_a_partner_that_is_none_any_more_is_refused_and_not_answered(here: Town, line: Line) -> None:
    line.taking.registry = {}
    assert ask(here, line).payload["reason"] == "wiring_partner_gone"
    assert not [each for each in here.works.ledger.list_outbox(1_000) if each.channel == REPLIES]


@pytest.mark.parametrize("kind", ["hubtwin.refused", "hubtwin.task_state"])
def test_two_hubs_do_not_answer_each_others_replies_for_ever(here: Town, line: Line, kind: str) -> None:
    event = line.sends(kind, "replies", {"message_id": "m", "reason": "r"})
    assert (event.payload["reason"], event.payload["type"]) == ("wiring_partner_not_told", "other")
    assert not [each for each in here.works.ledger.list_outbox(1_000) if each.channel == REPLIES]


def test_a_message_on_which_the_program_fails_does_not_hold_up_the_others(
    here: Town, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fail(*_: object) -> None:
        raise KeyError("what nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr(type(line.taking), "_read", fail)
        assert ask(here, line).payload["reason"] == "wiring_partner_failed"
    assert ask(here, line).kind == EventKind.PARTNER_DATA_USED


def test_marks_of_a_real_message_stay_real(here: Town, line: Line) -> None:
    line.marks = UNMARKED
    ask(here, line)
    (task,) = here.works.ledger.list_tasks(TaskFilter(kind=PARTNER_TASK))
    assert task.marks == UNMARKED


def test_where_it_has_come_to_is_found_again(here: Town, line: Line) -> None:
    for number in range(3):
        ask(here, line, ref=f"W-{number}")
    line.again()
    assert line.taking._cursor == 3
    assert line.take() == []
    assert ask(here, line, ref="W-9").payload["number"] == 4


def test_what_others_take_is_handed_over_once_and_not_refused_after_a_restart(here: Town, line: Line) -> None:
    seen: list[object] = []

    def take(number: int, received: Received) -> int:
        seen.append(received.envelope.data["batch"] if received.envelope else None)
        return 2

    line.taking.beside = {BATCH_ANSWER: take}
    event = line.sends(BATCH_ANSWER, "b.1", {"batch": "b"})
    assert (event.kind, event.payload["type"], event.payload["changed"]) == (
        EventKind.PARTNER_DATA_USED,
        BATCH_ANSWER,
        2,
    )
    line.again()
    assert line.take() == [], "how far it has come is in the event"
    assert seen == ["b"]
    assert line.is_refused(BATCH_ANSWER, "b.2", {}) == "wiring_partner_not_agreed", "by nobody else it is taken"


def test_a_void_lets_the_next_one_have_its_effect_and_tells_nothing(here: Town, line: Line) -> None:
    case = open_case(here)
    line.tell_of(case.case_id)
    later = trace(case)
    assert line.say("hubtwin.trace", case.case_id, later, sequence=2).handling is Handling.HELD
    assert line.take() == []
    assert line.say(VOID, case.case_id, {"voids": "x", "digest": "0"}, sequence=1).handling is Handling.APPLIED
    assert [event.kind for event in line.take()] == [EventKind.PARTNER_DATA_USED]
