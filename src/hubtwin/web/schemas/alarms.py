"""What people say about alarms, on the wire."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heard:
    """Who has heard the alarm of event number `seq`, and when."""

    seq: int
    by: str
    at_min: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """Alarms of `kind` are quiet from `at_min` until `until_min`: who said so, and why."""

    kind: str
    by: str
    reason: str
    until_min: int
    at_min: int


@dataclass(frozen=True, slots=True)
class AlarmsReply:
    """Who has heard the alarms that stand, and which kinds are shelved now."""

    now_min: int
    heard: Sequence[Heard]
    shelved: Sequence[Shelf]
