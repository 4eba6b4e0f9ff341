"""What only a person may begin and end: the declared event, overflow at an exit; and the appeal of a person."""

from dataclasses import dataclass

from hubtwin.model.record import UNMARKED, Marks


@dataclass(frozen=True, slots=True)
class Emergency:
    """A declared event. Without one in force its scene is off; when it ends, collecting and judging stop.

    `legal_basis` names the act, plan or order it rests on. In force from `begins_min` until before `ends_min`, or
    until a person ended it.
    """

    emergency_id: str
    scene: str
    disease: str
    legal_basis: str
    declared_by: str
    begins_min: int
    ends_min: int
    ended_min: int | None = None
    ended_by: str = ""
    second: str = ""
    version: int = 0
    marks: Marks = UNMARKED

    def in_force(self, at_min: int) -> bool:
        """Return whether it is in force at a minute."""
        end = self.ends_min if self.ended_min is None else min(self.ends_min, self.ended_min)
        return self.begins_min <= at_min < end


@dataclass(frozen=True, slots=True)
class Overflow:
    """Lanes of a place are full: on a named person's order people are let go and followed up by data."""

    overflow_id: str
    scene: str
    emergency_id: str
    place: str
    begun_by: str
    begun_min: int
    reason: str
    ended_min: int | None = None
    ended_by: str = ""
    version: int = 0
    marks: Marks = UNMARKED

    @property
    def is_on(self) -> bool:
        """Return whether it still stands."""
        return self.ended_min is None


@dataclass(frozen=True, slots=True)
class Appeal:
    """Somebody says that a case is wrong. `ground` is a reference, never a name; `upheld`: whether they are right."""

    appeal_id: str
    case_id: str
    lodged_by: str
    lodged_min: int
    deadline_min: int
    ground: str
    decided_min: int | None = None
    decided_by: str = ""
    upheld: bool | None = None
    version: int = 0
    marks: Marks = UNMARKED

    @property
    def is_open(self) -> bool:
        """Return whether it waits for a decision."""
        return self.decided_min is None
