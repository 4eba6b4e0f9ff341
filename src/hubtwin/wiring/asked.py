"""Asking the library of a hub at work: its shares, its files, its audit, and one engine for all questions.

The hub's own datasets are read from its embedded store (of each key the latest row), those of the district from the
shelves with their colours.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from hashlib import sha256

import pyarrow as pa

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied, HubError
from hubtwin.datasets.all import DATASETS
from hubtwin.library.asking import AskDesk, Asked, Bounds, ask_named, probe
from hubtwin.library.views import NUMBER, RECORD, Piece, Source
from hubtwin.model.agency import Person
from hubtwin.model.sharing import Delivery, ProbeResult, Share
from hubtwin.rules.library_template import RECORD as RECORD_NO
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.stores.signing import Signer
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.pieces import Pieces
from hubtwin.wiring.works import Works

SENT_BOUNDS = Bounds(rows=200_000, mib=256, seconds=120.0)


def make_asking(works: Works, shares: Callable[[str], Sequence[Share]]) -> AskDesk:
    """Return what asking needs at a hub. `shares(grantee)` are all of a grantee. Raises Denied without a library."""
    library = works.library
    if library is None:
        raise Denied("wiring.no_library")
    signer, clock = Signer(works.store.directory), works.access.clock
    return AskDesk(
        catalogue=library.catalogue,
        shares=shares,
        source=Sources(works.store, Pieces(library.shelves, library.quality.settled)),
        engine=library.engine,
        trail=works.access.audit,
        now_min=lambda: epoch_minute(clock()),
        salt_of=lambda share_id: salt_of(signer, share_id),
    )


def salt_of(signer: Signer, share_id: str) -> str:
    """Return the salt of a share: it follows from the hub's own key, so it needs no place to be kept and no backup."""
    return sha256(signer.sign(b"hubtwin share salt " + share_id.encode())).hexdigest()


def read_share(desk: AskDesk, by: Person, share: Share) -> pa.Table:
    """Return all rows of a share as its grantee may see them, for a sending through a channel, with `record_no`: by
    what a record is known for good. That is its number on the shelf; a row of the hub's own datasets has no number
    that lasts, so it is a digest of its key under the salt of the share.

    It is a question like any other, under this share alone, for its purpose, and written down. Raises as `ask` does.
    """
    alone = replace(desk, shares=lambda grantee: [each for each in desk.shares(grantee) if _same(each, share)])
    names = ", ".join(f'"{name}"' for name in sorted(share.columns))
    sql = f'SELECT {names}, {RECORD} FROM "{share.dataset}" ORDER BY {NUMBER}'  # noqa: S608 - it goes through the gate
    answer = ask_named(alone, Asked(by, (share.grantee,), share.purpose, sql, Delivery.CHANNEL), SENT_BOUNDS)
    renamed = [{RECORD: RECORD_NO}.get(name, name) for name in answer.table.column_names]
    marked = pa.array(["synthetic" if answer.synthetic else "real"] * answer.table.num_rows, pa.string())
    return answer.table.rename_columns(renamed).append_column("provenance", marked)


def _same(each: Share, share: Share) -> bool:
    return each.share_id == share.share_id


class Sources:
    """Where the rows of each dataset are at this moment: the hub's own in its store, the district's on the shelves."""

    def __init__(self, store: EmbeddedStore, pieces: Pieces) -> None:
        """Take the store of the hub's own datasets, and the shelves."""
        self._store, self._pieces = store, pieces

    def __call__(self, dataset: str) -> Source:
        """Return where a dataset is. A dataset that nothing is held of has no pieces."""
        return self._own(dataset) if dataset in DATASETS else self._pieces(dataset)

    def _own(self, dataset: str) -> Source:
        files = self._store.list_stored(dataset)
        pieces = [
            Piece(self._store.directory / file.path, file.rows, synthetic=file.synthetic_rows > 0) for file in files
        ]
        version = sha256("\n".join(file.path for file in files).encode()).hexdigest()[:12]
        return Source(tuple(pieces), coloured=False, latest_by=DATASETS[dataset].key, version=version)


class Asking:
    """Asking at a hub at work, opened at the first question: shares are those of its baskets."""

    def __init__(self, works: Works) -> None:
        """Nothing is opened yet."""
        self._works = works

    @cached_property
    def desk(self) -> AskDesk:
        """Return what asking needs. Raises Denied without a library."""
        return make_asking(self._works, open_baskets(self._works.access).list_shares)

    def __call__(self) -> AskDesk:
        """Return what asking needs. Raises Denied without a library."""
        return self.desk

    def probe(self, share: Share) -> ProbeResult:
        """Try a share on the real path; what cannot be tried has not passed."""
        try:
            return probe(self.desk, share)
        except HubError as error:
            return ProbeResult(False, False, False, error.key)
