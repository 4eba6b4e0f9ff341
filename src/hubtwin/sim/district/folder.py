"""Registers on disk: a file for each dataset, the truth about what was planted beside them, and a manifest.

`rows/` holds what a loader takes, one file a dataset, named after it, with the columns of the dataset and nothing else.
That every row is synthetic is said by the manifest, by the metadata of each Parquet file, and by the values themselves.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from hubtwin import __version__
from hubtwin.base.errors import Malformed
from hubtwin.sim.district.faults import Planter, Truth
from hubtwin.sim.district.registers import Registers

FORMS = ("csv", "parquet")
MARK = {b"provenance": b"synthetic"}


def write_registers(
    registers: Registers, planter: Planter, folder: Path, form: str, names: Iterable[str]
) -> dict[str, Any]:
    """Write registers into a new or empty folder; return the manifest. The same seed writes the same bytes.

    Raises Malformed for a folder with contents, Absent for a dataset that nobody lists.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Malformed("sim.folder_not_empty", folder=folder.name)
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    truths: list[Truth] = []
    files: dict[str, str] = {}
    for listing, table in registers.make(names):
        planted, truth = planter.plant(listing, table)
        file = folder / "rows" / f"{listing.name}.{form}"
        _write(planted, file, form)
        files[file.name] = sha256(file.read_bytes()).hexdigest()
        truths.append(truth)
    told = {each.dataset: _plain(each) for each in truths}
    (folder / "truth.json").write_text(_json(told), encoding="utf-8")
    manifest = {
        "provenance": "synthetic",
        "seed": registers.seed,
        "rows": registers.rows,
        "now_min": registers.maker.now_min,
        "district": dict(registers.maker.catalogue.title),
        "versions": {"hubtwin": __version__, "numpy": np.__version__, "pyarrow": pa.__version__},
        "files": files,
        "planted": {name: each["planted"] for name, each in told.items()},
    }
    (folder / "manifest.json").write_text(_json(manifest), encoding="utf-8")
    return manifest


def _write(table: pa.Table, file: Path, form: str) -> None:
    if form == "csv":
        pacsv.write_csv(table, file)
    else:
        marked = table.replace_schema_metadata({**(table.schema.metadata or {}), **MARK})
        pq.write_table(marked, file, compression="zstd")


def _plain(truth: Truth) -> dict[str, Any]:
    return {
        "rows": truth.rows,
        "planted": {colour.name.lower(): count for colour, count in truth.planted.items()},
        "places": {colour.name.lower(): list(places) for colour, places in truth.places.items()},
    }


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
