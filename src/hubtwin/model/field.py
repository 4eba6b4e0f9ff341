"""Work in the field: what staff file with a task (ticks, notes, scans, photos), the checklists they work by, and calls
for help."""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hubtwin.model.record import UNMARKED, Marks

ATTEND, HELP = "attend", "help"  # kinds of tasks: go there, and somebody of ours needs help there


class PieceKind(StrEnum):
    """What a piece is. A tick names an item of the checklist; the others have a content, which is sealed."""

    TICK = "tick"
    UNTICK = "untick"  # a tick that was taken back; both stay on file
    NOTE = "note"
    SCAN = "scan"
    PHOTO = "photo"


TICKS = (PieceKind.TICK, PieceKind.UNTICK)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something filed with a task. `ref` is the item of a tick, of the others `ref_of` their content.

    `at_min` is when the hub got it, `done_min` when it was done: earlier, where the phone had no connection.
    """

    piece_id: str
    task_id: str
    kind: PieceKind
    ref: str
    by: str
    at_min: int
    done_min: int


@dataclass(frozen=True, slots=True)
class CheckItem:
    """A line of a checklist, in both languages; `item_id` is what is stored."""

    item_id: str
    zh: str
    en: str


Checklists = Mapping[str, Sequence[CheckItem]]  # kind of task -> its list


@dataclass(frozen=True, slots=True)
class Filing:
    """What somebody of a team wants filed; `key` is the sender's name of it: sent again it files nothing."""

    task_id: str
    kind: PieceKind
    ref: str
    by: str
    team: str
    key: str
    at_min: int
    done_min: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is: a place of the hub, or a position in WGS 84 with the code of its level; all may be unknown."""

    code: str = ""
    lon: float | None = None
    lat: float | None = None
    level: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody calls for help, or sends a team: who, where, about what. `key` as in `Filing`.

    `team` is the own team of who calls, or the team that is sent (empty: the nearest).
    """

    by: str
    scene: str
    key: str
    at_min: int
    place: Place = field(default_factory=Place)
    team: str = ""
    about: str = ""
    marks: Marks = UNMARKED


def ref_of(content: bytes, key: str) -> str:
    """Return what a piece with a content is told again by: its HMAC-SHA-256 under the sender's key, which is not kept.

    A plain digest would outlive the destroyed content, and give a scanned document number away to whoever tries all.
    """
    return hmac.digest(key.encode(), content, "sha256").hex()


def ticked(pieces: Iterable[Piece]) -> dict[str, Piece]:
    """Return the items that stand ticked, each with the piece that ticked it; the last word on an item counts: the one
    that was said last, not the one that came last from a phone without connection."""
    found = dict[str, Piece]()
    for piece in sorted(pieces, key=lambda each: each.done_min):
        if piece.kind is PieceKind.TICK:
            found.setdefault(piece.ref, piece)
        elif piece.kind is PieceKind.UNTICK:
            found.pop(piece.ref, None)
    return found
