"""What a careful eye finds on a page: text that is cut off or covered, a key that nobody translated, type too small."""

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
TEXTS = Path(__file__).parents[2] / "ui" / "src" / "i18n" / "en"
WORST = ("serious", "critical")

# A text is cut off where its box hides what runs over it, unless the whole of it is the title of the box; it is covered
# where a point in its middle belongs to something else. What is scrolled away is neither.
_FAULTS = """() => {
  const faults = [], seen = (el) => {
    const s = getComputedStyle(el), r = el.getBoundingClientRect();
    return s.visibility === 'visible' && r.width > 1 && r.height > 1 && !el.closest('.sr, [inert]');
  };
  const said = (el) => el.textContent.trim().slice(0, 40);
  const say = (el) => `${el.tagName.toLowerCase()}.${[...el.classList].join('.')} "${said(el)}"`;
  for (const el of document.querySelectorAll('#app *')) {
    const own = [...el.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !seen(el) || el.closest('option, select, svg')) continue;
    const style = getComputedStyle(el);
    if (el.scrollWidth > el.clientWidth + 1 && el.clientWidth > 0 && style.overflowX !== 'visible' &&
        style.overflowX !== 'auto' && style.overflowX !== 'scroll' && !el.closest('[title]'))
      faults.push(`cut off: ${say(el)}`);
    const range = document.createRange();
    range.selectNodeContents(el);
    const box = range.getBoundingClientRect(), [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    let clipped = x < 0 || y < 0 || x >= innerWidth || y >= innerHeight;
    for (let up = el.parentElement; up && !clipped; up = up.parentElement) {
      const s = getComputedStyle(up), r = up.getBoundingClientRect();
      if (s.overflowX !== 'visible' || s.overflowY !== 'visible')
        clipped = x < r.left || x > r.right || y < r.top + 4 || y > r.bottom - 4;
    }
    if (clipped || style.pointerEvents === 'none') continue;
    const top = document.elementFromPoint(x, y);
    if (top && !el.contains(top) && !top.contains(el)) faults.push(`covered by ${say(top)}: ${say(el)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push('wider than the window');
  return faults;
}"""
_SMALL = """(least) => {
  const small = [];
  for (const el of document.querySelectorAll('#app *')) {
    const own = [...el.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const box = el.getBoundingClientRect();
    if (!own || el.closest('.sr, svg') || !box.width) continue;
    let size = parseFloat(getComputedStyle(el).fontSize);
    for (let up = el; up; up = up.parentElement) size *= parseFloat(getComputedStyle(up).zoom) || 1;
    if (el.closest('.twice')) size *= 2;
    if (size < least - 0.01) small.push(`${size}px ${el.tagName} "${el.textContent.trim().slice(0, 30)}"`);
  }
  return small;
}"""


def find_faults(page: Page) -> list[str]:
    """Return what is cut off or covered."""
    found: list[str] = page.evaluate(_FAULTS)
    return found


def find_small(page: Page, least_px: float) -> list[str]:
    """Return texts that are set smaller than so many pixels of the screen."""
    found: list[str] = page.evaluate(_SMALL, least_px)
    return found


def find_keys(page: Page) -> list[str]:
    """Return keys of texts that stand on the page untranslated."""
    groups = {name for file in TEXTS.glob("*.json") for name in json.loads(file.read_text(encoding="utf-8"))}
    key = re.compile(rf"(?<![\w.])(?:{'|'.join(sorted(groups))})\.[a-z_]+(?:\.[a-z_]+)*\b(?!\.\w)")
    return key.findall(page.locator("body").inner_text())


def find_barriers(page: Page) -> list[str]:
    """Return the serious and critical faults that axe-core finds, each with where."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], "resultTypes": ["violations"]}
    told: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", rules)
    return [
        f"{fault['id']}: {fault['nodes'][0]['html'][:160]} ({fault['nodes'][0].get('failureSummary', '')[:160]})"
        for fault in told["violations"]
        if fault["impact"] in WORST
    ]


def find_pale(page: Page, decides: str) -> list[str]:
    """Return the figures of a selector whose contrast is under 7:1: those that decide are read in bad light as well."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    rules = {"runOnly": {"type": "rule", "values": ["color-contrast-enhanced"]}, "resultTypes": ["violations"]}
    asked = "([rules, decides]) => document.querySelector(decides) ? axe.run({include: [[decides]]}, rules) : null"
    told: dict[str, Any] | None = page.evaluate(asked, [rules, decides])
    found = [] if told is None else told["violations"]
    return [f"pale: {node['html'][:120]} ({node['failureSummary'][:160]})" for each in found for node in each["nodes"]]
