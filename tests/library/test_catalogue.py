"""The catalogue lists every dataset, held or not."""

from datetime import UTC, datetime

from hubtwin.base.clock import epoch_minute
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Grade
from hubtwin.library.catalogue import Held, list_entries

NOW = datetime(2022, 10, 20, 1, tzinfo=UTC)


def test_the_catalogue_lists_every_dataset_with_what_is_held_of_it() -> None:
    held = {"bookings": Held(rows=8, synthetic_rows=2, files=3, bytes=99, updated_min=epoch_minute(NOW))}
    entries = {entry.name: entry for entry in list_entries(held)}
    assert list(entries) == list(DATASETS)
    bookings, calls = entries["bookings"], entries["rail_calls"]
    assert (bookings.rows, bookings.files, bookings.synthetic_share, bookings.updated) == (8, 3, 0.25, NOW)
    assert bookings.grade is Grade.L4
    assert (calls.rows, calls.synthetic_share, calls.updated) == (0, None, None)
    assert all(set(entry.title) == {"zh", "en"} for entry in entries.values())
