"""Speaks the messages of devices for `sim`, drills and tests. What it writes is always marked synthetic."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from hubtwin.model.record import Provenance


class DeviceState(NamedTuple):
    """The state of a device at an aware moment; `covers`: the unit that it watches or serves."""

    at: datetime
    device: str
    kind: str
    state: str
    covers: str | None = None


def message(told: DeviceState) -> bytes:
    """Return the payload of one message; the same input gives the same bytes."""
    fields = {**told._asdict(), "at": told.at.isoformat(timespec="seconds"), "provenance": Provenance.SYNTHETIC.value}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def page(told: Iterable[DeviceState]) -> bytes:
    """Return messages as a page of JSON lines, as a transport hands them over."""
    return b"".join(message(one) + b"\n" for one in told)
