"""The block of hub.toml about the library: which district's library the hub is part of."""

from collections.abc import Mapping
from typing import Any

from hubtwin.settings.reading import read_table, read_text, refuse_unknown


def read_district(told: Mapping[str, Any]) -> str:
    """Return the folder of the district: the name of a shipped one or a path; empty for the hub's own. Raises Wrong."""
    block = read_table(told, "library")
    refuse_unknown(block, "library.", ("district",))
    return read_text({"library.district": block["district"]}, "library.district") if "district" in block else ""
