"""What a grant costs: questions through shares, gate, secure views, colours and audit, beside bare DuckDB.

    python -m benchmarks.granted_query [--rows 10000000] [--repeats 41] [--black-every 1000] [--no-copies]

Targets: at most twice the bare time for a count over 10 million rows, at most 10 ms more for a point look-up, and a
revocation that stops questions already running within 1 s. The rows lie on real shelves, one in a thousand is black
(`--black-every 0`: none), and the audit is forced to the disk for each question. Bare is DuckDB with the same condition
written by hand, on a warm connection, with as many threads: no masks, no colours, no audit; once on the files as they
were loaded, and once on the copies that granted questions read (the same rows, laid out to be looked up in). All sides
take turns; the milliseconds more are the median of the differences within each turn.
"""

import argparse
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
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
            made = make_copies(self.shelves.directory, LISTING, pieces("people"), rows_of)
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
        self.read = read_of([file.path for file in self.shelves.files("people")])
        self.copies = (
            read_of(sorted(self.shelves.directory.glob(f"{SERVED}/people/*.parquet"))) if copies else self.read
        )

    def colours_of(self, dataset: str) -> dict[str, Path]:
        """Return the files of colours by the name of their file of rows."""
        return {path.name: path for path in (self.shelves.directory / COLOURS / dataset).glob("*.parquet")}

    def granted(self, sql: str) -> list[object]:
        """Ask, and return the rows."""
        found: list[object] = ask(self.desk, Asked(WHO, (SHARE.grantee,), "care", sql)).table.to_pylist()
        return found

    def plain(self, sql: str, read: str = "") -> list[object]:
        """Ask DuckDB itself, of the files as they were loaded unless `read` names others."""
        found: list[object] = self.bare.sql(sql.replace("people", read or self.read)).to_arrow_table().to_pylist()
        return found


def read_of(files: Sequence[Path]) -> str:
    """Return files as a table of DuckDB."""
    return f"read_parquet([{', '.join(repr(str(file)) for file in files)}])"


@dataclass
class Side:
    """One of those that take turns, and the milliseconds that it took."""

    name: str
    ask: Callable[[], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def take_turns(sides: Sequence[Side], repeats: int) -> None:
    """Measure things that are done in turns; the first time of each warms up and does not count. Who begins changes,
    so that none always finds the other's caches."""
    for number in range(repeats + 1):
        for place in range(len(sides)):
            side = sides[(number + place) % len(sides)]
            _, used = measure(side.ask)
            if number:
                side.wall.append(used.wall_s * 1000)
                side.cpu.append(used.cpu_s * 1000)


def compare(bench: Bench, name: str, rows: Rows, granted: str, bare: str, *, repeats: int) -> None:
    """Print the median of a question beside that of the same by hand."""
    bench.shares = (replace(SHARE, rows=rows),)
    ours = Side("granted", lambda: bench.granted(granted))
    loaded = Side("bare, as loaded", lambda: bench.plain(bare))
    copies = Side("bare, copies", lambda: bench.plain(bare, bench.copies))
    take_turns([ours, loaded, copies], repeats)
    mine, used = statistics.median(ours.wall), statistics.median(ours.cpu)
    print(f"{name}: granted {mine:.1f} ms, CPU {used:.1f} ms")
    for side in (loaded, copies):
        more = sorted(one - other for one, other in zip(ours.wall, side.wall, strict=True))
        low, middle, high = (more[round(part * (len(more) - 1))] for part in (0.25, 0.5, 0.75))
        hand, cpu = statistics.median(side.wall), statistics.median(side.cpu)
        print(
            f"  {side.name:<15} {hand:7.1f} ms  {mine / hand:5.2f}x  {middle:+7.1f} ms ({low:+.1f} to {high:+.1f})"
            f"  CPU {cpu:.1f} ms {used / cpu:.2f}x"
        )


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
    born = "SELECT person_no, name, age FROM people WHERE income = 77777 AND age = 77"
    count = "SELECT count(*) FROM people WHERE age >= 60"
    group, whole = "SELECT street_code, avg(age) FROM people GROUP BY ALL", "SELECT count(*) FROM people"
    point = f"SELECT person_no, name, age FROM people WHERE person_no = '{one}'"
    pairs: tuple[tuple[str, Rows, str, str], ...] = (
        ("count with a condition, all rows", everything, count, count),
        ("count with a condition, own streets", OWN, count, f"{count} AND{streets}"),
        ("group by street, all rows", everything, group, group),
        ("count of everything (bare: metadata alone)", everything, whole, whole),
        ("point look-up by the number of a person, all rows", everything, point, point),
        ("the same, own streets", OWN, point, f"{point} AND{streets}"),
        ("look-up by columns without a filter, all rows", everything, born, born),
        ("the same, own streets", OWN, born, f"{born} AND{streets}"),
    )
    for name, given, granted, bare in pairs:
        compare(bench, name, given, granted, bare, repeats=repeats)
    bench.shares = (SHARE,)
    taken = []
    for _ in range(repeats):
        began = time.perf_counter()
        assert probe(bench.desk, SHARE).ok
        taken.append((time.perf_counter() - began) * 1000)
    print(f"a probe, one permitted and two forbidden: {statistics.median(taken):.1f} ms")
    stopped = stop_ms(bench, 5)
    print(f"revocation of a running question: {max(stopped):.0f} ms at most, of {len(stopped)}")
    print(f"peak memory {peak_rss_gib():.2f} GiB")


if __name__ == "__main__":
    main()
