"""Speaks the messages of crowd counters for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class ZoneCount(NamedTuple):
    """People in a zone at an aware moment; the density only where the counter measures it."""

    at: datetime
    zone: str
    people: int
    density_per_m2: float | None = None


def message(count: ZoneCount) -> bytes:
    """Return the payload of one count; the same count gives the same bytes."""
    fields = {
        "at": count.at.isoformat(timespec="seconds"),
        "zone": count.zone,
        "people": count.people,
        "density_per_m2": count.density_per_m2,
        "provenance": Provenance.SYNTHETIC.value,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def page(counts: Iterable[ZoneCount]) -> bytes:
    """Return counts as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(count) + b"\n" for count in counts)
