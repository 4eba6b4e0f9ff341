"""The blocks of hub.toml about the map and its past: tiles of the deployment, days for which pictures are kept."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from hubtwin.settings.reading import Wrong, read_number, read_table, read_text, refuse_unknown

JOURNAL_GB, MOST_JOURNAL_GB = 20, 10_000  # ours: five busy days of a large hub (4 GB each), a month of a small one
JOURNAL_DAYS, MOST_JOURNAL_DAYS = 30, 366  # ours: a month looks back on the last exercise and the last audit
PLACES = ("{z}", "{x}", "{y}")


@dataclass(frozen=True)
class MapSettings:
    """A base map of the deployment's own in place of the shipped one: raster tiles by address, or a MapLibre style.
    `attribution` is what its owner asks to be shown. `origin` is what pages may fetch from; empty where there is none.
    """

    tiles: str = ""
    style: str = ""
    attribution: str = ""
    origin: str = ""


def read_map(told: Mapping[str, Any]) -> MapSettings:
    """Return the base map. Raises Wrong."""
    block = read_table(told, "map")
    refuse_unknown(block, "map.", ("tiles", "style", "attribution"))
    if "tiles" in block and "style" in block:
        raise Wrong("map.tiles, map.style", "one_map")
    found = {name: read_text({f"map.{name}": block[name]}, f"map.{name}") for name in block}
    if not all(place in found.get("tiles", "{z}{x}{y}") for place in PLACES):
        raise Wrong("map.tiles", "address")
    address = found.get("tiles") or found.get("style") or ""
    origin = _origin(address, "map.tiles" if "tiles" in found else "map.style") if address else ""
    return MapSettings(**found, origin=origin)


@dataclass(frozen=True)
class JournalSettings:
    """For how many days pictures of the place are kept, and how many gigabytes they may take: the oldest hours go."""

    days: int = JOURNAL_DAYS
    max_gb: int = JOURNAL_GB


def read_journal(told: Mapping[str, Any]) -> JournalSettings:
    """Return how much of the past is kept. Raises Wrong."""
    block = read_table(told, "journal")
    refuse_unknown(block, "journal.", ("days", "max_gb"))
    days = {"journal.days": block.get("days", JOURNAL_DAYS)}
    most = {"journal.max_gb": block.get("max_gb", JOURNAL_GB)}
    return JournalSettings(
        read_number(days, "journal.days", 1, MOST_JOURNAL_DAYS),
        read_number(most, "journal.max_gb", 1, MOST_JOURNAL_GB),
    )


def _origin(address: str, entry: str) -> str:
    """Return scheme, host and port of an address. It is put into a header of every page, so nothing else passes."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Wrong(entry, "address") from error
    plain = host.replace("-", "").replace(".", "")
    is_open = parts.scheme == "http" and _is_loopback(host)
    named = plain.isascii() and plain.isalnum() and not host.startswith((".", "-"))
    if (parts.scheme != "https" and not is_open) or not named or "@" in parts.netloc:
        raise Wrong(entry, "address")
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
