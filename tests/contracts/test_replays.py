"""Every source, recorded over the wire and replayed, gives what it gave: the same rows, quarantine and refusals."""

from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import Fault, WireServer
from hubtwin.model.record import Row
from hubtwin.ports import Transport
from hubtwin.stores.recorder import RecordingTransport, ReplayTransport
from hubtwin.stores.recording import Recorder, Recording
from tests.contracts.connector_kit import Items, Source, expected, rows_of
from tests.contracts.connector_sources import SOURCES
from tests.contracts.connector_wire import TOKEN

Answers = list[Items | str]
FAULTS = (None, Fault.GARBAGE, Fault.BURST, Fault.DUPLICATE, Fault.DISORDER, Fault.SLOW)


def _answers(source: Source, transport: Transport, cursor: str | None = None) -> Answers:
    """Return what each page gives, or the key of its refusal."""
    found: Answers = []
    for page in transport.pages(cursor):
        try:
            found.append(list(source.connector.read(replace(page, name="page"), source.context)))
        except Malformed as refusal:
            found.append(refusal.key)
    return found


def _flat(answers: Answers) -> list[Row]:
    return rows_of(item for answer in answers if not isinstance(answer, str) for item in answer)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_replay_gives_what_the_source_gave(source: Source, tmp_path: Path) -> None:
    bad = (source.garbage, source.half_frame, source.unknown_enum, source.added_field, source.removed_field)
    with WireServer((*source.pages, *(each.page for each in bad)), token=TOKEN, garbler=source.garbler) as server:
        for fault in FAULTS:
            server.switch(fault)
            name = f"fault-{fault or 'none'}"
            recorder = Recorder(tmp_path, name, lambda: source.context.now)
            direct = _answers(source, HttpTransport(server.url, TOKEN))
            taken = _answers(
                source, RecordingTransport(HttpTransport(server.url, TOKEN), recorder, lambda: source.context.now)
            )
            recorder.close()
            replay = ReplayTransport(Recording(tmp_path, name))
            assert taken == direct, fault
            assert _answers(source, replay) == direct, fault
            if fault is None:
                assert _flat(direct)[: len(expected(source, 0))] == expected(source, 0)
                cursors = [page.cursor for page in replay.pages(None)]
                assert _answers(source, replay, cursors[0]) == direct[1:]
                assert _answers(source, replay, cursors[-1]) == []
