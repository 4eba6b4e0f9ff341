"""Speaks the messages of lane counters for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class LaneCount(NamedTuple):
    """Persons through a lane in a minute, and waiting at its end. `minute` is aware."""

    minute: datetime
    exit_id: str
    lane: int
    passed: int
    waiting: int


def message(count: LaneCount) -> bytes:
    """Return the payload of one count; the same count gives the same bytes."""
    fields = {
        "minute": count.minute.isoformat(timespec="minutes"),
        "exit": count.exit_id,
        "lane": count.lane,
        "passed": count.passed,
        "waiting": count.waiting,
        "provenance": Provenance.SYNTHETIC.value,
    }
    return json.dumps(fields).encode()


def page(counts: Iterable[LaneCount]) -> bytes:
    """Return counts as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(count) + b"\n" for count in counts)
