"""The registers of a demonstration are filled through the doors of operation, coloured, and marked as synthetic."""

import threading
from dataclasses import replace
from pathlib import Path

from hubtwin.base.clock import system_clock
from hubtwin.model.colour import Colour
from hubtwin.settings import load_settings
from hubtwin.wiring.governing import governing_of, is_own
from hubtwin.wiring.stage_registers import FAULTS, Filling, fill_registers
from hubtwin.wiring.works import open_works

ROWS = 40


def test_every_register_is_loaded_coloured_and_synthetic(tmp_path: Path) -> None:
    settings = load_settings("hangzhou-east", tmp_path)
    with open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={}) as works:
        assert works.library is not None
        governing = governing_of(works)
        assert governing is not None
        count = fill_registers(works, ROWS)
        assert count == len(governing.held()) == sum(not is_own(name) for name in governing.names())
        files = works.library.shelves.files()
        assert all(file.synthetic_rows == file.rows for file in files)
        told = governing.total(governing.standings())
        assert sum(told.colours.colours.values()) == sum(file.rows for file in files)
        assert told.colours.colours[Colour.RED] == count * FAULTS
        kinds = [entry.kind for entry in works.access.audit.list_entries() if entry.kind == "LibraryLoaded"]
        assert len(kinds) == count


def test_filling_stops_with_its_block_and_says_when_it_is_full(tmp_path: Path) -> None:
    settings = replace(load_settings("hangzhou-east", tmp_path), district="")
    full = threading.Event()
    with (
        open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={}) as works,
        Filling(works, full.set) as filling,
    ):
        filling.wait()
        assert full.is_set()
