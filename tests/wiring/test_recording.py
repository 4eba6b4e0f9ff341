"""A hub records the sources that hub.toml says while it senses them; a shadow meets the hub's own pseudonyms."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Retry
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.gate_screening.simulator import Passage, page
from hubtwin.library.query import collect
from hubtwin.settings import SourceSettings
from hubtwin.stores.recorder import RecordingTransport
from hubtwin.stores.recording import Recorder, Recording
from hubtwin.wiring.recording import MB, limits_of, recorded
from hubtwin.wiring.shadow import Told, shadow
from hubtwin.wiring.sources import Sources
from tests.wiring.hub_kept import KeptHub, opened

NUMBERS = ("330102199001011234", "330102199002022345")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[KeptHub]:
    with opened(tmp_path) as found:
        yield found


def _passages(hub: KeptHub, code: str = "green") -> bytes:
    return page(
        Passage(hub.now, "N1", f"N1-{lane}", lane, "citizen", number, "citizen", code, "green", False)
        for lane, number in enumerate(NUMBERS, 1)
    )


def test_a_hub_records_what_it_senses_and_only_the_sources_that_say_so(hub: KeptHub) -> None:
    with WireServer([_passages(hub)]) as server:
        sources = {"gates": SourceSettings(server.url, record=True), "lanes": SourceSettings(server.url)}
        works = replace(hub.works, settings=replace(hub.works.settings, sources=sources))
        transports = {kind: HttpTransport(server.url) for kind in sources}
        with recorded(works, transports) as kept:
            assert [type(each) for each in kept.values()] == [RecordingTransport, HttpTransport]
            with pytest.raises(Retry):
                Recorder(works.store.directory, "gates", works.clock)
            Sources(works.settings, works.store, works.access.vault, {"gates": kept["gates"]}).poll(hub.now)
        Recorder(works.store.directory, "gates", works.clock).close()
        frames = list(Recording(works.store.directory, "gates").frames())
        assert [frame.body for frame in frames] == [_passages(hub)]
        assert frames[0].at == hub.now
        assert collect(works.store.tables(("gate_screenings",))["gate_screenings"]).num_rows == 2
        assert limits_of(sources["gates"]).bytes == 2048 * MB


def test_a_shadow_meets_the_hubs_pseudonyms_shows_nobody_and_makes_no_key(hub: KeptHub) -> None:
    with WireServer([_passages(hub)]) as server:
        sources = {"gates": SourceSettings(server.url, record=True)}
        works = replace(hub.works, settings=replace(hub.works.settings, sources=sources))
        with recorded(works, {"gates": HttpTransport(server.url)}) as kept:
            Sources(works.settings, works.store, works.access.vault, kept).poll(hub.now)
            epochs = works.access.vault.list_epochs()
            server.add(_passages(hub, code="red"))  # recorded, and not sensed: the hub lacks it
            list(kept["gates"].pages(works.store.cursor("gate_screening")))
    found = shadow(works.settings, works.store, Told("gates"), hub.now)
    (passages,) = found.datasets
    assert (passages.same, passages.different, passages.only_here, passages.only_there) == (0, 2, 0, 0)
    assert passages.columns == {"health_code": 2}
    told = json.dumps([*map(dict, passages.examples)], default=str)
    assert not any(number in told for number in NUMBERS)
    assert {example["pid"] for example in passages.examples} == {"***"}
    assert "red" not in told
    assert found.share == 1.0
    assert works.access.vault.list_epochs() == epochs
    assert not list(works.store.directory.parent.glob("*.shadow-*"))
