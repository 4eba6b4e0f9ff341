"""Colouring a register: `python -m benchmarks.colours [--rows 68000000]`.

A synthetic register of ten columns lies in Parquet files of two million rows below a temporary folder. Measured in
processes of their own: the profile (one scan: every rule but uniqueness, counted by rule and colour), the colours (that
scan, exact doubles of an integer key and of a key of 18 characters, one colour a row written), a day's file of a
million rows against all that lies there, and the same rules through pandera on Polars on a part of ten million rows.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks._colour_pandera import failure_cases, pandera_schema
from benchmarks._colour_register import NOW_MIN, make_catalogue, write_persons, write_streets
from benchmarks.common import Usage, machine_header, measure, peak_rss_gib, run_child
from hubtwin.model.colour import Colour
from hubtwin.rules.quality_rules import RuleBook, list_rules
from hubtwin.stores.colouring import Coloured, Colouring, Task
from hubtwin.stores.shelf_files import ShelfFile

FILE_ROWS, DAY_ROWS, PART_ROWS = 2_000_000, 1_000_000, 10_000_000
THREADS = 2


def main(argv: list[str] | None = None) -> int:
    """Run everything and print the results; the parts are processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=68_000_000)
    parser.add_argument("--part", choices=("profile", "colours", "pandera"))
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args(argv)
    if asked.part:
        print(json.dumps({"profile": _profile, "colours": _colours, "pandera": _pandera}[asked.part](asked.folder)))
        return 0
    print(machine_header(["duckdb", "numpy", "pyarrow", "polars", "pandera"]))
    book = _book()
    print(f"{asked.rows:,} rows x {len(book.listing.dataset.columns)} columns, {len(book.rules)} rules:")
    for rule in book.rules:
        print(f"  {rule.bit:2} {rule.colour.name.lower():7} {rule.sentence('en', book.listing)}")
    folder = Path(tempfile.mkdtemp(prefix="hubtwin-colours-"))
    try:
        _run(folder, asked.rows)
    finally:
        shutil.rmtree(folder)
    return 0


def _run(folder: Path, rows: int) -> None:
    _, used = measure(lambda: _generate(folder, rows))
    size = sum(path.stat().st_size for path in folder.glob("*.parquet")) / 1e9
    print(f"generated in {used.wall_s:.0f} s, {size:.2f} GB of Parquet; load now {machine_header([]).splitlines()[1]}")
    for part in ("profile", "colours", "pandera"):
        for line in _lines(part, run_child("benchmarks.colours", ["--part", part, "--folder", str(folder)])):
            print(line, flush=True)


def _lines(part: str, told: dict[str, Any]) -> list[str]:
    used = "{wall_s:.1f} s ({cpu_s:.1f} CPU s), {rss_gib:.2f} GiB"
    if part == "profile":
        return [f"profile, one scan: {used.format(**told)}", f"  failed: {told['failed']}"]
    if part == "pandera":
        lines = [f"pandera on {told['rows']:,} rows: {used.format(**told)}, {told['cases']:,} failure cases"]
        lines += [
            f"the same rows here: {used.format(**told['ours'])}; pandera takes {told['ratio']:.1f} times the wall"
        ]
        return [*lines, f"  CPU: {told['ratio_cpu']:.1f} times; rules with other counts: {told['differ'] or 'none'}"]
    return [
        f"colours, exact doubles: {used.format(**told['all'])}; {told['all']['mb']:.0f} MB of colours",
        f"  {told['all']['colours']}",
        f"a day of {told['day']['rows']:,} rows: {used.format(**told['day'])};"
        f" {told['day']['changed']:,} older rows changed",
        f"  {told['day']['colours']}",
    ]


def _book() -> RuleBook:
    catalogue = make_catalogue()
    return list_rules(catalogue.get("persons"), catalogue)


def _generate(folder: Path, rows: int) -> None:
    told = [write_streets(folder)]
    for number, first in enumerate(range(1, rows + 1, FILE_ROWS), start=1):
        told.append(write_persons(folder, number, first, min(FILE_ROWS, rows + 1 - first), rows))
    day = write_persons(folder, 9_999, rows + 1, min(DAY_ROWS, rows), rows)
    (folder / "files.json").write_text(json.dumps({"told": [_plain(each) for each in told], "day": _plain(day)}))


def _plain(file: ShelfFile) -> dict[str, Any]:
    return {name: getattr(file, name) for name in ShelfFile.__slots__} | {"path": str(file.path)}


def _files(folder: Path) -> tuple[list[ShelfFile], ShelfFile]:
    told = json.loads((folder / "files.json").read_text())
    return [_file(each) for each in told["told"]], _file(told["day"])


def _file(told: dict[str, Any]) -> ShelfFile:
    return ShelfFile(**{**told, "path": Path(told["path"])})


def _task(files: list[ShelfFile], known: Coloured | None = None, run_id: int = 1) -> Task:
    states = {state.file.path.name: state for state in known.states} if known else {}
    by_name = {name: [file for file in files if file.dataset == name] for name in ("persons", "streets")}
    none = np.empty(0, np.int64)
    changes = known.changes if known else ""
    parts = (_book(), make_catalogue(), by_name["persons"], states, changes, none, by_name.__getitem__)
    return Task(*parts, NOW_MIN, run_id)


def _profile(folder: Path) -> dict[str, Any]:
    files, _ = _files(folder)
    colouring = Colouring(folder / "profile", threads=THREADS)
    counted, used = measure(lambda: colouring.profile(_task(files)))
    book = _book()
    failed = {rule.name: counted.failed[rule.bit] for rule in book.rules if counted.failed.get(rule.bit)}
    return used._asdict() | {"rss_gib": peak_rss_gib(), "failed": failed}


def _colours(folder: Path) -> dict[str, Any]:
    files, day = _files(folder)
    colouring = Colouring(folder / "colours", threads=THREADS)
    done, used = measure(lambda: colouring.colour(_task(files)))
    size = sum((folder / "colours" / "persons" / state.colours).stat().st_size for state in done.states)
    told = used._asdict() | {"rss_gib": peak_rss_gib(), "mb": size / 1e6, "colours": _histogram(done)}
    later, again = measure(lambda: colouring.colour(_task([*files, day], done, 2)))
    daily = again._asdict() | {"rss_gib": peak_rss_gib(), "rows": day.rows, "changed": later.changed}
    shutil.rmtree(folder / "colours")
    return {"all": told, "day": daily | {"colours": _histogram(later)}}


def _histogram(done: Coloured) -> dict[str, int]:
    told = {colour.name.lower(): sum(s.counted.colours.get(colour, 0) for s in done.states) for colour in Colour}
    return {name: count for name, count in told.items() if count}


def _pandera(folder: Path) -> dict[str, Any]:
    """Hold the first files, ten million rows, to the same rules in pandera, and here."""
    files, _ = _files(folder)
    persons = [file for file in files if file.dataset == "persons"][: PART_ROWS // FILE_ROWS]
    told, used, cases = _held_to_schema(folder, [file.path for file in persons])
    colouring = Colouring(folder / "part", threads=THREADS)
    part = [file for file in files if file.dataset == "streets"] + persons
    done, ours = measure(lambda: colouring.colour(_task(part)))
    shutil.rmtree(folder / "part")
    book = _book()
    counted = {rule.name: sum(s.counted.failed.get(rule.bit, 0) for s in done.states) for rule in book.rules}
    differ = {
        name: (count, counted[name]) for name, count in cases.items() if name in counted and counted[name] != count
    }
    ratios = {"ratio": used.wall_s / ours.wall_s, "ratio_cpu": used.cpu_s / ours.cpu_s}
    return told | ratios | {"ours": ours._asdict() | {"rss_gib": peak_rss_gib()}, "differ": differ}


def _held_to_schema(folder: Path, paths: list[Path]) -> tuple[dict[str, Any], Usage, dict[str, int]]:
    frame = pl.read_parquet(paths)
    schema = pandera_schema(pl.read_parquet(folder / "streets-0000000001.parquet")["code"].to_list())
    cases, used = measure(lambda: failure_cases(schema, frame))
    told = {"rss_gib": peak_rss_gib(), "rows": frame.height, "cases": sum(cases.values())}
    return used._asdict() | told, used, cases


if __name__ == "__main__":
    sys.exit(main())
