"""What hub.toml says of looking after a source: contact, maintenance windows, what was agreed, recording."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.text import LANGUAGES
from hubtwin.model.source import Agreed, Care, Contact, Once, Weekly, Window
from hubtwin.settings.reading import (
    EARLIEST,
    LATEST,
    Wrong,
    read_number,
    read_table,
    read_tables,
    read_text,
    read_texts,
    refuse_unknown,
)

CARE = ("contact", "maintenance", "agreed")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNTS = {
    "cadence_s": (1, 7 * 86_400),
    "rows_per_hour": (1, 2**31 - 1),
    "delay_p95_min": (0, 10_000),
    "gaps": (0, 10_000),
}
_SHARES = ("refused_share", "duplicate_share")
_LONGEST_ONCE_D = 31  # what is off for longer is no maintenance


def read_care(told: Mapping[str, Any], prefix: str) -> Care:
    """Return how a source is looked after, from its block; `prefix` is how errors name it. Raises Wrong."""
    contact = _contact(read_table(told, "contact"), f"{prefix}contact.") if "contact" in told else None
    windows = tuple(_window(block, f"{prefix}maintenance.") for block in read_tables(told, "maintenance"))
    return Care(contact, windows, _agreed(read_table(told, "agreed"), f"{prefix}agreed."))


def read_flag(told: Mapping[str, Any], name: str, prefix: str) -> bool:
    """Return true or false, false where it is missing. Raises Wrong."""
    found = told.get(name, False)
    if not isinstance(found, bool):
        raise Wrong(prefix + name, "flag")
    return found


def _contact(block: Mapping[str, Any], prefix: str) -> Contact:
    refuse_unknown(block, prefix, ("office", "phone", "hours"))
    office = read_table(block, "office")
    if not all(isinstance(office.get(lang), str) and office[lang].strip() for lang in LANGUAGES):
        raise Wrong(prefix + "office", "names")
    return Contact(office, read_text(block, "phone"), read_text(block, "hours") if "hours" in block else "")


def _window(block: Mapping[str, Any], prefix: str) -> Window:
    if "begins" in block or "ends" in block:
        refuse_unknown(block, prefix, ("begins", "ends"))
        begins, ends = (_moment(block, name, prefix) for name in ("begins", "ends"))
        if not 0 < (ends - begins).total_seconds() <= _LONGEST_ONCE_D * 86_400:
            raise Wrong(f"{prefix}ends", "later")
        return Once(begins, ends)
    refuse_unknown(block, prefix, ("days", "from", "until"))
    days = read_texts(block, "days", prefix) if "days" in block else _DAYS
    if not set(days) <= set(_DAYS):
        raise Wrong(f"{prefix}days", "one_of")
    begin, end = (_clock(block, name, prefix) for name in ("from", "until"))
    return Weekly(frozenset(map(_DAYS.index, days)), begin, end if end > begin else end + DAY_MIN)


def _moment(block: Mapping[str, Any], name: str, prefix: str) -> datetime:
    found = block[name]
    if not isinstance(found, datetime) or found.tzinfo is not None or not EARLIEST <= found.date() <= LATEST:
        raise Wrong(prefix + name, "moment")
    return found.replace(second=0, microsecond=0)


def _clock(block: Mapping[str, Any], name: str, prefix: str) -> int:
    found = block[name]
    if not isinstance(found, time):
        raise Wrong(prefix + name, "clock")
    return found.hour * 60 + found.minute


def _agreed(block: Mapping[str, Any], prefix: str) -> Agreed:
    refuse_unknown(block, prefix, (*_COUNTS, *_SHARES))
    for name in _SHARES:
        found = block.get(name, 0)
        if not isinstance(found, int | float) or isinstance(found, bool) or not 0 <= found <= 1:
            raise Wrong(prefix + name, "share")
    counts = [read_number(block, name, *bounds) if name in block else None for name, bounds in _COUNTS.items()]
    cadence_s, rows, delay_min, gaps = counts
    refused, doubled = (float(block[name]) if name in block else None for name in _SHARES)
    return Agreed(cadence_s, rows, delay_min, refused, doubled, gaps)
