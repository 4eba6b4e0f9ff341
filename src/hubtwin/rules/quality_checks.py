"""The conditions that a district writes across the columns of a row: parsed, looked at node by node, written anew.

Nothing of the text reaches the engine: it is read into a tree, every node of the tree must be on the list below, and
the SQL that runs is made from the tree. So a condition can name the columns of its own row and compare them; it can
read no file, no table and no setting, and cannot end the scan with an error.
"""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError

from hubtwin.base.errors import Malformed
from hubtwin.datasets.table import Dataset

MOST_NODES, LONGEST_PATTERN = 200, 500
_ALLOWED: frozenset[type[exp.Expr]] = frozenset(
    {
        *(exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Neg),
        *(exp.And, exp.Or, exp.Not, exp.Is, exp.In, exp.Between, exp.Like, exp.Case, exp.If),
        *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod),
        *(exp.Length, exp.Lower, exp.Upper, exp.Substring, exp.Left, exp.Right, exp.Trim, exp.StartsWith, exp.EndsWith),
        *(exp.Coalesce, exp.Nullif, exp.Abs, exp.Greatest, exp.Least, exp.Concat, exp.DPipe, exp.Contains),
        *(exp.Year, exp.Month, exp.Day, exp.TryCast, exp.DataType, exp.TimeToStr, exp.RegexpLike),
    }
)
_TYPES = frozenset({"BIGINT", "INT", "DOUBLE", "DATE", "VARCHAR", "TEXT", "BOOLEAN"})


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that was read: the SQL to run over columns in quotation marks, and which columns it names."""

    sql: str
    columns: tuple[str, ...]


def plain_condition(told: str, dataset: Dataset, name: str) -> Condition:
    """Read a condition over the columns of a dataset.

    Raises Malformed for anything but comparisons, logic, arithmetic and a few functions over its own columns.
    """
    try:
        trees = parse(f"SELECT 1 WHERE {told}", dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise Malformed("rules.check_not_read", dataset=dataset.name, check=name) from error
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Select) or not isinstance(tree.args.get("where"), exp.Where):
        raise Malformed("rules.check_not_read", dataset=dataset.name, check=name)
    others = {key for key, value in tree.args.items() if value} - {"where", "expressions"}
    condition = tree.args["where"].this
    if others or len(tree.expressions) != 1 or not isinstance(tree.expressions[0], exp.Literal):
        raise Malformed("rules.check_not_read", dataset=dataset.name, check=name)
    return Condition(condition.sql(dialect="duckdb", identify=True, comments=False), _columns(condition, dataset, name))


def _columns(condition: exp.Expr, dataset: Dataset, name: str) -> tuple[str, ...]:
    nodes = list(condition.walk())
    if len(nodes) > MOST_NODES:
        raise Malformed("rules.check_too_long", dataset=dataset.name, check=name, most=MOST_NODES)
    found: dict[str, None] = {}
    for node in nodes:
        if type(node) not in _ALLOWED or _is_hidden(node):
            raise Malformed("rules.check_not_allowed", dataset=dataset.name, check=name, what=node.key)
        if isinstance(node, exp.Column):
            if len(node.parts) != 1 or node.name not in dataset.by_name:
                raise Malformed("rules.check_column", dataset=dataset.name, check=name, column=node.sql())
            found[node.name] = None
    return tuple(found)


def _is_hidden(node: exp.Expr) -> bool:
    """Return whether an allowed node carries what is not: a query in IN, another type in a cast, a pattern that is none
    or made of values."""
    if isinstance(node, exp.In):
        return any(node.args.get(part) for part in ("query", "unnest", "field"))
    if isinstance(node, exp.RegexpLike):
        return bool(node.args.get("flag")) or not _is_pattern(node.expression)
    return isinstance(node, exp.DataType) and (node.sql(dialect="duckdb") not in _TYPES)


def _is_pattern(node: exp.Expr) -> bool:
    """Return whether a text stands there that RE2 takes, which the engine uses too: its time is linear."""
    if not isinstance(node, exp.Literal) or not node.is_string or len(node.this) > LONGEST_PATTERN:
        return False
    try:
        pc.match_substring_regex(pa.array(["x"]), node.this)
    except pa.ArrowInvalid:
        return False
    return True
