"""Where the rows of the district's datasets are, with their colours: for questions, and for the copies they read."""

from collections.abc import Callable, Mapping
from pathlib import Path

from hubtwin.library.views import Piece, Source
from hubtwin.stores.shelves import Shelves

ColoursOf = Callable[[str], Mapping[str, Path]]  # dataset -> file of colours by the name of the file of rows


class Pieces:
    """Where the rows of the district's datasets are at this moment: on the shelves, with their colours."""

    def __init__(self, shelves: Shelves, colours_of: ColoursOf) -> None:
        """Take the shelves, and what tells the files of colours."""
        self._shelves, self._colours_of = shelves, colours_of

    def __call__(self, dataset: str) -> Source:
        """Return where a dataset is. A dataset that nothing is held of has no pieces."""
        colours = self._colours_of(dataset)
        pieces = [
            Piece(file.path, file.rows, colours.get(file.path.name), file.synthetic_rows > 0, file.digest)
            for file in self._shelves.files(dataset)
        ]
        withheld = frozenset(each.row_no for each in self._shelves.withheld(dataset))
        return Source(tuple(pieces), coloured=True, withheld=withheld)
