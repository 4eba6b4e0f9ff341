"""Forms of the library in a real browser: an emergency is taken, looked up under and reviewed; a contract is uploaded;
the Python that the page shows reads masked rows from a real server.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from hubtwin.library.applying import submit
from hubtwin.library.deciding import Decision, decide_items
from hubtwin.library.odcs import write_contract
from hubtwin.model.basket import Ask, Form
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.governing import governing_of
from tests.browser.hands import Hands, words
from tests.browser.library_hub import LibraryHub, library_hub, look_everywhere
from tests.web.fake_desk import PASSWORD

WAIT_MS = 30_000
PURPOSE, BASIS = "grassroots_service", "public_data_regulation"
SHOW = '\nprint(json.dumps([[one["name"] for one in answer["columns"]], answer["rows"]]))\n'


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_an_emergency_is_taken_looked_up_under_and_reviewed(
    lang: str, tmp_path: Path, browser: Browser, shots: Any
) -> None:
    urgent, ask = words(lang, "library_urgent")["urgent"], words(lang, "library_ask")["ask"]
    with library_hub(tmp_path) as hub:
        hands = Hands(browser, hub.served.url, lang)
        _sign_in(hands, "wang", "library/emergency")
        _take(hands, urgent, shots)
        page = hands.page
        page.get_by_role("link", name=words(lang, "library_basket")["apply"]["use_it"]).first.click()
        page.get_by_role("button", name=ask["use"], exact=True).click()
        page.get_by_role("button", name=ask["run"], exact=True).click()
        answer = page.get_by_role("region", name=ask["answer"]).first
        expect(answer.get_by_role("status").first).to_contain_text(ask["rows_n"].replace("{n}", "2"), timeout=WAIT_MS)
        hands.go("library")
        hands.go("library/mine")
        expect(page.locator("li[data-seq]")).to_have_count(1, timeout=WAIT_MS)
        look_everywhere(hands, "library-lookups", shots)
        hands.close()
        _review(hub, lang, browser, urgent, shots)


def _sign_in(hands: Hands, user: str, path: str) -> None:
    """Sign in at a page of the library: the first page of these two is the map, which is drawn slowly here."""
    page = hands.page
    page.goto(f"{hands.url}/#/{path}")
    page.fill("input[name=user]", user)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator(".library")).to_be_visible(timeout=WAIT_MS)
    page.get_by_role("button", name="中文" if hands.lang == "zh" else "EN", exact=True).click()


def _take(hands: Hands, urgent: Any, shots: Any) -> None:
    page = hands.page
    page.select_option("select[name=dataset]", "residents")
    item = page.locator("li[data-dataset=residents]").last
    item.locator("button[aria-expanded]").click()
    item.locator("input[name=columns][value=sex]").check()
    item.locator("input[name=columns][value=citizen_id]").wait_for(state="detached")
    item.locator("input[name=values]").fill("330102001")
    item.locator("input[name=values]").press("Tab")
    page.select_option("select[name=purpose]", PURPOSE)
    page.select_option("select[name=basis]", BASIS)
    page.fill("textarea[name=reason]", "flood, three streets under water")
    look_everywhere(hands, "library-urgent-form", shots)
    page.get_by_role("button", name=urgent["go"], exact=True).click()
    expect(page.locator("li[data-share][data-live=true]")).to_have_count(1, timeout=WAIT_MS)
    look_everywhere(hands, "library-urgent-taken", shots)


def _review(hub: LibraryHub, lang: str, browser: Browser, urgent: Any, shots: Any) -> None:
    hands = Hands(browser, hub.served.url, lang)
    page = hands.page
    _sign_in(hands, "wu", "library/authority")
    row = page.get_by_role("region", name=urgent["review"]).locator("li[data-share]")
    expect(row).to_contain_text("flood, three streets under water", timeout=WAIT_MS)
    expect(row).to_contain_text(urgent["looked"].replace("{n}", "1").replace("{m}", "2"), timeout=WAIT_MS)
    expect(row.get_by_role("button", name=urgent["record"])).to_be_disabled()
    row.locator("input[type=radio][value=bad]").check()
    row.locator("textarea[name=note]").fill("one street would have done")
    look_everywhere(hands, "library-urgent-review", shots)
    row.get_by_role("button", name=urgent["record"]).click()
    expect(page.get_by_text(urgent["review_none"], exact=True)).to_be_visible(timeout=WAIT_MS)
    hands.close()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_contract_is_looked_at_before_it_is_published(
    lang: str, tmp_path: Path, browser: Browser, shots: Any
) -> None:
    texts = words(lang, "library_contract")["contract"]
    with library_hub(tmp_path) as hub:
        assert hub.works.library is not None
        catalogue = hub.works.library.catalogue()
        _give_communities(hub)
        version, told = "2.0.0", write_contract(catalogue.get("communities"), "x")
        changed = told.replace("version: 1.0.0", f"version: {version}")
        first, name, rest = changed.partition("- name: households")
        file = tmp_path / "new.odcs.yaml"
        raised = rest.replace("classification: L1", "classification: L2", 1)
        file.write_text(first.replace("purpose: communities", "purpose: all communities") + name + raised, "utf-8")
        hands = Hands(browser, hub.served.url, lang)
        page = hands.page
        hands.sign_in("du", PASSWORD)
        hands.go("library/datasets/communities")
        page.locator(".upload input[type=file]").set_input_files(file)
        publish = page.get_by_role("button", name=texts["publish"].replace("{version}", version), exact=True)
        expect(publish).to_be_visible(timeout=WAIT_MS)
        expect(page.locator("section[data-group=grades] dd")).to_have_count(1)
        expect(page.locator(".suspends")).to_contain_text(texts["suspends"].replace("{n}", "1"))
        publish.scroll_into_view_if_needed()
        look_everywhere(hands, "library-contract", shots)
        publish.click()
        expect(page.get_by_text(texts["done"].replace("{version}", version))).to_be_visible(timeout=WAIT_MS)
        assert hub.works.library.catalogue().get("communities").contract == version
        bad = tmp_path / "bad.yaml"
        bad.write_text("nothing: of the kind\n", encoding="utf-8")
        page.locator(".upload input[type=file]").set_input_files(bad)
        expect(page.locator(".upload").get_by_role("alert")).to_be_visible(timeout=WAIT_MS)
        hands.close()


def test_the_python_that_the_page_shows_reads_masked_rows(tmp_path: Path, browser: Browser) -> None:
    with library_hub(tmp_path) as hub:
        _give_residents(hub)
        hands = Hands(browser, hub.served.url, "en")
        hands.sign_in("lin", PASSWORD)
        hands.go("library/mine")
        snippet = hands.page.locator("pre").last
        expect(snippet).to_contain_text("getpass", timeout=WAIT_MS)
        code = snippet.inner_text()
        hands.close()
        assert PASSWORD not in code
        done = subprocess.run(  # as somebody runs it: the password is typed, nothing of this process is shared
            [sys.executable, "-I", "-W", "ignore", "-c", code + SHOW],
            input=PASSWORD + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-1500:]
        names, rows = json.loads(done.stdout.splitlines()[-1])
        assert len(rows) == 3, "of the own street"
        (shown,) = {row[names.index("person_name")] for row in rows} - {None}
        assert shown.startswith("张"), shown
        assert "三" not in shown, "masked, as it was given"


def _form(hub: LibraryHub, agency: str, ask: Ask) -> Form:
    now_min = applying_of(hub.works).now_min()
    return Form("k", f"agency:{agency}", PURPOSE, BASIS, now_min, now_min + 30 * 1440, (ask,))


def _give_communities(hub: LibraryHub) -> None:
    """Give the communities to a street, so that there is something to suspend."""
    lin = hub.works.access.accounts.get_person("lin")
    ask = Ask("communities", frozenset({"community_code"}))
    (item,) = submit(applying_of(hub.works), lin, _form(hub, lin.agency, ask)).items
    assert item.state == "active"


def _give_residents(hub: LibraryHub) -> None:
    """Let the owner give a street the names of its residents, masked; one of them has a name."""
    assert hub.works.library is not None
    library, governing = hub.works.library, governing_of(hub.works)
    assert governing is not None
    row = {"citizen_id": "9", "person_name": "张三丰", "street_code": "330102001"}
    library.rows.add_row(library.catalogue().get("residents"), row, key="9", source="test")
    governing.govern("residents", "test")
    applying, accounts = applying_of(hub.works), hub.works.access.accounts
    lin = accounts.get_person("lin")
    asked = _form(hub, lin.agency, Ask("residents", frozenset({"person_name", "street_code"})))
    basket = submit(applying, lin, asked)
    if basket.items[0].state == "submitted":  # where no template has given it already
        decide_items(applying, accounts.get_person("xu"), basket.basket_id, [Decision("residents", True)], lin)
