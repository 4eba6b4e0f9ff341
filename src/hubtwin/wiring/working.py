"""The working set of a scene: what matters around now, in memory, read anew only where something was written.

A turn of the loop asks dozens of small questions; over the files of the whole library they take seconds, over these few
rows a tenth of one. The scene says what matters (`Scene.narrow`); its findings are the same on either.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any

import narwhals as nw
import pyarrow as pa

from hubtwin.datasets.all import DATASETS
from hubtwin.library.query import collect
from hubtwin.ports import Scene, Tables
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.granted import ScenePass, columns_of, lazy, list_wanted
from hubtwin.wiring.lists import project

BESIDE = ("risk_snapshots",)  # how fresh the feed is: shown with every list, judged by none
Rows = Callable[[], pa.Table]


@dataclass(frozen=True, slots=True)
class _Held:
    """A narrowed table as it was read last. `files` are those it was read from, None where it was refused."""

    day: date
    files: tuple[str, ...] | None
    table: pa.Table
    frame: nw.LazyFrame[Any]


@dataclass
class WorkingSet:
    """The narrowed tables of one scene over one store."""

    store: EmbeddedStore
    scene: Scene
    reader: ScenePass
    _held: dict[str, _Held] = field(default_factory=dict)
    _marks: tuple[object, ...] = ()
    _watched: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note which tables are about persons, and which only grow."""
        self._personal = list_wanted(self.scene.needs)
        self._grow = frozenset((*self.scene.grow, *BESIDE))

    def changed(self, day: date) -> bool:
        """Return whether anything was written to a table of the scene, or a day began, since the last `tables`."""
        return self._marks != (day, *(self.store.files_of(name) for name in self.scene.needs))

    def tables(self, params: Mapping[str, Any], patterns: Mapping[date, date], now: datetime) -> Tables:
        """Return the tables of the scene; those about persons as far as grants are live, each look-up written down.

        `patterns` is service date -> date whose pattern runs.
        """
        names, day = (*self.scene.needs, *BESIDE), max(patterns)
        files = {name: self.store.files_of(name) for name in names}
        self._marks = (day, *(files[name] for name in self.scene.needs))
        stale = [name for name in names if not self._is_fresh(name, day, files[name])]
        if not self._grow.issuperset(stale):  # what decides which rows of the others matter
            stale, grown = list(names), {}
        else:
            grown = self._list_grown(stale, day)
        told = {**self.scene.params, **params}
        rows: dict[str, Rows] = {name: partial(self._grown, name, news, told, now) for name, news in grown.items()}
        rows |= self._list_whole([name for name in stale if name not in grown], told, patterns, now)
        for name in names:
            if name in self._personal and files[name]:  # asked for at each turn: a grant may have come or gone
                table = self.reader.read(name, rows.get(name, partial(self._table, name)), f"{now:%Y-%m-%dT%H:%MZ}")
                self._hold(name, day, None if name in self.reader.refused else files[name], table)
            elif name in rows:
                self._hold(name, day, files[name], rows[name]())
        return self.held()

    def held(self) -> Tables:
        """Return the tables as `tables` read them last; empty before that."""
        return {name: held.frame for name, held in self._held.items()}

    def watched(self, name: str, now: datetime) -> tuple[nw.LazyFrame[Any], int] | None:
        """Return the rows of a dataset that came since `looked_at`, and the number of the last batch; None: none came,
        or no grant is live, so that they wait for one.
        """
        new = self.store.since(name, self._watched.get(name, 0))
        if new is None:
            return None
        rows, last = new
        table = self.reader.read(name, rows, f"{now:%Y-%m-%dT%H:%MZ}")
        return None if name in self.reader.refused else (lazy(table), last)

    def looked_at(self, name: str, last: int) -> None:
        """Note that what came up to a batch was dealt with; what was not comes again after a crash, harmlessly."""
        self._watched[name] = last

    def _is_fresh(self, name: str, day: date, files: tuple[str, ...]) -> bool:
        held = self._held.get(name)
        return held is not None and (held.day, held.files) == (day, files)

    def _list_grown(self, stale: Sequence[str], day: date) -> dict[str, Rows]:
        """Return what reads the new rows of those tables of which nothing else is needed."""
        found: dict[str, Rows] = {}
        for name in stale:
            held = self._held.get(name)
            if held is not None and held.files is not None and held.day == day:
                news = self.store.grown(name, held.files)
                if news is not None:
                    found[name] = news
        return found

    def _list_whole(
        self, stale: Sequence[str], told: Mapping[str, Any], patterns: Mapping[date, date], now: datetime
    ) -> dict[str, Rows]:
        """Return what reads tables out of the whole store."""
        if not stale:
            return {}
        tables = project(self.store.tables((*self.scene.needs, *BESIDE)), patterns)
        near = self.scene.narrow(tables, told, now)
        own = {name: near[name].select(columns_of(name)) for name in stale if name in self._personal}
        return {name: partial(collect, own.get(name, near[name])) for name in stale}

    def _grown(self, name: str, news: Rows, told: Mapping[str, Any], now: datetime) -> pa.Table:
        """Return what matters of the rows that were held and of new ones, which replace those with the same key."""
        held, key = self._held[name], list(DATASETS[name].key)
        new = lazy(news().select(held.table.column_names))
        merged = nw.concat([held.frame.join(new.select(key), on=key, how="anti"), new])
        return collect(self.scene.narrow({**self.held(), name: merged}, told, now)[name])

    def _table(self, name: str) -> pa.Table:
        return self._held[name].table

    def _hold(self, name: str, day: date, files: tuple[str, ...] | None, table: pa.Table) -> None:
        known = self._held.get(name)
        frame = known.frame if known is not None and known.table is table else lazy(table)
        self._held[name] = _Held(day, files, table, frame)
