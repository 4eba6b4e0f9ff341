"""A hub records the sources that hub.toml says while it senses them; a shadow meets the hub's own pseudonyms."""

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from hubtwin.base.errors import Denied, Retry
from hubtwin.connectors.common.broker import LocalBroker
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import WireServer
from hubtwin.connectors.gate_screening.simulator import Passage, page
from hubtwin.library.query import collect
from hubtwin.model.record import Marks
from hubtwin.settings import SourceSettings
from hubtwin.stores.recorder import RecordingTransport
from hubtwin.stores.recording import Recorder, Recording, folder_of, list_segments, page_frame
from hubtwin.wiring.recording import MB, limits_of, record_alone, recorded
from hubtwin.wiring.shadow import Told, shadow
from hubtwin.wiring.sources import Sources, make_transport
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
        assert limits_of(sources["gates"], works.store.directory).bytes == 2048 * MB


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


def test_recording_alone_takes_no_message_away_from_the_hub(hub: KeptHub) -> None:
    body = _passages(hub)
    with LocalBroker() as broker:
        told = SourceSettings(broker.address, broker.user, "GATES_PASSWORD")
        settings = replace(hub.works.settings, sources={"gates": told})
        env = {"GATES_PASSWORD": broker.password}
        ours, recorders = (make_transport(settings, "gates", env, reader=reader) for reader in ("", "recorder"))
        assert list(ours.pages(None)) == list(recorders.pages(None)) == []  # both sessions begin
        topic = f"hubtwin/{settings.hub.hub_id}/gates/N1-1"
        broker.publish((topic, line) for line in body.splitlines())
        record = partial(record_alone, hub.works.store.directory, settings, "gates", recorders, hub.works.clock)
        with pytest.raises(Denied, match="--reason"):
            next(record(wait=lambda: False))
        alone = record(wait=lambda: False, reason="acceptance of the gates")
        assert [so_far.pages for so_far in alone][-1] == 1
        assert [b"".join(page.chunks) for page in ours.pages(None)] == [body]
    begun, told_page = Recording(hub.works.store.directory, "gates").frames()
    assert begun.note == {"what": "begun_for", "reason": "acceptance of the gates"}
    assert told_page.body == body


def test_limits_delete_nothing_while_a_legal_hold_stands(hub: KeptHub) -> None:
    event = hub.declare()
    limits = limits_of(SourceSettings("http://127.0.0.1:9", record_max_days=1), hub.works.store.directory)
    hold = hub.works.access.grants.set_hold(event.emergency_id, by="guard", reason="court order 12")
    for held in (True, False):
        recorder = Recorder(hub.works.store.directory, "gates", lambda: hub.now, limits)
        recorder.write(page_frame(hub.now, "page", "1", Marks(), b"who passed"))
        recorder.close()
        hub.wait(days=3)
        if not held:
            continue
        assert len(list_segments(folder_of(hub.works.store.directory, "gates"))) == 1
        recorder = Recorder(hub.works.store.directory, "gates", lambda: hub.now, limits)
        recorder.write(page_frame(hub.now, "page", "2", Marks(), b"who passed"))
        recorder.close()
        assert len(list_segments(folder_of(hub.works.store.directory, "gates"))) == 2
        hub.works.access.grants.lift_hold(hold, by="guard")
        hub.wait(days=3)
    assert len(list_segments(folder_of(hub.works.store.directory, "gates"))) == 1
