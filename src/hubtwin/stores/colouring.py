"""Giving every row of a dataset its colour: what is new is scanned, what only changed beside it is changed.

A file is scanned again when it is new or when what its rows are held to has changed: the rules, a table they refer to,
a row that is withheld. Of all other files only those rows are looked at whose key stands in a file that came or went,
and those that have become stale since; their colours go into one small file of changes beside the files of colours,
which goes before them, and into the files themselves once it has grown.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hubtwin.base.failpoint import failpoint
from hubtwin.datasets.listing import Catalogue
from hubtwin.rules.quality_rules import NO_RECORD, Kind, RuleBook
from hubtwin.rules.quality_sql import Against, literal, quoted, skipped, stale_before
from hubtwin.stores.colour_doubles import Doubles, RowNosOf, Runs, find_doubles
from hubtwin.stores.colour_files import (
    CLEAN_FROM,
    Counted,
    add_up,
    count_repaired,
    write_changes,
    write_colours,
    write_table,
)
from hubtwin.stores.colour_scan import (
    Profile,
    Scanned,
    confirmed_at,
    connect,
    count,
    next_stale,
    profile,
    row_range,
    rows_of,
    scan,
    source_of,
)
from hubtwin.stores.colour_tables import make_tables
from hubtwin.stores.key_runs import Places
from hubtwin.stores.shelf_files import ShelfFile

SPILL_FOLDER = "spill"  # of a run's engine, beside the colours
MOST_CHANGED = 0.02  # of the rows: more changes than that go into the files of colours
RowNos = npt.NDArray[np.int64]


@dataclass(frozen=True)
class PartState:
    """What is known of a file of rows that was coloured; states of files add up to that of the dataset.

    `colours` and `runs` are names of files beside each other. `known_by` tells what the rows were held to. `dense`: its
    row numbers have no gap.
    """

    file: ShelfFile
    known_by: str
    colours: str
    runs: Mapping[str, str]
    counted: Counted
    profile: Profile
    next_stale_min: int | None
    dense: bool


@dataclass(frozen=True)
class Task:
    """What to colour: files that count now, what was known, rows that are withheld (sorted), what files others have."""

    book: RuleBook
    catalogue: Catalogue
    files: Sequence[ShelfFile]
    known: Mapping[str, PartState]  # by the name of the file
    changes: str
    withheld: RowNos
    files_of: Callable[[str], Sequence[ShelfFile]]
    now_min: int
    run_id: int


@dataclass(frozen=True)
class Coloured:
    """What came out: the states of all files, the file of changes (or ""), what could not be evaluated."""

    states: Sequence[PartState]
    changes: str
    skipped: tuple[str, ...]
    evaluated: int
    changed: int
    repaired: int


class Colouring:
    """The folder of one library in which colours lie, and the engine that makes them."""

    def __init__(self, directory: Path, *, threads: int = 2, memory_mib: int = 2048) -> None:
        """Take the folder; it is made when first written to."""
        self.directory, self._threads, self._memory_mib = directory, threads, memory_mib

    def colour(self, task: Task) -> Coloured:
        """Colour what has to be coloured. Nothing counts before the states that are returned are entered."""
        folder = self.directory / task.book.listing.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with connect(folder / SPILL_FOLDER, self._threads, self._memory_mib) as con:
            return _Turn(con, folder, task, self._threads).run()

    def profile(self, task: Task) -> Counted:
        """Return what the rows fail and their colours in sum, all rules but those of keys; nothing is written."""
        with connect(self.directory / SPILL_FOLDER, self._threads, self._memory_mib) as con:
            tables, _ = make_tables(con, task.book, task.catalogue, task.files_of)

            def one(file: ShelfFile) -> Counted:
                with con.cursor() as cursor:
                    return count(cursor, task.book, task.catalogue, file, Against(task.now_min, {}, tables))

            with ThreadPoolExecutor(max(1, self._threads)) as pool:
                return add_up(list(pool.map(one, task.files)))

    def fold(self, folder: Path, states: Sequence[PartState], changes: str, run_id: int) -> list[PartState]:
        """Put the file of changes into the files of colours; return the states with their new files."""
        with connect(folder / SPILL_FOLDER, self._threads, self._memory_mib) as con:
            return [_folded(con, folder, state, changes, run_id) for state in states]


def colours_sql(folder: Path, states: Sequence[PartState], changes: str) -> str:
    """Return a query for row_no, colour and failed, each row once."""
    base = source_of([folder / state.colours for state in states])
    if not states:
        return "SELECT NULL::BIGINT AS row_no, NULL::UTINYINT AS colour, NULL::UBIGINT AS failed WHERE false"
    if not changes:
        return f"SELECT row_no, colour, failed FROM {base}"  # noqa: S608 - names of our own files
    later = source_of([folder / changes])
    return (
        f"SELECT row_no, colour, failed FROM {base} AS b ANTI JOIN {later} AS l USING (row_no)"  # noqa: S608
        f" UNION ALL SELECT row_no, colour, failed FROM {later}"
    )


def _folded(con: duckdb.DuckDBPyConnection, folder: Path, state: PartState, changes: str, run_id: int) -> PartState:
    """Write the colours of a file anew with the changes in them."""
    base, later = source_of([folder / state.colours]), source_of([folder / changes])
    found = con.execute(
        "SELECT row_no, coalesce(l.colour, b.colour) AS colour, coalesce(l.failed, b.failed) AS failed"  # noqa: S608
        f" FROM {base} AS b LEFT JOIN {later} AS l USING (row_no) ORDER BY row_no"
    ).fetchnumpy()
    name = f"{state.file.path.stem}.{run_id}.folded.parquet"
    write_table(folder / name, found["row_no"], found["colour"], found["failed"])
    return replace(state, colours=name)


class _Turn:
    """One turn over one dataset."""

    def __init__(self, con: duckdb.DuckDBPyConnection, folder: Path, task: Task, threads: int) -> None:
        self._con, self._folder, self._task, self._threads = con, folder, task, threads
        self._book = task.book

    def run(self) -> Coloured:
        task, book = self._task, self._book
        tables, marks = make_tables(self._con, book, task.catalogue, task.files_of)
        against = Against(task.now_min, {}, tables)
        told = {file.path.name: self._known_by(file, marks) for file in task.files}
        kept = [task.known[f.path.name] for f in task.files if self._stands(f, told[f.path.name])]
        names = {state.file.path.name for state in kept}
        fresh = [file for file in task.files if file.path.name not in names]
        scanned = self._scan(fresh, against)
        failpoint("stores.colour_scanned")
        gone = [state for name, state in task.known.items() if name not in names]
        here = {(file.path.name, file.sha256) for file in task.files}
        lost = [state for state in gone if (state.file.path.name, state.file.sha256) not in here]
        doubles = self._doubles(scanned, kept, lost)
        states = self._write(scanned, doubles, told)
        aged = [state for state in kept if _is_due(state, task.now_min)]
        changed = self._change(kept, aged, doubles)
        kept, changes = self._settle(kept, aged, changed)
        lasting = all(file.numbered for file in task.files)
        repaired = self._repaired(gone, states) if lasting else self._repaired_by_key(states)
        repaired += count_repaired(book.rules, changed["before"], changed["after"])
        order = {file.path.name: place for place, file in enumerate(task.files)}
        states = sorted([*states, *kept], key=lambda state: order[state.file.path.name])
        evaluated = sum(file.rows for file in fresh)
        left_out = tuple(rule.name for rule in skipped(book, against))
        return Coloured(states, changes, left_out, evaluated, len(changed["row_no"]), repaired)

    def _known_by(self, file: ShelfFile, marks: str) -> str:
        near = self._task.withheld
        if len(near):
            low, high = row_range(file)
            near = near[(near >= low) & (near <= high)]
        told = (file.sha256, self._book.digest, marks, duckdb.__version__, near.tobytes().hex())
        return sha256("|".join(told).encode()).hexdigest()[:32]

    def _stands(self, file: ShelfFile, known_by: str) -> bool:
        state = self._task.known.get(file.path.name)
        if state is None or state.known_by != known_by:
            return False
        if _is_due(state, self._task.now_min) and not self._book.listing.confirmed_column:
            return False  # all its rows age at once
        return all((self._folder / name).exists() for name in (state.colours, *state.runs.values()))

    def _scan(self, files: Sequence[ShelfFile], against: Against) -> list[Scanned]:
        def one(file: ShelfFile) -> Scanned:
            place = self._folder / f"{file.path.stem}.{self._task.run_id}"
            with self._con.cursor() as con:
                return scan(con, self._book, self._task.catalogue, file, against, place=place)

        with ThreadPoolExecutor(max(1, self._threads)) as pool:
            return list(pool.map(one, files))

    def _doubles(
        self, scanned: Sequence[Scanned], kept: Sequence[PartState], gone: Sequence[PartState]
    ) -> list[Doubles]:
        by_bit = {rule.bit: rule.name for rule in self._book.unique}
        new = [
            Runs(each.file, {by_bit[bit]: path for bit, path in each.runs.items()}, _numbers(each)) for each in scanned
        ]
        old = [Runs(state.file, self._runs(state), _numbers_of(state)) for state in kept]
        return find_doubles(self._con, self._book, new=new, old=old, gone=[self._runs(state) for state in gone])

    def _runs(self, state: PartState) -> dict[str, Path]:
        return {name: self._folder / file for name, file in state.runs.items()}

    def _write(
        self, scanned: Sequence[Scanned], doubles: Sequence[Doubles], told: Mapping[str, str]
    ) -> list[PartState]:
        def one(number: int) -> PartState:
            each = scanned[number]
            row_nos = each.spool.row_nos()
            marks = [_marked(row_nos, found.new[number], found) for found in doubles]
            held = np.searchsorted(row_nos, self._task.withheld)
            held = held[held < len(row_nos)]
            held = held[np.isin(row_nos[held], self._task.withheld)]
            marks += [(np.unique(held), rule.mask) for rule in self._book.by_kind(Kind.WITHHELD)]
            codes, masks = each.spool.finish(marks)
            name = f"{each.file.path.stem}.{self._task.run_id}.parquet"
            counted = write_colours(self._folder / name, self._book.rules, row_nos, codes, masks)
            runs = {rule.name: each.runs[rule.bit].name for rule in self._book.unique}
            dense = len(row_nos) == 0 or int(row_nos[-1]) - int(row_nos[0]) + 1 == len(row_nos)
            parts = (told[each.file.path.name], name, runs, counted, profile(self._book.listing, each.file.path))
            return PartState(each.file, *parts, each.next_stale_min, dense)

        with ThreadPoolExecutor(max(1, self._threads)) as pool:
            return list(pool.map(one, range(len(scanned))))

    def _change(
        self, kept: Sequence[PartState], aged: Sequence[PartState], doubles: Sequence[Doubles]
    ) -> dict[str, Any]:
        """Return the rows of kept files whose mask is another now: row_no, before, after, and which file."""
        asked = [
            (found.rule.mask, _numbers_of(state).at(places), found.doubles)
            for found in doubles
            for state, places in zip(kept, found.old, strict=True)
            if len(places)
        ]
        self._con.execute("CREATE OR REPLACE TEMP TABLE told (row_no BIGINT, clears UBIGINT, sets UBIGINT)")
        for mask, row_nos, twice in asked:
            sets = np.where(np.isin(row_nos, twice), np.uint64(mask), np.uint64(0))
            clears = np.full(len(row_nos), mask, np.uint64)
            self._con.register("part", pa.table({"row_no": row_nos, "clears": clears, "sets": sets}))
            self._con.execute("INSERT INTO told SELECT * FROM part")
            self._con.unregister("part")
        if aged:
            self._con.execute(self._aged_sql(aged))
        if not asked and not aged:
            return {name: np.empty(0, np.uint64) for name in ("row_no", "before", "after", "place")}
        return self._con.execute(self._changed_sql(kept)).fetchnumpy()

    def _aged_sql(self, aged: Sequence[PartState]) -> str:
        (rule,) = self._book.by_kind(Kind.STALE)
        listing, limit = self._book.listing, stale_before(self._book, self._task.now_min)
        since = min(confirmed_at(listing, state.next_stale_min or 0) for state in aged)  # older ones are stale already
        column = quoted(rule.columns[0])
        day = listing.dataset.by_name[rule.columns[0]].type == "date"
        value = f"({column} - DATE '1970-01-01')" if day else column
        source = rows_of([state.file for state in aged])
        span = f"{value} >= {since} AND {value} < {limit}"
        return f"INSERT INTO told SELECT row_no, 0, {rule.mask} FROM {source} WHERE {span}"  # noqa: S608

    def _changed_sql(self, kept: Sequence[PartState]) -> str:
        names = ", ".join(f"({literal(str(self._folder / state.colours))}, {n})" for n, state in enumerate(kept))
        base = source_of([self._folder / state.colours for state in kept], ", filename = true")
        later = self._task.changes
        failed, join = "b.failed", ""
        if later:
            failed = "coalesce(l.failed, b.failed)"
            join = f"LEFT JOIN {source_of([self._folder / later])} AS l ON l.row_no = b.row_no"
        return (
            f"SELECT b.row_no, {failed} AS before, f.place::UBIGINT AS place,"  # noqa: S608
            f" ({failed} & ~t.clears) | t.sets AS after FROM {base} AS b"
            " JOIN (SELECT row_no, bit_or(clears) AS clears, bit_or(sets) AS sets FROM told GROUP BY row_no) AS t"
            f" ON t.row_no = b.row_no {join} JOIN (VALUES {names}) AS f(name, place) ON f.name = b.filename"
            f" WHERE (({failed} & ~t.clears) | t.sets) <> {failed}"
        )

    def _settle(
        self, kept: Sequence[PartState], aged: Sequence[PartState], changed: Mapping[str, Any]
    ) -> tuple[list[PartState], str]:
        """Return the kept files with what they count now, and the name of the file of changes."""
        task, rules, due = self._task, self._book.rules, {state.file.path.name for state in aged}
        states = []
        for place, state in enumerate(kept):
            mine = changed["place"] == place
            told = state
            if mine.any():
                counted = state.counted.moved(rules, changed["before"][mine], changed["after"][mine])
                told = replace(told, counted=counted)
            if state.file.path.name in due:
                told = replace(told, next_stale_min=next_stale(self._con, self._book, state.file, task.now_min))
            states.append(told)
        earlier = self._earlier(kept, changed["row_no"])
        row_nos = np.concatenate((earlier["row_no"], changed["row_no"].astype(np.int64)))
        if not len(row_nos):
            return states, ""
        name = f"changes.{task.run_id}.parquet"
        write_changes(self._folder / name, rules, row_nos, np.concatenate((earlier["failed"], changed["after"])))
        if len(row_nos) <= MOST_CHANGED * sum(state.file.rows for state in kept):
            return states, name
        states = [_folded(self._con, self._folder, state, name, task.run_id) for state in states]
        (self._folder / name).unlink()
        return states, ""

    def _earlier(self, kept: Sequence[PartState], changed: RowNos) -> dict[str, Any]:
        """Return the changes of before that still stand: of kept files, and not changed again."""
        if not self._task.changes or not kept:
            return {"row_no": np.empty(0, np.uint64), "failed": np.empty(0, np.uint64)}
        found = self._con.execute(
            f"SELECT row_no, failed FROM {source_of([self._folder / self._task.changes])} AS c"  # noqa: S608
            f" SEMI JOIN {source_of([self._folder / state.colours for state in kept])} AS k USING (row_no)"
        ).fetchnumpy()
        stands = ~np.isin(found["row_no"], changed)
        return {name: values[stands] for name, values in found.items()}

    def _repaired(self, gone: Sequence[PartState], states: Sequence[PartState]) -> int:
        """Return how many rows were not clean in the files that went, and are in those that came."""
        gone = [state for state in gone if (self._folder / state.colours).exists()]
        if not gone or not states:
            return 0
        later = self._task.changes if self._task.changes and (self._folder / self._task.changes).exists() else ""
        before = colours_sql(self._folder, gone, later)
        after = colours_sql(self._folder, states, "")
        found = self._con.execute(
            f"SELECT count(*) FROM ({before}) AS b JOIN ({after}) AS a USING (row_no)"  # noqa: S608
            f" WHERE b.colour < {CLEAN_FROM} AND a.colour >= {CLEAN_FROM}"
        ).fetchone()
        return int(found[0]) if found else 0

    def _repaired_by_key(self, states: Sequence[PartState]) -> int:
        """Return of how many keys the record was not clean and a new row is, where numbers last no longer than files.
        A file that was erased or swept since tells nothing."""
        folder, task = self._folder, self._task
        before = [state for state in task.known.values() if _unclean(state) and state.file.path.exists()]
        before = [state for state in before if (folder / state.colours).exists()]
        if not before or not states:
            return 0
        later = task.changes if task.changes and (folder / task.changes).exists() else ""
        keys = ", ".join(quoted(name) for name in self._book.listing.dataset.key)
        clean = f"SELECT row_no FROM ({colours_sql(folder, states, '')}) WHERE colour >= {CLEAN_FROM}"  # noqa: S608
        good = f"SELECT {keys} FROM {rows_of([s.file for s in states])} SEMI JOIN ({clean}) USING (row_no)"  # noqa: S608
        unclean = f"colour BETWEEN {NO_RECORD + 1} AND {CLEAN_FROM - 1}"
        bad = f"SELECT row_no FROM ({colours_sql(folder, before, later)}) WHERE {unclean}"  # noqa: S608
        joins = [f"SEMI JOIN ({good}) USING ({keys})", f"SEMI JOIN ({bad}) USING (row_no)"]
        if sum(map(_unclean, before)) < sum(state.counted.rows for state in states):
            joins.reverse()  # what leaves fewer comes first: a night's rows, or the few that were not clean
        was = rows_of([state.file for state in before])
        found = self._con.execute(f"SELECT count(*) FROM {was} {' '.join(joins)}").fetchone()  # noqa: S608
        return int(found[0]) if found else 0


def _unclean(state: PartState) -> int:
    return sum(count for colour, count in state.counted.colours.items() if colour < CLEAN_FROM)


def _marked(row_nos: RowNos, places: Places, found: Doubles) -> tuple[Places, int]:
    return places[np.isin(row_nos[places], found.doubles)], found.rule.mask


def _is_due(state: PartState, now_min: int) -> bool:
    return state.next_stale_min is not None and state.next_stale_min <= now_min


def _numbers(each: Scanned) -> RowNosOf:
    row_nos = each.spool.row_nos()
    dense = len(row_nos) > 0 and int(row_nos[-1]) - int(row_nos[0]) + 1 == len(row_nos)
    return RowNosOf(each.file, int(row_nos[0]) if dense else None, None if dense else row_nos)


def _numbers_of(state: PartState) -> RowNosOf:
    return RowNosOf(state.file, state.file.first_row_no if state.dense else None)
