"""The nine colours of a record: what is wrong with it first, and who does what about it.

The original's colours are not published; these are our own definition (reference governance 1.7): nine exclusive
dispositions in a fixed order, the first that fits wins. The name stands beside the colour wherever it is shown.
"""

from dataclasses import dataclass
from enum import IntEnum


class Colour(IntEnum):
    """A disposition; the lower number wins."""

    BLACK = 1  # quarantined: unreadable, ungraded, above the ceiling of its library, on legal hold, erased
    RED = 2  # invalid: format, check digit, range, code list
    ORANGE = 3  # incomplete: a required element is empty
    YELLOW = 4  # duplicate: the same key, and not the record that survives
    BROWN = 5  # orphan: what it refers to is not there
    PURPLE = 6  # contradicted: differs from the authoritative source, or breaks a rule across columns
    GREY = 7  # stale: older than the promised update
    BLUE = 8  # clean, restricted: leaves under a grant only
    GREEN = 9  # clean, shareable


@dataclass(frozen=True, slots=True)
class Meaning:
    """Who acts on a colour and how; both are keys of texts, `responsible` is that of a role."""

    colour: Colour
    responsible: str
    action: str


MEANINGS: tuple[Meaning, ...] = (
    Meaning(Colour.BLACK, "security_officer", "release_or_destroy"),
    Meaning(Colour.RED, "source", "correct_value"),
    Meaning(Colour.ORANGE, "source", "complete_value"),
    Meaning(Colour.YELLOW, "entity_steward", "merge"),
    Meaning(Colour.BROWN, "library_steward", "resolve_reference"),
    Meaning(Colour.PURPLE, "source", "settle_dispute"),
    Meaning(Colour.GREY, "source", "update"),
    Meaning(Colour.BLUE, "data_owner", "share_under_grant"),
    Meaning(Colour.GREEN, "nobody", "none"),
)
CLEAN = (Colour.BLUE, Colour.GREEN)
