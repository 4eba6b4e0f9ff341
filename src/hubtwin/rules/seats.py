"""Seat geometry as data: which seats stand side by side, and where the aisle is.

Letters of China's multiple units: second class A B C | D F, first class A C | D F, business A C | F; there is no E.
A and F are windows, C and D the aisle (published seat plans of the operator). Rows count from the end of car 1.
Another railway is another entry of `LAYOUTS`.

Neighbourhood does not cross the aisle unless a rule says so: the studies that count "adjacent" seats mean seats
without an aisle between them. Where it may cross, the aisle counts as nothing: C and D are one seat apart.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Layout:
    """Seats of one row from left to right in blocks without an aisle inside; `bay_rows` rows make a bay.

    Where all seats face one way a bay is a row, so `bay_rows` is 1.
    """

    layout_id: str
    blocks: tuple[str, ...]
    bay_rows: int = 1

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Return the place of each letter in the row, 0 at the left, the aisle not counted."""
        return {letter: place for place, letter in enumerate("".join(self.blocks))}

    @cached_property
    def block(self) -> Mapping[str, int]:
        """Return the block of each letter, 0 at the left."""
        return {letter: number for number, letters in enumerate(self.blocks) for letter in letters}

    def bay(self, row: int) -> int:
        """Return the bay of a row, both counted from 1."""
        return (row - 1) // self.bay_rows + 1


SECOND = Layout("second", ("ABC", "DF"))
FIRST = Layout("first", ("AC", "DF"))
BUSINESS = Layout("business", ("AC", "F"))
LAYOUTS: Mapping[str, Layout] = {layout.layout_id: layout for layout in (SECOND, FIRST, BUSINESS)}


def infer_layout(letters: Iterable[str]) -> Layout:
    """Return the layout that a carriage must have, from the letters in use there.

    B occurs in second class only; D, but no B, is taken for first class; neither for business. A guess can only
    bring seats closer together (A and C without the B between them), so it may rank a contact too high and never
    loses one. Give the layout where the consist is known.
    """
    used = set(letters)
    if "B" in used:
        return SECOND
    return FIRST if "D" in used else BUSINESS


def seats_apart(layout: Layout, one: str, other: str, *, across_aisle: bool = False) -> int | None:
    """Return how many seats two letters of a row are apart (0: the same seat).

    None where the aisle is between them and may not be crossed, or where the layout has no such seat.
    """
    if one not in layout.position or other not in layout.position:
        return None
    if not across_aisle and layout.block[one] != layout.block[other]:
        return None
    return abs(layout.position[one] - layout.position[other])
