"""The gate: what passes, what does not, which columns a query touches, and that two readers agree."""

import json

import duckdb
import pytest

from hubtwin.base.errors import Malformed
from hubtwin.library.sqlgate import pass_gate, refuse_engine_tree

SHAPES = {"residents": ["id", "name", "street", "born", "n"], "firms": ["code", "name", "street", "founded"]}
PLACED = dict.fromkeys(SHAPES, "q")
ENGINE = duckdb.connect()
ENGINE.execute(
    "CREATE SCHEMA q; CREATE VIEW q.residents AS SELECT '1' id, 'x' AS name, 's' street, current_date born, 1 n"
)
ENGINE.execute("CREATE VIEW q.firms AS SELECT '1' code, 'x' AS name, 's' street, current_date founded")


def serialized(sql: str) -> object:
    return json.loads(ENGINE.execute("SELECT json_serialize_sql(?::VARCHAR)", [sql]).fetchall()[0][0])


@pytest.mark.parametrize(
    ("sql", "touched", "starred"),
    [
        ("SELECT * FROM residents", {"residents": set()}, {"residents"}),
        ("FROM residents SELECT name", {"residents": {"name"}}, set()),
        ('SELECT "NAME" FROM "Residents"', {"residents": {"name"}}, set()),
        ("SELECT count(*) FROM residents", {"residents": set()}, set()),
        (
            "SELECT r.* FROM residents r JOIN firms f USING (street)",
            {"residents": {"street"}, "firms": {"street"}},
            {"residents"},
        ),
        ("SELECT 1 FROM residents WHERE n > 1 ORDER BY born", {"residents": {"n", "born"}}, set()),
        (
            "WITH a AS (SELECT id, max(n) m FROM residents GROUP BY street, id)"
            " SELECT m FROM a JOIN firms ON code = id",
            {"residents": {"id", "n", "street"}, "firms": {"code"}},
            set(),
        ),
        (
            "SELECT id FROM residents r WHERE EXISTS (SELECT 1 FROM firms f WHERE f.code = r.name AND founded > born)",
            {"residents": {"id", "name", "born"}, "firms": {"code", "founded"}},
            set(),
        ),
        ("SELECT t.id FROM (SELECT * FROM residents) t", {"residents": set()}, {"residents"}),
        ("SELECT name FROM residents UNION SELECT name FROM firms", {"residents": {"name"}, "firms": {"name"}}, set()),
        ("SELECT (SELECT max(f.street) FROM firms f) FROM residents", {"residents": set(), "firms": {"street"}}, set()),
        (
            "SELECT n, max(n) OVER (PARTITION BY street) FROM residents QUALIFY rank() OVER (ORDER BY id) = 1",
            {"residents": {"n", "street", "id"}},
            set(),
        ),
        (
            "SELECT street AS name FROM residents ORDER BY name",
            {"residents": {"street", "name"}},
            set(),
        ),  # in doubt more
        ("SELECT residents FROM residents", {"residents": set()}, set()),  # a row of what the view holds: nothing more
        ("SELECT f.name FROM residents, firms AS f", {"residents": set(), "firms": {"name"}}, set()),
        ("SELECT 1", {}, set()),
    ],
)
def test_what_a_query_touches(sql: str, touched: dict[str, set[str]], starred: set[str]) -> None:
    passed, rendered = pass_gate(sql, SHAPES), both_readers(sql)
    assert {name: set(columns) for name, columns in passed.touched.items()} == touched
    assert passed.starred == starred
    ENGINE.execute(rendered).fetchall()


REFUSED = """
;
SELECT
SELECT * FROM residents; SELECT 1
EXPLAIN SELECT * FROM residents
VALUES (1)
EXPLAIN ANALYZE SELECT name FROM residents
DESCRIBE residents
SUMMARIZE residents
SHOW TABLES
PREPARE p AS SELECT 1
EXECUTE p
SET threads = 1
PRAGMA database_list
CALL pragma_version()
ATTACH '/tmp/x.db'
COPY residents TO '/tmp/x'
COPY (SELECT 1) TO '/tmp/x'
INSTALL httpfs
LOAD json
EXPORT DATABASE '/tmp/x'
IMPORT DATABASE '/tmp/x'
DROP VIEW residents
CREATE TABLE t AS SELECT 1
CREATE MACRO f(a) AS a
INSERT INTO residents SELECT 1
UPDATE residents SET n = 1
DELETE FROM residents
SELECT * INTO t FROM residents
SELECT * FROM residents FOR UPDATE
USE main
CHECKPOINT
VACUUM
SELECT * FROM '/etc/passwd'
SELECT * FROM "/etc/passwd"
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM read_parquet('x')
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM glob('/*')
SELECT * FROM duckdb_views()
SELECT * FROM duckdb_settings()
SELECT * FROM pragma_table_info('residents')
SELECT * FROM information_schema.tables
SELECT * FROM pg_class
SELECT * FROM sqlite_master
SELECT * FROM pg_catalog.pg_views
SELECT * FROM duckdb_tables
SELECT * FROM q.residents
SELECT * FROM query('SELECT 1')
SELECT * FROM query_table('residents')
SELECT query('x')
SELECT error(name) FROM residents
SELECT stats(name) FROM residents
SELECT current_setting('threads')
SELECT getenv('HOME')
SELECT current_database()
SELECT version()
SELECT typeof(n) FROM residents
SELECT hash(name) FROM residents
SELECT random()
SELECT now()
SELECT txid_current()
SELECT uuid()
SELECT repeat('x', 1000000000)
SELECT lpad('x', 1000000000, 'x')
SELECT range(1000000000)
SELECT * FROM range(1000000000)
SELECT * FROM generate_series(1, 9)
SELECT unnest([1, 2])
SELECT [1, 2]
SELECT {'a': 1}
SELECT map {'a': 1}
SELECT list(name) FROM residents
SELECT string_agg(name, ',') FROM residents
SELECT x -> x FROM residents
SELECT #1 FROM residents
SELECT COLUMNS(*) FROM residents
SELECT COLUMNS('n.*') FROM residents
SELECT ? FROM residents
SELECT $1 FROM residents
SELECT * REPLACE (n + 1 AS n) FROM residents
SELECT CAST(name AS JSON) FROM residents
SELECT CAST(name AS INT[]) FROM residents
SELECT CAST(n AS STRUCT(a INT)) FROM residents
PIVOT residents ON street USING count(*)
SELECT * FROM residents TABLESAMPLE 1%
SELECT * FROM (VALUES (1)) t
SELECT * FROM residents NATURAL JOIN firms
SELECT * FROM residents ASOF JOIN firms USING (street)
SELECT * FROM residents, LATERAL (SELECT residents.id) t
SELECT * FROM residents POSITIONAL JOIN firms
WITH RECURSIVE a AS (SELECT 1 UNION ALL SELECT * FROM a) SELECT * FROM a
SELECT * FROM nobody
WITH residents AS (SELECT 1) SELECT * FROM residents
SELECT * FROM residents AT (VERSION => 1)
SELECT hidden.x FROM residents
SELECT residents.salary FROM residents
SELECT main.residents.id FROM residents
SELECT * FROM ｒesidents
SELECT * FROM rеsidents
SELECT * FROM residents a, residents a
SELECT * FROM residents r(a, b)
SELECT n::REGCLASS FROM residents
SELECT * FROM (residents JOIN firms USING (street))
""".strip().splitlines()
REFUSED += [
    "",
    "SELECT * FROM resi\u00addents",
    "SELECT * FROM residents\u0000",
    "SELECT " + "(" * 100 + "1" + ")" * 100,
    "SELECT " + "NOT " * 3_000 + "true",
    "SELECT " + "- " * 3_000 + "1",
    "SELECT " + "CASE WHEN true THEN " * 300 + "1" + " END" * 300,
    "SELECT 1 WHERE " + " OR ".join(["1 = 1"] * 3_000),
    "SELECT 1 FROM " + ", ".join(f"residents r{n}" for n in range(20)),
    "SELECT '" + "x" * 30_000 + "'",
    "SELECT " * 2_000,
]


@pytest.mark.parametrize("sql", REFUSED, ids=lambda sql: sql[:60])
def test_what_is_refused(sql: str, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Malformed) as refused:
        both_readers(sql)
    assert len(refused.value.message()) < 400
    assert caplog.records == []  # the text of a query, with what it looks for, is in no log


def both_readers(sql: str) -> str:
    rendered = pass_gate(sql, SHAPES).render(PLACED)
    refuse_engine_tree(serialized(rendered), PLACED)
    return rendered


SECOND = """
SELECT * FROM q2.residents
SELECT * FROM residents
SELECT * FROM q.hidden
SELECT * FROM '/etc/passwd'
SELECT error(name) FROM q.residents
SELECT * FROM read_csv('/x')
SELECT 1; SELECT 2
SELECT #1 FROM q.residents
COPY (SELECT 1) TO '/tmp/x'
SELECT list_transform([1], x -> x)
SELECT * FROM (VALUES (1)) t
SHOW TABLES
SELECT * FROM other.q.residents
SELECT $1
SUMMARIZE q.residents
FROM duckdb_views()
""".strip().splitlines()


@pytest.mark.parametrize("sql", SECOND)
def test_the_second_reader_refuses_on_its_own(sql: str) -> None:
    with pytest.raises(Malformed):
        refuse_engine_tree(serialized(sql), PLACED)


def test_a_name_that_is_not_given_and_one_that_does_not_exist_read_the_same() -> None:
    told = set()
    for name in ("salary", "secret"):  # neither is in the shape: whether the dataset has it makes no difference
        with pytest.raises(Malformed) as refused:
            pass_gate(f"SELECT r.{name} FROM residents r", SHAPES)
        told.add(refused.value.message().replace(name, "x"))
    assert len(told) == 1


def test_comments_go_and_values_are_in_no_fingerprint() -> None:
    first = pass_gate("SELECT id /* x */ FROM residents -- y\n WHERE name = 'A'", SHAPES)
    second = pass_gate("SELECT id FROM residents WHERE name = 'B'", SHAPES)
    assert "/*" not in first.render(PLACED)
    assert "--" not in first.render(PLACED)
    assert first.fingerprint == second.fingerprint != pass_gate("SELECT n FROM residents", SHAPES).fingerprint
    third = pass_gate("select ID\nfrom residents where name = 'C'", SHAPES)
    assert third.fingerprint == first.fingerprint


FUNCTIONS = (
    "count(*), count(DISTINCT name), count_if(n > 1), sum(n), avg(n), min(name), max(born), median(n), mode(name),"
    " any_value(id), stddev(n), stddev_pop(n), variance(n), var_pop(n), var_samp(n), corr(n, n),"
    " approx_count_distinct(id), quantile_cont(n, 0.5), quantile_disc(n, 0.5), bool_and(n > 1), bool_or(n > 1)",
    "abs(n), round(n / 3, 2), floor(n / 2), ceil(n / 2), sign(n), sqrt(n), ln(n), log10(n), exp(n), power(n, 2),"
    " trunc(n / 2),"
    " n % 2, mod(n, 2), n // 2, -n, greatest(n, 2), least(n, 2), n + 1, n - 1, n * 2",
    "length(name), lower(name), upper(name), trim(name), ltrim(name), rtrim(name), substr(name, 1, 2), left(name, 1),"
    " right(name, 1), concat(name, id), concat_ws('-', name, id), replace(name, 'xx', 'y'), strpos(name, 'x'),"
    " starts_with(name, 'x'), ends_with(name, 'x'), contains(name, 'x'), split_part(name, 'x', 1), name || id",
    "name LIKE 'x%', name NOT LIKE 'x%', name ILIKE 'X%', name NOT ILIKE 'x', name LIKE 'a!%' ESCAPE '!',"
    " regexp_matches(name, '^x'), name IN ('x', 'y'), n BETWEEN 1 AND 2, name IS NULL, name IS NOT NULL,"
    " name IS DISTINCT FROM 'x', name IS NOT DISTINCT FROM 'x', coalesce(name, 'x'), ifnull(name, 'x'),"
    " nullif(name, 'x'), if(n > 1, 1, 2), CASE n WHEN 1 THEN 'a' ELSE 'b' END, CAST(id AS INTEGER),"
    " TRY_CAST(name AS BIGINT), id::DECIMAL(10, 2), CAST(n AS VARCHAR), n > 1 AND NOT n < 3 OR n <> 1",
    "extract(year FROM born), date_part('month', born), year(born), month(born), day(born), quarter(born), week(born),"
    " dayofweek(born), isodow(born), date_trunc('month', born), date_diff('day', born, born), born + INTERVAL 1 DAY,"
    " born - INTERVAL 2 MONTH, strftime(born, '%Y'), make_date(2020, 1, 1), last_day(born), born - DATE '2020-01-01'",
    "row_number() OVER (ORDER BY id), rank() OVER (ORDER BY id), dense_rank() OVER (ORDER BY id),"
    " lag(n) OVER (ORDER BY id), lead(n, 1) OVER (ORDER BY id), first_value(n) OVER (ORDER BY id),"
    " last_value(n) OVER (ORDER BY id), ntile(4) OVER (ORDER BY id), percent_rank() OVER (ORDER BY id),"
    " cume_dist() OVER (ORDER BY id), sum(n) OVER (PARTITION BY street ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
)


@pytest.mark.parametrize("listed", FUNCTIONS, ids=lambda listed: listed[:20])
def test_listed_functions_pass_and_mean_the_same(listed: str) -> None:
    """What is written anew answers as what was typed."""
    sql = f"SELECT {listed} FROM residents"
    rendered = both_readers(sql)
    typed = ENGINE.execute(sql.replace("FROM residents", "FROM q.residents")).fetchall()
    assert str(ENGINE.execute(rendered).fetchall()) == str(typed)  # as text: a NaN is not itself


@pytest.mark.parametrize(
    "call",
    [
        "replace(name, 'a', 'aa')",
        "replace(replace(name, 'ab', 'a'), 'a', 'ab')",
        "replace(name, name, 'a')",
        "replace(name, 'a', name)",
        "replace(name, 'a', 'é')",  # two bytes for one
        "replace(name, 'a')",
        "replace(name, 1, 2)",
    ],
)
def test_nothing_is_replaced_by_more(call: str) -> None:
    """One replacement within another multiplies, in memory that the engine's limit does not cover."""
    with pytest.raises(Malformed) as refused:
        pass_gate(f"SELECT {call} FROM residents", SHAPES)
    assert refused.value.key == "library.ask_replace"
    assert pass_gate("SELECT replace(name, '-', '') FROM residents", SHAPES)
