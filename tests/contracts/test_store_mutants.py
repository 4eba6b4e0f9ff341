"""Ten stores with one fault each: the suite must notice every one of them, or it is no suite."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import narwhals as nw
import pyarrow as pa
import pytest

from hubtwin.base.ids import stable_key
from hubtwin.model.finding import Finding
from hubtwin.model.record import Quarantined
from hubtwin.ports import Batch, Store, Tables
from hubtwin.stores.embedded import EmbeddedStore
from tests.contracts.store_suite import CHECKS, HUB


class Faithful(EmbeddedStore):
    """No fault; what the mutants start from."""

    calls = 0


class DoublesABatch(Faithful):
    def write(self, batch: Batch) -> bool:
        self.calls += 1
        return super().write(replace(batch, key=stable_key(batch.key, self.calls, id(self))))


class ForgetsTheCursor(Faithful):
    def write(self, batch: Batch) -> bool:
        return super().write(replace(batch, cursor=None))


class ReturnsTheOlderRow(Faithful):
    def write(self, batch: Batch) -> bool:
        kept = {}
        for name, table in batch.tables.items():
            known = (
                super().tables([name])[name].collect(backend="pyarrow").to_native() if name != "no_such_table" else None
            )
            old = set(known["station_id"].to_pylist()) if known is not None else set()
            kept[name] = table.filter([key not in old for key in table["station_id"].to_pylist()])
        return super().write(replace(batch, tables=kept))


class LosesQuarantine(Faithful):
    def write(self, batch: Batch) -> bool:
        return super().write(replace(batch, quarantined=batch.quarantined[:1]))


class AcceptsAWrongStatus(Faithful):
    def write(self, batch: Batch) -> bool:
        tables = dict(batch.tables)
        for name, table in tables.items():
            if "status" in table.column_names:
                place = table.column_names.index("status")
                tables[name] = table.set_column(place, "status", pa.array(["Actual"] * table.num_rows, pa.string()))
        return super().write(replace(batch, tables=tables))


class AcknowledgesBeforeWriting(Faithful):
    waiting: list[Batch] | None = None

    def write(self, batch: Batch) -> bool:
        late, self.waiting = self.waiting or [], [batch]
        for before in late:
            super().write(before)
        return True

    def tables(self, names: Iterable[str]) -> Tables:
        late, self.waiting = self.waiting or [], []
        for before in late:
            super().write(before)
        return super().tables(names)


class WritesTheCursorOfARefusedBatch(Faithful):
    def write(self, batch: Batch) -> bool:
        super().write(Batch(batch.key + " cursor", batch.source, {}, (), batch.cursor))
        return super().write(batch)


class SavesFindingsTwice(Faithful):
    def save_findings(self, findings: Sequence[Finding]) -> int:
        self.calls += 1
        return super().save_findings([replace(found, key=f"{found.key}:{self.calls}") for found in findings])


class OverwritesFindings(Faithful):
    def list_findings(self, scene: str) -> list[Finding]:
        return sorted(super().list_findings(scene), key=lambda found: found.key)


class LosesMarksOfFindings(Faithful):
    def list_findings(self, scene: str) -> list[Finding]:
        return [replace(found, marks=replace(found.marks, replayed=False)) for found in super().list_findings(scene)]


class ShowsEveryVersion(Faithful):
    def tables(self, names: Iterable[str]) -> Tables:
        found = dict(super().tables(names))
        if "rail_stations" in found and (files := self._rows.list_files("rail_stations", "current")):
            paths = [str(self.directory / file.path) for file in files]
            found["rail_stations"] = nw.from_native(self._connection().read_parquet(paths))
        return found


class MixesSources(Faithful):
    def list_quarantine(self, source: str | None = None) -> list[Quarantined]:
        return super().list_quarantine()


class OmitsEmptyDatasets(Faithful):
    def tables(self, names: Iterable[str]) -> Tables:
        held = self.held()
        return {name: frame for name, frame in super().tables(names).items() if name in held or name == "rail_stations"}


MUTANTS = list(Faithful.__subclasses__())


def _survives(kind: type[EmbeddedStore], path: Path) -> list[str]:
    """Return the checks that `kind` fails; each check gets a directory of its own."""
    failed = []
    for check in CHECKS:
        opened: list[EmbeddedStore] = []

        def open_store(place: Path, opened: list[EmbeddedStore] = opened) -> Store:
            opened.append(kind.open(place, HUB, clock=lambda: datetime(2022, 10, 20, 1, tzinfo=UTC), threads=1))
            return opened[-1]

        try:
            check(open_store, path / check.__name__)
        except (AssertionError, KeyError, duckdb.Error, pytest.fail.Exception):
            failed.append(check.__name__)
        finally:
            for store in opened:
                store.close()
    return failed


@pytest.mark.parametrize("kind", MUTANTS, ids=lambda kind: kind.__name__)
def test_the_suite_notices_a_store_that(kind: type[EmbeddedStore], tmp_path: Path) -> None:
    assert _survives(kind, tmp_path), f"{kind.__name__} passes the whole suite"


def test_the_suite_passes_the_store_that_the_mutants_start_from(tmp_path: Path) -> None:
    assert _survives(Faithful, tmp_path) == []
    assert len(MUTANTS) >= 10
