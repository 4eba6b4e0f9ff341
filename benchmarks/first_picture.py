"""How long a real browser takes to the first picture of a real hub, and how many bytes it fetches for it.

Opens the panorama of a running hub (its own demonstration unless `--url` names one) in headless Chromium at 1280x800,
each time in a fresh context: nothing is in the browser's cache, while the server has served the page before. The
replay of the demonstration goes at the pace of a real day; at 30 its own work takes a core of the machine. Three
moments are read from the page's own marks: `hub`, its levels are drawn with how full they are; `panorama`, everything
that stands and moves is drawn too, with the names; and `overlay`, edges and hatching as well, and it answers the
pointer. Bytes are those of the wire as the browser counts them, up to each. Ends with 1 where the median of `panorama`
misses the target.
`python -m benchmarks.first_picture [--rounds 5] [--speed 1] [--url URL --user NAME --password=WORD]`
"""

import argparse
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.common import machine_header
from benchmarks.map_frames import FIRST_KB, FIRST_MS, FLAGS, GL

RUN = "from hubtwin.cli import main; main()"
READY = re.compile(r"password (?P<password>[\w-]+) ?:.*Serving at (?P<url>http://[\d.:]+)/", re.S)
READY_S, PATIENCE_S, WARM_S = 180, 180, 60
MARKS = ("hub", "panorama", "overlay")
MARK_MS = "(name) => performance.getEntriesByName(name)[0]?.startTime ?? -1"
# What was fetched, when that began, and its bytes on the wire with headers; what still comes counts from its begin.
FETCHED = """() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
  .map((one) => [one.name, one.startTime, one.transferSize])"""
KINDS = (
    ("worker of the base map", re.compile(r"/assets/maplibre-gl-worker-")),
    ("code and style", re.compile(r"\.(m?js|css)$|/$|\.html$")),
    ("outlines of the country", re.compile(r"\.geojson$")),
    ("answers of the hub", re.compile(r"/api/")),
)
CODE = ("worker of the base map", "code and style")


@dataclass
class Seen:
    """One opening of the page: milliseconds of each mark, and the bytes by kind up to it."""

    ms: dict[str, float]
    kb: dict[str, dict[str, float]]


@contextmanager
def demonstration(speed: int) -> Iterator[tuple[str, str, str]]:
    """Give address, person and password of a demonstration that has run for a while at some pace."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.txt"
        command = [
            sys.executable,
            "-c",
            RUN,
            "--home",
            f"{folder}/home",
            "--lang",
            "en",
            "demo",
            "--port",
            "0",
            "--speed",
            str(speed),
        ]
        with log.open("w") as out:
            child = subprocess.Popen(
                [*command, "--arrivals", "3000"], stdout=out, stderr=out, env={**os.environ, "COLUMNS": "200"}
            )
        try:
            end_s = time.monotonic() + READY_S
            while (found := READY.search(log.read_text("utf-8"))) is None:
                if child.poll() is not None or time.monotonic() > end_s:
                    raise SystemExit(log.read_text("utf-8")[-2000:])
                time.sleep(0.5)
            time.sleep(WARM_S)  # until its library is filled
            yield found["url"], "wang", found["password"]
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(60)


def kind_of(url: str) -> str:
    """Return the kind of what is fetched."""
    path = re.sub(r"[?#].*$", "", url)
    return next((kind for kind, pattern in KINDS if pattern.search(path)), "other")


def wait_for(page: Page, name: str) -> None:
    """Wait until the page has set a mark; asking ten times a second costs it little."""
    end_s = time.monotonic() + PATIENCE_S
    while page.evaluate(MARK_MS, name) < 0:
        if time.monotonic() > end_s:
            raise SystemExit(f"the page has never come to {name}")
        page.wait_for_timeout(100)


def opened(browser: Browser, url: str, user: str, password: str) -> Seen:
    """Sign in within a fresh context, open the panorama there, and read the marks and the bytes."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 800}, locale="en-GB", ignore_https_errors=True, service_workers="block"
    )
    signed = context.request.post(
        f"{url}/api/v1/session", data={"user": user, "password": password}, headers={"Origin": url}
    )
    assert signed.ok, signed.text()
    page = context.new_page()
    page.goto(f"{url}/")
    for name in MARKS:
        wait_for(page, name)
    ms = {name: float(page.evaluate(MARK_MS, name)) for name in MARKS}
    page.wait_for_timeout(500)
    kb: dict[str, dict[str, float]] = {name: defaultdict(float) for name in MARKS}
    for fetched, begun_ms, size in page.evaluate(FETCHED):
        for name in MARKS:
            if begun_ms <= ms[name]:
                kb[name][kind_of(fetched)] += size / 1000
    context.close()
    return Seen(ms, kb)


def measured(url: str, user: str, password: str, rounds: int) -> list[Seen]:
    """Open the page once to warm the server, then so many times."""
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *GL])
        opened(browser, url, user, password)
        found = [opened(browser, url, user, password) for _ in range(rounds)]
        browser.close()
    return found


def main() -> None:
    """Run it and print the figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--speed", type=int, default=1, help="pace of the demonstration; 1 is that of a real day")
    parser.add_argument("--url")
    parser.add_argument("--user", default="wang")
    parser.add_argument("--password", default="")
    told = parser.parse_args()
    if told.url:
        seen = measured(told.url.rstrip("/"), told.user, told.password, told.rounds)
    else:
        with demonstration(told.speed) as hub:
            seen = measured(*hub, told.rounds)
    print(machine_header(("playwright",)))
    print(f"load {os.getloadavg()[0]:.1f}")
    for name in MARKS:
        times = sorted(each.ms[name] for each in seen)
        print(f"{name}: {statistics.median(times):.0f} ms ({times[0]:.0f} to {times[-1]:.0f}; target {FIRST_MS})")
        kinds = sorted({kind for each in seen for kind in each.kb[name]})
        by_kind = {kind: statistics.median(each.kb[name].get(kind, 0.0) for each in seen) for kind in kinds}
        code = sum(by_kind.get(kind, 0.0) for kind in CODE)
        print(
            f"  code {code:.0f} kB on the wire (target {FIRST_KB}); "
            + ", ".join(f"{k} {v:.0f}" for k, v in by_kind.items())
        )
    sys.exit(statistics.median(each.ms["panorama"] for each in seen) > FIRST_MS)


if __name__ == "__main__":
    main()
