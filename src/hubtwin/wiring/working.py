"""The working set of a scene: what matters around now, in memory, read anew only where something was written.

A turn of the loop asks dozens of small questions; over the files of the whole library they take seconds, over these few
rows a tenth of one. The scene says what matters (`Scene.narrow`); its findings are the same on either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import narwhals as nw
import pyarrow as pa

from hubtwin.library.query import collect
from hubtwin.ports import Scene, Tables
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.granted import ScenePass, lazy, list_wanted
from hubtwin.wiring.lists import project

BESIDE = ("risk_snapshots",)  # how fresh the feed is: shown with every list, judged by none


@dataclass
class WorkingSet:
    """The narrowed tables of one scene over one store."""

    store: EmbeddedStore
    scene: Scene
    reader: ScenePass
    _held: dict[str, tuple[object, pa.Table, nw.LazyFrame[Any]]] = field(default_factory=dict)
    _marks: tuple[object, ...] = ()
    _watched: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note which tables are about persons."""
        self._personal = list_wanted(self.scene.needs)

    def changed(self, day: date) -> bool:
        """Return whether anything was written to a table of the scene, or a day began, since the last `tables`."""
        return self._marks != self._seals(day)

    def tables(self, params: Mapping[str, Any], patterns: Mapping[date, date], now: datetime) -> Tables:
        """Return the tables of the scene; those about persons as far as grants are live, each look-up written down.

        `patterns` is service date -> date whose pattern runs.
        """
        names, day = (*self.scene.needs, *BESIDE), max(patterns)
        files = {name: self.store.files_of(name) for name in names}
        self._marks = self._seals(day)
        stale = [name for name in names if name not in self._held or self._held[name][0] != (day, files[name])]
        told = {**self.scene.params, **params}
        near = self.scene.narrow(project(self.store.tables(names), patterns), told, now) if stale else {}
        for name in stale:
            if name not in self._personal or not files[name]:
                self._hold(name, (day, files[name]), collect(near[name]))
        for name in self._personal:
            if files[name]:  # asked for at each turn: a grant may have come or gone
                held = None if name in stale else self._held[name][1]
                frame = near[name] if held is None else self._held[name][2]
                table = self.reader.read(name, frame, f"{now:%Y-%m-%dT%H:%MZ}", held)
                self._hold(name, (day, () if name in self.reader.refused else files[name]), table)
        return self.held()

    def _hold(self, name: str, seal: object, table: pa.Table) -> None:
        known = self._held.get(name)
        self._held[name] = (seal, table, known[2] if known is not None and known[1] is table else lazy(table))

    def held(self) -> Tables:
        """Return the tables as `tables` read them last; empty before that."""
        return {name: frame for name, (_, _, frame) in self._held.items()}

    def watched(self, name: str, now: datetime) -> tuple[nw.LazyFrame[Any], int] | None:
        """Return the rows of a dataset that came since `looked_at`, and the number of the last batch; None: none came,
        or no grant is live, so that they wait for one.
        """
        frame, last = self.store.since(name, self._watched.get(name, 0))
        if last == self._watched.get(name, 0):
            return None
        table = self.reader.read(name, frame, f"{now:%Y-%m-%dT%H:%MZ}")
        return None if name in self.reader.refused else (lazy(table), last)

    def looked_at(self, name: str, last: int) -> None:
        """Note that what came up to a batch was dealt with; what was not comes again after a crash, harmlessly."""
        self._watched[name] = last

    def _seals(self, day: date) -> tuple[object, ...]:
        return day, *(self.store.files_of(name) for name in self.scene.needs)
