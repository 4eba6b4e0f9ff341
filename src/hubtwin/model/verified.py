"""What a named person has verified about a case: the ground of everything that partners are told."""

from collections.abc import Sequence
from dataclasses import dataclass

from hubtwin.model.case import Case
from hubtwin.model.event import FINDING, Filed

DESTINATION = "destination_code"  # of a scan: where the person goes, an administrative code


@dataclass(frozen=True, slots=True)
class Verified:
    """A move of a case by a named person. `filed` is everything on file, oldest first; minutes are epoch minutes.

    `waiting` persons wait for a vehicle at the exit of this case, this one included.
    """

    case: Case
    command: str
    by: str
    at_min: int
    filed: Sequence[Filed] = ()
    disease: str = ""
    waiting: int = 0


def find_destination(filed: Sequence[Filed], default: str) -> str:
    """Return where a person goes by the latest scan on file that says so, else `default`: whose hub it is."""
    told = [one.evidence.values[DESTINATION] for one in filed if DESTINATION in one.evidence.values]
    return str(told[-1]) if told and told[-1] else default


def list_findings(filed: Sequence[Filed]) -> list[Filed]:
    """Return why the person was flagged."""
    return [one for one in filed if one.evidence.kind == FINDING]
