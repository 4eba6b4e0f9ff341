"""A real browser for the pages: Chromium of the system, driven by Playwright. Its absence is an error, not a skip."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, expect, sync_playwright

HOW = "install Chromium (Debian, Ubuntu: apt-get install chromium fonts-noto-cjk), or set HUBTWIN_CHROMIUM to its path"
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--autoplay-policy=no-user-gesture-required"),
)
ROOT = Path(__file__).parents[2]
expect.set_options(timeout=30_000)  # a busy machine is not a fault
SHOTS, SHOT_TRIES = ROOT / "build" / "screenshots", 4


def find_chromium() -> str:
    """Return the path of the browser. Fails with what to install."""
    told = os.environ.get("HUBTWIN_CHROMIUM")
    found = told if told and Path(told).exists() else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.fail(f"the browser tests need a browser: {HOW}", pytrace=False)
    return str(found)


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Give the browser, for one test: its driver keeps an event loop in this thread, where others want their own."""
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture(scope="module")
def kept_browser() -> Iterator[Browser]:
    """Give one browser for a module whose hub runs in threads of its own."""
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield running
        running.close()


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Any:
    """Give what takes a screenshot of a page into build/screenshots, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)

    return keep_shot


def keep_shot(page: Any, name: str, *, full_page: bool = False) -> None:
    """Keep a picture of a page; now and then the software renderer has no frame to give at that moment."""
    for left in reversed(range(SHOT_TRIES)):
        try:
            page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=full_page)
        except Error:
            if not left:
                raise
            page.wait_for_timeout(500)
        else:
            return
