"""What the benchmark of the map runs inside the browser: a pan, and the reading of its trace."""

from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page

# A drag in circles, one step a frame; returns the milliseconds between frames.
PAN = """
async (ms) => {
  const canvas = document.querySelector(".maplibregl-canvas");
  const box = canvas.getBoundingClientRect();
  const at = (turn) => ({ x: box.left + box.width * (0.6 + 0.12 * Math.cos(turn)),
                          y: box.top + box.height * (0.5 + 0.12 * Math.sin(turn)) });
  const send = (type, { x, y }, target = window) => target.dispatchEvent(
    new MouseEvent(type, { clientX: x, clientY: y, button: 0, buttons: 1, bubbles: true, view: window }));
  send("mousedown", at(0), canvas);
  const frames = [];
  const begun = performance.now();
  let last = begun;
  await new Promise((done) => {
    const step = () => {
      const now = performance.now();
      if (now > begun) frames.push(now - last);
      last = now;
      if (now - begun > ms) return done();
      send("mousemove", at((now - begun) / 1500));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  });
  send("mouseup", at(ms / 1500));
  return frames.slice(1);
}
"""
CATEGORIES = "devtools.timeline,toplevel,disabled-by-default-devtools.timeline"
# What the browser's own timeline counts as scripting.
SCRIPT = {
    *("FunctionCall", "EvaluateScript", "v8.compile", "TimerFire"),
    *("FireAnimationFrame", "EventDispatch", "RunMicrotasks"),
}


def script_ms_per_s(page: Page, seconds: int) -> float:
    """Trace a page for some seconds and return the milliseconds of script on its main thread in each."""
    client = page.context.new_cdp_session(page)
    events: list[dict[str, Any]] = []
    client.on("Tracing.dataCollected", lambda told: events.extend(told["value"]))
    done: list[bool] = []
    client.on("Tracing.tracingComplete", lambda _: done.append(True))
    client.send("Tracing.start", {"transferMode": "ReportEvents", "categories": CATEGORIES})
    page.wait_for_timeout(seconds * 1000)
    client.send("Tracing.end")
    while not done:
        page.wait_for_timeout(100)
    return script_of(events) / seconds


def script_of(events: Sequence[dict[str, Any]]) -> float:
    """Return the milliseconds in which some script ran on a main thread of a page; what is nested counts once."""
    mains = {
        (one["pid"], one["tid"])
        for one in events
        if one.get("name") == "thread_name" and one["args"].get("name") == "CrRendererMain"
    }
    spans = sorted(
        (one["ts"], one["ts"] + one.get("dur", 0))
        for one in events
        if one.get("ph") == "X" and one["name"] in SCRIPT and (one["pid"], one["tid"]) in mains
    )
    total, end = 0.0, 0.0
    for begins, ends in spans:
        total += max(0.0, ends - max(begins, end))
        end = max(end, ends)
    return total / 1000
