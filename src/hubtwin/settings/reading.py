"""What every block of hub.toml is read with: values of one kind each, or an error that names the entry."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hubtwin.base.text import LANGUAGES

EARLIEST, LATEST = date(1990, 1, 1), date(2099, 12, 31)


class Wrong(Exception):
    """An entry that is not what it must be: its name, what is needed (end of a text key), and more values of the text
    if it has any."""


def refuse_unknown(block: Mapping[str, Any], prefix: str, known: Sequence[str]) -> None:
    """Refuse an entry that nobody reads: it is a slip of the pen, and what it was meant for would be missing."""
    if not isinstance(block, Mapping):
        raise Wrong(prefix.rstrip("."), "table")
    for name in block:
        if name not in known:
            raise Wrong(prefix + name, "known")


def read_table(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a block, empty where it is missing. Raises Wrong."""
    found = block.get(name, {})
    if not isinstance(found, Mapping):
        raise Wrong(name, "table")
    return found


def read_tables(block: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    """Return a list of blocks, empty where it is missing. Raises Wrong."""
    found = block.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise Wrong(name, "tables")
    return found


def read_text(block: Mapping[str, Any], name: str) -> str:
    """Return a text that is not blank. Raises Wrong."""
    if not isinstance(block[name], str) or not block[name].strip():
        raise Wrong(name, "text")
    return str(block[name])


def read_texts(block: Mapping[str, Any], name: str, prefix: str = "") -> tuple[str, ...]:
    """Return a list of texts, at least one. Raises Wrong."""
    found = block[name]
    if not isinstance(found, list) or not found or not all(isinstance(each, str) and each for each in found):
        raise Wrong(prefix + name, "texts")
    return tuple(found)


def read_names(block: Mapping[str, Any]) -> Mapping[str, str]:
    """Return `name` in each language. Raises Wrong."""
    found = block["name"]
    if not isinstance(found, Mapping) or not all(isinstance(found.get(lang), str) for lang in LANGUAGES):
        raise Wrong("name", "names")
    return found


def read_number(block: Mapping[str, Any], name: str, low: int, high: int = 2**31 - 1) -> int:
    """Return a whole number from `low` to `high`. Raises Wrong."""
    found = block[name]
    if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
        raise Wrong(name, "number")
    return found


def read_amount(block: Mapping[str, Any], name: str) -> float:
    """Return a number above zero. Raises Wrong."""
    found = block[name]
    if not isinstance(found, int | float) or isinstance(found, bool) or not 0 < found < float("inf"):
        raise Wrong(name, "amount")
    return float(found)


def read_date(block: Mapping[str, Any], name: str) -> date | None:
    """Return a day, None where it is missing. Raises Wrong."""
    found = block.get(name)
    if found is not None and (type(found) is not date or not EARLIEST <= found <= LATEST):
        raise Wrong(name, "date")
    return found


def read_zone(block: Mapping[str, Any]) -> ZoneInfo:
    """Return the zone of `timezone`. Raises Wrong."""
    name = read_text(block, "timezone")
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:  # a path, a folder, an unknown name
        raise Wrong("hub.timezone", "zone") from error
