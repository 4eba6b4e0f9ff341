"""Speaks the messages of screening gates for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class Passage(NamedTuple):
    """One passage; fields as the `passage` message. `at` is aware; None: not shown."""

    at: datetime
    exit_id: str
    gate_id: str
    lane: int
    id_type: str
    id_no: str
    document: str
    health_code: str
    itinerary_code: str
    desk: bool = False
    test_age_h: int | None = None
    temperature_c: float | None = None
    origin_area: str | None = None


def message(passage: Passage) -> bytes:
    """Return the payload of one passage; the same passage gives the same bytes."""
    fields = {
        "at": passage.at.isoformat(timespec="seconds"),
        "exit": passage.exit_id,
        "gate": passage.gate_id,
        "lane": passage.lane,
        "id_type": passage.id_type,
        "id_no": passage.id_no,
        "document": passage.document,
        "health_code": passage.health_code,
        "itinerary_code": passage.itinerary_code,
        "desk": passage.desk,
        "test_age_h": passage.test_age_h,
        "temperature_c": passage.temperature_c,
        "origin_area": passage.origin_area,
        "provenance": Provenance.SYNTHETIC.value,
    }
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def page(passages: Iterable[Passage]) -> bytes:
    """Return passages as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(passage) + b"\n" for passage in passages)
