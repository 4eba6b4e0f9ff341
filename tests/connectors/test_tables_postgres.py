"""A table of PostgreSQL as a source: read-only, quoted, from the key where it stopped; where it is stays unsaid."""

from pathlib import Path

import psycopg
import pytest

from hubtwin.base.errors import Malformed, Retry
from hubtwin.connectors.tables import postgres_table, rows
from hubtwin.connectors.tables.postgres_table import PostgresTable
from tests.cluster import Cluster

TABLE = """
CREATE SCHEMA "区 数据";
CREATE TABLE "区 数据"."居民""表" ("证件号" text, "楼层" integer, "登记" timestamptz, "面积" numeric,
    PRIMARY KEY ("楼层", "证件号"));
INSERT INTO "区 数据"."居民""表" SELECT 'id' || n, n % 3, '2022-10-20 08:00+08', 1.50 FROM generate_series(1, 7) n;
CREATE VIEW open_view AS SELECT "证件号" FROM "区 数据"."居民""表";
"""


@pytest.fixture
def address(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    found = cluster.owner(cluster.make_bare())
    with psycopg.connect(found) as con:
        con.execute(TABLE.encode())
    monkeypatch.setenv("REGISTERS", found)
    return found


def _ids(source: PostgresTable, cursor: str) -> list[str]:
    return [cell for chunk in source.chunks(cursor, ["证件号"]) for cell in chunk.columns["证件号"].to_pylist()]


def test_a_table_is_read_from_any_place_in_the_order_of_its_key(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rows, postgres_table):
        monkeypatch.setattr(module, "CHUNK_ROWS", 2)
    source = PostgresTable("REGISTERS", '区 数据.居民"表')
    assert (source.columns, source.total) == (("证件号", "楼层", "登记", "面积"), 7)
    chunks = list(source.chunks("", source.columns))
    whole = [cell for chunk in chunks for cell in chunk.columns["证件号"].to_pylist()]
    assert whole == ["id3", "id6", "id1", "id4", "id7", "id2", "id5"]
    assert chunks[0].columns["登记"].to_pylist()[0].startswith("2022-10-20 ")
    assert chunks[0].columns["面积"].to_pylist()[0] == "1.50"
    assert [number for chunk in chunks for number in chunk.line_nos] == list(range(1, 8))
    for place, chunk in enumerate(chunks, start=1):
        assert _ids(source, chunk.cursor) == whole[2 * place :]
    with psycopg.connect(address) as con:  # rows that came before the key meanwhile are not read, none comes twice
        con.execute("""INSERT INTO "区 数据"."居民""表" VALUES ('id0', 0)""".encode())
    assert _ids(source, chunks[0].cursor) == whole[2:]


def test_a_view_without_a_key_is_counted(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "CHUNK_ROWS", 3)
    source = PostgresTable("REGISTERS", "open_view")
    cursors = [chunk.cursor for chunk in source.chunks("", ["证件号"])]
    assert _ids(source, cursors[1]) == ["id7"]


def test_nothing_is_written_and_no_error_tells_where_it_is(address: str) -> None:
    source = PostgresTable("REGISTERS", "open_view")
    with pytest.raises(Retry) as refused, source._connected() as con:
        con.execute(b"CREATE TABLE mine (a int)")
    assert refused.value.values["what"] == "25006", "read-only transaction"
    for name in ("nowhere", 'open_view"; DROP VIEW open_view; --', "nowhere.open_view"):
        with pytest.raises(Malformed) as absent:
            PostgresTable("REGISTERS", name)
        assert str(Path(address.split(maxsplit=1)[0].removeprefix("host=")).name) not in absent.value.message()
