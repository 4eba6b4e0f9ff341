"""A partner without an account in a real browser, in both languages: an officer copies a link, the partner answers on a
page without a script, and the case shows it.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from hubtwin.settings import find_data_dir
from hubtwin.web.edge import Options
from hubtwin.web.start import desk_of, find_ui
from tests.browser.conftest import keep_shot
from tests.browser.hands import SIZES, Hands, words
from tests.browser.looking import find_barriers
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving
from tests.web.test_liaison import make_people
from tests.wiring.partners_kit import BUS, HEALTH, POLICE, Hub, hub

KEY = re.compile(r"\b(?:partner|common|said|way|web|scenes|wiring|rules)\.[a-z_]+\b")
ANSWER = {
    "zh": ("接受", "答复已收到", "预计 09:25 到达"),
    "en": ("Accept", "Your answer has arrived", "there at 09:25"),
}


@pytest.fixture
def here(tmp_path: Path) -> Iterator[tuple[Hub, Served]]:
    ui = find_ui(find_data_dir())
    assert ui is not None, "the pages are not built: make ui"
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:

        def begin() -> Hub:
            made: Hub = stack.enter_context(hub(tmp_path))
            make_people(made)
            made.tell(POLICE, "police")
            made.tell(BUS, "bus", "b1")
            made.tell(HEALTH, "health", "h1")
            return made

        made = thread.submit(begin).result()
        with serving(desk_of(made.works), Options(ui=ui)) as served:
            yield made, served
        thread.submit(stack.close).result()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_partner_without_an_account_answers_by_a_link_and_the_case_shows_it(
    lang: str, here: tuple[Hub, Served], browser: Browser, shots: Any
) -> None:
    made, served = here
    officer, texts = Hands(browser, served.url, lang), words(lang, "partners")
    officer.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=served.url)
    officer.sign_in("officer", PASSWORD)
    officer.go(f"partners/{POLICE}")
    link = _copy_link(officer.page, texts["partner"])
    look(officer, "partner", shots)
    _answer(browser, link, lang, shots)
    officer.go(f"cases/{made.case_id}")
    told = officer.page.locator("section.told")
    expect(told.get_by_text(ANSWER[lang][2])).to_be_visible(timeout=15_000)
    expect(told.get_by_text("Desk 3", exact=False)).to_be_visible()
    expect(officer.page.get_by_text(officer.words["event"]["PartnerAnswered"])).to_be_visible()
    look(officer, "case-told", shots)
    officer.go("partners")
    expect(officer.page.locator(".list")).to_be_visible(timeout=15_000)
    look(officer, "partners", shots)
    phone = officer.page
    phone.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
    phone.evaluate("document.documentElement.dataset.theme = 'dark'")
    for path, name in (("partners", "list"), (f"partners/{POLICE}", "one")):
        officer.go(path)
        place = phone.locator(".list" if name == "list" else ".chosen h1")
        expect(place).to_contain_text(made.works.settings.partners[POLICE].partner.name[lang])
        expect(place).to_be_visible()
        shots(phone, f"partners-phone-{name}-{lang}")
        assert find_barriers(phone) == []
        assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
    assert not KEY.search(officer.page.locator("body").inner_text()), "an untranslated key"
    officer.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_agency_answers_on_a_phone_with_its_own_account(
    lang: str, here: tuple[Hub, Served], browser: Browser, shots: Any
) -> None:
    _, served = here
    desk, texts = Hands(browser, served.url, lang, "phone"), words(lang, "partners")["partner"]
    desk.sign_in("police_desk", PASSWORD)
    desk.go("partners")
    page = desk.page
    page.get_by_role("button", name=texts["open"], exact=True).click()
    expect(page.get_by_text("合成旅客甲")).to_be_visible(timeout=15_000)
    page.get_by_role("button", name=texts["say_accepted"], exact=True).click()
    page.fill("input[name=in_minutes]", "20")
    page.get_by_role("button", name=f"{texts['send']}: {texts['say_accepted']}").click()
    expect(page.get_by_text(texts["sent_ok"])).to_be_visible(timeout=15_000)
    shots(page, f"my-messages-{lang}")
    assert find_barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), "nothing is cut off"
    assert not KEY.search(page.locator("body").inner_text()), "an untranslated key"
    desk.close()


def look(hands: Hands, name: str, shots: Any) -> None:
    """Look at a page in either light; leave it as it was. Nothing may bar anybody from it."""
    page, wrong = hands.page, list[str]()
    for theme in ("dark", "light"):
        page.evaluate("(theme) => (document.documentElement.dataset.theme = theme)", theme)
        page.wait_for_timeout(100)
        shots(page, f"{name}-{hands.lang}-{theme}")
        wrong += [f"{theme}: {each}" for each in find_barriers(page)]
    assert not wrong, "\n".join(wrong)


def _copy_link(page: Page, texts: Any) -> str:
    page.locator(".messages .line").first.click()
    page.get_by_role("button", name=texts["link_make"], exact=True).click()
    field = page.locator("input[name=link]")
    expect(field).to_be_visible(timeout=15_000)
    link = field.input_value()
    assert page.evaluate("navigator.clipboard.readText()") == link
    return link


def _answer(browser: Browser, link: str, lang: str, shots: Any) -> None:
    """Open the link as somebody whose browser runs no script and has no session, and accept."""
    width, height = SIZES["phone"]
    locale = "zh-CN" if lang == "zh" else "en-GB"
    scheme: Literal["light", "dark"] = "light" if lang == "zh" else "dark"
    context = browser.new_context(
        viewport={"width": width, "height": height}, locale=locale, java_script_enabled=False, color_scheme=scheme
    )
    page = context.new_page()
    page.goto(link)
    keep_shot(page, f"liaison-{lang}", full_page=True)
    with_script = browser.new_context(viewport={"width": width, "height": height}, locale=locale, color_scheme=scheme)
    looked = with_script.new_page()  # axe-core needs timers, which a page without script has not
    looked.goto(link)
    assert find_barriers(looked) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nothing is cut off"
    form = page.locator("form", has=page.locator("input[value=accepted]"))
    form.locator("input[name=expected]").fill("09:25")
    form.locator("input[name=by]").fill("Desk 3")
    form.get_by_role("button", name=ANSWER[lang][0], exact=True).click()
    expect(page.get_by_text(ANSWER[lang][1])).to_be_visible(timeout=15_000)
    expect(page.get_by_text(ANSWER[lang][2])).to_be_visible()
    assert not KEY.search(page.locator("body").inner_text()), "an untranslated key"
    shots(page, f"liaison-answered-{lang}")
    looked.goto(link)
    assert find_barriers(looked) == []
    with_script.close()
    context.close()
