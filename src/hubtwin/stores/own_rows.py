"""The hub's own datasets as governing sees them: files of the embedded store, their rows numbered by batch and place.

A number lasts as long as the file that holds the row. It rises with the order in which rows count, so of the rows of a
key the one with the highest number is the record. Nothing is written into the store, and nothing is copied out of it.
"""

from collections.abc import Callable, Mapping

from hubtwin.datasets.all import DATASETS
from hubtwin.library.catalogue import Held
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.key_runs import PLACE_BITS
from hubtwin.stores.shelf_files import ShelfFile

PART = "store"


class OwnRows:
    """Where the rows of the hub's own datasets are."""

    def __init__(self, store: EmbeddedStore, dataset_of: Callable[[str], str]) -> None:
        """Take the open store. `dataset_of(source)` names the dataset at which rows of a source count that could not
        be read as rows of any."""
        self._store, self._dataset_of = store, dataset_of

    def files(self, dataset: str) -> list[ShelfFile]:
        """Return the files that count, in the order in which their rows do. What was merged counts as taken in when
        the last batch in it was."""
        taken = self._store.list_taken(dataset)
        found = []
        for file in self._store.list_stored(dataset):
            path, first = self._store.directory / file.path, file.batch_no << PLACE_BITS
            sizes = (file.rows, first, file.batch_no, file.bytes, file.sha256, "", taken.get(file.batch_no, 0))
            found.append(ShelfFile(path, dataset, PART, *sizes, file.synthetic_rows, numbered=False))
        return found

    def held(self) -> Mapping[str, Held]:
        """Return what is held of each dataset."""
        return self._store.held()

    def unreadable(self, dataset: str) -> int:
        """Return how many rows of a dataset are in quarantine."""
        count = 0
        for (source, told), rows in self._store.count_refused().items():
            count += rows if (told if told in DATASETS else self._dataset_of(source)) == dataset else 0
        return count
