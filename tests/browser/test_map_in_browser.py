"""The map in a real browser, over the demonstration of a second hub: what the simulator does to a place is seen there.

Colours are read from the pixels of the map, whose canvas tells nothing else.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.demonstration import Demonstration, demonstration
from tests.browser.hands import Hands

DAY = ("--date", "2017-07-24", "--at", "08:00", "--arrivals", "400", "--speed", "20", "--no-event")
FAULTS = ("--crowd", "P-NB=20000@08:08", "--silence", "crowd_counters@08:16")
CROWDED = (13, 77, 84)  # --los-f of the light page
COUNT = """async ([picture, colour, near]) => {
  const bytes = Uint8Array.from(atob(picture), (one) => one.charCodeAt(0));
  const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const pen = new OffscreenCanvas(image.width, image.height).getContext("2d");
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, 0, image.width, image.height);
  let count = 0;
  for (let at = 0; at < data.length; at += 4)
    if (colour.every((part, nr) => Math.abs(data[at + nr] - part) <= near)) count += 1;
  return count;
}"""
DRAWN = """(canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let at = 3; at < data.length; at += 4) if (data[at] > 0) count += 1;
  return count;
}"""
NEAR, MANY, MANY_POINTS, PATIENCE_MS = 10, 1_500, 1_000, 60_000


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Demonstration]:
    with demonstration(tmp_path, "palo-alto", *DAY, *FAULTS) as found:
        yield found


def count_crowded(page: Page) -> int:
    """Return how many pixels of the map have the colour of the fullest level of service."""
    picture = base64.b64encode(page.locator("section.map").screenshot()).decode()
    return int(page.evaluate(COUNT, [picture, list(CROWDED), NEAR]))


def wait_for(page: Page, *, crowded: bool) -> None:
    """Wait until the map shows a full zone, or none."""
    for _ in range(PATIENCE_MS // 500):
        if (count_crowded(page) > MANY) is crowded:
            return
        page.wait_for_timeout(500)
    pytest.fail(f"crowded: {count_crowded(page)} pixels, wanted {crowded}")


def count_signs(page: Page) -> int:
    """Return how many points of the plain canvas over the map are not empty."""
    return int(page.locator("canvas.names").evaluate(DRAWN))


def test_the_first_picture_has_what_stands_and_moves_before_the_overlay_has_come(
    browser: Browser, running: Demonstration, shots: Any
) -> None:
    hands = Hands(browser, running.url, "en")
    held = list[Route]()

    released = Event()

    def hold(route: Route) -> None:
        if released.is_set():
            route.continue_()
        else:
            held.append(route)

    hands.page.route(re.compile(r"/assets/painter-"), hold)
    hands.sign_in("wang", running.password)
    page, sheet = hands.page, hands.page.locator("canvas.names")
    expect(sheet).to_have_attribute("data-shows", "panorama", timeout=PATIENCE_MS)
    page.get_by_role("checkbox", name="Staff on duty").set_checked(True)
    signed, before = count_signs(page), -1
    while signed != before:  # until everything is painted
        page.wait_for_timeout(1_000)
        signed, before = count_signs(page), signed
    shots(page, "map-first-picture")
    released.set()
    for route in held:
        route.continue_()
    expect(sheet).to_have_attribute("data-shows", "overlay", timeout=PATIENCE_MS)
    page.wait_for_timeout(1_000)
    assert 0 < count_signs(page) < signed - MANY_POINTS, "the overlay draws the signs now, and the names stay"
    shots(page, "map-with-overlay")
    hands.close()


def test_a_crowd_darkens_its_zone_and_a_silent_source_greys_it(
    browser: Browser, running: Demonstration, shots: Any
) -> None:
    hands = Hands(browser, running.url, "en")
    hands.sign_in("wang", running.password)
    page = hands.page
    page.get_by_role("button", name="Street level").click(timeout=PATIENCE_MS)
    assert count_crowded(page) < MANY, "nobody has crowded it yet"
    camera = page.locator("[data-camera]").get_attribute("data-camera")

    wait_for(page, crowded=True)
    assert page.locator("[data-camera]").get_attribute("data-camera") == camera, "an update has moved the view"
    shots(page, "map-crowded")
    page.keyboard.press("Control+k")
    page.keyboard.type("Northbound")
    page.keyboard.press("Enter")
    card = page.locator("#picked")
    expect(card).to_contain_text("20,000", timeout=PATIENCE_MS)

    wait_for(page, crowded=False)
    expect(page.get_by_text("last seen").first).to_be_visible(timeout=PATIENCE_MS)
    expect(card).not_to_contain_text("no data")
    shots(page, "map-silent")
    country = page.get_by_role("button", name="Country view")
    country.click()
    expect(country).to_have_attribute("aria-pressed", "true", timeout=PATIENCE_MS)
    page.wait_for_timeout(2_000)
    page.get_by_role("button", name="Hub view").click()
    page.wait_for_timeout(4_000)
    shots(page, "map-back")
    hands.close()
