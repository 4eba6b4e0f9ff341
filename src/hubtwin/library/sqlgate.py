"""The gate before a grantee's SQL: one SELECT over granted names, of listed parts and functions, and nothing else.

What passes is written anew from its parsed form, so the engine runs what was looked at and not what was typed; comments
and everything that two parsers could read differently stay here. The gate also tells which columns of which datasets
a query touches: in doubt more, never fewer, and the engine's views hold no other columns. Refusals tell of the query
only: no word about data, and the same word for a name that does not exist and one that was not given.

The engine is asked for its own reading too (`refuse_engine_tree`): statement, tables and functions again by name.
"""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.dialects import DuckDB
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from hubtwin.base.errors import Malformed
from hubtwin.library.sqlcost import refuse_growth
from hubtwin.library.sqlparts import ENGINE_FUNCTIONS, FUNCTIONS, NAMED_FUNCTIONS, STRUCTURE, TYPES, plain

MAX_CHARS, MAX_NODES, MAX_DEPTH, MAX_SOURCES, MAX_CHAIN = 20_000, 4_000, 60, 12, 200
MAX_TOKENS = 10_000  # reading more takes a second in which nothing else is done
_FLAT = (exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.DPipe)  # a chain of them is long, not deep
_NESTING = frozenset({TokenType.L_PAREN, TokenType.CASE, TokenType.NOT, TokenType.DASH})
_LITERALS = frozenset(each for each in TokenType if each.name in {"STRING", "NUMBER"} or each.name.endswith("_STRING"))
logging.getLogger("sqlglot").disabled = True  # it would log the text of what it cannot read, with its values

Shapes = Mapping[str, Sequence[str]]  # dataset -> the columns that may be named


@dataclass(frozen=True)
class Passed:
    """A query that may run. `touched`: the columns of each dataset that it names, `starred`: the datasets of which it
    asks for all; `fingerprint` tells equal questions apart from others and holds none of their values."""

    touched: Mapping[str, frozenset[str]]
    starred: frozenset[str]
    fingerprint: str
    tree: exp.Query = field(repr=False)

    def render(self, schemas: Mapping[str, str]) -> str:
        """Return the query for the engine, each dataset named in its schema: in the tree itself, anew each time."""
        for table in self.tree.find_all(exp.Table):
            if table.args.get("hubtwin"):
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name, quoted=True)))
                table.set("this", exp.to_identifier(plain(table.name), quoted=True))
                table.set("db", exp.to_identifier(schemas[plain(table.name)], quoted=True))
        return self.tree.sql(dialect="duckdb", comments=False)


def pass_gate(sql: str, shapes: Shapes) -> Passed:
    """Return what may run of a text. Raises Malformed and says which part of the text is not allowed."""
    try:
        return _pass(*_parse(sql), shapes)
    except RecursionError as error:
        raise Malformed("library.ask_deep", limit=MAX_DEPTH) from error


def _pass(tree: exp.Query, fingerprint: str, shapes: Shapes) -> Passed:
    _refuse_parts(tree)
    refuse_growth(tree)
    given = {plain(each.alias) for each in tree.find_all(exp.Alias, exp.Table, exp.Subquery, exp.CTE)}
    reader = _Reader({plain(name): frozenset(columns) for name, columns in shapes.items()}, frozenset(given))
    reader.read(tree, (), frozenset())
    touched = {name: frozenset(columns) for name, columns in reader.touched.items()}
    return Passed(touched, frozenset(reader.starred), fingerprint, tree)


def refuse_engine_tree(tree: Any, schemas: Mapping[str, str]) -> None:
    """Refuse what the engine itself reads in a query (DuckDB's `json_serialize_sql`): more than one statement, a
    table that is none of `schemas` (its name -> its schema), a table function, a function that is not listed.

    Raises Malformed.
    """
    if tree.get("error") or len(tree.get("statements", ())) != 1:
        raise Malformed("library.ask_statement")
    for node in _objects(tree):
        kind = node.get("type")
        if kind == "BASE_TABLE" and not _is_known(node, schemas):
            raise Malformed("library.ask_part", part="FROM")
        if kind in {"TABLE_FUNCTION", "PIVOT", "SHOW_REF", "COLUMN_DATA", "EXPRESSION_LIST"}:
            raise Malformed("library.ask_part", part=str(kind))
        if node.get("class") in {"LAMBDA", "LAMBDA_REF", "PARAMETER", "POSITIONAL_REFERENCE"}:
            raise Malformed("library.ask_part", part=str(node["class"]))
        if (name := node.get("function_name")) and name not in ENGINE_FUNCTIONS:
            raise Malformed("library.ask_function", function=str(name))


def _is_known(node: Mapping[str, Any], schemas: Mapping[str, str]) -> bool:
    """Tell whether a table is a view of this question, or a name that the query itself gave (WITH)."""
    if node.get("schema_name"):
        return node["schema_name"] == schemas.get(node["table_name"]) and not node.get("catalog_name")
    return not node.get("catalog_name") and str(node["table_name"]).startswith(CTE_MARK)


CTE_MARK = "w_"  # before every name that a query gives with WITH: none of them can be a table of the engine


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            yield found
            waiting += found.values()
        elif isinstance(found, list):
            waiting += found


def _parse(sql: str) -> tuple[exp.Query, str]:
    """Return the only statement of a text, and its fingerprint. Raises Malformed."""
    if len(sql) > MAX_CHARS:
        raise Malformed("library.ask_large", limit=MAX_CHARS)
    try:
        found = DuckDB().tokenize(sql)
        nesting = sum(token.token_type in _NESTING for token in found)
        if len(found) > MAX_TOKENS or nesting > 4 * MAX_DEPTH or _depth_of(found) > MAX_DEPTH:
            raise Malformed("library.ask_deep", limit=MAX_DEPTH)
        parsed = [each for each in DuckDB().parser().parse(found, sql) if each is not None]
    except (SqlglotError, ValueError) as error:
        raise Malformed("library.ask_syntax") from error
    if len(parsed) != 1 or not isinstance(parsed[0], exp.Select | exp.SetOperation):
        raise Malformed("library.ask_statement")
    return parsed[0], _fingerprint(found)


def _depth_of(found: Sequence[Token]) -> int:
    depth = deepest = 0
    for token in found:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        deepest = max(deepest, depth)
    return deepest


def _refuse_parts(tree: exp.Query) -> None:
    """Raise Malformed where a query has a part that is not listed, or too many of them."""
    waiting, nodes, sources = [(tree, 0, 0)], 0, 0
    while waiting:
        node, depth, chain = waiting.pop()
        nodes, sources = nodes + 1, sources + isinstance(node, exp.Table)
        if nodes > MAX_NODES or depth > MAX_DEPTH or sources > MAX_SOURCES or chain > MAX_CHAIN:
            raise Malformed("library.ask_deep", limit=MAX_DEPTH)
        _refuse_part(node)
        below = depth + (not isinstance(node, _FLAT))
        chain += isinstance(node, _FLAT[2:])  # those of AND and OR are one part to the engine
        waiting += [(child, below, chain) for child in node.iter_expressions()]


def _refuse_part(node: exp.Expr) -> None:
    kind = type(node)
    if isinstance(node, exp.Anonymous):
        if not isinstance(node.this, str) or node.this.lower() not in NAMED_FUNCTIONS:
            raise Malformed("library.ask_function", function=str(node.this)[:60])
    elif isinstance(node, exp.DataType):
        if node.this not in TYPES or any(isinstance(each, exp.DataType) for each in node.expressions):
            raise Malformed("library.ask_part", part=node.sql(dialect="duckdb")[:60])
    elif isinstance(node, exp.Func) and not isinstance(node, exp.And | exp.Or):
        if kind not in FUNCTIONS:
            raise Malformed("library.ask_function", function=node.sql_name()[:60])
        if isinstance(node, exp.Replace):
            _refuse_growth(node)
    elif kind not in STRUCTURE:
        raise Malformed("library.ask_part", part=kind.__name__.upper()[:60])
    allowed = STRUCTURE.get(kind)
    if allowed is not None:
        for name, value in node.args.items():
            if value and name not in allowed:
                raise Malformed("library.ask_part", part=name.strip("_").upper()[:60])
    if isinstance(node, exp.Join) and str(node.args.get("kind") or "").upper() not in _JOINS:
        raise Malformed("library.ask_part", part="JOIN")


def _refuse_growth(node: exp.Replace) -> None:
    """Refuse a replacement that makes a text longer: the engine counts its memory against no limit, and one within
    another multiplies. Raises Malformed."""
    sought, put = node.args.get("expression"), node.args.get("replacement")
    texts = [each.this for each in (sought, put) if isinstance(each, exp.Literal) and each.is_string]
    if len(texts) < 2 or len(texts[1].encode()) > len(texts[0].encode()):
        raise Malformed("library.ask_replace")


_JOINS = frozenset({"", "INNER", "OUTER", "CROSS", "SEMI", "ANTI"})


@dataclass(frozen=True, slots=True)
class _Scope:
    """The sources of a SELECT: alias -> dataset, or None where it is a sub-query; and the names that it gives."""

    sources: Mapping[str, str | None]


class _Reader:
    """Reads which columns of which datasets a query touches, scope by scope, and marks the tables that are ours."""

    def __init__(self, shapes: Mapping[str, frozenset[str]], given: frozenset[str]) -> None:
        self.shapes, self.given = shapes, given
        self.touched: dict[str, set[str]] = {}
        self.starred: set[str] = set()

    def read(self, query: exp.Expr, outer: tuple[_Scope, ...], ctes: frozenset[str]) -> None:
        """Read a query with the scopes around it, the nearest first, and the names given by WITH."""
        ctes = self._read_ctes(query, outer, ctes)
        if isinstance(query, exp.SetOperation):
            self.read(query.left, outer, ctes)
            self.read(query.right, outer, ctes)
            return  # what follows it (ORDER BY, LIMIT) names its output
        if isinstance(query, exp.Subquery | exp.Paren):
            self.read(query.this, outer, ctes)
            return
        scopes = (_Scope(self._sources(query, ctes)), *outer)
        for key, value in query.args.items():
            if key != "with_":
                for each in value if isinstance(value, list) else [value]:
                    if isinstance(each, exp.Expr):
                        self._walk(each, scopes, ctes)

    def _read_ctes(self, query: exp.Expr, outer: tuple[_Scope, ...], ctes: frozenset[str]) -> frozenset[str]:
        given = query.args.get("with_")
        if given is None:
            return ctes
        if given.args.get("recursive"):
            raise Malformed("library.ask_part", part="RECURSIVE")
        for each in given.expressions:
            name = plain(each.alias)
            if name in self.shapes:
                raise Malformed("library.ask_name_taken", name=name)
            self.read(each.this, outer, ctes)
            ctes = ctes | {name}
            _rename(each.args["alias"])
        return ctes

    def _sources(self, query: exp.Expr, ctes: frozenset[str]) -> dict[str, str | None]:
        """Return the sources of FROM and JOIN by their alias; tables of ours are marked. Raises Malformed."""
        found: dict[str, str | None] = {}
        start = query.args.get("from_")
        parts = [start.this] if start is not None else []
        parts += [join.this for join in query.args.get("joins") or ()]
        for part in parts:
            for each in (part, *(join.this for join in part.args.get("joins") or ())):
                alias, dataset = self._source(each, ctes)
                if alias in found:
                    raise Malformed("library.ask_name_taken", name=alias)
                found[alias] = dataset
        return found

    def _source(self, part: exp.Expr, ctes: frozenset[str]) -> tuple[str, str | None]:
        if isinstance(part, exp.Subquery) and isinstance(part.this, exp.Query):
            return plain(part.alias) or f"#{id(part)}", None
        if not isinstance(part, exp.Table) or not isinstance(part.this, exp.Identifier):
            raise Malformed("library.ask_part", part="FROM")
        name = plain(part.name)
        alias = plain(part.alias) or name
        if part.args.get("db") or part.args.get("catalog"):
            raise Malformed("library.ask_not_given", name=f"{part.db}.{part.name}"[:80])
        if name in ctes:
            if not part.alias:
                part.set("alias", exp.TableAlias(this=exp.to_identifier(part.name, quoted=True)))
            part.set("this", exp.to_identifier(CTE_MARK + name, quoted=True))
            return alias, None
        if name not in self.shapes:
            raise Malformed("library.ask_not_given", name=part.name[:80])
        part.set("hubtwin", True)
        self.touched.setdefault(name, set())
        return alias, name

    def _walk(self, node: exp.Expr, scopes: tuple[_Scope, ...], ctes: frozenset[str]) -> None:
        if isinstance(node, exp.Select | exp.SetOperation | exp.Subquery):
            self.read(node, scopes, ctes)
            for join in (node.args.get("joins") or ()) if isinstance(node, exp.Subquery) else ():
                self._walk(join, scopes, ctes)
            return
        if isinstance(node, exp.Column):
            self._touch(node, scopes)
        elif isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            for dataset in scopes[0].sources.values():
                self._star(dataset)
        elif isinstance(node, exp.Join):
            for each in node.args.get("using") or ():
                self._named(plain(each.name), scopes)
        for child in node.iter_expressions():
            if not isinstance(node, exp.Column):
                self._walk(child, scopes, ctes)

    def _touch(self, column: exp.Column, scopes: tuple[_Scope, ...]) -> None:
        table = plain(column.table)
        if column.args.get("db") or column.args.get("catalog"):
            raise Malformed("library.ask_part", part=column.sql(dialect="duckdb")[:60])
        if not table:
            self._named(plain(column.name), scopes)
            return
        for scope in scopes:
            if table in scope.sources:
                dataset = scope.sources[table]
                if isinstance(column.this, exp.Star):
                    self._star(dataset)
                elif dataset is not None:
                    self._take(dataset, plain(column.name))
                return
        raise Malformed("library.ask_not_given", name=f"{column.table}.{column.name}"[:80])

    def _named(self, name: str, scopes: tuple[_Scope, ...]) -> None:
        """Touch a column that is named without its table: in every dataset of the nearest scope that has it.

        Where none has it, it is a name that the query gave. Raises Malformed where it is none.
        """
        found = False
        for scope in scopes:
            having = [each for each in scope.sources.values() if each is not None and name in self.shapes[each]]
            for dataset in having:
                self.touched[dataset].add(name)
            found = found or bool(having) or None in scope.sources.values() or name in scope.sources
            if having and None not in scope.sources.values():
                return
        if not found and name not in self.given:
            raise Malformed("library.ask_not_given", name=name[:80])

    def _take(self, dataset: str, name: str) -> None:
        if name not in self.shapes[dataset]:
            raise Malformed("library.ask_not_given", name=f"{dataset}.{name}"[:80])
        self.touched[dataset].add(name)

    def _star(self, dataset: str | None) -> None:
        if dataset is not None:
            self.starred.add(dataset)


def _rename(alias: exp.Expr) -> None:
    alias.set("this", exp.to_identifier(CTE_MARK + plain(alias.name), quoted=True))


def _fingerprint(found: Sequence[Token]) -> str:
    """Return a digest of a query without its literals."""
    told = ("?" if each.token_type in _LITERALS else f"{each.token_type.name} {each.text.lower()}" for each in found)
    return hashlib.sha256("\n".join(told).encode(errors="surrogatepass")).hexdigest()[:16]
