"""The page for the first day is followed command by command, with the hub.toml that it shows, against a source."""

import re
import shlex
from pathlib import Path

import pytest

from hubtwin.connectors.common.serve import WireServer
from tests.cli.kit import Hub, make_tiny_hub
from tests.contracts.source_lane_counters import FIRST, SECOND

PAGE = (Path(__file__).parents[2] / "docs/day-one.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(toml|bash)\n(.*?)```", re.DOTALL)
NOT_RUN = {"serve"}  # it serves until Ctrl-C; tests/web runs it
CODES = {"accept": (0, 1, 3), "shadow": (0, 1)}  # what was found, not whether it ran


def _commands() -> list[str]:
    return [line for kind, block in BLOCK.findall(PAGE) if kind == "bash" for line in block.splitlines()]


def _run(hub: Hub, line: str, key: str) -> str:
    """Run a line of the page; what it writes to a file goes there."""
    words = [key if word == "PUBLIC_KEY" else word for word in shlex.split(line)]
    words, file = (words[:-2], words[-1]) if ">" in words else (words, None)
    words = ["0" if word == "1440" else word for word in words]  # a day is too long for a test
    assert words.pop(0) == "hubtwin"
    ran = hub(*words)
    assert ran.code in CODES.get(words[1] if len(words) > 1 else "", (0,)), (line, ran)
    if file is not None:
        Path(file).write_text(ran.out, encoding="utf-8")
    return ran.out


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANES_TOKEN", "token-of-the-page")
    (care,) = [block for kind, block in BLOCK.findall(PAGE) if kind == "toml"]
    with WireServer([FIRST, SECOND], token="token-of-the-page") as server:
        hub = make_tiny_hub(tmp_path / "hub")
        told = hub.hub.read_text(encoding="utf-8") + care.replace("https://lanes.example/pages", server.url)
        hub.hub.write_text(told, encoding="utf-8")
        key = hub.done("matcher", "hub-key").strip()
        printed = {line: _run(hub, line, key) for line in _commands() if line.split()[1] not in NOT_RUN}
    assert "lane equipment desk" in printed["hubtwin feed contacts"]
    assert "2 pages" in printed["hubtwin feed record lanes --minutes 1440"]
    assert "Acceptance report: lane counters (lanes)" in printed["hubtwin feed accept lanes"]
    assert re.search(r"lane_counts +0 +0 +5 +0", printed["hubtwin feed shadow lanes"])
    assert "signature holds" in printed["hubtwin feed verify lanes.md --key PUBLIC_KEY"]
    assert {line.split()[2] for line in printed} >= {"contacts", "calendar", "record", "accept", "shadow", "verify"}
