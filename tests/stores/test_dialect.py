"""What PostgreSQL says otherwise than SQLite, as text; that it works is tested on a real one."""

import pytest

from hubtwin.base.errors import Bug
from hubtwin.stores.dialect import as_asked, as_migrated


@pytest.mark.parametrize(
    ("sql", "asked"),
    [
        ("SELECT a FROM t WHERE b = ? AND c < ?", "SELECT a FROM t WHERE b = %s AND c < %s"),
        ("SELECT '?', 'it''s ?' FROM t WHERE b = ?", "SELECT '?', 'it''s ?' FROM t WHERE b = %s"),
        ("SELECT a FROM t WHERE b LIKE 'x%' AND c = ?", "SELECT a FROM t WHERE b LIKE 'x%%' AND c = %s"),
        ("SELECT a FROM t INDEXED BY t_by_b WHERE b = ?", "SELECT a FROM t WHERE b = %s"),
    ],
)
def test_a_statement_keeps_its_meaning(sql: str, asked: str) -> None:
    assert as_asked(sql) == asked


def test_a_table_gets_its_types_and_the_rowid_that_sqlite_gives_by_itself() -> None:
    (made,) = as_migrated("-- why\nCREATE TABLE t (\n  a TEXT PRIMARY KEY,\n  b INTEGER,\n  c BLOB\n) STRICT;\n")
    columns = ['a TEXT COLLATE "C" PRIMARY KEY', "b BIGINT", "c BYTEA", "rowid BIGINT GENERATED ALWAYS AS IDENTITY"]
    assert " ".join(made.split()) == f"CREATE TABLE t ( {', '.join(columns)} )"
    (numbered,) = as_migrated("CREATE TABLE t (\n  n INTEGER PRIMARY KEY AUTOINCREMENT\n) STRICT;")
    assert "rowid" not in numbered


def test_a_trigger_becomes_a_function_and_its_call() -> None:
    made = list(as_migrated("CREATE TRIGGER go AFTER DELETE ON t WHEN old.a = 'x' BEGIN\n  DELETE FROM u;\nEND;"))
    assert [" ".join(each.split()) for each in made] == [
        "CREATE FUNCTION go() RETURNS trigger LANGUAGE plpgsql AS $trigger$ BEGIN DELETE FROM u; RETURN NULL;"
        " END $trigger$",
        "CREATE TRIGGER go AFTER DELETE ON t FOR EACH ROW WHEN (old.a = 'x') EXECUTE FUNCTION go()",
    ]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE t (a TEXT) WITHOUT ROWID;",
        "CREATE TABLE t (a TEXT);",
        "INSERT OR REPLACE INTO t VALUES (1);",
        "CREATE INDEX t_by_a ON t (a ->> '$.b');",
        "PRAGMA user_version = 3;",
    ],
)
def test_what_has_no_counterpart_is_refused_and_not_guessed(statement: str) -> None:
    with pytest.raises(Bug):
        list(as_migrated(statement))
