"""Live sources from the command line: recording alone, the calendar of maintenance, whom to ring."""

import re
from pathlib import Path

import pytest

from hubtwin.connectors.common.serve import Fault, WireServer
from hubtwin.stores.recording import Recording
from tests.cli.kit import Hub, make_tiny_hub
from tests.contracts.source_lane_counters import FIRST, SECOND

CARE = """
[sources.lanes]
url = "{url}"
[sources.lanes.contact]
office = {{ zh = "查验设备值班室", en = "lane equipment desk" }}
phone = "0571-0000"
hours = "00:00-24:00"
[[sources.lanes.maintenance]]
from = 01:30:00
until = 03:00:00
[sources.gates]
url = "{url}"
"""


def make_hub(folder: Path, url: str, more: str = "") -> Hub:
    """Return the smallest hub with two sources at an address."""
    hub = make_tiny_hub(folder)
    hub.hub.write_text(hub.hub.read_text(encoding="utf-8") + CARE.format(url=url) + more, encoding="utf-8")
    return hub


def test_recording_alone_keeps_the_pages_and_stores_nothing_else(tmp_path: Path) -> None:
    with WireServer([FIRST, SECOND]) as server:
        hub = make_hub(tmp_path / "hub", server.url)
        assert "2 pages of the source lanes" in hub.done("feed", "record", "lanes", "--minutes", 0)
        server.add(FIRST)
        assert "录制 1 页" in hub.done("feed", "record", "lanes", "--minutes", 0, lang="zh")
        server.switch(Fault.FAIL)
        failed = hub("feed", "record", "lanes", "--minutes", 0)
        assert failed.code == 0
        assert "failed 1 times" in failed.out
    recording = Recording(hub.home / "tiny", "lanes")
    assert [frame.body for frame in recording.frames() if frame.kind == "page"] == [FIRST, SECOND, FIRST]
    assert [frame.kind for frame in recording.frames()] == ["page", "page", "page", "failed"]
    assert {path.name for path in (hub.home / "tiny").iterdir()} == {"recordings", "recording.key"}


def test_a_source_that_hub_toml_does_not_name_is_refused(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub", "http://127.0.0.1:9")
    refused = hub("feed", "record", "results", "--minutes", 0)
    assert refused.code == 1
    assert "gates, lanes" in refused.err


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_calendar_and_the_contacts_are_printed(tmp_path: Path, lang: str) -> None:
    hub = make_hub(tmp_path / "hub", "http://127.0.0.1:9")
    planned = hub.done("feed", "calendar", "--days", 3, lang=lang)
    assert len(re.findall(r"lanes +\d{4}-\d\d-\d\d 01:30 CST +\d{4}-\d\d-\d\d 03:00 CST +90", planned)) in (3, 4)
    told = hub.done("feed", "contacts", lang=lang)
    assert "0571-0000" in told
    assert {"zh": "查验设备值班室", "en": "lane equipment desk"}[lang] in told
    assert "[sources.NAME.contact]" in told  # nobody is named for the gates
    quiet = make_tiny_hub(tmp_path / "quiet")
    assert "3" in quiet.done("feed", "calendar", "--days", 3, lang=lang)
    assert "[sources]" in quiet.done("feed", "contacts", lang=lang)
