"""The block of hub.toml about the database of accounts, grants and the audit: SQLite unless it names another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubtwin.settings.reading import Wrong, read_table, read_text, refuse_unknown

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class RowsSettings:
    """PostgreSQL: `url_env` names the variable of the environment that holds its address, with the secret."""

    url_env: str

    @property
    def owner_env(self) -> str:
        """Return the variable with the address of the owner, which only preparing needs."""
        return f"{self.url_env}_OWNER"


def read_rows(told: Mapping[str, Any]) -> RowsSettings | None:
    """Return the database; None where the rows stand beside the others. Raises Wrong, for an address in its place too:
    hub.toml is read by many."""
    if "rows" not in told:
        return None
    block = read_table(told, "rows")
    refuse_unknown(block, "rows.", ("url_env",))
    name = read_text({"rows.url_env": block.get("url_env")}, "rows.url_env")
    if not _VARIABLE.fullmatch(name):
        raise Wrong("rows.url_env", "variable")
    return RowsSettings(name)
