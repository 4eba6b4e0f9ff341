"""The library in a real browser, in both languages: a street applies, the data authority turns its one key, the street
asks, the grant is revoked, and the same question is refused. Nothing is cut off, untranslated, or closed to anybody.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, expect

from hubtwin.settings import find_data_dir
from hubtwin.stores.accounts import Accounts
from hubtwin.web.edge import Options
from hubtwin.web.start import desk_of, find_ui
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.stage_library import make_district_accounts, sign_shipped
from hubtwin.wiring.works import Works
from tests.browser.hands import SIZES, Hands, words
from tests.browser.looking import find_barriers, find_keys
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving
from tests.wiring.test_applied import fill, opened

WANTED = {"residents": ("sex", "street_code"), "elderly_persons": ("lives_alone", "street_code")}
PURPOSE, BASIS = "elderly_care", "public_data_regulation"
SQL = "SELECT street_code FROM residents"


def populate(hub: Works) -> Works:
    """Return the hub with the district's cast, what its owners signed, and rows on the shelves."""
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    access = hub.access
    accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
    works = replace(hub, access=replace(access, accounts=accounts))
    people = make_district_accounts(works, password=PASSWORD, lang="zh")
    sign_shipped(works, applying_of(works), people)
    fill(works)
    return works


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    ui = find_ui(find_data_dir())
    assert ui is not None, "the pages are not built: make ui"
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:
        works = thread.submit(lambda: populate(stack.enter_context(opened(tmp_path))[0])).result()
        with serving(desk_of(works), Options(ui=ui)) as running:
            yield running
        thread.submit(stack.close).result()


def check(page: Page) -> None:
    """Nothing on a page is untranslated, closed to anybody or wider than the window."""
    assert not find_keys(page), "an untranslated key"
    assert not find_barriers(page)
    assert page.evaluate("document.querySelector('.page').scrollWidth <= document.querySelector('.page').clientWidth")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_what_is_applied_for_authorised_and_asked_is_refused_once_it_is_revoked(
    lang: str, served: Served, browser: Browser, shots: Any
) -> None:
    street, authority = Hands(browser, served.url, lang), Hands(browser, served.url, lang)
    basket, ask = words(lang, "library_basket"), words(lang, "library_ask")
    street.sign_in("lin", PASSWORD)
    _apply(street, basket, shots)
    rows = street.page.locator("li[data-state]")
    expect(rows.filter(has=street.page.locator("a[href$=residents]"))).to_have_attribute("data-state", "active")
    expect(rows.filter(has=street.page.locator("a[href$=elderly_persons]"))).to_have_attribute(
        "data-state", "submitted"
    )

    authority.sign_in("shen", PASSWORD)
    authority.go("library/authority")
    authority.page.get_by_role("button", name=basket["decide"]["authorise"], exact=True).click()
    expect(authority.page.locator("li[data-state=active]")).to_have_count(2, timeout=15_000)
    check(authority.page)
    shots(authority.page, f"library-authority-{lang}")

    _ask(street.page, street, ask)
    answer = street.page.get_by_role("region", name=ask["ask"]["answer"]).first
    expect(answer.get_by_role("status").first).to_contain_text(ask["ask"]["rows_n"].replace("{n}", "2"), timeout=15_000)
    check(street.page)
    shots(street.page, f"library-mine-{lang}")

    share = authority.page.locator("li[data-share][data-dataset=residents]")
    share.get_by_role("button", name=basket["decide"]["revoke"], exact=True).click()
    share.get_by_role("button", name=basket["decide"]["revoke_now"], exact=True).click()
    expect(authority.page.get_by_text(basket["decide"]["revoked_ok"])).to_be_visible(timeout=15_000)
    street.page.select_option("select[name=purpose]", PURPOSE)
    street.page.get_by_role("button", name=ask["ask"]["run"], exact=True).click()
    expect(street.page.get_by_role("alert")).to_be_visible(timeout=15_000)
    expect(answer).to_have_count(0)
    _on_a_phone(street, shots)
    street.close()
    authority.close()


def _apply(hands: Hands, texts: Any, shots: Any) -> None:
    """Put two datasets into the basket, see what every lane says, and send it."""
    page = hands.page
    hands.go("library")
    for name in WANTED:
        page.locator(f"li[data-dataset={name}] button").click()
    check(page)
    shots(page, f"library-home-{hands.lang}")
    hands.go("library/basket")
    for name, columns in WANTED.items():
        item = page.locator(f"li[data-dataset={name}]")
        item.locator("button[aria-expanded]").click()
        for box in item.locator("input[name=columns]").all():
            box.set_checked(box.get_attribute("value") in columns)
    page.select_option("select[name=purpose]", PURPOSE)
    page.select_option("select[name=basis]", BASIS)
    page.select_option("select[name=days]", "30")
    expect(page.locator(".said-lane")).to_have_count(len(WANTED), timeout=15_000)
    check(page)
    shots(page, f"library-basket-{hands.lang}")
    page.get_by_role("button", name=texts["apply"]["submit"].replace("{n}", str(len(WANTED))), exact=True).click()
    expect(page.locator("li[data-state]")).to_have_count(len(WANTED), timeout=15_000)


def _ask(page: Page, hands: Hands, texts: Any) -> None:
    hands.go("library/mine")
    page.locator("li[data-dataset=residents]").get_by_role("button", name=texts["ask"]["use"]).click()
    page.fill("textarea[name=sql]", SQL)
    page.select_option("select[name=purpose]", PURPOSE)
    page.get_by_role("button", name=texts["ask"]["run"], exact=True).click()


def _on_a_phone(hands: Hands, shots: Any) -> None:
    """The pages of a street fit a phone, in the dark as well."""
    page = hands.page
    page.set_viewport_size({"width": SIZES["phone"][0], "height": SIZES["phone"][1]})
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    for path in ("library", "library/datasets/residents", "library/basket", "library/mine", "library/street"):
        hands.go(path)
        expect(page.locator(".page .panel").first).to_be_visible(timeout=15_000)
        check(page)
        shots(page, f"library-phone-{path.replace('/', '-')}-{hands.lang}")
