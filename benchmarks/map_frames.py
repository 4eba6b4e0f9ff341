"""Frames of the panorama while 2,000 of 10,000 things move once a second, in headless Chromium at 1280x800.

Two processes: this one drives the browser; the other serves the built pages, the shipped venue and a live feed whose
messages were encoded before anything is measured. Measured: the time to the first view; frames of a scripted pan of 30
seconds (a drag in circles, one step a frame); script time on the page's main thread per second of live data, from the
browser's own tracing; and whether an update moved the camera. The browser draws by software: the frames say what two
shared cores can, nothing of a graphics card. `python -m benchmarks.map_frames [--seconds 30]`
"""

import argparse
import json
import math
import multiprocessing
import random
import shutil
import statistics
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.common import ROOT, machine_header
from benchmarks.map_script import PAN, script_ms_per_s
from hubtwin.settings import load_settings
from hubtwin.web.real_venue import RealVenue

THINGS, MOVING, PERIOD_S, LIVE_S = 10_000, 2_000, 20, 20
FIRST_MS, MEDIAN_FPS, P95_MS, SCRIPT_MS, FIRST_KB = 2_500, 5, 500, 150, 600
FLAGS = ("--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking")
GL = ("--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
LAYERS = ("crowd", "train", "metro", "bus", "taxi", "ride_hailing", "parking", "queue", "staff", "device", "weather")
TYPES = {".js": "text/javascript", ".css": "text/css", ".html": "text/html", ".geojson": "application/geo+json"}
START_MS = 1_666_227_600_000


def things(venue: dict[str, Any], at_s: int) -> list[dict[str, Any]]:
    """Return ten thousand things of the venue: vehicles on circles around it, devices on its levels."""
    lon, lat = venue["centre"]
    chance = random.Random(5)
    units = [one for one in venue["features"] if one["kind"] == "unit" and one["category"] in ("platform", "lobby")]
    levels = {one["level_id"]: one["code"] for one in venue["levels"]}
    found = []
    for index in range(THINGS):
        if index < MOVING:
            mode = ("bus", "taxi", "ride_hailing")[index % 3]
            far = 0.002 + chance.random() * 0.006
            turn = at_s / 60 + index
            place = {"lon": lon + far * math.cos(turn), "lat": lat + far * math.sin(turn), "level": "", "place": ""}
            values: dict[str, Any] = {"mode": mode, "bearing": round(math.degrees(turn)) % 360}
            one = {"id": f"vehicle:{mode}:{index}", "kind": "vehicle", "source": mode, "values": values, **place}
        else:
            unit = units[index % len(units)]
            ring = unit["geometry"]["coordinates"][0]
            (west, south), (east, north) = ring[0][:2], ring[2][:2]
            part = chance.random(), chance.random()
            place = {"lon": west + (east - west) * part[0], "lat": south + (north - south) * part[1]}
            where = {**place, "level": levels[unit["level_id"]], "place": ""}
            values = {"state": "working", "covers": unit["code"]}
            one = {"id": f"camera:{index}", "kind": "camera", "source": "video", "values": values, **where}
        found.append({**one, "at_ms": START_MS + at_s * 1000, "synthetic": True})
    return found


def frame(kind: str, rev: int, body: dict[str, Any]) -> bytes:
    """Return a message of the live feed."""
    return f"event: {kind}\nid: {rev}\ndata: {json.dumps(body, separators=(',', ':'))}\n\n".encode()


def feed(venue: dict[str, Any], hub: dict[str, Any]) -> tuple[bytes, list[bytes]]:
    """Return the first message, and one message for each second of a period: all encoded beforehand."""
    nothing: dict[str, Any] = {"emergency": None, "trains": None, "board": None, "alarms": [], "rev": 1}
    first = frame("snapshot", 1, {**nothing, "hub": hub, "positions": None, "things": things(venue, 0)})
    seconds = []
    for at_s in range(1, PERIOD_S + 1):
        moving = things(venue, at_s)[:MOVING]
        moved = [[one["id"], one["at_ms"], one["lon"], one["lat"], one["values"]] for one in moving]
        beat = {"rev": at_s, "now": "2022-10-20T01:00:00Z", "now_min": START_MS // 60_000, "mode": "live", "speed": 1}
        seconds.append(
            frame("delta", at_s + 1, {"rev": at_s + 1, "changes": [], "things": moved, "gone": []})
            + frame("heartbeat", at_s + 1, beat)
        )
    return first, seconds


def serve(port: Any, ui: str, venue: dict[str, Any]) -> None:
    """Serve pages, venue and feed until killed; `port` is told the port."""
    words = {"zh": "枢纽", "en": "hub"}
    clock = {"now": "2022-10-20T01:00:00Z", "now_min": START_MS // 60_000, "speed": 1, "mode": "live", "rev": 1}
    about = {"hub_id": "bench", "name": words, "zone": "Asia/Shanghai", "stations": [], "exits": [], "teams": []}
    hub = {**about, **clock, "synthetic": True, "status": "Actual"}
    me = {"user": "bench", "name": "bench", "roles": ["duty_commander"], "team": None, "scenes": [], "agency": "hub"}
    source = {"title": words, "cadence_s": 5, "last_read_min": 0, "last_row_min": 0, "rows": 1, "state": "live"}
    empty = {"error_key": None, "error": None, "until_min": None, "contact": None}
    names = ("bus", "taxi", "ride_hailing", "video")
    replies: dict[str, Any] = {
        "/me": {**me, "lang": "en", "may": ["hub.read", "map.read"]},
        "/hub": hub,
        "/venue": venue,
        "/sources": {"now_min": 0, "sources": [{"name": name, **source, **empty} for name in names]},
        "/emergency": {"emergency": None, "standing": [], "diseases": [], "destroyed": []},
        "/areas": {"type": "FeatureCollection", "now_min": 0, "features": []},
        "/stations": [],
        "/positions": {"now_min": 0, "trains": []},
    }
    encoded = {path: json.dumps(body).encode() for path, body in replies.items()}
    first, seconds = feed(venue, hub)

    class Pages(BaseHTTPRequestHandler):
        """Answers the page."""

        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            """Answer one request."""
            path = self.path.split("?")[0]
            if path == "/api/v1/live":
                return self.live()
            if path.startswith("/api/v1"):
                body = encoded.get(path.removeprefix("/api/v1"))
                return self.tell(body or b"{}", "application/json", 200 if body else 404)
            file = Path(ui) / (path.lstrip("/") or "index.html")
            if not file.is_file():
                return self.tell(b"", "text/plain", 404)
            return self.tell(file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"), 200)

        def tell(self, body: bytes, kind: str, status: int) -> None:
            """Write an answer."""
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def live(self) -> None:
            """Write a message a second for ever; a moment later each time round, so that none is old."""
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            self.wfile.write(first)
            for turn in range(10_000):
                for message in seconds:
                    time.sleep(1)
                    later = str(START_MS // 100_000 + turn).encode()
                    self.wfile.write(message.replace(str(START_MS // 100_000).encode(), later) if turn else message)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    server.daemon_threads = True
    port.put(server.server_address[1])
    threading.Thread(target=server.serve_forever).start()


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest rank."""
    return sorted(values)[min(len(values) - 1, math.ceil(share * len(values)) - 1)]


def camera(page: Page) -> str | None:
    """Return where the camera stands, as the page tells it."""
    return page.locator(".canvas").get_attribute("data-camera")


def measured(page: Page, url: str, seconds: int) -> dict[str, float]:
    """Open the panorama, pan it, then leave it to the live data."""
    page.add_init_script(f"localStorage.setItem('hubtwin.layers.bench', JSON.stringify({json.dumps(LAYERS)}))")
    page.goto(url)
    page.wait_for_function("performance.getEntriesByName('panorama').length > 0", timeout=120_000)
    first = page.evaluate("performance.getEntriesByName('panorama')[0].startTime")
    page.wait_for_function("performance.getEntriesByName('overlay').length > 0", timeout=120_000)
    page.wait_for_timeout(4_000)
    frames = page.evaluate(PAN, seconds * 1000)
    page.wait_for_timeout(2_000)
    before = camera(page)
    script = script_ms_per_s(page, LIVE_S)
    return {
        "first_ms": first,
        "median_fps": 1000 / statistics.median(frames),
        "p95_ms": percentile(frames, 0.95),
        "frames": float(len(frames)),
        "script_ms": script,
        "moved": float(camera(page) != before),
    }


def main() -> None:
    """Run it and print the figures beside their targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--ui", type=Path, default=ROOT / "ui" / "dist")
    told = parser.parse_args()
    venue = json.loads(RealVenue(load_settings(hub="hangzhou-east")).venue().body)
    context = multiprocessing.get_context("spawn")
    port: Any = context.Queue()
    server = context.Process(target=serve, args=(port, str(told.ui), venue), daemon=True)
    server.start()
    try:
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=[*FLAGS, *GL])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            found = measured(page, f"http://127.0.0.1:{port.get(timeout=60)}/", told.seconds)
            browser.close()
    finally:
        server.kill()
    print(machine_header(("playwright",)))
    print(f"first view {found['first_ms']:.0f} ms (target {FIRST_MS})")
    print(f"pan: median {found['median_fps']:.1f} fps (at least {MEDIAN_FPS}), ", end="")
    print(f"p95 frame {found['p95_ms']:.0f} ms (target {P95_MS}), {found['frames']:.0f} frames")
    print(f"script {found['script_ms']:.0f} ms per second of live data (target {SCRIPT_MS})")
    print("the camera " + ("was moved by an update" if found["moved"] else "stood still under live data"))


if __name__ == "__main__":
    main()
