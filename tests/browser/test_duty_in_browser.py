"""A shift in a real browser: a team sent in two clicks, a train followed to its platform, an exercise that says so, and
half a minute without a connection on a desk, a wall and a phone."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hubtwin.base.clock import system_clock
from hubtwin.model.event import EventKind
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.thing import Thing
from hubtwin.ports import TaskFilter
from hubtwin.settings import find_data_dir, load_settings
from hubtwin.web.edge import Options
from hubtwin.web.start import desk_of, find_ui
from hubtwin.wiring.stage import make_accounts
from hubtwin.wiring.works import open_works
from tests.browser.apart import served_town
from tests.browser.cut import line_to
from tests.browser.hands import Hands, words
from tests.browser.looking import find_barriers, find_keys
from tests.walk.town import PASSWORD, TRAIN
from tests.web.served import Served, serving

VENUE = '[venue]\narchive = "hubs/palo-alto/venue.imdf.zip"\n'
NAMED = {"N1": "West", "1": "NB"}  # where the venue has an exit and a platform
PATIENCE_MS = 20_000
CUT_S = 30.0
MINE = Marks(provenance=Provenance.SYNTHETIC)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Any, Served]]:
    with served_town(tmp_path, VENUE, NAMED) as made:
        yield made


def look_up(page: Page, typed: str) -> None:
    """Choose what is found for a text."""
    page.keyboard.press("Control+k")
    page.keyboard.type(typed)
    page.keyboard.press("Enter")


def press(hands: Hands, command: str) -> None:
    """Press the button of a move of a task."""
    hands.page.get_by_role("button", name=hands.words["task_command"][command], exact=True).first.click()


def wait_until(page: Page, is_so: Any) -> None:
    """Wait until the hub has it."""
    for _ in range(300):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came")


def test_two_clicks_send_a_team_whose_phone_has_the_task_and_a_train_leads_to_its_platform(
    here: tuple[Any, Served], browser: Browser, shots: Any
) -> None:
    made, served = here
    desk = Hands(browser, served.url, "en")
    desk.sign_in("wang", PASSWORD)
    page, texts = desk.page, words("en", "map")
    expect(page.locator("[data-camera]")).to_be_visible(timeout=PATIENCE_MS)
    look_up(page, "Waiting room")
    card = page.locator("#picked")
    send = card.get_by_role("button", name=texts["chosen"]["send_team"].split("{")[0])
    expect(send).to_be_visible(timeout=PATIENCE_MS)
    shots(page, "duty-card")
    send.click()
    expect(card.get_by_role("status")).to_be_visible(timeout=PATIENCE_MS)
    (task,) = made.works.ledger.list_tasks(TaskFilter(kind="attend"))
    expect(card.locator(".work .state").first).to_be_visible(timeout=PATIENCE_MS)
    shots(page, "duty-sent")
    user = next(name for name, person in made.people.items() if person.team == task.team)
    phone = Hands(browser, served.url, "zh", "phone")
    phone.sign_in(user, PASSWORD)
    phone.page.locator(f"[data-task='{task.task_id}'] a").first.click()
    for command in ("accept", "arrive", "finish", "finish"):  # with an open checklist it is asked once more
        press(phone, command)
        phone.page.wait_for_timeout(200)
    shots(phone.page, "duty-phone-done")
    wait_until(phone.page, lambda: made.works.ledger.get_task(task.task_id).state.value == "done")
    phone.close()
    follow(desk, made, shots)
    desk.close()


def follow(desk: Hands, made: Any, shots: Any) -> None:
    """Follow the train until it stands, and see its platform chosen."""
    page, texts = desk.page, words("en", "map")["pano"]
    look_up(page, TRAIN)
    page.locator("#picked").get_by_role("button", name=texts["follow"], exact=True).click(timeout=PATIENCE_MS)
    bar = page.locator(".following, .follow").first
    expect(bar).to_contain_text(TRAIN)
    camera = page.locator("[data-camera]").get_attribute("data-camera")
    made.step(30)
    expect(page.locator("[data-camera]")).not_to_have_attribute("data-camera", str(camera), timeout=PATIENCE_MS)
    shots(page, "duty-following")
    made.step(52)
    expect(page.locator("#picked")).to_contain_text("Northbound platform", timeout=PATIENCE_MS)
    expect(bar).to_contain_text("Northbound platform")
    shots(page, "duty-arrived")


def test_half_a_minute_without_a_line_loses_and_doubles_nothing(
    here: tuple[Any, Served], browser: Browser, shots: Any
) -> None:
    made, served = here
    with line_to(served.port) as line:
        desk, wall, phone = (Hands(browser, line.url, "en", size) for size in ("desk", "wall", "phone"))
        (order,) = made.works.ledger.list_tasks()
        user = next(name for name, person in made.people.items() if person.team == order.team)
        for hands, who in ((desk, "wang"), (wall, "wang"), (phone, user)):
            hands.sign_in(who, PASSWORD)
        wall.go("wall")
        phone.page.locator("[data-task] a").first.click()
        expect(phone.page.locator("input[name='tick.on_platform']")).to_be_visible(timeout=PATIENCE_MS)
        expect(desk.page.locator(".now .item").first).to_be_visible(timeout=PATIENCE_MS)
        expect(wall.page.locator(".side .figure").first).to_be_visible(timeout=PATIENCE_MS)
        phone.page.evaluate(TAKEN_OVER)
        line.cut()
        end_s = time.monotonic() + CUT_S
        work_without_a_line(phone)
        happen(made)
        covered(desk.page, wall.page, phone.page, shots)
        assert made.works.ledger.get_task(order.task_id).state.value == "assigned"
        desk.page.wait_for_timeout(max(0.0, end_s - time.monotonic()) * 1000)
        assert made.works.ledger.get_task(order.task_id).state.value == "assigned"
        line.mend()
        for each in (desk.page, wall.page):
            expect(each.get_by_role("alertdialog")).to_have_count(0, timeout=40_000)
        expect(phone.page.locator("[data-waiting]")).to_have_count(0, timeout=40_000)
        nothing_lost(made, desk, order.task_id, shots)
        for hands in (desk, wall, phone):
            hands.close()


def work_without_a_line(phone: Hands) -> None:
    """Take the order, tick a line, call for help."""
    press(phone, "accept")
    expect(phone.page.get_by_text(phone.words["task_state"]["accepted"]).first).to_be_visible(timeout=PATIENCE_MS)
    phone.page.locator("input[name='tick.on_platform']").check()
    expect(phone.page.locator("[data-waiting]")).to_contain_text("2", timeout=PATIENCE_MS)


def happen(made: Any) -> None:
    """Let a zone fill up step by step while nobody hears, and let a person pass the gate who must be stopped."""
    made.step(1)
    made.pass_gate()
    made.step(2)
    for people in range(1, 200):
        at_ms = int(made.clock().timestamp() * 1000) + people
        values: dict[str, float | int | str | bool | None] = {"people": people, "density_per_m2": 1.0, "los": "C"}
        made.works.panorama.take([Thing("zone:wait", "zone", at_ms, "counts", "DEPOT", values=values, marks=MINE)])


def covered(desk: Page, wall: Page, phone: Page, shots: Any) -> None:
    """See the cover on desk and wall, and what the phone says instead: its work goes on."""
    for name, page in (("desk", desk), ("wall", wall)):
        cover = page.get_by_role("alertdialog")
        expect(cover).to_be_visible(timeout=PATIENCE_MS)
        expect(cover).to_contain_text(re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"))
        assert page.locator("#main").get_attribute("inert") is not None
        shots(page, f"duty-cut-{name}")
        assert [*find_keys(page), *find_barriers(page)] == []
    shots(phone, "duty-cut-phone")
    expect(phone.locator("[data-waiting]")).to_be_visible()
    phone.evaluate("location.hash = '#/'")
    expect(phone.get_by_role("alertdialog")).to_be_visible(timeout=PATIENCE_MS)
    shots(phone, "duty-cut-phone-map")
    phone.evaluate("location.hash = '#/tasks'")


def nothing_lost(made: Any, desk: Hands, task_id: str, shots: Any) -> None:
    """See on the desk what happened meanwhile, each thing once, and in the ledger what the phone did, once."""
    page = desk.page
    expect(page.locator("header.head .people")).to_contain_text("199", timeout=PATIENCE_MS)
    cases = page.locator(".now .item", has_text=desk.words["case_state"]["found"])
    expect(cases).to_have_count(1, timeout=PATIENCE_MS)
    shots(page, "duty-back-desk")
    kinds = Counter(event.kind for event in made.works.ledger.list_events(subject=task_id))
    assert (kinds[EventKind.TASK_ACCEPTED], kinds[EventKind.TASK_CHECKED]) == (1, 1)
    orders = made.works.ledger.list_tasks()
    assert len({task.task_id for task in orders}) == len(orders)


def test_an_exercise_says_so_on_every_page(tmp_path: Path, browser: Browser, shots: Any) -> None:
    ui = find_ui(find_data_dir())
    assert ui is not None, "the pages are not built: make ui"
    settings = replace(load_settings(home=tmp_path, environ={}), status=Status.EXERCISE)
    with (
        open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={}, mode="live") as works,
        serving(desk_of(works), Options(ui=ui)) as served,
    ):
        make_accounts(works, "epidemic", password=PASSWORD, lang="en")
        for lang, size, paths in (("en", "desk", ("", "board", "repairs")), ("zh", "phone", ("", "tasks"))):
            hands = Hands(browser, served.url, lang, size, "dark")
            hands.sign_in("wang", PASSWORD)
            for path in paths:
                hands.go(path)
                band = hands.page.locator(".band.exercise")
                expect(band).to_be_visible(timeout=PATIENCE_MS)
                expect(band).to_contain_text(words(lang, "frame")["band_of"]["exercise"])
                assert find_keys(hands.page) == []
            shots(hands.page, f"duty-exercise-{lang}-{size}")
            hands.close()


TAKEN_OVER = """() => navigator.serviceWorker.controller
  || new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", () => done(1)))"""
