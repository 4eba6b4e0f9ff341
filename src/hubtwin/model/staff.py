"""The staff plan: which team meets which train where and when, what stays unmet, where lanes will overflow."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Arrival:
    """A train to be met. `door_min`: epoch minute at which its doors open.

    It is met at its platform, or at its exit where the platform is not known yet. `screened` persons pass the
    lanes of the exit; None: the persons concerned do.
    """

    train_key: str
    door_min: int
    persons: int
    is_key: bool = False
    platform: str | None = None
    exit_id: str | None = None
    screened: int | None = None

    @property
    def meeting_place(self) -> str | None:
        """Return where a team waits for it."""
        return self.platform or self.exit_id


@dataclass(frozen=True, slots=True)
class StaffRules:
    """Figures of the plan, in minutes and persons.

    A team is on post `on_post_min` before the doors open and leaves `service_min` after. One member handles
    `persons_per_member` persons of a train. Passengers reach the lanes over `stream_min` minutes.
    """

    on_post_min: int = 5
    service_min: int = 6
    persons_per_member: int = 30
    stream_min: int = 6


@dataclass(frozen=True, slots=True)
class Assignment:
    """A team's order: leave `from_place` at `leave_min` at the latest, be on post at `on_post_min`, free at `free_min`.

    `slack_min` is how long the team could still stay before it must leave. `late_min` is how much later than
    wanted it comes, 0 for a train that is met as required. `extra` marks a team beside the first one.
    """

    train_key: str
    team_id: str
    from_place: str
    to_place: str
    leave_min: int
    on_post_min: int
    free_min: int
    slack_min: int
    late_min: int = 0
    extra: bool = False


class UnmetReason(StrEnum):
    """Why nobody meets a train."""

    NO_PLACE = "no_place"  # neither platform nor exit is known
    NO_WALK = "no_walk"  # no walking time leads there
    TOO_LATE = "too_late"  # nobody could walk there before the doors open, busy or not
    NO_TEAM = "no_team"  # whoever could walk there is with another train


@dataclass(frozen=True, slots=True)
class Unmet:
    """A train that no team meets."""

    train_key: str
    is_key: bool
    reason: UnmetReason


@dataclass(frozen=True, slots=True)
class Shortage:
    """A train that is met by fewer members than its persons ask for."""

    train_key: str
    members: int
    needed: int


@dataclass(frozen=True, slots=True)
class LaneLoad:
    """One minute at an exit: persons coming, capacity of the lanes, persons left waiting at its end."""

    exit_id: str
    minute: int
    coming: float
    capacity: float
    waiting: float


@dataclass(frozen=True, slots=True)
class Overload:
    """A stretch [from, until) in which persons wait at an exit; `lead_min` from now to its start."""

    exit_id: str
    from_min: int
    until_min: int
    peak_per_min: float
    capacity_per_min: float
    longest_queue: float
    lead_min: int


@dataclass(frozen=True, slots=True)
class StaffPlan:
    """The plan as of `now_min`, in a fixed order: by time, then key; a train's first team before extra ones."""

    now_min: int
    assignments: tuple[Assignment, ...]
    unmet: tuple[Unmet, ...]
    shortages: tuple[Shortage, ...]
    loads: tuple[LaneLoad, ...]
    overloads: tuple[Overload, ...]
