"""What a grant costs: questions through shares, gate, secure views, colours and audit, beside bare DuckDB.

    python -m benchmarks.granted_query [--rows 10000000] [--repeats 41] [--black-every 1000] [--no-copies]

Targets: at most twice the bare time for a count over 10 million rows, at most 10 ms more for a point look-up, and a
revocation that stops questions already running within 1 s. The rows lie on real shelves, one in a thousand is black
(`--black-every 0`: none), and the audit is forced to the disk for each question. Bare is DuckDB on the same Parquet
files with the same condition written by hand, on a warm connection, with as many threads: no masks, no colours, no
audit. Both sides take turns; the milliseconds more are the median of the differences of each pair, since a look-up that
reads everything takes 20 ms more or less from one time to the next.
"""

import argparse
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import SCRATCH, machine_header, measure, peak_rss_gib
from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied
from hubtwin.datasets.listing import Catalogue, Listing, Sharing
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.library.asking import AskDesk, Asked, ask, probe
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.stores.asking import COLOURS, Engine
from hubtwin.stores.audit import Audit, open_access
from hubtwin.stores.served import SERVED, make_copies
from hubtwin.stores.shelves import Shelves
from hubtwin.stores.signing import Signer
from hubtwin.wiring.asked import salt_of
from hubtwin.wiring.pieces import Pieces

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
NOW_MIN = epoch_minute(NOW)
PART, STREETS, THREADS = 1_000_000, 14, 2
PEOPLE = Dataset(
    "people",
    "人员",
    "people",
    ("person_no",),
    (
        Column("person_no", "string", "编号", "number", Grade.L3),
        Column("name", "string", "姓名", "name", Grade.L3),
        Column("street_code", "string", "街道", "street"),
        Column("age", "int", "年龄", "age", Grade.L2),
        Column("born", "date", "出生日期", "born", Grade.L3),
        Column("income", "float", "收入", "income", Grade.L3),
    ),
)
LISTING = Listing(PEOPLE, "people", "owner", Sharing.RESTRICTED, {}, street_column="street_code")
CATALOGUE = Catalogue((), (LISTING,), purposes={"care": {"zh": "关怀", "en": "care"}})
WHO = Person("ann", "Ann", "street", AgencyKind.STREET, frozenset({Role.ANALYST}), frozenset())
OWN = Rows(column="street_code", values=frozenset({"330102001", "330102002"}))
SHARE = Share(
    *("s1", "b1", "user:ann", "people", frozenset(PEOPLE.by_name)),
    masks=(("name", "surname"), ("born", "year")),
    rows=Rows(everything=True),
    purpose="care",
    legal_basis="law",
    delivery=frozenset(Delivery),
    lane=Lane.OWNER,
    digest=LISTING.digest,
    from_min=NOW_MIN - 1,
    until_min=NOW_MIN + 60,
    issued_by="owner",
    probed_min=NOW_MIN - 1,
)
MADE = """
SELECT 'P' || lpad(((i * 7919) % 99999989)::VARCHAR, 17, '0') AS person_no, chr(19968 + (i % 500)::INT) || '某' AS name,
  (330102001 + i % {streets})::VARCHAR AS street_code, (i * 31) % 101 AS age,
  DATE '1925-01-01' + (i % 36000)::INT AS born,
  ((i * 17) % 100000)::DOUBLE AS income, 'h' AS hub_id, 's' AS source, 'Actual' AS status, 'synthetic' AS provenance,
  false AS replayed FROM range({first}, {last}) t(i)
"""


def tables(first: int, last: int) -> Iterator[pa.Table]:
    """Yield rows of nobody, in pieces."""
    with duckdb.connect() as con:
        for start in range(first, last, 250_000):
            sql = MADE.format(streets=STREETS, first=start, last=min(start + 250_000, last))
            schema = pa.schema([field for field in LISTING.schema if field.name != "row_no"])
            yield con.sql(sql).to_arrow_table().cast(schema)


def fill(shelves: Shelves, rows: int, black_every: int) -> None:
    """Put rows on the shelf in parts and colour them."""
    for number, first in enumerate(range(0, rows, PART)):
        last = min(first + PART, rows)
        file = shelves.append(LISTING, f"part{number}", tables(first, last), key=str(number), at_min=NOW_MIN)
        assert file is not None
        row_nos = pq.read_table(file.path, columns=["row_no"]).column("row_no")
        tints = [
            int(Colour.BLACK if black_every and row % black_every == 7 else Colour.BLUE) for row in range(file.rows)
        ]
        target = shelves.directory / COLOURS / "people" / file.path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        columns = {"row_no": row_nos, "colour": pa.array(tints, pa.uint8())}
        pq.write_table(
            pa.table({**columns, "failed": pa.array([0] * file.rows, pa.uint64())}), target, compression="zstd"
        )


class Bench:
    """The library under measure. `shares` may be changed while questions run."""

    def __init__(self, directory: Path, rows: int, black_every: int, *, copies: bool) -> None:
        """Build it."""
        self.shelves = Shelves(directory / "library", at_min=NOW_MIN)
        began = time.perf_counter()
        fill(self.shelves, rows, black_every)
        print(f"{rows:,} rows on {len(self.shelves.files())} files in {time.perf_counter() - began:.0f} s")
        database = open_access(directory, NOW_MIN)
        self.audit = Audit(database, Signer(directory), clock=lambda: NOW)
        self.shares: Sequence[Share] = (SHARE,)
        pieces = Pieces(self.shelves, self.colours_of)
        if copies:
            began, rows_of = time.perf_counter(), lambda: [file.path for file in self.shelves.files("people")]
            made = make_copies(self.shelves.directory, "people", pieces("people"), rows_of)
            size = sum(path.stat().st_size for path in self.shelves.directory.glob(f"{SERVED}/*/*.parquet"))
            print(f"{made} copies without black rows, {size / 1e6:.0f} MB, in {time.perf_counter() - began:.1f} s")
        library = directory / "library"
        engine = Engine([library / "rows", library / COLOURS, library / SERVED], threads=THREADS)
        signer = Signer(directory)
        self.desk = AskDesk(
            catalogue=lambda: CATALOGUE,
            shares=lambda grantee: self.shares if grantee == SHARE.grantee else (),
            source=pieces,
            engine=engine,
            trail=self.audit,
            now_min=lambda: NOW_MIN,
            salt_of=lambda share_id: salt_of(signer, share_id),
        )
        self.bare = duckdb.connect(config={"threads": THREADS})
        files = ", ".join(f"'{file.path}'" for file in self.shelves.files("people"))
        self.read = f"read_parquet([{files}])"

    def colours_of(self, dataset: str) -> dict[str, Path]:
        """Return the files of colours by the name of their file of rows."""
        return {path.name: path for path in (self.shelves.directory / COLOURS / dataset).glob("*.parquet")}

    def granted(self, sql: str) -> list[object]:
        """Ask, and return the rows."""
        found: list[object] = ask(self.desk, Asked(WHO, (SHARE.grantee,), "care", sql)).table.to_pylist()
        return found

    def plain(self, sql: str) -> list[object]:
        """Ask DuckDB itself."""
        found: list[object] = self.bare.sql(sql.replace("people", self.read)).to_arrow_table().to_pylist()
        return found


def take_turns(
    first: Callable[[], object], second: Callable[[], object], repeats: int
) -> tuple[list[float], list[float], float, float]:
    """Return the wall milliseconds of two things that are done in turns, and the median CPU milliseconds of each; the
    first time of each warms up and does not count. Who begins changes, so that none always finds the other's caches."""
    taken: tuple[list[float], list[float]] = ([], [])
    cpu: tuple[list[float], list[float]] = ([], [])
    for number in range(repeats + 1):
        for side in (0, 1) if number % 2 else (1, 0):
            _, used = measure((first, second)[side])
            if number:
                taken[side].append(used.wall_s * 1000)
                cpu[side].append(used.cpu_s * 1000)
    return *taken, statistics.median(cpu[0]), statistics.median(cpu[1])


def compare(bench: Bench, name: str, rows: Rows, granted: str, bare: str, *, repeats: int) -> tuple[float, float]:
    """Print and return the medians of a question and of the same by hand."""
    bench.shares = (replace(SHARE, rows=rows),)
    ours, theirs, cpu, bare_cpu = take_turns(lambda: bench.granted(granted), lambda: bench.plain(bare), repeats)
    mine, hand = statistics.median(ours), statistics.median(theirs)
    more = sorted(one - other for one, other in zip(ours, theirs, strict=True))
    low, middle, high = (more[round(part * (len(more) - 1))] for part in (0.25, 0.5, 0.75))
    print(
        f"{name:<46} granted {mine:8.1f} ms   bare {hand:8.1f} ms   {mine / hand:4.2f}x"
        f"   by pairs {middle:+6.1f} ms (quartiles {low:+.1f}, {high:+.1f})"
        f"   CPU {cpu:.1f} / {bare_cpu:.1f} ms {cpu / bare_cpu:4.2f}x"
    )
    return mine, hand


def stop_ms(bench: Bench, repeats: int) -> list[float]:
    """Return how long after a revocation a running question ended, several times."""
    taken = []
    sql = "SELECT count(*) FROM people a, people b WHERE a.age + b.age > a.income"
    for _ in range(repeats):
        bench.shares, revoked = (SHARE,), list[float]()

        def revoke(told: list[float]) -> None:
            bench.shares = (replace(SHARE, revoked_min=NOW_MIN),)
            told.append(time.perf_counter())

        timer = threading.Timer(0.7, revoke, [revoked])
        timer.start()
        try:
            bench.granted(sql)
        except Denied:
            taken.append((time.perf_counter() - revoked[0]) * 1000)
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=41)
    parser.add_argument("--black-every", type=int, default=1_000)
    parser.add_argument("--no-copies", action="store_true", help="leave black rows out at each question")
    asked = parser.parse_args()
    print(machine_header(["duckdb", "sqlglot", "pyarrow"]))
    directory = SCRATCH / "granted"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        bench = Bench(directory, asked.rows, asked.black_every, copies=not asked.no_copies)
        measure_all(bench, asked.rows, asked.repeats)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def measure_all(bench: Bench, rows: int, repeats: int) -> None:
    """Compare questions with bare ones, and stop some."""
    everything, streets = Rows(everything=True), " street_code IN ('330102001', '330102002')"
    one = bench.plain(f"SELECT person_no FROM people WHERE row_no = {rows // 2 + 1}")[0]["person_no"]  # type: ignore[index]
    count = "SELECT count(*) FROM people WHERE age >= 60"
    group, whole = "SELECT street_code, avg(age) FROM people GROUP BY ALL", "SELECT count(*) FROM people"
    point = f"SELECT person_no, name, age FROM people WHERE person_no = '{one}'"
    pairs: tuple[tuple[str, Rows, str, str], ...] = (
        ("count with a condition, all rows", everything, count, count),
        ("count with a condition, own streets", OWN, count, f"{count} AND{streets}"),
        ("group by street, all rows", everything, group, group),
        ("count of everything (bare: metadata alone)", everything, whole, whole),
        ("point look-up by a column without order", everything, point, point),
        ("the same, own streets", OWN, point, f"{point} AND{streets}"),
    )
    for name, given, granted, bare in pairs:
        compare(bench, name, given, granted, bare, repeats=repeats)
    bench.shares = (SHARE,)
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        assert probe(bench.desk, SHARE).ok
        taken.append((time.perf_counter() - began) * 1000)
    print(f"{'a probe: one permitted and two forbidden':<46} {statistics.median(taken):.1f} ms")
    stopped = stop_ms(bench, 5)
    print(f"{'revocation of a running question':<46} {max(stopped):.0f} ms at most, of {len(stopped)}")
    print(f"peak memory {peak_rss_gib():.2f} GiB")


if __name__ == "__main__":
    main()
