"""A simulated day on disk: the pages of its partners, the truth beside them, and a manifest that says what made it."""

import csv
import io
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from hubtwin import __version__
from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.sim.day import DOCUMENT, HubDay
from hubtwin.sim.people import Kind
from hubtwin.sim.wire import list_pages

TRUTH_FILE = "truth/truth.csv"
_TRUTH_COLUMNS = (
    "id_type,id_no,trip_id,service_date,board_seq,outcome,area_key,level,area_code,from,to,infectious,provenance"
)


def write_day(day: HubDay, folder: Path, until_min: int | None = None) -> dict[str, Any]:
    """Write a day into an empty or new folder and return its manifest.

    `wire/` holds what partners send until `until_min`, `truth/` what only a judge of the product may read,
    `manifest.json` seed, versions, hashes of input and files, counts. Raises Malformed for a folder with contents.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Malformed("sim.folder_not_empty", folder=folder.name)
    files: dict[str, str] = {}
    for name, page in (*_named(day, until_min), (TRUTH_FILE, truth_csv(day))):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(page)
        files[name] = sha256(page).hexdigest()
    manifest = describe(day, until_min) | {"files": files}
    text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")
    return manifest


def _named(day: HubDay, until_min: int | None) -> Iterator[tuple[str, bytes]]:
    for name, page in list_pages(day, until_min):
        yield f"wire/{name}", page


def describe(day: HubDay, until_min: int | None = None) -> dict[str, Any]:
    """Return what made a day and how much of what there is in it; the same for the same day."""
    return {
        "synthetic": True,
        "seed": day.seed,
        "hub_date": day.world.hub_date.isoformat(),
        "until": None if until_min is None else from_epoch_minute(until_min).isoformat(),
        "versions": {"hubtwin": __version__, "numpy": np.__version__},
        "inputs": {**day.world.fingerprint(), "recipe": sha256(repr(day.recipe).encode()).hexdigest()},
        "counts": dict(day.counts()),
    }


def truth_csv(day: HubDay) -> bytes:
    """Return the truth: a line for each exposed person and listed interval, and one for each other infectious person.

    Times in UTC. `outcome` says what the booking came to: arrives, no_show, cancelled, through, earlier.
    """
    truth, places = day.truth, day.places
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_TRUTH_COLUMNS.split(","))
    for person, interval, start, end in zip(
        truth.person.tolist(), truth.interval.tolist(), truth.from_min.tolist(), truth.until_min.tolist(), strict=True
    ):
        county = places.counties[places.county_of[places.interval_place[interval]]]
        area = (places.interval_key[interval], places.interval_level[interval], county)
        writer.writerow(_truth_line(day, person, (*area, _utc(start), _utc(end))))
    for person in np.flatnonzero(truth.infectious & ~truth.exposed).tolist():
        writer.writerow(_truth_line(day, person, ("", "", "", "", "")))
    return text.getvalue().encode()


def _truth_line(day: HubDay, person: int, evidence: tuple[str, ...]) -> list[object]:
    bookings = day.bookings
    trip = day.world.trips[bookings.trip[person]]
    ride = (trip.trip_id, trip.service_date, int(day.runs.seq[bookings.board[person]]))
    outcome = Kind(int(bookings.kind[person])).name.lower()
    infectious = str(bool(day.truth.infectious[person])).lower()
    return [DOCUMENT, day.documents[person], *ride, outcome, *evidence, infectious, "synthetic"]


def _utc(minute: int) -> str:
    return from_epoch_minute(minute).isoformat(timespec="minutes")
