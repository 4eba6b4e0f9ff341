"""Speaks the lines of onward modes for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class Queue(NamedTuple):
    """A queue at an aware moment; None: not known."""

    at: datetime
    place: str
    mode: str
    waiting: int | None = None
    wait_s: int | None = None
    vehicles: int | None = None
    served_per_min: float | None = None


class Supply(NamedTuple):
    """The supply of a line, a lane or a garage at an aware moment; None: not known. `next` and `last` are aware."""

    at: datetime
    mode: str
    line: str
    place: str | None = None
    vehicles: int | None = None
    spaces: int | None = None
    capacity: int | None = None
    next: datetime | None = None
    headway_s: int | None = None
    last: datetime | None = None
    state: str | None = None


def message(told: Queue | Supply) -> bytes:
    """Return one line without its end; the same input gives the same bytes."""
    fields = {"kind": "queue" if isinstance(told, Queue) else "supply"}
    for name, value in told._asdict().items():
        if value is not None:
            fields[name] = value.isoformat(timespec="seconds") if isinstance(value, datetime) else value
    return json.dumps({**fields, "provenance": Provenance.SYNTHETIC.value}).encode()


def page(told: Iterable[Queue | Supply]) -> bytes:
    """Return queues and supply as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(one) + b"\n" for one in told)
