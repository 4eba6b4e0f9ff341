"""From the rows of a page to batches in the store: checked, pseudonymised, marked, counted, and safe to run again.

Memory holds one batch, whatever the size of the page. The key of a batch says which page of its source it
belongs to, where in the page and what is in it, so a page that is read again after a crash goes on where it
stopped: what was stored is not stored twice, what was not is stored now.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import pyarrow as pa
import pyarrow.compute as pc
import structlog

from hubtwin.base.errors import Absent, Bug, Denied, Malformed
from hubtwin.base.ids import stable_key
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset, Grade
from hubtwin.library.report import Progress, Report
from hubtwin.model.record import Identity, Marks, Provenance, Quarantined, Row, Status
from hubtwin.ports import Batch, Page, Store
from hubtwin.rules.privacy import EPOCH_DESTROYED
from hubtwin.rules.quality import Problem, build, check, screen

BATCH_ROWS = 20_000  # rows: a few tens of MB in memory, and one fsync for all of them
_RAW_CHARS = 500
REFUSED = '{"dataset": "'  # how what is kept of a refused row begins, before the name of the dataset
_LOG = structlog.get_logger()

Values = Mapping[str, object]
Resolve = Callable[[Dataset, Values], tuple[Values, Sequence[Row]]]  # row -> row without identities, and links
Stored = Callable[[str, pa.Table], None]  # dataset, rows that are in the store now
Compare = Callable[[str, pa.Table], tuple[int, int] | None]  # dataset, rows -> (identical, replaced) against the store


@dataclass(frozen=True)
class Target:
    """Where rows go: the store, its hub and status, and the name of the source they come from."""

    store: Store
    hub_id: str
    source: str
    status: Status = Status.ACTUAL


@dataclass(frozen=True)
class Options:
    """How rows are taken in. `resolve` is needed for datasets of persons; `batch_rows` bounds the memory.
    `on_stored` hears of rows once they would survive a crash, and again where they are read again."""

    batch_rows: int = BATCH_ROWS
    resolve: Resolve | None = None
    compare: Compare | None = None
    progress: Callable[[Progress], None] | None = None
    on_stored: Stored | None = None


DEFAULT = Options()


@dataclass
class _Tally:
    read: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)
    compared: bool = True


class Intake:
    """Takes in one page. `take` as often as there are rows, then `finish`; or `reject` for a page refused whole."""

    def __init__(self, page: Page, target: Target, options: Options = DEFAULT) -> None:
        """Begin a page: nothing is read or written yet."""
        self._page, self._target, self._options = page, target, options
        self._turn = target.store.count_cursors(target.source)
        self._index = 0
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        self._bad: list[Quarantined] = []
        self._pending = 0
        self._tally = _Tally()

    @property
    def read(self) -> int:
        """Return how many rows were taken so far, good and bad."""
        return self._tally.read

    @property
    def kept(self) -> int:
        """Return how many rows were stored so far."""
        return self._tally.kept.total()

    @property
    def bad(self) -> int:
        """Return how many rows were quarantined so far, as far as they were looked at."""
        return self._tally.quarantined.total()

    def listed(self, rows: int) -> None:
        """Correct the count of rows that were read, where what is taken are changes and not the listing itself."""
        self._tally.read += rows

    def take(self, items: Iterable[Row | Quarantined], *, whole: bool = False) -> None:
        """Take rows in; store every full batch. `whole` keeps all of them for one batch (a page that was folded).

        Raises Malformed for a dataset that does not exist; whatever `items` raises passes through.
        """
        for item in items:
            self._tally.read += 1
            self._pending += 1
            if isinstance(item, Quarantined):
                self._quarantine(item)
            else:
                self._rows[item.dataset].append(item)
            if self._pending >= self._options.batch_rows and not whole:
                self._write(None)

    def finish(self) -> Report:
        """Store what is left together with the cursor of the page; return what became of the page."""
        self._write(self._page.cursor)
        return self._report(())

    def reject(self, error: Malformed) -> Report:
        """Put the page into quarantine as a whole and go on behind it; what was not stored yet is discarded."""
        page = Quarantined(self._page.name, error.key, dict(error.values))
        self._tally.numbers["discarded"] += self._pending
        for row in self._bad:
            self._tally.quarantined[row.reason] -= 1
        self._rows.clear()
        self._bad = [page]
        self._write(self._page.cursor)
        return self._report((page,))

    def _report(self, rejected: tuple[Quarantined, ...]) -> Report:
        tally, number = self._tally, self._tally.numbers
        return Report(
            source=self._target.source,
            pages=1,
            rejected=rejected,
            read=tally.read,
            kept=dict(tally.kept),
            quarantined=dict(+tally.quarantined),
            dropped=number["dropped"],
            discarded=number["discarded"],
            identical=number["identical"],
            replaced=number["replaced"],
            derived=number["derived"],
            synthetic=number["synthetic"],
            batches=number["batches"],
            skipped=number["skipped"],
            compared=tally.compared,
        )

    def _quarantine(self, row: Quarantined) -> None:
        self._bad.append(row)
        self._tally.quarantined[row.reason] += 1

    def _write(self, cursor: str | None) -> None:
        tables: dict[str, pa.Table] = {}
        links: list[Row] = []
        for name, rows in self._rows.items():
            table = self._table(_dataset(name), rows, links)
            if table.num_rows:
                tables[name] = table
                self._tally.kept[name] += table.num_rows
        for name, rows in _by_dataset(links).items():
            derived = self._table(_dataset(name), rows, [])
            tables[name] = pa.concat_tables([tables[name], derived]) if name in tables else derived
            self._tally.numbers["derived"] += derived.num_rows
        self._count(tables)
        digest = _digest(tables, self._bad, cursor)
        key = stable_key(self._target.source, self._turn, self._page.name, self._index, digest)
        batch = Batch(key, self._target.source, tables, tuple(self._bad), cursor)
        try:
            new = self._target.store.write(batch)
        except Malformed as error:  # not the page's fault, so the page must not be rejected for it
            raise Bug("library.refused_by_store", detail=str(error)) from error
        self._tally.numbers["batches" if new else "skipped"] += 1
        stored = {name: table.num_rows for name, table in tables.items()}
        _LOG.debug(
            "batch_stored", source=self._target.source, batch=self._index, rows=stored, bad=len(self._bad), new=new
        )
        if self._options.on_stored is not None:
            for name, table in tables.items():
                self._options.on_stored(name, table)
        self._index += 1
        self._rows.clear()
        self._bad, self._pending = [], 0

    def _count(self, tables: Mapping[str, pa.Table]) -> None:
        for name, table in tables.items():
            self._tally.numbers["synthetic"] += pc.sum(pc.equal(table.column("provenance"), "synthetic")).as_py()
            if name not in self._rows:  # links were not read, so nothing is said of them
                continue
            if self._options.compare is None:
                self._tally.compared = False
                continue
            found = self._options.compare(name, table)
            if found is None:
                self._tally.compared = False
            else:
                self._tally.numbers["identical"] += found[0]
                self._tally.numbers["replaced"] += found[1]

    def _table(self, dataset: Dataset, rows: Sequence[Row], links: list[Row]) -> pa.Table:
        """Return the rows that may be stored, as declared, the last of each key; the others go to quarantine."""
        screened = screen(dataset, [row.values for row in rows])
        for place, problems in screened.problems.items():
            self._quarantine(_refused(dataset, rows[place], problems[0]))
        columns, good = screened.columns, self._resolved(dataset, [rows[place] for place in screened.kept], links)
        good = self._last_of_each(dataset, [row for row in good if self._right_status(dataset, row)])
        if len(good) != len(screened.kept):
            columns = build(dataset, [row.values for row in good])
        own = [
            pa.array([row.values[column.name] for row in good], pa.string())
            if column.type == "pid"
            else columns[column.name]
            for column in dataset.columns
        ]
        return pa.Table.from_arrays(own + self._system(good), schema=dataset.schema)

    def _resolved(self, dataset: Dataset, rows: list[Row], links: list[Row]) -> list[Row]:
        persons = [column.name for column in dataset.columns if column.type == "pid"]
        if not persons:
            return rows
        good = []
        for row in rows:
            if not any(isinstance(row.values[name], Identity) for name in persons):
                good.append(row)
                continue
            if self._options.resolve is None:
                raise Bug("library.no_pseudonyms", dataset=dataset.name)
            try:
                values, found = self._options.resolve(dataset, row.values)
            except Denied as error:
                if error.key != EPOCH_DESTROYED:  # a wrong key file is no fault of the row: stop, and lose none
                    raise
                self._quarantine(_refused(dataset, row, Problem(error.key, error.values)))
                continue
            good.append(Row(row.dataset, values, row.locator, row.marks))
            links += [Row(link.dataset, link.values, row.locator, row.marks) for link in found]
        return good

    def _right_status(self, dataset: Dataset, row: Row) -> bool:
        found = self._page.marks.join(row.marks).status
        if found is self._target.status:
            return True
        values = {"found": found.value, "status": self._target.status.value}
        self._quarantine(_refused(dataset, row, Problem("library.wrong_status", values)))
        return False

    def _last_of_each(self, dataset: Dataset, rows: list[Row]) -> list[Row]:
        keys = list(zip(*([row.values[name] for row in rows] for name in dataset.key), strict=True))
        last = dict(zip(keys, range(len(rows)), strict=True))
        if len(last) == len(rows):
            return rows
        kept = sorted(last.values())
        for place, key in enumerate(keys):
            if (stands := last[key]) != place:
                same = rows[place].values == rows[stands].values and rows[place].marks == rows[stands].marks
                self._drop(dataset, "identical" if same else "replaced")
        return [rows[place] for place in kept]

    def _drop(self, dataset: Dataset, how: str) -> None:
        if dataset.name in self._rows:  # a link that many rows share is one link, not a repeated row
            self._tally.numbers["dropped"] += 1
            self._tally.numbers[how] += 1

    def _system(self, rows: Sequence[Row]) -> list[pa.Array]:
        cache: dict[Marks, Marks] = {}
        marks = [cache.get(row.marks) or cache.setdefault(row.marks, self._page.marks.join(row.marks)) for row in rows]
        return [
            pa.array([self._target.hub_id] * len(rows), pa.string()),
            pa.array([self._target.source] * len(rows), pa.string()),
            pa.array([mark.status.value for mark in marks], pa.string()),
            pa.array([mark.provenance.value for mark in marks], pa.string()),
            pa.array([mark.replayed for mark in marks], pa.bool_()),
        ]


def ingest(items: Iterable[Row | Quarantined], page: Page, target: Target, options: Options = DEFAULT) -> Report:
    """Store all rows of a page and its cursor; return what became of them. The page's bytes are not read."""
    intake = Intake(page, target, options)
    intake.take(items)
    return intake.finish()


@dataclass(frozen=True, slots=True)
class Sample:
    """A row as it would be stored; persons are masked. `problems` is empty for a row that would be kept."""

    dataset: str
    locator: str
    values: Mapping[str, object]
    synthetic: bool
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a source, good and bad in their order; nothing was written."""

    samples: tuple[Sample, ...]
    quarantined: tuple[Quarantined, ...]
    more: bool


def preview(items: Iterable[Row | Quarantined], limit: int = 20) -> Preview:
    """Look at the first `limit` rows without writing anything. Raises what `items` raises."""
    samples: list[Sample] = []
    bad: list[Quarantined] = []
    for item in items:
        if len(samples) + len(bad) >= limit:
            return Preview(tuple(samples), tuple(bad), more=True)
        if isinstance(item, Quarantined):
            bad.append(item)
            continue
        problems = tuple(check(_dataset(item.dataset), item.values))
        values = {name: _masked(_dataset(item.dataset), name, value) for name, value in item.values.items()}
        synthetic = item.marks.provenance is Provenance.SYNTHETIC
        samples.append(Sample(item.dataset, item.locator, values, synthetic, problems))
    return Preview(tuple(samples), tuple(bad), more=False)


def _dataset(name: str) -> Dataset:
    if name not in DATASETS:
        raise Absent("library.unknown_dataset", dataset=name)
    return DATASETS[name]


def _masked(dataset: Dataset, name: str, value: object) -> object:
    """Return a value as a preview may show it: what tells of a person is ***, whether it is there is not hidden."""
    column = dataset.by_name.get(name)
    private = isinstance(value, Identity) or column is None or column.grade is Grade.L4 or column.type == "pid"
    return "***" if private and value is not None else value


def _refused(dataset: Dataset, row: Row, problem: Problem) -> Quarantined:
    """Return the row for quarantine: columns of persons stay out, and what a column is not declared for as well."""
    shown = {
        name: str(value)
        for name, value in row.values.items()
        if name in dataset.by_name and dataset.by_name[name].grade < Grade.L3
    }
    raw = json.dumps({"dataset": dataset.name, **shown}, ensure_ascii=False, default=str)[:_RAW_CHARS]
    return Quarantined(row.locator, problem.key, dict(problem.values), raw)


def _by_dataset(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.dataset].append(row)
    return found


def _digest(tables: Mapping[str, pa.Table], bad: Sequence[Quarantined], cursor: str | None) -> str:
    """Return a hash of what a batch holds: Arrow's own serial form, then the quarantine and the cursor."""
    found = blake2b(digest_size=16)
    for name, table in sorted(tables.items()):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        found.update(name.encode())
        found.update(sink.getvalue())
    for row in bad:
        found.update(repr((row.locator, row.reason, sorted(row.values.items()), row.raw)).encode(errors="replace"))
    found.update(repr(cursor).encode())
    return found.hexdigest()
