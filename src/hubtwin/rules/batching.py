"""Which rows of a batch go to the platform above, which stay here, and which are there already.

A row has a key (who it is about), a digest (what it says) and a time by which versions order. `sort_rows` is pure: the
answer depends on the rows and on what is known of their keys, and tells of every row what becomes of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hubtwin.rules.cells import Found


class RowState(StrEnum):
    """Where a row of a batch stands."""

    READY = "ready"  # it goes with the next sending
    HELD = "held"  # it has errors and stays here until somebody corrects it
    SENT = "sent"  # signed and in the books of the wire; no answer yet
    ACCEPTED = "accepted"  # the platform has it
    REFUSED = "refused"  # the platform does not take it, with a reason
    SUPERSEDED = "superseded"  # another row says it, or says it better


class Fate(StrEnum):
    """What becomes of a row that is offered to a batch."""

    GOES = "goes"
    HELD = "held"
    SAME = "same"  # another row of the batch says the same
    OLDER = "older"  # another row of the batch is newer
    KNOWN = "known"  # a batch before has it, unchanged
    STALE = "stale"  # a batch before has a newer one


@dataclass(frozen=True, slots=True)
class Offered:
    """A row as it comes: its place in the input from 1, key, digest, time, case, cells and what is wrong with them."""

    place: int
    key: str
    digest: str
    newest: str
    case_id: str
    cells: Sequence[str]
    problems: Sequence[Found] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What stands in the books of a key: the last revision that went or is to go, with digest and time, and the
    digests of rows that are held."""

    revision: int = 0
    digest: str = ""
    newest: str = ""
    held: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Sorted:
    """A row and what becomes of it: with `revision` if it goes, with the place of the row that says it instead."""

    row: Offered
    fate: Fate
    revision: int = 0
    instead: int = 0


@dataclass(frozen=True)
class Batched:
    """All rows of a batch in their order, and how many have which fate."""

    rows: Sequence[Sorted]
    counts: Mapping[Fate, int] = field(default_factory=dict)


def sort_rows(rows: Iterable[Offered], known: Mapping[str, Known]) -> Batched:
    """Return what becomes of each row.

    Same key and digest: one counts. Same key, other digest: the newest one without errors goes (of two equally new ones
    the later in the input); one with errors that is newer is held beside it, older ones are named. What a batch before
    has goes again only if it changed, then with the next revision.
    """
    groups = defaultdict[str, list[Offered]](list)
    for row in rows:
        groups[row.key].append(row)
    found = list[Sorted]()
    for key, group in groups.items():
        found += _sort_group(group, known.get(key, Known()))
    found.sort(key=lambda one: one.row.place)
    counts = dict.fromkeys(Fate, 0)
    for one in found:
        counts[one.fate] += 1
    return Batched(found, counts)


def _sort_group(group: Sequence[Offered], known: Known) -> list[Sorted]:
    if len(group) == 1:
        return [_against(group[0], known)]
    first, found = dict[str, Offered](), list[Sorted]()
    for row in group:
        if (before := first.setdefault(row.digest, row)) is not row:
            found.append(Sorted(row, Fate.SAME, instead=before.place))
    order = sorted(first.values(), key=lambda row: (row.newest, row.place))
    good = [row for row in order if not row.problems]
    winner = good[-1] if good else order[-1]
    found.append(_against(winner, known))
    for row in order:
        if row is not winner:
            newer = (row.newest, row.place) > (winner.newest, winner.place)
            found.append(_against(row, known) if newer else Sorted(row, Fate.OLDER, instead=winner.place))
    return found


def _against(row: Offered, known: Known) -> Sorted:
    """Return what becomes of a row, given what batches before have of its key."""
    if row.digest == known.digest or (row.problems and row.digest in known.held):
        return Sorted(row, Fate.KNOWN)
    if row.newest and row.newest < known.newest:
        return Sorted(row, Fate.STALE)
    return Sorted(row, Fate.HELD) if row.problems else Sorted(row, Fate.GOES, known.revision + 1)
