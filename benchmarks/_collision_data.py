"""The one fixed data set of the collision benchmark: synthetic stays, real risk intervals."""

import csv
import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from benchmarks.common import ROOT, SCRATCH, measure
from hubtwin.base.clock import epoch_minute
from hubtwin.connectors.risk_areas.gazetteer import ADMIN_FILES, parse_gazetteer
from hubtwin.rules.linkage_risk import Merged, Risk, index_risk
from hubtwin.rules.places import resolver
from hubtwin.stores.stay_index import StayRows, list_rows, open_stays, write_stays

AREAS = 2978
PIECE = 4_000_000
SEED = 20221006
BEIJING = timezone(timedelta(hours=8))
WINDOW = (datetime(2022, 10, 6, tzinfo=BEIJING), datetime(2022, 10, 20, tzinfo=BEIJING))
INTERVALS = 5000
_SAMPLE = SCRATCH / "risk.npz"
_LEVELS = {"medium": 2, "high": 3}


@dataclass(frozen=True)
class Scale:
    """How many synthetic stays, and how unevenly over the counties (weight of rank r is r ** -zipf)."""

    stays: int = 140_000_000
    zipf: float = 0.8

    @property
    def persons(self) -> int:
        """Return the number of persons: 40 million for 140 million stays."""
        return max(1, self.stays * 2 // 7)

    @property
    def folder(self) -> Path:
        """Return where this data set lies."""
        return SCRATCH / f"stays-{self.stays}-zipf-{self.zipf:g}"


def make_pieces(scale: Scale) -> Iterator[StayRows]:
    """Yield the synthetic stays: begin anywhere in the window, last 5 min to 48 h, person at random."""
    weights = np.arange(1, AREAS + 1) ** -scale.zipf
    slots = np.random.default_rng(SEED).permutation(AREAS).astype(np.uint16)  # the slot of each rank
    bounds = np.cumsum(weights / weights.sum())
    begin, end = (epoch_minute(moment) for moment in WINDOW)
    for piece, at in enumerate(range(0, scale.stays, PIECE)):
        rng = np.random.default_rng([SEED, piece])
        count = min(PIECE, scale.stays - at)
        rank = np.minimum(np.searchsorted(bounds, rng.random(count), "right"), AREAS - 1)
        t_in = rng.integers(begin, end, count, dtype=np.int32)
        t_out = t_in + rng.integers(5, 48 * 60 + 1, count, dtype=np.int32)
        person = rng.integers(0, scale.persons, count, dtype=np.uint32)
        yield StayRows(slots[rank], person, t_in, t_out, np.arange(at, at + count, dtype=np.uint32))


def read_risk() -> Risk:
    """Return the sample of real intervals that `prepare` made."""
    with np.load(_SAMPLE) as held:
        return index_risk(held["area"], held["start"], held["end"], held["level"])


def _sample_risk() -> str:
    """Draw 5,000 of the real high and medium intervals that were active in the window; return what they are.

    The slot of a county is its place in the list of all county codes; texts that resolve to no county are left out.
    """
    folder = ROOT / "data" / "cn-admin"
    gazetteer = parse_gazetteer({name: (folder / name).read_bytes() for name in ADMIN_FILES.values()})
    resolve = resolver(gazetteer)
    with (folder / "areas.csv").open(encoding="utf-8", newline="") as stream:
        slots = {code: slot for slot, code in enumerate(sorted(row["code"] for row in csv.DictReader(stream)))}
    begin, end = (epoch_minute(moment) for moment in WINDOW)
    rows, unresolved = [], 0
    with gzip.open(ROOT / "data" / "risk-areas" / "risk_area_intervals.csv.gz", "rt", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            start, gone = _minute(row["first_seen"]), _minute(row["gone_by"])
            if row["level"] not in _LEVELS or start >= end or gone <= begin:
                continue
            code = resolve(row["province"], row["city"], row["county"], row["community"]).area_code
            unresolved += code not in slots
            if code in slots:
                rows.append((slots[code], start, gone, _LEVELS[row["level"]]))
    chosen = np.random.default_rng(SEED + 1).choice(len(rows), min(INTERVALS, len(rows)), replace=False)
    area, starts, ends, levels = np.array(rows)[np.sort(chosen)].T
    np.savez(_SAMPLE, area=area, start=starts, end=ends, level=levels)
    risk = read_risk()
    return (
        f"{len(risk.area):,} of {len(rows):,} real intervals ({unresolved} texts not resolved), in"
        f" {len(risk.merged.areas)} counties, joined {len(risk.merged.start)};"
        f" {np.count_nonzero(risk.level == 3):,} high, the rest medium"
    )


def _minute(text: str) -> int:
    return epoch_minute(datetime.fromisoformat(text).replace(tzinfo=BEIJING))


def prepare(scale: Scale, *, tables: bool, say: Callable[[str], None]) -> None:
    """Make the stay index and, for the comparison, DuckDB's own table sorted by area and t_in; once per scale."""
    SCRATCH.mkdir(exist_ok=True)
    say(_sample_risk())
    done = scale.folder / "done.json"
    made = json.loads(done.read_text()) if done.exists() else {}
    if "index" not in made:
        say(f"generating {scale.stays:,} stays (zipf {scale.zipf:g}) and their index ...")
        shutil.rmtree(scale.folder, ignore_errors=True)
        scale.folder.mkdir()
        _, used = measure(
            lambda: write_stays(
                scale.folder / "index", lambda: make_pieces(scale), area_count=AREAS, person_count=scale.persons
            )
        )
        made["index"] = {"cpu_s": round(used.cpu_s, 1), "wall_s": round(used.wall_s, 1)}
        done.write_text(json.dumps(made))
    if tables and "duckdb" not in made:
        say("loading DuckDB's table, sorted by area and t_in ...")
        _, used = measure(lambda: _load_duckdb(scale))
        made["duckdb"] = {"cpu_s": round(used.cpu_s, 1), "wall_s": round(used.wall_s, 1)}
        done.write_text(json.dumps(made))
    say("  ".join(f"{side}: built in {used['cpu_s']} CPU s, {used['wall_s']} s" for side, used in made.items()))


def connect(file: Path, threads: int) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file that downloads nothing and keeps to 6 GB."""
    return duckdb.connect(
        file,
        config={
            "threads": threads,
            "memory_limit": "6GB",
            "temp_directory": str(file.parent / "spill"),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        },
    )


def _load_duckdb(scale: Scale) -> None:
    file = scale.folder / "stays.duckdb"
    file.unlink(missing_ok=True)
    with connect(file, threads=2) as con:
        con.execute("create table stays (stay_id uinteger, person uinteger, area usmallint, t_in int, t_out int)")
        waiting: list[StayRows] = []
        for rows in list_rows(open_stays(scale.folder / "index")):
            waiting.append(rows)
            if sum(len(piece.area) for piece in waiting) >= PIECE:
                _insert(con, waiting)
                waiting = []
        _insert(con, waiting)
        con.execute("checkpoint")


def _insert(con: duckdb.DuckDBPyConnection, pieces: list[StayRows]) -> None:
    if pieces:
        columns = (np.concatenate(column) for column in zip(*pieces, strict=True))
        piece = dict(zip(StayRows._fields, columns, strict=True))
        con.register("piece", piece)
        con.execute("insert into stays select stay_id, person, area, t_in, t_out from piece")
        con.unregister("piece")


class Layers(NamedTuple):
    """Joined intervals for SQL: `before` is the end of the joined interval before this one in its area."""

    area: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    before: NDArray[np.int32]


def layer(merged: Merged) -> Layers:
    """Return joined intervals with what lets a join keep each stay once, without DISTINCT: t_in >= before."""
    area = np.repeat(merged.areas, np.diff(merged.offsets))
    before = np.full(len(area), np.iinfo(np.int32).min, np.int32)
    same = area[1:] == area[:-1]
    before[1:][same] = merged.end[:-1][same]
    return Layers(area, merged.start, merged.end, before)
