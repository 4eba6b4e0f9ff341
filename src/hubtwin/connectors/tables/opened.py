"""Which kind of file something is, told by its first bytes, and the source that reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.connectors.tables.archives import list_members, unpack
from hubtwin.connectors.tables.csv_file import CsvFile, CsvTold
from hubtwin.connectors.tables.excel_file import ExcelFile
from hubtwin.connectors.tables.json_file import JsonArray, JsonLines
from hubtwin.connectors.tables.parquet_file import ParquetFile
from hubtwin.connectors.tables.sqlite_table import SqliteTable
from hubtwin.library.loading import Source

FORMATS = ("csv", "excel", "parquet", "json", "jsonl", "sqlite", "zip")
_MAGIC = ((b"PAR1", "parquet"), (b"SQLite format 3\0", "sqlite"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"))
_REFUSED = (
    *((b"\x1f\x8b", "gzip"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!", "rar"), (b"BZh", "bzip2")),
    *((b"\xd0\xcf\x11\xe0", ".xls"), (b"%PDF", "PDF")),
)


@dataclass(frozen=True)
class Told:
    """What a person told of a file; what is empty is guessed. `table` names a sheet, a table or a file of a zip."""

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    header: int | None = None
    table: str = ""


@dataclass(frozen=True)
class Opened:
    """A source and what its file turned out to be, as plain values."""

    source: Source
    format: str
    found: dict[str, object]


def open_file(path: Path, told: Told, names: Sequence[str], scratch: Path) -> Opened:
    """Open a file by what it is. `names` are those that a header may use, `scratch` is where a table of an archive is
    put. Raises Absent, Denied, Malformed; nothing was stored."""
    if not path.exists():
        raise Absent("connectors.common.file_missing", file=path.name)
    if not path.is_file():  # a pipe has no second reading
        raise Denied("connectors.common.not_a_file", file=path.name)
    kind = told.format or kind_of(path)
    if kind == "zip":
        inner = unpack(path, told.table, scratch)
        opened = open_file(inner, Told(**{**told.__dict__, "format": "", "table": ""}), names, scratch)
        return Opened(opened.source, f"zip/{opened.format}", {**opened.found, "member": inner.name})
    if kind == "csv":
        csv = CsvFile(path, CsvTold(told.encoding, told.delimiter, told.header), names)
        return Opened(csv, kind, {"encoding": csv.encoding, "delimiter": csv.delimiter, "header": csv.header})
    if kind == "excel":
        sheet = ExcelFile(path, told.table, told.header, names)
        return Opened(sheet, kind, {"table": sheet.sheet, "header": sheet.header})
    if kind == "parquet":
        return Opened(ParquetFile(path), kind, {})
    if kind == "sqlite":
        return Opened(SqliteTable(path, told.table), kind, {"table": told.table})
    if kind in {"json", "jsonl"}:
        return Opened(JsonArray(path) if kind == "json" else JsonLines(path), kind, {})
    raise Malformed("connectors.tables.no_format", file=path.name, format=kind, known=", ".join(FORMATS))


def kind_of(path: Path) -> str:
    """Return the format of a file by its first bytes. Raises Malformed for one that is packed or not read."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    for magic, kind in _REFUSED:
        if head.startswith(magic):
            raise Malformed("connectors.tables.refused_kind", file=path.name, kind=kind, known=", ".join(FORMATS))
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return "excel" if kind == "zip" and _is_book(path) else kind
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(b"{"):
        return "jsonl"
    return "json" if text.startswith(b"[") and text[1:].lstrip()[:1] in {b"{", b"]", b""} else "csv"


def _is_book(path: Path) -> bool:
    return path.suffix.lower() in {".xlsx", ".xlsm"} or "xl/workbook.xml" in list_members(path)
