"""The frame of the pages in a real browser: boards, wall and phone in both languages and lights, replay, a cut line."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from hubtwin.model.record import Marks, Provenance
from hubtwin.model.thing import Thing
from hubtwin.ports import CaseFilter
from tests.browser.apart import served_town
from tests.browser.cut import line_to
from tests.browser.hands import Hands, Theme, words
from tests.browser.looking import find_barriers, find_faults, find_keys, find_pale, find_small
from tests.walk.town import PASSWORD
from tests.web.served import Served

VENUE = '[venue]\narchive = "hubs/palo-alto/venue.imdf.zip"\n'
MINE = Marks(provenance=Provenance.SYNTHETIC)
PAGES = ("", "?board=hub", "?board=epidemic", "board", "tasks", "times", "repairs", "emergency")
DECIDES = ".clock, .when strong, header.head dd, .figure.decides strong, .figure.bad strong"
LOOKS: tuple[tuple[str, Theme, str], ...] = (
    ("zh", "light", "wide"),
    ("en", "dark", "desk"),
    ("zh", "dark", "phone"),
    ("en", "light", "phone"),
)


def zone(made: Any, people: int, at_s: int = 0) -> Thing:
    """Return a counted zone at the hub's time."""
    at_ms = int(made.clock().timestamp() * 1000) + at_s * 1000
    values = {"people": people, "density_per_m2": people / 100, "los": "F" if people > 500 else "B"}
    return Thing("zone:hall", "zone", at_ms, "people_counts", "hall", values=values, marks=MINE)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Served]]:
    with served_town(tmp_path_factory.mktemp("town"), VENUE) as (made, served):
        made.step(52)
        made.pass_gate()
        made.step(53)
        made.works.panorama.take([zone(made, 120)])
        yield made, served


@pytest.fixture
def people(kept_browser: Browser, here: tuple[Any, Served]) -> Iterator[Any]:
    opened: list[Hands] = []

    def enter(user: str, lang: str, size: str = "desk", theme: Theme = "light") -> Hands:
        hands = Hands(kept_browser, here[1].url, lang, size, theme)
        hands.sign_in(user, PASSWORD)
        opened.append(hands)
        return hands

    yield enter
    for hands in opened:
        hands.close()


def settle(page: Page) -> None:
    """Wait until nothing on the page is still being fetched, and a map on it is drawn whole."""
    expect(page.locator("#main [aria-busy=true]")).to_have_count(0, timeout=20_000)
    expect(page.locator("canvas.names:not([data-shows=overlay])")).to_have_count(0, timeout=30_000)
    page.wait_for_timeout(250)


@pytest.mark.parametrize(("lang", "theme", "size"), LOOKS)
def test_every_page_is_whole_translated_and_open_to_everybody(
    lang: str, theme: Theme, size: str, people: Any, shots: Any
) -> None:
    hands: Hands = people("wang", lang, size, theme)
    wrong: list[str] = []
    for path in PAGES:
        hands.go(path)
        settle(hands.page)
        shots(hands.page, f"frame-{path.strip('?').replace('=', '-') or 'desk'}-{lang}-{theme}-{size}")
        page = hands.page
        found = [*find_keys(page), *find_faults(page), *find_barriers(page)]
        found += find_pale(page, DECIDES) if size == "wide" else []
        wrong += [f"{path or 'desk'}: {each}" for each in found]
    assert not wrong, "\n".join(wrong)


def look_twice(hands: Hands, name: str, shots: Any) -> list[str]:
    """Return what is wrong with the page in either light; leave it as it was."""
    page, wrong = hands.page, list[str]()
    settle(page)
    for theme in ("light", "dark"):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        page.wait_for_timeout(100)
        shots(page, f"more-{name}-{hands.lang}-{theme}")
        found = [*find_barriers(page), *find_pale(page, DECIDES)]
        wrong += [f"{name} {theme}: {each}" for each in found]
    return wrong + [f"{name}: {each}" for each in (*find_keys(page), *find_faults(page))]


@pytest.mark.parametrize(("lang", "size"), [("zh", "desk"), ("en", "phone")])
def test_the_pages_behind_a_click_are_whole_in_either_light(
    lang: str, size: str, here: tuple[Any, Served], kept_browser: Browser, people: Any, shots: Any
) -> None:
    made, served = here
    visitor = Hands(kept_browser, served.url, lang, size)
    visitor.page.goto(f"{served.url}/")
    expect(visitor.page.locator("input[name=user]")).to_be_visible(timeout=20_000)
    wrong = look_twice(visitor, "sign-in", shots)
    visitor.close()
    case_id = made.works.ledger.list_cases(CaseFilter())[0].case_id
    task = made.works.ledger.list_tasks()[0]
    user = next(name for name, person in made.people.items() if person.team == task.team)
    pages = {"wang": (f"cases/{case_id}", "partners"), "wu": ("access",), user: ("tasks", f"tasks/{task.task_id}")}
    for who, paths in pages.items():
        hands: Hands = people(who, lang, size)
        for path in paths:
            hands.go(path)
            wrong += look_twice(hands, path.split("/")[0] + ("-one" if "tasks/" in path else ""), shots)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("lang", "theme", "size"), [("zh", "dark", "wide_wall"), ("en", "light", "wall")])
def test_the_wall_is_read_from_afar_and_has_nothing_to_press(
    lang: str, theme: Theme, size: str, people: Any, shots: Any
) -> None:
    hands: Hands = people("wang", lang, size, theme)
    hands.go("wall")
    settle(hands.page)
    page = hands.page
    expect(page.locator(".side .figure").first).to_be_visible()
    expect(page.locator("canvas.names[data-shows=overlay]")).to_have_count(1, timeout=30_000)
    page.wait_for_timeout(500)
    shots(page, f"frame-wall-{lang}-{theme}-{size}")
    assert page.locator("button:visible, select:visible, input:visible").count() == 0
    assert find_small(page, 24) == []
    assert [*find_keys(page), *find_faults(page), *find_barriers(page)] == []
    cut = "() => [...document.querySelectorAll('.side')].filter((el) => el.scrollHeight > el.clientHeight + 1).length"
    assert page.evaluate(cut) == 0, "a board is higher than the wall"


def test_a_board_follows_what_is_sensed_and_a_replay_equals_what_was_shown_live(
    here: tuple[Any, Served], people: Any, shots: Any
) -> None:
    made, _ = here
    hands: Hands = people("wang", "en", "wide")
    page, texts = hands.page, words("en", "frame")
    hands.go("?board=hub")
    crowd = page.locator(".figure", has_text=texts["boards"]["people"]).first
    expect(crowd).to_contain_text("120", timeout=15_000)
    page.wait_for_timeout(2_500)  # the journal is written with the beat of the feed
    before_min = made.now_min
    shown = look(page)
    made.step(58.2)  # so that five minutes back everything of the minute before has been told
    made.works.panorama.take([zone(made, 900)])
    expect(crowd).to_contain_text("900", timeout=15_000)
    expect(page.locator(".figure.bad", has_text=texts["boards"]["crowded"])).to_be_visible()
    page.wait_for_timeout(2_500)
    strip = page.locator("[role=slider]")
    strip.focus()
    for _ in range(made.now_min - before_min):
        page.keyboard.press("ArrowLeft")
    expect(page.locator(".band.replay")).to_be_visible(timeout=15_000)
    expect(crowd).to_contain_text("120", timeout=15_000)
    shots(page, "frame-replay")
    then = look(page)
    assert then == shown, f"what a replay shows is not what was shown live: {then} {shown}"
    hands.go("board")
    expect(page.get_by_role("button", name=hands.pages["overflow"]["begin"])).to_be_disabled()
    hands.go("?board=hub")
    page.locator(".band.replay").get_by_role("button", name=texts["view"]["go_live"]).click()
    expect(page.locator(".band.replay")).to_have_count(0)
    expect(crowd).to_contain_text("900", timeout=15_000)


def look(page: Page) -> list[str]:
    """Return what the board says, without what only the clock changes."""
    settle(page)
    parts = page.locator("dl.figures dt, dl.figures strong, .now strong.mono, .now .state").all_inner_texts()
    return [re.sub(r"\s+", " ", each) for each in parts]


def test_a_cut_line_covers_the_page_and_loses_and_doubles_nothing(
    here: tuple[Any, Served], kept_browser: Browser
) -> None:
    made, served = here
    with line_to(served.port) as line:
        hands = Hands(kept_browser, line.url, "en")
        hands.sign_in("wang", PASSWORD)
        page = hands.page
        settle(page)
        expect(page.locator(".now .item").first).to_be_visible(timeout=15_000)
        before = page.locator(".now .item").all_inner_texts()
        line.cut()
        made.works.panorama.take([zone(made, 333, 5)])
        cover = page.get_by_role("alertdialog")
        expect(cover).to_be_visible(timeout=15_000)
        expect(cover).to_contain_text(re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}"))
        assert page.locator("#main").get_attribute("inert") is not None
        line.mend()
        expect(cover).to_have_count(0, timeout=20_000)
        expect(page.locator("header.head .people")).to_contain_text("333", timeout=15_000)
        settle(page)
        expect(page.locator(".now .item")).to_have_count(len(before), timeout=15_000)
        assert page.locator(".now .item").all_inner_texts() == before
        hands.close()


def test_pages_whose_lists_are_asked_for_are_not_covered(here: tuple[Any, Served], kept_browser: Browser) -> None:
    with line_to(here[1].port) as line:
        hands = Hands(kept_browser, line.url, "en")
        hands.sign_in("wang", PASSWORD)
        page = hands.page
        hands.go("library")
        expect(page.locator("main .library")).to_be_visible(timeout=15_000)
        settle(page)
        line.cut()
        expect(page.get_by_text(re.compile("^Not live since [0-9:]{8}$"))).to_be_visible(timeout=15_000)
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        assert page.locator("#main").get_attribute("inert") is None
        line.mend()
        expect(page.get_by_text(re.compile("^Not live since"))).to_have_count(0, timeout=20_000)
        hands.context.close()
