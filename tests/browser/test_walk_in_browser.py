"""The loop in a real browser, in both languages: a warned train, a found person, six steps by several people."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.apart import served_town
from tests.browser.hands import Hands
from tests.walk.town import DOCUMENT, PASSWORD, TRAIN
from tests.web.served import Served

LANGS = ("zh", "en")
KEY = re.compile(r"\b(?:case|tasks|board|emergency|common|document|proposal|steps|appeal|overflow)\.[a-z_]+\b")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Any, Served]]:
    with served_town(tmp_path) as made:
        yield made


@pytest.fixture
def people(browser: Browser, here: tuple[Any, Served]) -> Iterator[Any]:
    opened: list[Hands] = []

    def enter(user: str, lang: str, size: str = "desk") -> Hands:
        hands = Hands(browser, here[1].url, lang, size)
        hands.sign_in(user, PASSWORD)
        opened.append(hands)
        return hands

    yield enter
    for hands in opened:
        hands.close()


@pytest.mark.parametrize("lang", LANGS)
def test_a_person_is_led_through_six_steps_by_several_people(
    lang: str, here: tuple[Any, Served], people: Any, shots: Any
) -> None:
    made, _ = here
    officer: Hands = people("li", lang)
    expect(officer.page.get_by_text(TRAIN, exact=True).first).to_be_visible()
    shots(officer.page, f"desk-{lang}")
    made.step(52)
    made.pass_gate()
    (case,) = made.step(53).cases
    officer.go("board")
    card = officer.page.locator("[data-lane] [data-card]").first
    expect(card).to_be_visible(timeout=15_000)
    shots(officer.page, f"board-{lang}")
    card.click()
    officer.see_state("found")
    staff: Hands = people("qian", lang)
    staff.go(f"cases/{case.case_id}")
    staff.move("report", {"scan.ref": "scan 1", "document.id_no": DOCUMENT[1], "document.name": "S"}, "reported")
    officer.catch_up("reported")
    lead_to_the_end(made, officer, people("zhao", lang), case.case_id)
    shots(officer.page, f"case-{lang}")
    assert made.works.ledger.get_case(case.case_id).state.value == "closed"
    assert {filed.by for filed in made.works.ledger.list_evidence(case.case_id)} == {"system", "qian", "zhao", "li"}
    for hands in (officer, staff):
        assert not KEY.search(hands.page.locator("body").inner_text()), "an untranslated key"


def lead_to_the_end(made: Any, officer: Hands, medic: Hands, case_id: str) -> None:
    medic.go(f"cases/{case_id}")
    medic.move("take_antigen", {"sample.ref": "sample 1"}, "antigen")
    made.tell_result("antigen", "positive", "A-1")
    made.step(60)
    # what the machine proposes stands in the form already; a named person confirms it
    expect(medic.page.locator("section.proposal")).to_be_visible(timeout=30_000)
    medic.move("antigen_result", {}, "review")
    officer.catch_up("review")
    officer.move("take_nucleic", {"sample.ref": "sample 2", "review.ref": "review 1"}, "nucleic")
    made.tell_result("nucleic", "positive", "N-1")
    made.step(64)
    officer.move("nucleic_positive", {}, "transfer")
    told = {"vehicle.ref": "A 12345", "receiving_site.ref": "site 7", "signature_out.ref": "signed out"}
    officer.move("depart", told, "under_way")
    officer.move("arrive", {"signature_in.ref": "signed in"}, "feedback")
    officer.move("close", {"feedback.ref": "told in person"}, "closed")


@pytest.mark.parametrize("lang", LANGS)
def test_an_order_is_taken_on_a_phone_and_the_board_hears_of_it(
    lang: str, here: tuple[Any, Served], people: Any, shots: Any
) -> None:
    made, _ = here
    (task,) = made.works.ledger.list_tasks()
    user = next(name for name, person in made.people.items() if person.team == task.team)
    phone: Hands = people(user, lang, "phone")
    expect(phone.page.get_by_text(TRAIN, exact=True).first).to_be_visible(timeout=15_000)
    accept = phone.words["task_command"]["accept"]
    phone.page.get_by_role("button", name=accept, exact=True).first.click()
    expect(phone.page.get_by_text(phone.words["task_state"]["accepted"]).first).to_be_visible(timeout=15_000)
    shots(phone.page, f"phone-{lang}")
    for _ in range(60):  # the page shows at once what it has put on its way
        if made.works.ledger.get_task(task.task_id).state.value == "accepted":
            break
        phone.page.wait_for_timeout(250)
    assert made.works.ledger.get_task(task.task_id).state.value == "accepted"
    assert phone.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"


@pytest.mark.parametrize("lang", LANGS)
def test_an_event_ends_on_two_peoples_word_and_shows_what_became_of_its_data(
    lang: str, here: tuple[Any, Served], people: Any, shots: Any
) -> None:
    made, _ = here
    commander: Hands = people("wang", lang)
    commander.go("emergency")
    page, texts = commander.page, commander.pages["emergency"]
    page.get_by_role("button", name=texts["end"], exact=True).click()
    page.fill("input[name='second.user']", "wu")
    page.fill("input[name='second.password']", PASSWORD)
    page.get_by_role("button", name=texts["end_now"], exact=True).click()
    expect(page.get_by_text(texts["none"]).first).to_be_visible(timeout=20_000)
    shots(page, f"ended-{lang}")
    (event,) = made.works.ledger.list_emergencies()
    assert (event.ended_by, event.second) == ("wang", "wu")
    assert made.step(2).off
