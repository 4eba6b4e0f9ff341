"""What a file of rows is, guessed from a sample: its encoding, its delimiter, its header, its types, its columns.

Everything here is a guess that a person sees in the preview and may overrule; nothing is read or written.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from hubtwin.base.errors import Malformed
from hubtwin.datasets.listing import Element, Listing
from hubtwin.datasets.table import Column, ColumnType
from hubtwin.rules.typed import SHORTENED, read_cell

ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16-le", "utf-16-be")
DELIMITERS = (",", "\t", ";", "|")
HEADER_ROWS = 10  # a title and a note may stand above the header
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_UTF16 = ("utf-16-le", "utf-16-be")
_ALIASES = {"utf8": "utf-8", "utf-8-bom": "utf-8-sig", "gbk": "gb18030", "gb2312": "gb18030", "utf-16": "utf-16-le"}
_ORDER: tuple[ColumnType, ...] = ("int", "float", "date", "second", "bool")
_UTC = ZoneInfo("UTC")
_LEADING_ZERO = re.compile(r"[+-]?0\d+")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Guessed:
    """A column of the file: its name, its likely type, how many of the sampled cells are empty, and what is odd.

    `notes` are text keys: `rules.note_leading_zeros`, `rules.note_digits_lost`, `rules.note_formula`.
    """

    name: str
    type: ColumnType
    empty: int
    notes: tuple[str, ...] = ()


def guess_encoding(samples: Sequence[bytes], declared: str = "") -> str:
    """Return the encoding of a file of which some pieces are given, the first from its beginning.

    Raises Malformed where nothing fits, and where the pieces contradict `declared`, naming what they look like.
    """
    found = _guessed(samples)
    if not declared:
        if found is None:
            raise Malformed("rules.encoding_unknown", known=", ".join(ENCODINGS))
        return found
    wanted = declared.lower().replace("_", "-")
    wanted = found if wanted == "utf-16" and found in _UTF16 else _ALIASES.get(wanted, wanted)
    if wanted not in ENCODINGS:
        raise Malformed("rules.encoding_not_known", encoding=declared[:40], known=", ".join(ENCODINGS))
    if found == wanted or (found == "utf-8" and all(sample.isascii() for sample in samples)):
        return "utf-8" if found == "utf-8" else wanted  # plain ASCII is the same in both
    if {found, wanted} == {"utf-8", "utf-8-sig"}:
        return found or wanted
    raise Malformed("rules.wrong_encoding", declared=wanted, found=found or "?")


def guess_delimiter(lines: Sequence[str]) -> str:
    """Return the delimiter under which most lines have the same number of fields, more than one; a comma for none."""

    def score(delimiter: str) -> tuple[float, int]:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if row)
        except csv.Error:  # a field beyond what may be one: not this delimiter
            return 0.0, 0
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        return (count / len(lines) if width > 1 else 0.0, width)

    return max(DELIMITERS, key=score) if lines else DELIMITERS[0]


def guess_header(rows: Sequence[Sequence[str]], names: Iterable[str]) -> int | None:
    """Return which of the first rows is the header: the one that names most of the columns known as `names`, else the
    first full one without numbers. None where every row looks like data."""
    known = {plain_name(name) for name in names}
    head = rows[:HEADER_ROWS]
    hits = [sum(plain_name(cell) in known for cell in row) for row in head]
    if any(hits):
        return hits.index(max(hits))
    width = max((len(row) for row in head), default=0)
    for place, row in enumerate(head):
        cells = [cell.strip() for cell in row]
        full = len(cells) == width and all(cells) and len(set(cells)) == len(cells)
        if full and not any(re.search(r"\d{3}", cell) for cell in cells):
            return place
        if len(cells) == width > 1:
            return None
    return None


def guess_column(name: str, cells: Sequence[str]) -> Guessed:
    """Return what the cells of a column look like. What has leading zeros is a code and stays text."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    notes = []
    if any(re.match(SHORTENED, cell) for cell in filled):
        notes.append("rules.note_digits_lost")
    if any(cell[0] in "=@" or re.match(r"[+-]\D", cell) for cell in filled):
        notes.append("rules.note_formula")
    kind: ColumnType = "string"
    if any(_LEADING_ZERO.fullmatch(cell) for cell in filled):
        notes.append("rules.note_leading_zeros")
    elif filled and not notes and not any(len(cell) >= 15 and cell.isdigit() for cell in filled):
        kind = next((each for each in _ORDER if _all_are(each, filled)), "string")
    return Guessed(name, kind, len(cells) - len(filled), tuple(notes))


def match_columns(
    source: Sequence[str], listing: Listing, elements: Mapping[str, Element], told: Mapping[str, str]
) -> dict[str, str]:
    """Return source column -> column of the dataset: as told, else by name, Chinese or English title, or element.

    No column of either side is taken twice; a name that fits two columns fits none. An empty target in `told` leaves a
    source column out. Raises Malformed where `told` names a column that does not exist or one twice.
    """
    columns = listing.dataset.by_name
    for name, target in told.items():
        if name not in source or (target and target not in columns):
            wrong, where = (name, "file") if name not in source else (target, listing.name)
            raise Malformed("rules.no_column_to_map", column=wrong[:80], where=where)
    mapped = {name: target for name, target in told.items() if target}
    if len(set(mapped.values())) < len(mapped):
        raise Malformed("rules.mapped_twice", dataset=listing.name)
    for names in (_own_names, _titles, _element_names):
        fits = _unique({column.name: names(listing, column, elements) for column in columns.values()})
        for name in source:
            target = fits.get(plain_name(name), "")
            if target and name not in told and name not in mapped and target not in mapped.values():
                mapped[name] = target
    return {name: mapped[name] for name in source if name in mapped}


def known_names(listing: Listing, elements: Mapping[str, Element]) -> list[str]:
    """Return everything a header may call the columns of a dataset."""
    return [
        name
        for column in listing.dataset.columns
        for names in (_own_names, _titles, _element_names)
        for name in names(listing, column, elements)
    ]


def plain_name(name: str) -> str:
    """Return a name without case, blanks, punctuation and width: what two spellings of it have in common."""
    return _NOT_WORD.sub("", unicodedata.normalize("NFKC", name).casefold())


def _guessed(samples: Sequence[bytes]) -> str | None:
    first = samples[0] if samples else b""
    for bom, name in _BOMS:
        if first.startswith(bom):
            return name
    pair = first[: len(first) // 2 * 2]
    if pair and b"\0" in pair:
        zeros = (pair[0::2].count(0), pair[1::2].count(0))
        for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
            if zeros[place] > len(pair) // 100 and zeros[place] > 4 * zeros[1 - place]:
                return name
    lines = [line for sample in samples for line in _whole_lines(sample) if not line.isascii()]
    votes = Counter(next((name for name in ("utf-8", "gb18030") if _is(line, name)), "") for line in lines)
    if not lines:
        return "utf-8"
    name, _ = votes.most_common(1)[0]
    return name or None


def _whole_lines(sample: bytes) -> list[bytes]:
    """Return the lines of a piece without its first and last, which may be cut; all of a short one."""
    lines = sample.split(b"\n")
    return lines[:-1] if len(lines) > 2 else [sample]


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _all_are(kind: ColumnType, cells: Sequence[str]) -> bool:
    column = Column("c", kind, "", "", nullable=True)
    if kind == "second" and all(cell.isdigit() for cell in cells):
        return False
    if kind == "date" and any(":" in cell or "时" in cell for cell in cells):
        return False
    if kind in {"int", "float"} and all(re.fullmatch(r"(19|20)\d{6}", cell) for cell in cells):
        return not _all_are("date", cells)  # 20221020 is a day before it is a number
    return all(read_cell(column, cell, _UTC)[1] is None for cell in cells)


def _unique(names: Mapping[str, Sequence[str]]) -> dict[str, str]:
    claims = Counter(name for each in names.values() for name in {plain_name(name) for name in each})
    return {
        plain: column
        for column, each in names.items()
        for plain in (plain_name(name) for name in each)
        if plain and claims[plain] == 1
    }


def _own_names(listing: Listing, column: Column, elements: Mapping[str, Element]) -> list[str]:
    del listing, elements
    return [column.name]


def _titles(listing: Listing, column: Column, elements: Mapping[str, Element]) -> list[str]:
    del listing, elements
    return [column.zh, column.en]


def _element_names(listing: Listing, column: Column, elements: Mapping[str, Element]) -> list[str]:
    name = listing.trait(column.name).element
    return [name, *(elements[name].title.values() if name in elements else ())] if name else []
