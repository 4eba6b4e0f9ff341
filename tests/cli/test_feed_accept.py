"""A simulator with faults is recorded, run in the shadow and reported on: every fault is named by its count."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hubtwin.connectors import lane_counters
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import Fault, WireServer
from hubtwin.connectors.lane_counters.simulator import LaneCount, page
from hubtwin.flow.sense import Sensing, sense
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.recorder import RecordingTransport
from hubtwin.stores.recording import Recorder
from hubtwin.stores.signing import Signer, open_sealed
from tests.cli.kit import Hub, Ran
from tests.cli.test_feed import make_hub

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2022, 10, 20, 8, tzinfo=ZONE)
AGREED = """
[sources.lanes.agreed]
cadence_s = 60
rows_per_hour = 110
delay_p95_min = 1
refused_share = 0.05
duplicate_share = 0.05
gaps = 0
"""
ONCE = """
[[sources.lanes.maintenance]]
begins = 2022-10-20T09:00:00
ends = 2022-10-20T09:20:00
"""


class Clock:
    """A clock that a test turns."""

    now = START

    def __call__(self) -> datetime:
        return self.now.astimezone(UTC)


def _minute(at: datetime) -> list[LaneCount]:
    return [LaneCount(at, "E1", lane, 10, 5) for lane in (1, 2)]


def _day(minutes: int) -> dict[int, bytes | None]:
    """Return what comes in each minute after START: the counts of the minute before; None: nothing."""
    pages: dict[int, bytes | None] = {m: page(_minute(START + timedelta(minutes=m - 1))) for m in range(minutes)}
    for minute in (*range(30, 40), *range(60, 80)):  # a gap, and a maintenance that was announced
        pages[minute] = None
    pages[10] = page(_minute(START + timedelta(minutes=8)))  # page 9 again: two duplicates
    pages[12] = page(
        [LaneCount(START + timedelta(minutes=11), "E1", 1, 99, 5), *_minute(START + timedelta(minutes=10))]
    )
    pages[13] = page(
        [LaneCount(START + timedelta(minutes=11), "E1", 1, 10, 5), *_minute(START + timedelta(minutes=12))]
    )
    pages[15] = page(_minute(START + timedelta(minutes=5)))  # delivered at its time, and again nine minutes late
    pages[20] = page(_minute(START + timedelta(hours=8)))  # a clock eight hours wrong: two refused rows
    pages[21] = page(_minute(START + timedelta(minutes=25)))  # a clock five minutes ahead: not refused, and seen
    pages[22] = page(_minute(START + timedelta(minutes=21))).replace(b'"synthetic"', b'"invented"')  # unknown values
    return pages


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub whose lanes were recorded for two hours as it sensed them, through the real wire."""
    folder = tmp_path_factory.mktemp("recorded") / "hub"
    with WireServer([]) as server:
        _run(make_hub(folder, server.url, AGREED + ONCE), server)
    return folder


@pytest.fixture
def hub(recorded: Path, tmp_path: Path) -> Hub:
    """A copy of it."""
    folder = shutil.copytree(recorded, tmp_path / "hub")
    return Hub(folder / "hub.toml", folder / "home")


def _run(hub: Hub, server: WireServer) -> None:
    clock, directory = Clock(), hub.home / "tiny"
    store = EmbeddedStore(directory, "tiny", clock=clock, threads=1)
    recorder = Recorder(directory, "lanes", clock)
    transport = RecordingTransport(HttpTransport(server.url), recorder, clock)
    for minute, body in _day(120).items():
        clock.now = START + timedelta(minutes=minute, seconds=5)
        if body is not None:
            server.add(body)
        if minute in (34, 35):
            server.switch(Fault.FAIL)
            with pytest.raises(Exception, match="503"):
                list(transport.pages(store.cursor("lane_counters")))
            server.switch(None)
            continue
        sense(lane_counters.CONNECTOR, transport, store, ReadContext(ZONE, clock()), Sensing("tiny"))
    recorder.close()
    store.close()


def _body(ran: Ran, hub: Hub) -> dict[str, object]:
    return dict(open_sealed(ran.out, Signer(hub.home / "tiny").public_hex))


TIME = ("--from", "2022-10-20T08:00", "--to", "2022-10-20T10:00")


def test_the_report_names_every_fault_by_its_count_and_is_signed(hub: Hub) -> None:
    ran = hub("feed", "accept", "lanes", *TIME, "--format", "json")
    assert ran.code == 1, ran
    body = _body(ran, hub)
    counts, gaps, delays = (body[name] for name in ("counts", "gaps", "delays"))
    assert isinstance(counts, dict)
    assert isinstance(gaps, dict)
    assert isinstance(delays, dict)
    assert counts["pages"] == 90
    assert counts["rows"] == 2 * 90 + 2  # two pages hold a row more
    assert body["refused"] == {"connectors.common.clock_ahead": 2, "connectors.common.unknown_value": 2}
    assert (counts["refused"], counts["unknown_values"], counts["kept"]) == (4, 2, 178)
    assert counts["repeated_pages"] == 3  # pages 10, 15 and 26 are those of minutes 9, 6 and 21
    assert counts["duplicates"] == 3 * 2 + 2  # and page 12 holds those of page 11
    assert counts["repaired"] == 1  # page 13 corrects a count of page 12
    assert counts["out_of_order"] == 2 + 3 * 2  # page 15; pages 23 to 25 are older than what page 21 brought too early
    assert body["failures"] == {"connectors.common.http_failed": 2}
    assert (gaps["silent"], gaps["maintenance"], gaps["unasked"], gaps["silent_s"]) == (1, 1, 0, 660)
    silent, planned = gaps["list"]
    assert (silent["begin"], silent["end"]) == ("2022-10-20T08:29:05+08:00", "2022-10-20T08:40:05+08:00")
    assert (planned["begin"], planned["end"]) == ("2022-10-20T09:00:00+08:00", "2022-10-20T09:20:00+08:00")
    assert delays == {"rows": 178, "p50_min": 1, "p95_min": 1, "max_min": 10, "least_min": -4, "ahead": 2}
    assert {line["name"]: (line["measured"], line["verdict"]) for line in body["lines"]} == {  # type: ignore[attr-defined]
        "cadence_s": (60, "passed"),
        "gaps": (1, "failed"),
        "rows_per_hour": (102, "failed"),  # of the first hour: in the second one work was announced
        "delay_p95_min": (1, "passed"),
        "refused_share": (4 / 182, "passed"),
        "duplicate_share": (8 / 182, "passed"),
    }
    assert body["contact"] == {
        "office": {"zh": "查验设备值班室", "en": "lane equipment desk"},
        "phone": "0571-0000",
        "hours": "00:00-24:00",
    }
    assert body["synthetic"] is True
    assert body["per_day"] == {"2022-10-20": 182}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_report_is_printed_for_people_in_both_languages(hub: Hub, lang: str) -> None:
    words = {"zh": ("总结论：不通过", "缺口"), "en": ("Verdict of all: failed", "Gaps")}[lang]
    for form in ("table", "md"):
        ran = hub("feed", "accept", "lanes", *TIME, "--format", form, lang=lang)
        assert ran.code == 1
        assert all(word in ran.out for word in words)
        assert "2022-10-20T08:29:05+08:00" in ran.out
        assert "{" not in ran.out.partition("```json")[0]
    sealed = re.search(r"```json\n(.*)\n```", ran.out, re.DOTALL)
    assert sealed is not None
    assert open_sealed(sealed[1], Signer(hub.home / "tiny").public_hex)["verdict"] == "failed"


def test_a_report_is_verified_with_the_key_that_is_known(hub: Hub, tmp_path: Path) -> None:
    key = hub.done("matcher", "hub-key").strip()
    for form in ("json", "md"):
        file = tmp_path / f"report.{form}"
        file.write_text(hub("feed", "accept", "lanes", *TIME, "--format", form).out, encoding="utf-8")
        assert "signature holds" in hub.done("feed", "verify", file, "--key", key)
        assert hub("feed", "verify", file, "--key", "00" * 32).code == 1
        file.write_text(file.read_text(encoding="utf-8").replace('"pages": 90', '"pages": 91'), encoding="utf-8")
        assert hub("feed", "verify", file, "--key", key).code == 1


def test_a_time_without_faults_passes_and_one_that_nobody_agreed_on_is_not_measured(hub: Hub) -> None:
    told = hub.hub.read_text(encoding="utf-8")
    hub.hub.write_text(told.replace("rows_per_hour = 110\n", ""), encoding="utf-8")
    good = ("--from", "2022-10-20T09:20", "--to", "2022-10-20T10:00")
    assert hub("feed", "accept", "lanes", *good).code == 0
    hub.hub.write_text(told.replace(AGREED, ""), encoding="utf-8")
    assert hub("feed", "accept", "lanes", *good).code == 3
    nothing = hub("feed", "accept", "lanes", "--from", "2023-01-01T00:00")
    assert nothing.code == 1
    assert "--from" in nothing.err
    assert "hubtwin feed record gates" in hub("feed", "accept", "gates").err


def test_the_shadow_of_the_same_codec_is_as_in_the_hub_and_leaves_nothing(hub: Hub) -> None:
    before = {path.name for path in hub.home.iterdir()}
    (hub.home / "tiny.shadow-left").mkdir()  # what a kill left
    ran = hub("feed", "shadow", "lanes", "--format", "json")
    assert ran.code == 0, ran
    told = json.loads(ran.out)
    (lanes,) = told["datasets"]
    assert (lanes["same"], lanes["different"], lanes["only_here"], lanes["only_there"]) == (169, 0, 0, 0)
    assert told["quarantined"] == {"connectors.common.clock_ahead": [2, 2], "connectors.common.unknown_value": [2, 2]}
    assert {path.name for path in hub.home.iterdir()} == before


def test_the_shadow_of_another_mapping_tells_what_differs(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    read = lane_counters.CONNECTOR.read

    def mapped(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
        for number, item in enumerate(read(page, context)):
            is_second = number == 1 and isinstance(item, Row)
            yield replace(item, values={**item.values, "waiting": 6}) if is_second else item

    other = replace(lane_counters.CONNECTOR, read=mapped)
    monkeypatch.setattr(lane_counters, "CONNECTOR", other)
    ran = hub("feed", "shadow", "lanes", "--to", "2022-10-20T08:30")
    assert ran.code == 1
    assert re.search(r"lane_counts +\d+ +\d+ +0 +0 +\d+ +waiting \d+", ran.out)
    assert "waiting=6 / 5" in ran.out
    assert hub("feed", "shadow", "lanes", "--to", "2022-10-20T08:30", "--allow", "0.9").code == 0
