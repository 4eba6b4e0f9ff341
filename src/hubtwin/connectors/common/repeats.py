"""Rows that come twice in one page, found in bounded memory."""

from collections.abc import Hashable

WINDOW = 250_000  # keys of one generation; two are held, about 60 MB at most


class Repeats:
    """Remembers what the last rows of a page were, by key; one instance a page.

    Looks back over at least WINDOW rows. A repeat further apart passes: `library.ingest` counts it and keeps the
    later row.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._window = window
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}

    def find_reason(self, key: Hashable, content: Hashable) -> str | None:
        """Return None for a new key, else why the row is not kept (text key): the same again, or a conflict."""
        key_hash, content_hash = hash(key), hash(content)
        known = self._recent.get(key_hash, self._older.get(key_hash))
        if known is not None:
            same = known == content_hash
            return "connectors.common.repeated_row" if same else "connectors.common.conflicting_row"
        if len(self._recent) >= self._window:
            self._older, self._recent = self._recent, {}
        self._recent[key_hash] = content_hash
        return None

    def contradicts(self, key: Hashable, content: Hashable) -> bool:
        """Return whether an earlier row of the key had other contents; for a source that lets identical ones pass."""
        return self.find_reason(key, content) == "connectors.common.conflicting_row"
