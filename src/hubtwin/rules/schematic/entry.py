"""One table of a description: typed values by name, and an error that names the entry where one is missing or wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

from hubtwin.base.errors import Malformed
from hubtwin.base.text import LANGUAGES
from hubtwin.rules.schematic.records import INFERRED, PUBLISHED, Basis, Names, Rect, Spot

_MOST = 1e6  # of any figure: metres, persons, degrees


class Entry:
    """A table with the name it is told by in errors. What nobody asked for by the time of `done` is unknown."""

    def __init__(self, where: str, values: Any, sources: Mapping[str, str]) -> None:
        self.where = where
        if not isinstance(values, Mapping):
            raise Malformed("rules.schematic.wrong", entry=where, need="a table")
        self._values, self._sources = values, sources
        self._asked: set[str] = set()

    def has(self, name: str) -> bool:
        """Tell whether the table holds a value of this name."""
        return name in self._values

    def word(self, name: str, default: str | None = None) -> str:
        """Return a text that is not blank, or the default."""
        found = self._get(name, default)
        if not isinstance(found, str) or (not found.strip() and found != default):
            raise self._wrong(name, "a text")
        return found

    def texts(self, name: str, default: Sequence[str] | None = None) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self._get(name, default)
        if isinstance(found, str) or not isinstance(found, Sequence) or not all(isinstance(e, str) for e in found):
            raise self._wrong(name, "a list of texts")
        return tuple(found)

    def titles(self) -> dict[str, str]:
        """Return every value of the table, each a text."""
        return {name: self.word(name) for name in self._values}

    def names(self, name: str) -> Names:
        """Return a name in each language."""
        found = self._get(name, None)
        if (
            not isinstance(found, Mapping)
            or set(found) != set(LANGUAGES)
            or not all(isinstance(e, str) and e for e in found.values())
        ):
            raise self._wrong(name, "zh and en")
        return {lang: str(found[lang]) for lang in LANGUAGES}

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number of a size that things have."""
        return self._finite(name, self._get(name, default))

    def amount(self, name: str, default: float | None = None) -> float:
        """Return a number above zero."""
        found = self.number(name, default)
        if found <= 0:
            raise self._wrong(name, "a number above zero")
        return found

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number."""
        found = self._get(name, default)
        if not isinstance(found, int) or isinstance(found, bool):
            raise self._wrong(name, "a whole number")
        return found

    def count(self, name: str, default: int | None = None) -> int:
        """Return a whole number of at least zero."""
        found = self.whole(name, default)
        if found < 0:
            raise self._wrong(name, "a whole number of at least 0")
        return found

    def flag(self, name: str, default: bool = False) -> bool:
        """Return true or false."""
        found = self._get(name, default)
        if not isinstance(found, bool):
            raise self._wrong(name, "true or false")
        return found

    def choice(self, name: str, known: Sequence[str]) -> str:
        """Return one of the words of a list."""
        found = self.word(name)
        if found not in known:
            raise self._wrong(name, " | ".join(known))
        return found

    def numbers(self, name: str, count: int) -> tuple[float, ...]:
        """Return a list of so many numbers."""
        return self._row(name, self._get(name, None), count)

    def lists(self, name: str, count: int) -> list[tuple[float, ...]]:
        """Return a list of lists of so many numbers each."""
        found = self._get(name, None)
        if not isinstance(found, list):
            raise self._wrong(name, f"lists of {count} numbers")
        return [self._row(name, row, count) for row in found]

    def rect(self, name: str, *, ordered: bool = True) -> Rect:
        """Return x0, y0, x1, y1 in metres, the lower left corner first unless it is a line."""
        x0, y0, x1, y1 = self.numbers(name, 4)
        if ordered and not (x0 < x1 and y0 < y1):
            raise self._wrong(name, "x0 < x1 and y0 < y1")
        return (x0, y0, x1, y1)

    def spot(self, name: str) -> Spot:
        """Return x, y in metres."""
        x, y = self.numbers(name, 2)
        return (x, y)

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table inside this one."""
        found = self._get(name, None)
        if not isinstance(found, Mapping):
            raise self._wrong(name, "a table")
        return found

    def basis(self) -> Basis:
        """Return where the element comes from: what is published has a source and says what the source states."""
        kind = self.choice("basis", (PUBLISHED, INFERRED))
        if kind == INFERRED:
            return Basis(kind)
        titles = []
        for key in self.texts("source"):
            if key not in self._sources:
                raise Malformed("rules.schematic.no_such", entry=f"{self.where}.source", code=key)
            titles.append(self._sources[key])
        if not titles:
            raise self._wrong("source", "a key of [sources]")
        fact = self.names("fact")
        return Basis(kind, f"{fact['zh']} / {fact['en']} [{'; '.join(titles)}]")

    def done(self) -> None:
        """Refuse what nobody asked for: it is a slip of the pen, and what it was meant for would be missing."""
        for name in self._values:
            if name not in self._asked:
                raise Malformed("rules.schematic.unknown", entry=f"{self.where}.{name}")

    def _get(self, name: str, default: Any) -> Any:
        self._asked.add(name)
        if name in self._values:
            return self._values[name]
        if default is None:
            raise Malformed("rules.schematic.missing", entry=f"{self.where}.{name}")
        return default

    def _row(self, name: str, found: Any, count: int) -> tuple[float, ...]:
        if not isinstance(found, list) or len(found) != count:
            raise self._wrong(name, f"{count} numbers")
        return tuple(self._finite(name, each) for each in found)

    def _finite(self, name: str, found: Any) -> float:
        if not isinstance(found, int | float) or isinstance(found, bool) or not -_MOST <= found <= _MOST:
            raise self._wrong(name, "a number")
        return float(found)

    def _wrong(self, name: str, need: str) -> Malformed:
        return Malformed("rules.schematic.wrong", entry=f"{self.where}.{name}", need=need)
