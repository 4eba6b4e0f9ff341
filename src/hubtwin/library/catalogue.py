"""The catalogue: what the library holds, how sensitive it is, how fresh, and how much of it is synthetic."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hubtwin.base.clock import from_epoch_minute
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Grade


@dataclass(frozen=True, slots=True)
class Held:
    """What a store holds of a dataset. `rows` counts versions: a row that came twice and is not yet merged is two."""

    rows: int
    synthetic_rows: int
    files: int
    bytes: int
    updated_min: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the catalogue. `synthetic_share` is between 0 and 1, None where there is no row."""

    name: str
    title: Mapping[str, str]
    grade: Grade
    rows: int
    files: int
    bytes: int
    updated: datetime | None
    synthetic_share: float | None


def list_entries(held: Mapping[str, Held]) -> list[Entry]:
    """Return every declared dataset in the order of its declaration, also those of which nothing is held yet."""
    entries = []
    for dataset in DATASETS.values():
        part = held.get(dataset.name)
        entries.append(
            Entry(
                dataset.name,
                {"zh": dataset.zh, "en": dataset.en},
                dataset.grade,
                part.rows if part else 0,
                part.files if part else 0,
                part.bytes if part else 0,
                from_epoch_minute(part.updated_min) if part else None,
                part.synthetic_rows / part.rows if part and part.rows else None,
            )
        )
    return entries
