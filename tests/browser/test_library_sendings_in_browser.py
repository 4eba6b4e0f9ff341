"""A steward applies for a partner in a real browser, sends what was given, and sees what became of it, row by row."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from hubtwin.model.batch import RowAnswer, RowFate
from tests.browser.hands import Hands, words
from tests.browser.library_hub import CITY, LibraryHub, library_hub, look_everywhere
from tests.web.fake_desk import PASSWORD

WAIT_MS = 15_000


def _answer(hub: LibraryHub, batch_id: str, *fates: RowFate) -> None:
    """Let the partner answer the rows of a sending, in their order."""
    assert hub.works.batches is not None
    rows = hub.works.batches.list_rows(batch_id)
    told = [
        RowAnswer(row.key, row.revision, fate, "no such code" if fate is RowFate.REFUSED else "")
        for row, fate in zip(rows, fates, strict=True)
    ]
    hub.works.batches.settle("city", batch_id, told)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_steward_sends_to_a_partner_and_corrects_what_it_did_not_take(
    lang: str, tmp_path: Path, browser: Browser, shots: Any
) -> None:
    send, apply = words(lang, "library_send")["send"], words(lang, "library_basket")["apply"]
    with library_hub(tmp_path) as hub:
        hands = Hands(browser, hub.served.url, lang)
        page = hands.page
        hands.sign_in("du", PASSWORD)
        _apply(hands, apply, shots)
        page.get_by_role("link", name=send["go"], exact=True).click()
        share = page.locator("li[data-share][data-dataset=communities]")
        expect(share).to_contain_text(CITY[lang], timeout=WAIT_MS)
        expect(share).to_contain_text(send["list_none"])
        share.get_by_role("button", name=send["now"], exact=True).click()
        expect(share.get_by_role("status")).to_have_text(send["done"].replace("{n}", "3"), timeout=WAIT_MS)
        sending = share.locator("li[data-batch]")
        expect(sending).to_have_attribute("data-state", "way")
        share.get_by_role("button", name=send["now"], exact=True).click()
        expect(share.get_by_role("status")).to_have_text(send["nothing"].replace("{n}", "3"), timeout=WAIT_MS)

        batch_id = str(sending.get_attribute("data-batch"))
        _answer(hub, batch_id, RowFate.ACCEPTED, RowFate.ACCEPTED, RowFate.REFUSED)
        expect(sending).to_have_attribute("data-state", "part", timeout=WAIT_MS)
        look_everywhere(hands, "library-sending-part", shots)
        _correct(hands, sending, send, tmp_path / "errors.csv")
        expect(share.locator("li[data-batch]").first).to_have_attribute("data-state", "way", timeout=WAIT_MS)
        expect(share.locator("li[data-batch]").nth(1)).to_have_attribute("data-state", "done", timeout=WAIT_MS)
        newest = str(share.locator("li[data-batch]").first.get_attribute("data-batch"))
        share.get_by_role("button", name=send["again"], exact=True).click()
        expect(share.locator("li[data-batch]").first).to_contain_text(send["agained"].replace("{n}", "1"))
        _answer(hub, newest, RowFate.ACCEPTED)
        expect(share.locator("li[data-batch]").first).to_have_attribute("data-state", "done", timeout=WAIT_MS)
        look_everywhere(hands, "library-sending-done", shots)
        hands.close()


def _apply(hands: Hands, apply: Any, shots: Any) -> None:
    """Apply for a dataset in a partner's place; the form says that it leaves through the channel."""
    page = hands.page
    hands.go("library")
    page.locator("li[data-dataset=communities] button").click()
    hands.go("library/basket")
    item = page.locator("li[data-dataset=communities]")
    item.locator("button[aria-expanded]").click()
    for box in item.locator("input[name=columns]").all():
        box.set_checked(box.get_attribute("value") == "community_code")
    item.locator("select[name=rows]").select_option("all")
    page.select_option("select[name=purpose]", "grassroots_service")
    page.select_option("select[name=basis]", "public_data_regulation")
    page.select_option("select[name=grantee]", "partner:city")
    expect(page.locator("input[name=delivery]")).to_have_count(0)
    expect(page.locator(".said-lane")).to_have_count(1, timeout=WAIT_MS)
    look_everywhere(hands, "library-sending-apply", shots)
    page.get_by_role("button", name=apply["submit"].replace("{n}", "1"), exact=True).click()
    expect(page.locator("li[data-state=active]")).to_have_count(1, timeout=WAIT_MS)


def _correct(hands: Hands, sending: Any, send: Any, file: Path) -> None:
    """Save the file of errors, correct its row, and bring it back."""
    page = hands.page
    with page.expect_download() as download:
        sending.get_by_role("link", name=send["errors_as"].replace("{form}", "CSV")).click()
    download.value.save_as(file)
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 3, "names, titles, the row that was refused"
    *cells, last = lines[2].split(",")
    file.write_text("\n".join([*lines[:2], ",".join([*cells, f"{last}-1"])]) + "\n", encoding="utf-8")
    sending.get_by_role("button", name=send["fix"], exact=True).click()
    sending.locator("input[type=file]").set_input_files(file)
    sending.get_by_role("button", name=send["fix_send"], exact=True).click()
    told = send["fixed"].replace("{n}", "1").replace("{wrong}", "0").replace("{same}", "0")
    expect(page.get_by_text(told)).to_be_visible(timeout=WAIT_MS)
