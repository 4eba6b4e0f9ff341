"""A shadow run of every kind of source is as in the hub that sensed the same pages; what differs is told by kind."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.lane_counters.simulator import LaneCount, page
from hubtwin.library.ingest import Target, ingest
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import Page
from hubtwin.settings import SourceSettings
from hubtwin.stores.recording import Recorder, page_frame
from hubtwin.wiring.plugs import CONNECTORS, get_connector
from hubtwin.wiring.recording import recorded
from hubtwin.wiring.shadow import Told, shadow
from hubtwin.wiring.sources import Sources
from tests.contracts.connector_kit import Source
from tests.contracts.connector_sources import SOURCES
from tests.wiring.hub_kept import KeptHub, opened

KINDS = {get_connector(kind).manifest.name: kind for kind in CONNECTORS}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path) as found:
        yield found


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_shadow_of_every_kind_is_as_in_the_hub(source: Source, hub: KeptHub) -> None:
    kind = KINDS[source.connector.manifest.name]
    pages = (*source.pages, source.unknown_enum.page, source.added_field.page, source.pages[0])
    with WireServer(pages) as server:
        sources = {kind: SourceSettings(server.url, record=True)}
        works = replace(hub.works, settings=replace(hub.works.settings, sources=sources))
        with recorded(works, {kind: HttpTransport(server.url)}) as kept:
            polling = Sources(works.settings, works.store, works.access.vault, kept)
            polling.poll(hub.now)
        assert polling.states()[0].error == ""
    found = shadow(works.settings, works.store, Told(kind), hub.now)
    assert found.pages == len(pages)
    assert found.share == 0.0, found
    assert sum(each.same for each in found.datasets) + sum(here for here, _ in found.quarantined.values()) > 0
    assert all(here == there for here, there in found.quarantined.values())
    assert not list(works.store.directory.parent.glob("*.shadow-*"))


def test_what_differs_is_told_by_kind_and_only_within_the_recording(hub: KeptHub) -> None:
    def count(minutes: int, lane: int, passed: int = 10) -> LaneCount:
        return LaneCount(hub.now + timedelta(minutes=minutes), "E1", lane, passed, 5)

    recorder = Recorder(hub.works.store.directory, "lanes", hub.works.clock)
    synthetic = Marks(provenance=Provenance.SYNTHETIC)
    for minute in (0, 10, 20):
        counts = [count(minute, 1), count(minute, 2)]
        recorder.write(page_frame(hub.now + timedelta(minutes=minute), "p", str(minute), synthetic, page(counts)))
    recorder.close()
    stored = [count(0, 1), count(0, 2, 11), count(10, 1), count(20, 1), count(5, 9), count(19, 9), count(-5, 9)]
    rows = [_row(each) for each in stored]  # 0/2 differs, 10/2 and 20/2 lack, 5/9 is only there, the last two outside
    ingest(rows, Page("p", (), "1", synthetic), Target(hub.works.store, hub.works.store.hub_id, "lane_counters"))
    found = shadow(hub.works.settings, hub.works.store, Told("lanes"), hub.now)
    (lanes,) = found.datasets
    assert (lanes.same, lanes.different, lanes.only_here, lanes.only_there, lanes.outside) == (3, 1, 2, 1, 2)
    assert lanes.columns == {"passed": 1}
    assert [example["kind"] for example in lanes.examples].count("only_here") == 2
    assert {"kind": "different", "passed": "10 / 11", "exit_id": "E1", "lane": "2"}.items() <= next(
        example for example in lanes.examples if example["kind"] == "different"
    ).items()
    assert found.share == 4 / 7
    wider = shadow(hub.works.settings, hub.works.store, Told("lanes", edge_min=0), hub.now)
    assert wider.datasets[0].only_there == 2
    with pytest.raises(Absent):
        shadow(hub.works.settings, hub.works.store, Told("lanes", since=hub.now + timedelta(days=1)), hub.now)


def _row(count: LaneCount) -> Row:
    place = {"exit_id": count.exit_id, "lane": count.lane, "minute_min": epoch_minute(count.minute)}
    return Row("lane_counts", {**place, "passed": count.passed, "waiting": count.waiting}, "stored")
