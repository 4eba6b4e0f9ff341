"""Who is on duty: posts, shifts, qualifications, and the roster they make."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

COMMANDER = "duty_commander"  # the "team" of tasks that a person in charge must answer


class Qualification(StrEnum):
    """What a team may be sent to do."""

    MEET = "meet"  # meet a train
    SCREEN = "screen"  # gates and desk
    SAMPLE = "sample"  # take and read tests
    REVIEW = "review"  # compare the evidence
    TRANSFER = "transfer"  # lead a person to the vehicle
    COMMAND = "command"  # decide


@dataclass(frozen=True, slots=True)
class Post:
    """A place of duty; `place` is a place of the hub that walks lead to."""

    post_id: str
    name: Mapping[str, str]
    place: str


@dataclass(frozen=True, slots=True)
class Shift:
    """A team on duty in [from_min, until_min) at a place, epoch minutes, with what it may do and its size."""

    team: str
    place: str
    from_min: int
    until_min: int
    qualifications: frozenset[str]
    size: int = 1

    def covers(self, from_min: int, until_min: int) -> bool:
        """Return whether the team is on duty from one minute to another, both included."""
        return self.from_min <= from_min and until_min < self.until_min


@dataclass(frozen=True, slots=True)
class ShiftPlan:
    """A shift that comes again: `from_min` and `until_min` after midnight of the hub's clock, on weekdays (0: Monday).

    A shift that passes midnight has an `until_min` over 1440. Without `teams` it is for every team, without `post` each
    stands at its own.
    """

    from_min: int
    until_min: int
    days: frozenset[int]
    qualifications: frozenset[str]
    teams: frozenset[str] = frozenset()
    post: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """The shifts of a hub and its walking times, (from, to) -> whole minutes, both ways."""

    shifts: tuple[Shift, ...]
    walks: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def on_duty(self, at_min: int) -> list[Shift]:
        """Return the shifts that cover a minute, by team and start."""
        return sorted((s for s in self.shifts if s.covers(at_min, at_min)), key=lambda s: (s.team, s.from_min))

    def teams(self) -> frozenset[str]:
        """Return every team that has a shift at any time."""
        return frozenset(shift.team for shift in self.shifts)


@dataclass(frozen=True, slots=True)
class Job:
    """What a team is needed for: the kind of task, where, when to be there, and who cannot or will not."""

    kind: str
    place: str
    due_min: int
    not_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Busy:
    """A task that a team has already: where it will be and when."""

    team: str
    place: str
    due_min: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A team that suits a job: minutes of walk, how late it comes, its open tasks, tasks that clash with this one."""

    team: str
    walk_min: int
    late_min: int
    load: int
    clashes: int
