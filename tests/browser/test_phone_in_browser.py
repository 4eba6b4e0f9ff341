"""The phone of field staff in a real browser: an order from the alert to done, and work without a connection."""

import struct
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from hubtwin.model.duty import COMMANDER
from hubtwin.model.event import EventKind
from hubtwin.ports import TaskFilter
from tests.browser.hands import Hands, words
from tests.browser.test_walk_in_browser import LANGS, here, people
from tests.walk.town import TRAIN

__all__ = ["here", "people"]
OFFLINE_MS = 30_000


def png(side: int = 64) -> bytes:
    """Return a picture as a camera might give it, in a form that the hub itself would refuse."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    rows = b"".join(b"\x00" + b"".join(bytes((x * 4 % 256, y * 4 % 256, 90)) for x in range(side)) for y in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    place = chunk(b"tEXt", b"Comment\x00GPS 30.29N 120.21E")
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + place + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


PICTURE: Any = {"name": "../../etc/passwd.png", "mimeType": "image/png", "buffer": png()}


class Phone:
    """A member of a team with a phone, at its first order."""

    def __init__(self, people: Any, made: Any, lang: str) -> None:
        (self.task,) = made.works.ledger.list_tasks()
        user = next(name for name, person in made.people.items() if person.team == self.task.team)
        self.user, self.made = user, made
        self.hands: Hands = people(user, lang, "phone")
        self.page, self.texts = self.hands.page, words(lang, "phone")["phone"]
        self.words = self.hands.words

    def press(self, command: str) -> None:
        """Press the button of a move."""
        self.page.get_by_role("button", name=self.words["task_command"][command], exact=True).first.click()

    def see(self, state: str) -> None:
        """Wait until the page shows a state."""
        expect(self.page.get_by_text(self.words["task_state"][state]).first).to_be_visible(timeout=15_000)

    def tick(self, item: str) -> None:
        """Tick a line of the checklist."""
        self.page.locator(f"input[name='tick.{item}']").check()

    def report(self, text: str) -> None:
        """Write a report."""
        self.page.get_by_role("button", name=self.texts["report"], exact=True).click()
        self.page.fill("textarea[name=report]", text)
        self.page.get_by_role("button", name=self.texts["send"], exact=True).click()

    def wait_for(self, done: Callable[[], bool]) -> None:
        """Wait until the hub has what the phone sends."""
        for _ in range(300):
            if done():
                return
            self.page.wait_for_timeout(100)
        raise AssertionError("it never came")

    def fits(self) -> None:
        """Check that nothing is cut off, and that a thumb hits what can be pressed."""
        page = self.page
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
        small = """[...document.querySelectorAll('main button, main a.btn, main label.btn, main input[type=checkbox]')]
            .map((one) => (one.type === 'checkbox' ? one.closest('label') : one))
            .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"""
        assert page.evaluate(small) == []


@pytest.mark.parametrize("lang", LANGS)
def test_an_order_goes_from_the_alert_to_done_on_a_phone_and_a_call_for_help_reaches_the_desk(
    lang: str, here: Any, people: Any, shots: Any
) -> None:
    made, _ = here
    phone = Phone(people, made, lang)
    page = phone.page
    expect(page.get_by_text(TRAIN, exact=True).first).to_be_visible(timeout=15_000)
    shots(page, f"phone-tasks-{lang}")
    phone.fits()
    phone.hands.context.grant_permissions(["geolocation"])
    phone.hands.context.set_geolocation({"longitude": 120.2126, "latitude": 30.2911})
    page.locator("input[name=share]").check()
    phone.wait_for(lambda: [each.lon for each in made.works.panorama.list_things()] == [120.2126])
    page.locator("[data-task] a").first.click()
    phone.press("accept")
    phone.see("accepted")
    phone.press("arrive")
    phone.see("on_post")
    for item in ("on_platform", "protected", "doors_met", "led_out"):
        phone.tick(item)
    page.locator("input[name=photo]").set_input_files(PICTURE)
    phone.report("all calm")
    expect(page.locator("[data-piece=photo]")).to_be_visible(timeout=15_000)
    page.locator("[data-piece=photo] button").click()
    expect(page.locator("[data-piece=photo] img")).to_be_visible()
    assert (
        page.locator("[data-piece=photo] img").evaluate("(image) => image.decode().then(() => image.naturalWidth)")
        == 64
    )
    page.get_by_role("button", name=phone.texts["scan"], exact=True).click()
    page.fill("input[name=code]", "P-6-0042")
    page.get_by_role("button", name=phone.texts["scan_use"], exact=True).click()
    expect(page.get_by_text("P-6-0042")).to_be_visible(timeout=15_000)
    shots(page, f"phone-task-{lang}")
    phone.fits()
    phone.press("finish")
    expect(page.get_by_role("alert").first).to_be_visible()
    phone.press("finish")
    phone.see("done")
    expect(page.locator("[data-waiting]")).to_have_count(0)
    phone.wait_for(lambda: made.works.ledger.get_task(phone.task.task_id).state.value == "done")
    page.get_by_role("button", name=phone.texts["help"], exact=True).click()
    shots(page, f"phone-help-{lang}")
    page.get_by_role("button", name=phone.texts["help_sure"], exact=True).click()
    expect(page.get_by_text(phone.texts["help_sent"])).to_be_visible()
    phone.wait_for(lambda: bool(made.works.ledger.list_tasks(TaskFilter(kind="help"))))
    (call,) = made.works.ledger.list_tasks(TaskFilter(kind="help"))
    assert (call.team, call.told["by"], call.told["about"]) == (COMMANDER, phone.user, phone.task.task_id)


def test_without_a_connection_work_goes_on_and_each_thing_is_done_once(here: Any, people: Any, shots: Any) -> None:
    made, _ = here
    phone = Phone(people, made, "en")
    page, context = phone.page, phone.hands.context
    page.locator("[data-task] a").first.click()
    expect(page.locator("input[name='tick.on_platform']")).to_be_visible(timeout=15_000)
    page.evaluate(TAKEN_OVER)
    context.set_offline(True)
    phone.press("accept")
    phone.see("accepted")
    phone.tick("on_platform")
    page.locator("input[name=photo]").set_input_files(PICTURE)
    phone.report("somebody coughs in 7A")
    waiting = page.locator("[data-waiting]")
    expect(waiting).to_contain_text("4", timeout=15_000)
    held = page.evaluate(READ_QUEUE)
    assert "coughs" not in str(held), "what a person typed lies locked"
    shots(page, "phone-offline-en")
    page.reload()
    expect(waiting).to_contain_text("4", timeout=15_000)
    phone.see("accepted")
    expect(page.locator("input[name='tick.on_platform']")).to_be_checked()
    phone.press("arrive")
    phone.see("on_post")
    expect(waiting).to_contain_text("5")
    shots(page, "phone-reloaded-en")
    assert made.works.ledger.get_task(phone.task.task_id).state.value == "assigned"
    context.set_offline(False)
    expect(waiting).to_have_count(0, timeout=OFFLINE_MS)
    expect(page.get_by_text("somebody coughs in 7A")).to_be_visible(timeout=15_000)
    expect(page.locator("[data-piece=photo]")).to_have_count(1)
    kinds = Counter(event.kind for event in made.works.ledger.list_events(subject=phone.task.task_id))
    once = ("TASK_ACCEPTED", "TASK_ON_POST", "TASK_CHECKED", "TASK_NOTED", "TASK_PHOTOGRAPHED")
    assert [kinds[EventKind[name]] for name in once] == [1] * 5
    assert Counter(piece.kind for piece in made.works.ledger.list_pieces(phone.task.task_id)) == Counter(
        ("tick", "note", "photo")
    )


DRAWN = "(image) => image.decode().then(() => image.naturalWidth)"
TAKEN_OVER = """() => navigator.serviceWorker.controller
  || new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", () => done(1)))"""
READ_QUEUE = """() => new Promise((done) => {
  const opening = indexedDB.open("hubtwin-field");
  opening.onsuccess = () => {
    const asked = opening.result.transaction("queue").objectStore("queue").getAll();
    asked.onsuccess = () => done(asked.result.map((one) => JSON.stringify(one)
      + (one.locked ? new TextDecoder().decode(one.locked.box) : "")));
  };
})"""
