"""What travels with every row: marks, identity before it is a pseudonym, and what could not be kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Mode = Literal["live", "replay", "exercise"]  # how the clock of a hub runs, said on every page


class Status(StrEnum):
    """CAP 1.2 `status`, as far as hubtwin uses it. An exercise lives in a store of its own."""

    ACTUAL = "Actual"
    EXERCISE = "Exercise"
    TEST = "Test"

    def apart(self, name: str) -> str:
        """Return the name of a file or folder of a hub, or of the one beside it that its exercise or test has."""
        return name if self is Status.ACTUAL else f"{name}.{self.value.lower()}"


class Provenance(StrEnum):
    """Whether a row was sensed or made. Any synthetic input makes the output synthetic."""

    REAL = "real"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class Marks:
    """The three marks of a row."""

    status: Status = Status.ACTUAL
    provenance: Provenance = Provenance.REAL
    replayed: bool = False

    def join(self, other: "Marks") -> "Marks":
        """Return the marks of something made from both: synthetic and replayed win, Actual yields."""
        return Marks(
            self.status if self.status is not Status.ACTUAL else other.status,
            Provenance.SYNTHETIC if Provenance.SYNTHETIC in (self.provenance, other.provenance) else Provenance.REAL,
            self.replayed or other.replayed,
        )


UNMARKED = Marks()


@dataclass(frozen=True, slots=True)
class Identity:
    """A document as it comes over the wire. It never reaches a table: `flow.sense` turns it into a pseudonym."""

    id_type: str
    id_no: str

    def __repr__(self) -> str:
        return f"Identity({self.id_type}, ***)"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a dataset as a connector gives it: values by column name, where it stood in the input, and the
    marks that the input itself claims for it (joined with those of its page)."""

    dataset: str
    values: Mapping[str, object]
    locator: str = ""
    marks: Marks = UNMARKED


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An input row that could not become a dataset row: where it stood, why (text key and values), what it was.

    `raw` is what a steward needs to mend it; personal fields are left out by the mapper that made it.
    """

    locator: str
    reason: str
    values: Mapping[str, object] = field(default_factory=dict)
    raw: str = ""
