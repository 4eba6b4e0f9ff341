"""The table in force: taken whole or by what has changed, on the disk before it counts, and read once.

A change is used only where it fits: it starts from the version and the areas that stand here, and ends with areas of
the digest that the hub signed. Whatever does not fit is answered by `matcher.other_base`, and the hub sends the whole
table; the one that stands meanwhile is kept.
"""

import threading
from dataclasses import dataclass, field, replace

from hubtwin.base.errors import Denied, HubError
from hubtwin.matcher.held import Held
from hubtwin.matcher.table import HubKey, open_change, open_table
from hubtwin.model.risk_table import RiskTable
from hubtwin.model.table_change import NO_AREAS, AreaSet, TableChange

MOST_CHANGES = 200  # since the last whole table: a start opens them all, 60 ms each where there are 80,000 areas


@dataclass
class InForce:
    """The table in force of one matcher. Threads may share it."""

    held: Held
    hub: HubKey
    _table: RiskTable | None = None
    _areas: AreaSet = NO_AREAS
    _changes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self) -> RiskTable | None:
        """Return the table in force, opened again after a start. It may be stale by now. Raises Malformed or Denied
        where what is on the disk was altered.
        """
        with self._lock:
            return self._find()

    def take(self, sealed: bytes, now_min: int) -> tuple[RiskTable, bool]:
        """Put a whole table in force; return it and whether it is new. Raises Malformed, Denied; the old one stands."""
        table = open_table(sealed, self.hub, now_min)
        areas = NO_AREAS.changed(table.areas)
        with self._lock:
            new = self.held.take_table(table.version, sealed, now_min)
            if new:
                self._table, self._areas, self._changes = table, areas, 0
        return table, new

    def take_change(self, sealed: bytes, now_min: int) -> tuple[RiskTable, bool]:
        """Put the next table in force by what has changed. Raises as `take`, and Denied (`matcher.other_base`) where
        the whole table is needed.
        """
        change = open_change(sealed, self.hub, now_min)
        with self._lock:
            version = self.held.find_version()
            if version is not None and version >= change.table.version:
                return change.table, self.held.take_change(change.table.version, sealed, now_min)
            table, areas = self._apply(change)
            self.held.take_change(table.version, sealed, now_min)
            self._table, self._areas, self._changes = table, areas, self._changes + 1
        return table, True

    def _apply(self, change: TableChange) -> tuple[RiskTable, AreaSet]:
        """Return the table that a change leads to. Raises Denied where it does not lead there from here."""
        try:
            table = self._find()
            if table is None or self._changes >= MOST_CHANGES:
                raise Denied("matcher.other_base", version=change.table.version)
            return _turn(table, self._areas, change)
        except HubError as error:
            raise Denied("matcher.other_base", version=change.table.version) from error

    def _find(self) -> RiskTable | None:
        version = self.held.find_version()
        if version is None or (self._table is not None and self._table.version == version):
            return self._table
        sealed, received_min = self.held.get_table()
        table = open_table(sealed, self.hub, received_min)
        areas, changes = NO_AREAS.changed(table.areas), self.held.list_changes()
        for told, told_min in changes:
            table, areas = _turn(table, areas, open_change(told, self.hub, told_min))
        self._table, self._areas, self._changes = table, areas, len(changes)
        return table


def _turn(table: RiskTable, areas: AreaSet, change: TableChange) -> tuple[RiskTable, AreaSet]:
    made = change.apply(table.version, areas)
    return replace(change.table, areas=tuple(made.by_hash.values())), made
