"""Reads blocks of TOML that people wrote: values of one kind each, or an error that names the file and the entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Any, TypeVar

from hubtwin.base.errors import Malformed
from hubtwin.base.text import LANGUAGES

_E = TypeVar("_E", bound=Enum)
LONGEST_TEXT = 2000  # characters of one text; a page of prose belongs into a document


@dataclass(frozen=True)
class Entry:
    """A block: `file` and `where` (such as `datasets.residents`) are what an error calls it."""

    file: str
    where: str
    block: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Return whether a value was written."""
        return name in self.block

    def wrong(self, name: str, kind: str, **values: object) -> Malformed:
        """Return the error that a value is not what it must be; `kind` ends the key of its text."""
        entry = f"{self.where}.{name}" if name else self.where
        return Malformed(f"library.entry_{kind}", file=self.file, entry=entry, **values)

    def know(self, *names: str) -> None:
        """Refuse a value that nobody reads: it is a slip of the pen. Raises Malformed."""
        for name in self.block:
            if name not in names:
                raise self.wrong(name, "known", known=", ".join(names))

    def line(self, name: str, default: str | None = None) -> str:
        """Return a text that is not blank; `default` where none was written. Raises Malformed."""
        if name not in self.block and default is not None:
            return default
        found = self.block.get(name)
        if not isinstance(found, str) or not found.strip() or len(found) > LONGEST_TEXT:
            raise self.wrong(name, "text")
        return found

    def names(self, name: str, default: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Return a text in each language. Raises Malformed."""
        if name not in self.block and default is not None:
            return default
        found = self.block.get(name)
        if not isinstance(found, Mapping) or set(found) != set(LANGUAGES):
            raise self.wrong(name, "names")
        told = Entry(self.file, f"{self.where}.{name}", found)
        return {lang: told.line(lang) for lang in LANGUAGES}

    def texts(self, name: str, *, needed: bool = False) -> tuple[str, ...]:
        """Return a list of different texts, empty where none was written unless it is `needed`. Raises Malformed."""
        found = self.block.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, str) and each.strip() for each in found):
            raise self.wrong(name, "texts")
        if len(set(found)) < len(found) or (needed and not found):
            raise self.wrong(name, "texts")
        return tuple(found)

    def number(self, name: str, low: int = 0, high: int = 2**31 - 1) -> int | None:
        """Return a whole number from `low` to `high`, None where none was written. Raises Malformed."""
        found = self.block.get(name)
        if found is None:
            return None
        if not isinstance(found, int) or isinstance(found, bool) or not low <= found <= high:
            raise self.wrong(name, "number", low=low, high=high)
        return found

    def amount(self, name: str) -> float | None:
        """Return a finite number, None where none was written. Raises Malformed."""
        found = self.block.get(name)
        if found is None:
            return None
        if not isinstance(found, int | float) or isinstance(found, bool) or not abs(found) < float("inf"):
            raise self.wrong(name, "amount")
        return float(found)

    def day(self, name: str) -> date | None:
        """Return a day, None where none was written. Raises Malformed."""
        found = self.block.get(name)
        if found is not None and type(found) is not date:
            raise self.wrong(name, "day")
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false. Raises Malformed."""
        found = self.block.get(name, default)
        if not isinstance(found, bool):
            raise self.wrong(name, "flag")
        return found

    def choice(self, name: str, kind: type[_E], default: _E | None = None) -> _E:
        """Return a member of an enumeration by its value. Raises Malformed."""
        if name not in self.block and default is not None:
            return default
        found = self.block.get(name)
        try:
            return kind(found)
        except ValueError:
            raise self.wrong(name, "choice", choices=", ".join(str(each.value) for each in kind)) from None

    def table(self, name: str) -> "Entry":
        """Return a block inside this one, an empty one where none was written. Raises Malformed."""
        found = self.block.get(name, {})
        if not isinstance(found, Mapping):
            raise self.wrong(name, "table")
        return Entry(self.file, f"{self.where}.{name}" if self.where else name, found)

    def tables(self, name: str, label: str = "name") -> list["Entry"]:
        """Return a list of blocks, each called by its `label`, or its place in the list. Raises Malformed."""
        found = self.block.get(name, [])
        if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
            raise self.wrong(name, "tables")
        begin = f"{self.where}.{name}" if self.where else name
        return [Entry(self.file, f"{begin}.{each.get(label, place + 1)}", each) for place, each in enumerate(found)]
