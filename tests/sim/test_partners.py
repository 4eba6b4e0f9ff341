"""What simulated partners say hangs on the message only; what simulated staff reads of a document is told onward."""

from dataclasses import replace

from hubtwin.channels.cloudevent import write_event
from hubtwin.model.case import Case
from hubtwin.model.message import Envelope
from hubtwin.model.partner import Answer, Said, Taken
from hubtwin.model.record import UNMARKED
from hubtwin.model.verified import DESTINATION, find_destination
from hubtwin.rules.answers import refuse_answer
from hubtwin.rules.routing import covering
from hubtwin.sim.habits import SCANNED
from hubtwin.sim.partners import HEALTH, Due, Manners, load_partner_figures
from hubtwin.sim.small import small_day
from tests.sim.crew_story import Story

NOW = 27_770_460
FIGURES = load_partner_figures()
MANNERS = Manners(1, FIGURES)


def told(number: int, sequence: int = 1, **data: object) -> Envelope:
    return Envelope(
        *(f"{number:08x}", "hub", HEALTH, f"case {number // 2}", sequence, "2022-10-20T01:00:00Z"),
        *("sim-health", "urn:x:1", data, UNMARKED),
    )


def said(due: Due) -> Said:
    return Said(str(due.data["said"]))


def test_every_message_is_answered_in_an_order_that_the_hub_takes() -> None:
    firsts, ends = list[int](), list[Said]()
    for number in range(400):
        plan = [due for due in MANNERS.plan(told(number), NOW) if due.kind is Taken.ANSWER]
        before: Answer | None = None
        for due in plan:
            answer = Answer(
                "sim-health", due.key, due.subject, said(due), due.at_min, "wire", note=str(due.data.get("note", ""))
            )
            refuse_answer(before, answer)
            before = answer
        assert [due.at_min for due in plan] == sorted(due.at_min for due in plan)
        assert before is not None
        firsts.append(plan[0].at_min - NOW)
        ends.append(before.said)
    assert {Said.DONE, Said.REFUSED} == set(ends)
    assert any(first > 30 for first in firsts), "some are late"
    assert sum(first <= 3 for first in firsts) > 300, "most are not"


def test_the_same_message_is_answered_in_the_same_way_and_another_seed_in_another() -> None:
    plans = [[Manners(seed, FIGURES).plan(told(number), NOW) for number in range(20)] for seed in (1, 1, 2)]
    assert plans[0] == plans[1] != plans[2]


def test_health_tells_what_tracing_has_found() -> None:
    first = [due for number in range(100) for due in MANNERS.plan(told(number), NOW) if due.kind is Taken.TRACE]
    assert 10 < len(first) < 60
    assert {due.data["result"] for due in first} == {"reached"}
    (later,) = (due for due in MANNERS.plan(told(7, 2), NOW) if due.kind is Taken.TRACE)
    assert (later.data["result"], later.data["case"], later.subject) == ("clear", "case 3", "case 3")
    assert not [due for due in MANNERS.plan(told(7, 2, tests=[{}]), NOW) if due.kind is Taken.TRACE]


def test_the_province_tells_an_area_and_asks_once() -> None:
    plan = MANNERS.tell(NOW, "33", "N1")
    assert sorted(due.kind.value for due in plan) == [Taken.RISK_AREAS.value, Taken.TASK.value]
    assert [due.kind for due in MANNERS.tell(NOW, "11", "")] == [Taken.TASK]
    for due in plan:
        write_event(replace(told(1), data=due.data))


def test_staff_read_the_document_and_where_the_person_goes() -> None:
    read: list[tuple[str, Case, str]] = []
    story = Story(small_day(1, 300))
    story.desk = replace(story.desk, area_code="330102", take_in=lambda *seen: read.append(seen))
    story.hire()
    story.run()
    scanned = [
        one.evidence
        for case in story.ledger.list_cases()
        for one in story.ledger.list_evidence(case.case_id)
        if one.evidence.kind in SCANNED
    ]
    codes = [str(one.values[DESTINATION]) for one in scanned]
    assert len(codes) == len(read) > 10
    assert sum("3301" in covering(code) for code in codes) > len(codes) / 2
    assert all("33" in covering(code) for code in codes)
    assert all(one.values["synthetic"] for one in scanned)
    documents = {story.day.documents[person] for person in story.gates.person.tolist()}
    assert {document for _, _, document in read} <= documents
    assert all(by.startswith("sim.") for by, _, _ in read)


def test_where_the_city_is_not_known_nobody_says_where_a_person_goes() -> None:
    story = Story(small_day(1, 300)).run()
    (case, *_) = story.ledger.list_cases()
    assert find_destination(story.ledger.list_evidence(case.case_id), "-") == "-"
