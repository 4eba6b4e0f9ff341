"""What a grantee sees of a dataset under live shares: which rows, which columns, how masked. Pure; engines obey it.

Several shares of one dataset unite by rows, each row under one of them with that one's masks. Columns are never united:
a share takes part only where it has every column that the question touches.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hubtwin.base.errors import Denied
from hubtwin.datasets.listing import Listing
from hubtwin.model.sharing import Rows, Share
from hubtwin.rules.masks import CLEAR
from hubtwin.rules.privacy import SMALL_CELL

# beside the columns of a dataset; no column may begin so. A record has a name that lasts, a row a number that may not
COLOUR, COUNT, NUMBER, RECORD = "_colour", "_count", "_row_no", "_record"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file of rows. `colours` is the file of their colours; None: none was made yet, and nothing of it leaves.
    `shape` tells files apart that have other columns."""

    path: Path
    rows: int
    colours: Path | None = None
    synthetic: bool = False
    shape: str = ""


@dataclass(frozen=True)
class Source:
    """Where the rows of a dataset are. `coloured`: rows leave only with a colour that is not black; `latest_by`: of
    rows with the same key the last one stands; `withheld`: rows that nobody may have now; `version` changes whenever
    numbers of rows may have.

    `lacking`: columns that no piece has, because a contract added them later; `recast`: texts that some piece holds as
    something else, because a contract once said so."""

    pieces: tuple[Piece, ...]
    coloured: bool
    latest_by: tuple[str, ...] = ()
    withheld: frozenset[int] = frozenset()
    version: str = ""
    lacking: tuple[str, ...] = ()
    recast: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Branch:
    """The rows that some shares give, and the mask of each visible column."""

    share_ids: tuple[str, ...]
    rows: Rows
    masks: tuple[tuple[str, str], ...]
    salt: str = ""


@dataclass(frozen=True)
class View:
    """What is visible of a dataset. Each row is given by the first branch that has it. `floor`: only groups of so many
    leave, with rounded counts. `narrowed`: other live shares have more rows but not all of the columns."""

    listing: Listing
    columns: tuple[str, ...]
    branches: tuple[Branch, ...]
    floor: int | None = None
    numbered: bool = False
    narrowed: bool = False

    @property
    def name(self) -> str:
        """Return the name of the dataset."""
        return self.listing.name

    @property
    def share_ids(self) -> tuple[str, ...]:
        """Return the shares that it rests on."""
        return tuple(sorted(share_id for branch in self.branches for share_id in branch.share_ids))


def shape_of(shares: Sequence[Share]) -> list[str]:
    """Return the names that a question may use of a dataset under these shares."""
    names = {column for share in shares for column in share.columns}
    if any(share.count_floor is not None for share in shares):
        names.add(COUNT)
    if any(share.count_floor is None for share in shares):
        names.add(COLOUR)
    return sorted(names)


def make_view(
    listing: Listing,
    shares: Sequence[Share],
    touched: frozenset[str],
    *,
    starred: bool,
    salt_of: Callable[[str], str],
    numbered: bool = False,
) -> View:
    """Return what is visible where a question touches these columns; with `starred` also all that is common to the
    shares that cover it. Raises Denied where no share covers it."""
    wanted = touched - {COLOUR, NUMBER, RECORD}
    by_rows = [share for share in shares if share.count_floor is None]
    covering = [share for share in by_rows if wanted <= share.columns]
    if not covering:
        return _count_view(listing, shares, touched, salt_of)
    visible = set(wanted)
    if starred:
        visible |= frozenset.intersection(*(share.columns for share in covering))
    order = tuple(column.name for column in listing.dataset.columns if column.name in visible)
    extra = tuple(name for name in (COLOUR, RECORD) if name in touched)
    named = RECORD in touched
    branches = _united([_branch(share, order, salt_of, named=named) for share in _least_masked(covering, order)])
    return View(
        *(listing, order + extra, branches),
        numbered=numbered,
        narrowed=len(covering) < len(by_rows),
    )


def _count_view(
    listing: Listing, shares: Sequence[Share], touched: frozenset[str], salt_of: Callable[[str], str]
) -> View:
    """Return the groups of one share that gives counts only, the coarsest that has what is asked.

    They are always by all of its columns, so that no two questions differ by a few rows. Raises Denied.
    """
    for share in sorted(shares, key=lambda each: (len(each.columns), each.share_id)):
        if share.count_floor is not None and touched - {COUNT} <= share.columns:
            order = tuple(column.name for column in listing.dataset.columns if column.name in share.columns)
            floor = max(share.count_floor, SMALL_CELL)
            return View(listing, (*order, COUNT), (_branch(share, order, salt_of),), floor=floor)
    raise Denied("library.ask_no_share", dataset=listing.name)


def _branch(share: Share, order: Sequence[str], salt_of: Callable[[str], str], *, named: bool = False) -> Branch:
    masks = masks_of(share)
    kept = tuple((name, masks.get(name, CLEAR)) for name in order)
    salt = salt_of(share.share_id) if named or any(mask == "hash" for _, mask in kept) else ""
    return Branch((share.share_id,), share.rows, kept, salt)


def masks_of(share: Share) -> Mapping[str, str]:
    """Return the mask of each column that has one. A column with two masks, which no share should have, gets none of
    its values through."""
    found: dict[str, str] = {}
    for column, mask in share.masks:
        found[column] = "null" if column in found and found[column] != mask else mask
    return found


def _least_masked(shares: Sequence[Share], order: Sequence[str]) -> list[Share]:
    def hidden(share: Share) -> int:
        masks = masks_of(share)
        return sum(masks.get(name, CLEAR) != CLEAR for name in order)

    return sorted(shares, key=lambda share: (hidden(share), not share.rows.everything, share.share_id))


def _united(branches: Sequence[Branch]) -> tuple[Branch, ...]:
    """Return the branches with those joined that differ only in which values of one column they give."""
    found: dict[tuple[object, ...], Branch] = {}
    for branch in branches:
        if branch.rows.nothing:
            continue
        rows = branch.rows
        key = (branch.masks, branch.salt, rows.everything, "" if rows.everything else rows.column)
        if (before := found.get(key)) is None:
            found[key] = branch
            continue
        both = rows if rows.everything else replace(rows, values=rows.values | before.rows.values)
        found[key] = replace(before, share_ids=before.share_ids + branch.share_ids, rows=both)
    return tuple(found.values())
