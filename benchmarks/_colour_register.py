"""A synthetic register of persons of ten columns, with faults in known shares, written as files of a shelf."""

from pathlib import Path

import duckdb

from hubtwin.datasets.listing import Catalogue, Element, Library, LibraryKind, Listing, Sharing, Trait
from hubtwin.datasets.table import Column, Dataset, Grade
from hubtwin.stores.columns import sha256
from hubtwin.stores.shelf_files import ShelfFile

NOW_MIN = 29_000_000
PROMISE_MIN = 49_000
STREETS = 14
SOME = {"zh": "某", "en": "some"}
PERSONS = Dataset("persons", "人口", "persons", ("person_no",), (
    Column("person_no", "int", "编号", "number"),
    Column("cert_no", "string", "证件号码", "certificate", Grade.L3),
    Column("name", "string", "姓名", "name", Grade.L3),
    Column("phone", "string", "电话", "phone", Grade.L3),
    Column("sex", "string", "性别", "sex", values=("F", "M")),
    Column("street", "string", "街道", "street"),
    Column("born", "date", "出生日期", "born"),
    Column("age", "int", "年龄", "age", minimum=0, maximum=120),
    Column("kind", "string", "类别", "kind", values=("resident", "floating", "left")),
    Column("confirmed_min", "minute", "核实时间", "confirmed", minimum=20_000_000, maximum=40_000_000),
))  # fmt: skip
CODES = Dataset("streets", "街道", "streets", ("code",), (Column("code", "string", "代码", "code"),))


def make_catalogue() -> Catalogue:
    """Return the catalogue: ten required columns, two forms, ranges, codes, a reference, freshness, two keys."""
    traits = {column.name: Trait(required=True) for column in PERSONS.columns}
    traits["cert_no"] = Trait(element="citizen_id", required=True, unique=True)
    traits["phone"] = Trait(element="phone", required=True)
    traits["street"] = Trait(refers_to="streets.code", required=True)
    told = {"contract": "1.0.0", "update_every_min": PROMISE_MIN, "confirmed_column": "confirmed_min"}
    persons = Listing(PERSONS, "base", "owner", Sharing.RESTRICTED, SOME, traits=traits, **told)  # type: ignore[arg-type]
    streets = Listing(CODES, "base", "owner", Sharing.UNCONDITIONAL, SOME, contract="1.0.0")
    elements = tuple(Element(name, SOME, "string", name) for name in ("citizen_id", "phone"))
    return Catalogue((Library("base", LibraryKind.BASE, SOME),), (persons, streets), elements)


def _check() -> str:
    total = " + ".join(f"{pow(2, 17 - place, 11)} * ((b // {10 ** (16 - place)}) % 10)" for place in range(17))
    return f"substr('10X98765432', 1 + ({total}) % 11, 1)"


SPAN = 188_160_000  # certificates: 8 counties x 70 years x 12 months x 28 days x 1,000, each used once before doubles
BODY = (  # of the certificate of person p, spread so that neighbours have nothing in common
    "330100 * 100000000000 + (1 + q % 8) * 100000000000 + (1940 + q // 8 % 70) * 10000000"
    " + (1 + q // 560 % 12) * 100000 + (1 + q // 6720 % 28) * 1000 + q // 188160 % 1000"
)


def _select(first: int, rows: int, known: int) -> str:
    """Return SQL for rows. One of a thousand stands twice with both keys; the other faults are in the lines below."""
    person = f"CASE WHEN h % 997 = 5 THEN 1 + (hash(i * 16 + 9) % {known})::BIGINT ELSE i END"
    return f"""
    SELECT p AS person_no,
      CASE WHEN h % 1009 = 0 THEN NULL WHEN h % 499 = 1 THEN b::VARCHAR || '7'
        ELSE b::VARCHAR || {_check()} END AS cert_no,
      CASE WHEN h % 1511 = 2 THEN NULL
        ELSE chr(20000 + (h % 6000)::INT) || chr(20000 + (h // 7 % 5000)::INT) END AS name,
      CASE WHEN h % 601 = 3 THEN '1380' || (h % 1000)::VARCHAR
        ELSE (13000000000 + h // 3 % 6999999999)::VARCHAR END AS phone,
      CASE WHEN h % 2003 = 4 THEN 'X' WHEN h % 2 = 0 THEN 'F' ELSE 'M' END AS sex,
      (330102001 + h // 11 % {STREETS} + CASE WHEN h % 3001 = 6 THEN 500 ELSE 0 END)::VARCHAR AS street,
      make_date((1940 + q // 8 % 70)::INT, (1 + q // 560 % 12)::INT, (1 + q // 6720 % 28)::INT) AS born,
      CASE WHEN h % 1709 = 7 THEN 200 ELSE (h // 17 % 100)::BIGINT END AS age,
      ['resident', 'floating', 'left'][1 + (h // 19 % 3)::INT] AS kind,
      ({NOW_MIN} - CASE WHEN h % 211 = 8 THEN 60000 ELSE h // 23 % 40000 END)::INTEGER AS confirmed_min,
      'bench' AS hub_id, 'bench' AS source, 'Actual' AS status, 'synthetic' AS provenance, false AS replayed,
      i AS row_no
    FROM (SELECT *, {BODY} AS b FROM (SELECT *, p * 7919 % {SPAN} AS q FROM (SELECT i, hash(i) AS h, {person} AS p
      FROM range({first}, {first + rows}) AS r(i))))
    """


def write_persons(folder: Path, number: int, first: int, rows: int, known: int) -> ShelfFile:
    """Write a file of persons, numbered from `first` on; doubles are of the first `known` numbers."""
    path = folder / f"persons-{number:010}.parquet"
    with duckdb.connect(config={"temp_directory": str(folder / "spill")}) as con:
        con.execute(
            f"COPY ({_select(first, rows, known)}) TO '{path}'"
            " (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 131072)"
        )
    return ShelfFile(
        path, "persons", f"part{number}", rows, first, number, path.stat().st_size, sha256(path), "", NOW_MIN, rows
    )


def write_streets(folder: Path) -> ShelfFile:
    """Write the file of streets that persons refer to."""
    path = folder / "streets-0000000001.parquet"
    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT (330102001 + i)::VARCHAR AS code, i + 1 AS row_no FROM range({STREETS}) AS r(i))"
            f" TO '{path}' (FORMAT parquet)"
        )
    return ShelfFile(path, "streets", "all", STREETS, 1, 1, path.stat().st_size, sha256(path), "", NOW_MIN, STREETS)
