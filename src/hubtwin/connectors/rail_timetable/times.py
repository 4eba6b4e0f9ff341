"""GTFS times: H:MM:SS after the start of the service date, which may pass 24:00:00."""

import re

from hubtwin.base.errors import Malformed

_TIME = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")
_MAX_HOUR = 168  # a week: the longest railway journey on Earth


def read_time(text: str, field: str) -> int | None:
    """Return seconds after the start of the service date; None for an empty field. Raises Malformed."""
    return read_required_time(text, field) if text else None


def read_required_time(text: str, field: str) -> int:
    """Return seconds after the start of the service date. Raises Malformed."""
    found = _TIME.fullmatch(text)
    if not found or int(found[1]) > _MAX_HOUR:
        raise Malformed("connectors.rail_timetable.broken_time", field=field, value=text[:80])
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3])


def show_time(seconds: int) -> str:
    """Return HH:MM:SS, the way GTFS-Realtime writes a start_time."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
