"""One side of one question, in a process of its own: prints what it used and a checksum of its output as JSON."""

import argparse
import json
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from benchmarks._collision_data import Scale, connect, layer, read_risk
from benchmarks.common import Usage, measure, peak_rss_gib
from hubtwin.rules.linkage import collide, pair, rank_persons
from hubtwin.rules.linkage_risk import Risk
from hubtwin.stores.stay_index import open_stays

Columns = tuple[NDArray[Any], ...]
_BLOCK = 1 << 22
_MEETS = "s.area = r.area and s.t_in < r.end_min and s.t_out > r.start_min"

# question -> way -> SQL. The ways are what a person who knows DuckDB would try; the best one is the baseline.
WAYS: dict[str, dict[str, str]] = {
    "exposed": {
        "raw, distinct": f"select distinct s.stay_id, s.person from stays s join risk r on {_MEETS}",
        "merged, distinct": f"select distinct s.stay_id, s.person from stays s join merged r on {_MEETS}",
        "merged, first met": f"select s.stay_id, s.person from stays s join merged r on {_MEETS} "
        "and s.t_in >= r.before_min",
    },
    "pairs": {
        "raw": f"select s.stay_id, r.interval_id from stays s join risk r on {_MEETS}",
    },
    "persons": {
        "raw": "select s.person, max(r.level) as level, min(greatest(s.t_in, r.start_min)) as first_min "
        f"from stays s join risk r on {_MEETS} group by s.person",
        "merged by level": "select s.person, max(r.level) as level, min(greatest(s.t_in, r.start_min)) as first_min "
        f"from stays s join layers r on {_MEETS} and s.t_in >= r.before_min group by s.person",
    },
}
KERNEL: dict[str, Callable[[Any, Risk], Columns]] = {"exposed": collide, "pairs": pair, "persons": rank_persons}


def _kernel(scale: Scale, question: str, runs: int) -> dict[str, Any]:
    stays = open_stays(scale.folder / "index")
    result: Columns = ()
    used = []
    for _ in range(runs):
        result = ()  # one output at a time
        risk = read_risk()  # fresh: what the kernel derives from it is part of the work
        result, usage = measure(lambda risk=risk: KERNEL[question](stays, risk))  # type: ignore[misc]
        used.append(usage)
    return _answer(result, used)


def _duckdb(scale: Scale, question: str, options: Mapping[str, Any]) -> dict[str, Any]:
    sql = WAYS[question][options["way"]]
    used = []
    result: Columns = ()
    with connect(scale.folder / "stays.duckdb", options["threads"]) as con:
        con.execute("set preserve_insertion_order = false")
        load_risk(con, read_risk())
        for _ in range(options["runs"]):
            con.execute("drop table if exists temp.main.answer")
            if options["sink"] == "table":
                _, usage = measure(lambda: con.execute(f"create temp table answer as {sql}"))
            else:
                made, usage = measure(lambda: con.sql(sql).to_arrow_table())
                rows = made.num_rows
                del made
            used.append(usage)
        peak = peak_rss_gib()
        if options["sink"] == "table":
            result = tuple(con.execute("select * from answer").fetchnumpy().values())
            return {**_answer(result, used), "peak_gib": peak}
    return {"rows": rows, **_used(used), "peak_gib": peak}


def load_risk(con: duckdb.DuckDBPyConnection, risk: Risk) -> None:
    """Give DuckDB the intervals in three forms: as they are, joined, and joined per level and above."""
    as_they_are: dict[str, NDArray[Any]] = {
        "interval_id": risk.interval.astype(np.uint32),
        "area": risk.area.astype(np.uint16),
        "start_min": risk.start,
        "end_min": risk.end,
        "level": risk.level,
    }
    forms = {
        "risk": [as_they_are],
        "merged": [_form(risk, risk.levels[0])],
        "layers": [_form(risk, level) for level in risk.levels],
    }
    for table, pieces in forms.items():
        for at, piece in enumerate(pieces):
            con.register("piece", piece)
            con.execute(f"{'insert into' if at else 'create temp table'} {table} {'' if at else 'as'} from piece")
            con.unregister("piece")


def _form(risk: Risk, level: int) -> dict[str, NDArray[Any]]:
    found = layer(risk.merged_from(level))
    return {
        "area": found.area.astype(np.uint16),
        "start_min": found.start,
        "end_min": found.end,
        "before_min": found.before,
        "level": np.full(len(found.area), level, np.uint8),
    }


def _answer(columns: Columns, used: list[Usage]) -> dict[str, Any]:
    peak = peak_rss_gib()  # before the checksum needs memory of its own
    return {
        "rows": len(columns[0]),
        "checksum": checksum(columns),
        **_used(used),
        "peak_gib": peak,
        "bytes": sum(column.nbytes for column in columns),
    }


def _used(used: list[Usage]) -> dict[str, list[float]]:
    return {name: [getattr(usage, name) for usage in used] for name in Usage._fields}


def checksum(columns: Columns) -> str:
    """Return a checksum of rows in any order: sum and xor of a 64-bit mix (splitmix64 finaliser) of each row."""
    total, folded = np.uint64(0), np.uint64(0)
    with np.errstate(over="ignore"):
        for at in range(0, len(columns[0]), _BLOCK):
            row = np.zeros(len(columns[0][at : at + _BLOCK]), np.uint64)
            for column in columns:
                row = _mix(row + column[at : at + _BLOCK].astype(np.int64).astype(np.uint64))
            total += row.sum(dtype=np.uint64)
            folded ^= np.bitwise_xor.reduce(row)
    return f"{total:016x}{folded:016x}"


def _mix(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def main() -> None:
    """Run one side and print its JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("side", choices=("kernel", "duckdb"))
    parser.add_argument("question", choices=tuple(WAYS))
    parser.add_argument("--stays", type=int, required=True)
    parser.add_argument("--zipf", type=float, required=True)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--way")
    parser.add_argument("--sink", choices=("table", "arrow"))
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    scale = Scale(given.stays, given.zipf)
    if given.side == "kernel":
        print(json.dumps(_kernel(scale, given.question, given.runs)))
    else:
        print(json.dumps(_duckdb(scale, given.question, vars(given))))


if __name__ == "__main__":
    main()
