"""What is known of the quality of the library: `quality.sqlite`, and the colours that lie beside it in `colours/`.

A run writes its files first and then enters everything in one transaction: states of files, the run, the trend of each
rule, the moves of work orders with their audit rows. What a crash left behind is known to no row, and is swept.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

import numpy as np

from hubtwin.base.errors import Retry
from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.library.governing import Histogram, is_governed, proposed_grade
from hubtwin.model.colour import Colour
from hubtwin.rules.quality_rules import RuleBook, list_rules
from hubtwin.stores.colour_files import Counted, add_up
from hubtwin.stores.colour_tables import FilesOf
from hubtwin.stores.colouring import SPILL_FOLDER, Coloured, Colouring, PartState, Task, colours_sql
from hubtwin.stores.locks import locked
from hubtwin.stores.migrate import migrate
from hubtwin.stores.orders import Orders
from hubtwin.stores.quality_rows import part_of, part_row
from hubtwin.stores.sqlite import Database

QUALITY_FILE, COLOURS_FOLDER, LOCK_FILE = "quality.sqlite", "colours", "run.lock"
Audit = Callable[[str, Mapping[str, object]], None]  # kind, what is told; returns once it is written


@dataclass(frozen=True)
class Source:
    """What a run needs from the shelves: files by dataset, numbers of withheld rows, how many could not be read."""

    files_of: FilesOf
    withheld: Callable[[str], Sequence[int]]
    unreadable: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Run:
    """A run that ended. `governed` counts records that were evaluated by all rules of a published contract version,
    `repaired` those that became blue or green since the run before."""

    run_id: int
    dataset: str
    by: str
    begun_min: int
    ended_min: int
    contract: str
    rules_digest: str
    rows: int
    unreadable: int
    evaluated: int
    changed: int
    governed: int
    repaired: int
    colours: Histogram
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trend:
    """How many rows passed and failed a rule in a run."""

    run_id: int
    ended_min: int
    rule: str
    colour: Colour
    passed: int
    failed: int


_RUN = (
    "run_id, dataset, by, begun_min, ended_min, contract, rules_digest, rows, unreadable, evaluated, changed, governed,"
    " repaired, colours, skipped"
)


class Quality:
    """The quality of one library. Several threads and processes may use the same directory."""

    def __init__(
        self, directory: Path, *, at_min: int, audit: Audit | None = None, threads: int = 2, memory_mib: int = 2048
    ) -> None:
        """Open or create it; `directory` is that of the library. Raises Denied for a file of a newer version."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.directory, self._audit = directory, audit or (lambda kind, told: None)
        self.database = Database(directory / QUALITY_FILE, private=True, wal=True)
        migrate(self.database, "quality", at_min)
        self.orders = Orders(self.database, self._audit)
        self._colouring = Colouring(directory / COLOURS_FOLDER, threads=threads, memory_mib=memory_mib)
        self._forget_lost()
        self._sweep_all()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    def govern(self, listing: Listing, catalogue: Catalogue, source: Source, *, now_min: int, by: str) -> Run:
        """Colour a dataset and enter what came out. Raises Malformed for a listing whose rules cannot be read, Retry
        where somebody else runs the same dataset; then everything is as it was."""
        book = list_rules(listing, catalogue)
        with self._locked(listing.name):
            self._sweep(listing.name)
            run_id = self._begin(book, now_min, by)
            held = np.array(sorted(source.withheld(listing.name)), np.int64)
            known = {state.file.path.name: state for state in self.states(listing.name)}
            rest = (self._changes(listing.name), held, source.files_of, now_min, run_id)
            done = self._colouring.colour(
                Task(book, catalogue, source.files_of(listing.name), self._known(book, known), *rest)
            )
            failpoint("stores.quality_coloured")
            run = self._enter(book, run_id, done, now_min=now_min, unreadable=source.unreadable(listing.name), by=by)
            self._sweep(listing.name)
        return run

    def states(self, dataset: str) -> list[PartState]:
        """Return what is known of the files of a dataset, in the order in which they came."""
        found = self.database.all("SELECT * FROM parts WHERE dataset = ? ORDER BY rowid", dataset)
        return [part_of(self.directory, row) for row in found]

    def colours_of(self, dataset: str) -> list[Path]:
        """Return files of colours in which each row that was coloured stands once.

        Changes that lie beside them are put in first, which takes about a second for 30 million rows;
        `colours_sql` needs no such wait.
        """
        with self._locked(dataset):
            changes = self._changes(dataset)
            if changes:
                self._fold(dataset, changes)
        return [self._folder(dataset) / state.colours for state in self.states(dataset)]

    def settled(self, dataset: str) -> dict[str, Path]:
        """Return the file of colours of each file of rows that was coloured, by the name of the latter, with all
        changes in it. Raises Retry where changes wait and somebody colours the dataset."""
        if self._changes(dataset):
            self.colours_of(dataset)
        found = self.database.all("SELECT file, colours FROM parts WHERE dataset = ?", dataset)
        return {str(file): self._folder(dataset) / str(colours) for file, colours in found}

    def colours_sql(self, dataset: str) -> str:
        """Return a query of DuckDB for `row_no`, `colour` and `failed`, each row that was coloured once."""
        return colours_sql(self._folder(dataset), self.states(dataset), self._changes(dataset))

    def counted(self, dataset: str) -> Counted:
        """Return the counts of a dataset: the states of its files, added up."""
        return add_up(state.counted for state in self.states(dataset))

    def last_run(self, dataset: str) -> Run | None:
        """Return the last run that ended, None before there is one."""
        runs = self.runs(dataset, 1)
        return runs[0] if runs else None

    def last_runs(self) -> list[Run]:
        """Return the last run of each dataset, by name."""
        last = "SELECT max(run_id) FROM runs WHERE ended_min IS NOT NULL GROUP BY dataset"
        sql = f"SELECT {_RUN} FROM runs WHERE run_id IN ({last}) ORDER BY dataset"  # noqa: S608 - constant names
        return [_run(row) for row in self.database.all(sql)]

    def runs(self, dataset: str, limit: int) -> list[Run]:
        """Return the runs of a dataset that ended, the newest first."""
        sql = f"SELECT {_RUN} FROM runs WHERE dataset = ? AND ended_min IS NOT NULL ORDER BY run_id DESC LIMIT ?"  # noqa: S608
        return [_run(row) for row in self.database.all(sql, dataset, limit)]

    def trend(self, dataset: str, runs: int) -> list[Trend]:
        """Return successes and failures of each rule over the last runs, oldest first."""
        last = "SELECT run_id FROM runs WHERE dataset = ? AND ended_min IS NOT NULL ORDER BY run_id DESC LIMIT ?"
        found = self.database.all(
            "SELECT t.run_id, r.ended_min, t.rule, t.colour, t.passed, t.failed FROM trend t JOIN runs r USING (run_id)"  # noqa: S608
            f" WHERE t.run_id IN ({last}) ORDER BY t.run_id, t.rowid",
            *(dataset, runs),
        )
        return [
            Trend(int(str(run)), int(str(at)), str(rule), Colour(int(str(colour))), int(str(good)), int(str(bad)))
            for run, at, rule, colour, good, bad in found
        ]

    def proposals(self) -> list[tuple[str, int, int, int]]:
        """Return grades that scale has put into question: dataset, rows, proposed grade, minute. A person decides."""
        found = self.database.all("SELECT dataset, rows, grade, at_min FROM proposals ORDER BY dataset, grade")
        return [(str(name), int(str(rows)), int(str(grade)), int(str(at))) for name, rows, grade, at in found]

    def _forget_lost(self) -> None:
        """Forget colours whose files are gone, as in a restored backup: the next run makes them anew."""
        for (told,) in self.database.all("SELECT dataset FROM datasets"):
            dataset = str(told)
            with suppress(Retry), self._locked(dataset):  # who runs it now has files of its own
                names = [state.colours for state in self.states(dataset)] + [self._changes(dataset)]
                if not all((self._folder(dataset) / name).exists() for name in names if name):
                    with self.database.transaction() as con:
                        con.execute("DELETE FROM parts WHERE dataset = ?", (dataset,))
                        con.execute("DELETE FROM datasets WHERE dataset = ?", (dataset,))

    def _known(self, book: RuleBook, known: Mapping[str, PartState]) -> Mapping[str, PartState]:
        """Return the states with which the run goes on: under other rules their bits would mean something else."""
        found = self.database.all("SELECT rules_digest FROM datasets WHERE dataset = ?", book.listing.name)
        return known if found and found[0][0] == book.digest else {}

    def _begin(self, book: RuleBook, now_min: int, by: str) -> int:
        with self.database.transaction() as con:
            sql = "INSERT INTO runs (dataset, by, begun_min, contract, rules_digest) VALUES (?, ?, ?, ?, ?)"
            told = (book.listing.name, by, now_min, book.listing.contract, book.digest)
            return int(con.execute(sql, told).lastrowid or 0)

    def _enter(self, book: RuleBook, run_id: int, done: Coloured, *, now_min: int, unreadable: int, by: str) -> Run:
        listing, total = book.listing, add_up(state.counted for state in done.states)
        colours = Histogram({Colour(key): count for key, count in total.colours.items()}).with_unreadable(unreadable)
        governed = total.rows if is_governed(listing, done.skipped) else 0
        before = self.last_run(listing.name)
        with self.database.transaction() as con:
            con.execute("DELETE FROM parts WHERE dataset = ?", (listing.name,))
            for state in done.states:
                con.execute(
                    "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", part_row(self.directory, state)
                )
            told = (listing.name, book.digest, done.changes)
            con.execute("INSERT OR REPLACE INTO datasets VALUES (?, ?, ?)", told)
            con.execute(
                "UPDATE runs SET ended_min = ?, rows = ?, unreadable = ?, evaluated = ?, changed = ?, governed = ?,"
                " repaired = ?, colours = ?, skipped = ? WHERE run_id = ?",
                (
                    *(now_min, total.rows, unreadable, done.evaluated, done.changed, governed, done.repaired),
                    *(json.dumps(colours.colours), json.dumps(done.skipped), run_id),
                ),
            )
            for rule in book.rules:
                failed = total.failed.get(rule.bit, 0)
                row = (run_id, rule.name, int(rule.colour), total.rows - failed, failed)
                con.execute("INSERT INTO trend VALUES (?, ?, ?, ?, ?)", row)
            self._propose(con, listing, total.rows, before.rows if before else 0, now_min)
            self.orders.follow(con, book, total.failed, run_id=run_id, at_min=now_min)
            shown = {"dataset": listing.name, "run": run_id, "rows": total.rows, "evaluated": done.evaluated, "by": by}
            self._audit("QualityRun", {**shown, "contract": listing.contract, "repaired": done.repaired})
            failpoint("stores.quality_before_commit")
        failpoint("stores.quality_after_commit")
        (run,) = self.runs(listing.name, 1)
        return run

    def _propose(self, con: Connection, listing: Listing, rows: int, before: int, at_min: int) -> None:
        grade = proposed_grade(listing, rows, before)
        if grade is not None:
            told = (listing.name, rows, int(grade), at_min)
            if con.execute("INSERT OR IGNORE INTO proposals VALUES (?, ?, ?, ?)", told).rowcount:
                shown = {"dataset": listing.name, "rows": rows, "is": listing.dataset.grade.name, "to": grade.name}
                self._audit("QualityGradeProposed", shown)

    def _changes(self, dataset: str) -> str:
        found = self.database.all("SELECT changes FROM datasets WHERE dataset = ?", dataset)
        return str(found[0][0]) if found else ""

    def _fold(self, dataset: str, changes: str) -> None:
        with self.database.transaction() as con:
            run_id = int(con.execute("SELECT max(run_id) FROM runs").fetchone()[0])
        states = self._colouring.fold(self._folder(dataset), self.states(dataset), changes, run_id)
        with self.database.transaction() as con:
            for state in states:
                where = (state.colours, dataset, state.file.path.name)
                con.execute("UPDATE parts SET colours = ? WHERE dataset = ? AND file = ?", where)
            con.execute("UPDATE datasets SET changes = '' WHERE dataset = ?", (dataset,))
        self._sweep(dataset)

    def _folder(self, dataset: str) -> Path:
        return self.directory / COLOURS_FOLDER / dataset

    def _sweep_all(self) -> None:
        """Delete what runs left behind that died; what is run at this moment is left alone."""
        folders = [folder for folder in (self.directory / COLOURS_FOLDER).glob("*") if (folder / LOCK_FILE).is_file()]
        for folder in folders:
            with suppress(Retry), self._locked(folder.name):
                self._sweep(folder.name)

    def _sweep(self, dataset: str) -> None:
        """Delete files of colours and hashes that no row knows, and what the engine of a run that died had spilled; the
        lock of the dataset must be held."""
        shutil.rmtree(self._folder(dataset) / SPILL_FOLDER, ignore_errors=True)
        states = self.states(dataset)
        known = {name for state in states for name in (state.colours, *state.runs.values())} | {self._changes(dataset)}
        for path in self._folder(dataset).glob("*.*") if self._folder(dataset).exists() else ():
            if path.is_file() and path.name not in known and path.suffix != ".lock":
                path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self, dataset: str) -> Iterator[None]:
        folder = self._folder(dataset)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(folder / LOCK_FILE))
            except BlockingIOError:
                raise Retry("stores.quality_busy", dataset=dataset) from None
            yield


def _run(row: tuple[object, ...]) -> Run:
    run_id, dataset, by, begun, ended, contract, digest, *numbers, colours, skipped = row
    rows, unreadable, evaluated, changed, governed, repaired = (int(str(number)) for number in numbers)
    histogram = Histogram({Colour(int(key)): count for key, count in json.loads(str(colours)).items()})
    head = (int(str(run_id)), str(dataset), str(by), int(str(begun)), int(str(ended)), str(contract), str(digest))
    counts = (rows, unreadable, evaluated, changed, governed, repaired)
    return Run(*head, *counts, histogram, tuple(json.loads(str(skipped))))
