"""Questions that are short to write and endless to run: refused before the engine is asked; honest ones pass."""

from time import thread_time

import pytest

from hubtwin.base.errors import Malformed
from hubtwin.library.sqlgate import MAX_CHARS, pass_gate

SHAPES = {"residents": ["id", "name", "street", "born", "n"], "firms": ["code", "name", "street"]}


def aliases(first: str, following: str, number: int) -> str:
    """Return a SELECT whose every alias is made of the one before."""
    parts = [f"{first} AS a0", *(f"{following.replace('@', f'a{i}')} AS a{i + 1}" for i in range(number))]
    return f"SELECT length(a{number}) AS n FROM (SELECT {', '.join(parts)} FROM residents) t"


def nested(expression: str, number: int) -> str:
    """Return as many sub-queries within each other."""
    inner = "SELECT n AS a FROM residents"
    for level in range(number):
        inner = f"SELECT {expression} AS a FROM ({inner}) t{level}"
    return f"SELECT count(*) FROM ({inner}) z WHERE a > 5"


def chain(operator: str, atom: str, number: int) -> str:
    return f"SELECT {operator.join([atom] * number)} AS x FROM residents"


LONG = f"(SELECT concat('{'x' * 10_000}', street) AS s FROM residents) t"
CTES = "".join(f", c{i + 1} AS (SELECT {'||'.join(['a'] * 20)} AS a FROM c{i})" for i in range(9))
ENDLESS = {
    "an alias in the next alias": aliases("street || street", "@ || @", 40),
    "concat in the next alias": aliases("street", "concat(@, @)", 26),
    "a constant in the next alias": aliases("'xxxx'", "@ || @", 26),
    "separators too": aliases("street", f"concat_ws({', '.join(['@'] * 10)})", 8),
    "CASE pushed down through sub-queries": nested("CASE WHEN a > 1 THEN a ELSE a END", 12),
    "CASE in the next alias": aliases("n", "CASE WHEN @ > 1 THEN @ ELSE @ END", 20).replace("length", "abs"),
    "names given by WITH": f"WITH c0 AS (SELECT id AS a FROM residents){CTES} SELECT max(length(a)) FROM c9",
    "a long text, many times": f"SELECT max(length(concat({', '.join(['s'] * 150)}))) FROM {LONG}",
    "a long text, step by step": f"SELECT max(length({'||'.join(['s'] * 60)})) FROM {LONG}",
    "a long text between the others": f"SELECT max(length(concat_ws(s, {', '.join(['s'] * 150)}))) FROM {LONG}",
    "a format": f"SELECT max(strftime(born, concat({', '.join(['name'] * 60)}))) FROM residents",
}


def test_the_operand_of_case_is_written_out_for_each_when() -> None:
    operand = "n"
    for level in range(14):
        operand = f"CASE {operand} WHEN {level} THEN 1 WHEN 300 THEN 2 WHEN 400 THEN 4 ELSE 3 END"
    with pytest.raises(Malformed) as refused:
        pass_gate(f"SELECT count(*) FROM residents WHERE {operand} > 0", SHAPES)
    assert refused.value.key == "library.ask_grows"


@pytest.mark.parametrize("sql", ENDLESS.values(), ids=list(ENDLESS))
def test_what_multiplies_is_refused_before_it_runs(sql: str) -> None:
    assert len(sql) < MAX_CHARS
    with pytest.raises(Malformed) as refused:
        pass_gate(sql, SHAPES)
    assert refused.value.key == "library.ask_grows"
    assert "Written out" in refused.value.message("en")


@pytest.mark.parametrize(
    "sql",
    [
        chain("+", "n", 1_900),
        chain("||", "id", 900),
        chain(" AND ", "n = 1", 1_300),
        "SELECT " + "abs(" * 50 + "n" + ")" * 50 + " FROM residents",
    ],
    ids=["+", "||", "AND", "abs"],
)
def test_what_is_too_deep_for_a_reader_is_refused_and_no_failure(sql: str) -> None:
    with pytest.raises(Malformed) as refused:
        pass_gate(sql, SHAPES)
    assert refused.value.key == "library.ask_deep"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + " || ',' || ".join(["id", "name", "street", "CAST(born AS VARCHAR)", "CAST(n AS VARCHAR)"] * 3)
        + " AS line FROM residents",
        "SELECT concat_ws(',', " + ", ".join(["id", "name", "street"] * 30) + ") AS line FROM residents",
        "SELECT n AS a, a + 1 AS b, a + b AS c, b + c AS d, c + d AS e FROM residents WHERE e > 5 ORDER BY d",
        "WITH a AS (SELECT street, count(*) AS k FROM residents GROUP BY ALL),"
        " b AS (SELECT street, k, k * 2 AS l FROM a), c AS (SELECT x.street, x.l + y.l AS m FROM b x JOIN b y"
        " ON x.street = y.street) SELECT street, sum(m) FROM c WHERE m > 3 GROUP BY street HAVING sum(m) > 4",
        "SELECT CASE street " + " ".join(f"WHEN 's{i}' THEN {i}" for i in range(100)) + " END AS k FROM residents",
        f"SELECT '{'x' * 15_000}' || name AS k FROM residents",
        "SELECT r.*, (SELECT count(*) FROM firms f WHERE f.street = r.street) AS firms FROM residents r, firms g"
        " WHERE r.name = g.name UNION SELECT *, 1 FROM residents",
        chain("+", "n", 150),
        "SELECT 1 FROM residents WHERE " + " OR ".join(f"n = {i}" for i in range(300)),
        "SELECT residents FROM residents",
    ],
)  # fmt: skip
def test_honest_questions_pass(sql: str) -> None:
    assert pass_gate(sql, SHAPES).touched


def test_a_long_list_is_read_in_a_moment() -> None:
    """Once, each literal was looked for in the whole list: seconds in which nobody else was answered."""
    sql = f"SELECT count(*) FROM residents WHERE n IN ({','.join(['1'] * 3_900)})"
    began = thread_time()
    first = pass_gate(sql, SHAPES).fingerprint
    assert thread_time() - began < 10
    assert pass_gate(sql.replace("(1,", "(2,"), SHAPES).fingerprint == first
