"""What a person does at the page: signs in, chooses a language, opens a case, fills in evidence, presses a button."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, expect

Theme = Literal["light", "dark"]
TEXTS = Path(__file__).parents[2] / "ui" / "src" / "i18n"
SIZES = {
    "desk": (1280, 800),
    "wide": (1920, 1080),
    "phone": (390, 844),
    "wall": (1920, 1080),
    "wide_wall": (3840, 1080),
}


def words(lang: str, file: str = "words") -> dict[str, Any]:
    """Return the texts of the pages in a language."""
    found: dict[str, Any] = json.loads((TEXTS / lang / f"{file}.json").read_text(encoding="utf-8"))
    return found


class Hands:
    """A person at a page of their own. `errors` are what went wrong in it, the drawing of the map included."""

    def __init__(self, browser: Browser, url: str, lang: str, size: str = "desk", theme: Theme = "light") -> None:
        """Open a browser window that belongs to nobody yet."""
        width, height = SIZES[size]
        locale = "zh-CN" if lang == "zh" else "en-GB"
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme=theme
        )
        self.page: Page = self.context.new_page()
        self.url, self.lang, self.words, self.pages = url, lang, words(lang), words(lang, "pages")
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self._note)

    def _note(self, told: ConsoleMessage) -> None:
        if told.text.startswith("deck:"):  # it draws on without the layer that failed, and says so only here
            self.errors.append(told.text[:200])

    def sign_in(self, user: str, password: str) -> None:
        """Sign in and wait for the page; then read it in the language of the test."""
        self.page.goto(f"{self.url}/")
        self.page.fill("input[name=user]", user)
        self.page.fill("input[name=password]", password)
        self.page.keyboard.press("Enter")
        expect(self.page.locator("#main")).to_be_visible(timeout=20_000)
        self.page.get_by_role("button", name="中文" if self.lang == "zh" else "EN", exact=True).click()
        expect(self.page.locator("html")).to_have_attribute("lang", re.compile("^zh" if self.lang == "zh" else "^en"))

    def go(self, path: str) -> None:
        """Open a page of the hub."""
        self.page.goto(f"{self.url}/#/{path}")

    def move(self, command: str, evidence: Mapping[str, str], state: str) -> None:
        """Press a button of the case page with its evidence, and see the new state."""
        page = self.page
        panel = page.locator("section.moves")
        panel.get_by_role("button", name=self.words["command"][command], exact=True).click()
        for field, value in evidence.items():
            panel.locator(f"input[name='{field}']").fill(value)
        confirm = self.pages["case"]["confirm"].replace("{what}", self.words["command"][command])
        panel.get_by_role("button", name=confirm, exact=True).click()
        self.see_state(state)

    def catch_up(self, state: str) -> None:
        """Load what somebody else has done with the case meanwhile, as the page offers it."""
        self.page.get_by_role("button", name=self.pages["case"]["look_again"]).click(timeout=15_000)
        self.see_state(state)

    def see_state(self, state: str) -> None:
        """Wait until the case page shows a state."""
        expect(self.page.locator("h1")).to_contain_text(self.words["case_state"][state], timeout=15_000)

    def close(self) -> None:
        """Close the window; nothing may have gone wrong in it."""
        assert self.errors == [], self.errors
        self.context.close()
