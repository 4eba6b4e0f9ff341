"""Speaks the messages of teams for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class TeamAt(NamedTuple):
    """Where a team is at an aware moment, and what it does; None: not known."""

    at: datetime
    team: str
    state: str
    place: str | None = None
    level: str | None = None
    lon: float | None = None
    lat: float | None = None


def message(told: TeamAt) -> bytes:
    """Return the payload of one message; the same input gives the same bytes."""
    fields = {**told._asdict(), "at": told.at.isoformat(timespec="seconds"), "provenance": Provenance.SYNTHETIC.value}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def page(told: Iterable[TeamAt]) -> bytes:
    """Return messages as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(one) + b"\n" for one in told)
