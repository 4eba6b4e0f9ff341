"""What a question becomes once the engine has put the definition of every name in its place: bounded before it runs.

The engine writes out an alias wherever it is named, also within the next alias, the operand of CASE once for each WHEN,
and what its macros name twice: a few hundred characters make millions of parts, at a moment at which nothing can stop
it. Texts that are put together are counted in no limit of memory, two thousand rows at a time. Both are estimated here
from the question alone, in doubt too high.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from hubtwin.base.errors import Malformed
from hubtwin.library.sqlparts import plain

MOST_PARTS = 20_000  # written out
MOST_TEXT = 128 * 1024  # characters that are put together for one row, with all that is put together on the way
CELL, FIGURE = 256, 40  # what a cell of a dataset is taken to hold, and a number or a date as text
_SPREAD = 12  # characters that one character of a format becomes at most
_CHAINS = (exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.DPipe)
_MAKERS = (exp.Concat, exp.ConcatWs, exp.DPipe, exp.TimeToStr, exp.Lower, exp.Upper, exp.Replace, exp.Cast, exp.TryCast)
_FIGURES = (exp.Predicate, exp.Connector, exp.Not, exp.Count, exp.Length, exp.StrPosition, exp.Add, exp.Sub, exp.Mul)
_TEXTS = frozenset({exp.DataType.Type.VARCHAR, exp.DataType.Type.TEXT, exp.DataType.Type.CHAR})


@dataclass(frozen=True, slots=True)
class Cost:
    """Of an expression: its parts written out, the length of its value as text, and all text made for it."""

    parts: int = 0
    text: int = 0
    made: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        """Return the cost of both: the parts and what is made of both, the longer value."""
        return Cost(self.parts + other.parts, max(self.text, other.text), self.made + other.made)

    def times(self, number: int) -> "Cost":
        """Return the cost where it is written out so often."""
        return Cost(self.parts * number, self.text, self.made * number)


_COLUMN = Cost(1, CELL)


@dataclass(frozen=True, slots=True)
class _Output:
    """What a source gives: the cost of its names, that of any other name, and that of all of it."""

    named: Mapping[str, Cost] = field(default_factory=dict)
    rest: Cost = _COLUMN
    whole: Cost = field(default_factory=Cost)


@dataclass(slots=True)
class _Scope:
    sources: dict[str, _Output] = field(default_factory=dict)
    named: dict[str, Cost] = field(default_factory=dict)
    rest: Cost = _COLUMN

    def name(self, name: str, cost: Cost) -> None:
        self.named[name] = _higher(self.named[name], cost) if name in self.named else cost

    def add(self, alias: str, output: _Output) -> None:
        self.sources[alias] = output
        for name, cost in output.named.items():
            self.name(name, cost)
        self.rest = _higher(self.rest, output.rest)


_Scopes = tuple[_Scope, ...]
_Ctes = Mapping[str, _Output]


def refuse_growth(tree: exp.Query) -> None:
    """Raise Malformed for a question that grows beyond bounds once it is written out."""
    _check(_query(tree, (), {}).whole)


def _check(cost: Cost) -> Cost:
    if cost.parts > MOST_PARTS or cost.made > MOST_TEXT:
        raise Malformed("library.ask_grows", parts=MOST_PARTS, text=MOST_TEXT)
    return cost


def _higher(one: Cost, other: Cost) -> Cost:
    return Cost(max(one.parts, other.parts), max(one.text, other.text), max(one.made, other.made))


def _query(query: exp.Expr, outer: _Scopes, ctes: _Ctes) -> _Output:
    given = query.args.get("with_")
    for each in given.expressions if given is not None else ():
        ctes = {**ctes, plain(each.alias): _query(each.this, outer, ctes)}
    if isinstance(query, exp.SetOperation):
        return _both(query, outer, ctes)
    if isinstance(query, exp.Subquery | exp.Paren):
        return _query(query.this, outer, ctes)
    return _select(query, outer, ctes)


def _both(query: exp.SetOperation, outer: _Scopes, ctes: _Ctes) -> _Output:
    """Return what a UNION and the like give: names of the left, each as costly as anything of the right may be."""
    left, right = _query(query.left, outer, ctes), _query(query.right, outer, ctes)
    most = right.rest
    for cost in right.named.values():
        most = _higher(most, cost)
    named = {name: _higher(cost, most) for name, cost in left.named.items()}
    rest = _higher(left.rest, most)
    scope = _Scope(named=dict(named), rest=rest)
    after = [query.args[name] for name in ("order", "limit", "offset") if query.args.get(name)]
    whole = _check(_sum([left.whole, right.whole, *(_cost(each, (scope, *outer), ctes) for each in after)]))
    return _Output(named, rest, whole)


def _select(query: exp.Expr, outer: _Scopes, ctes: _Ctes) -> _Output:
    scope = _Scope()
    scopes = (scope, *outer)
    whole = _sources(query, scope, scopes, ctes)
    named, rest = dict[str, Cost](), _COLUMN
    for each in query.args.get("expressions") or ():
        cost = _check(_cost(each, scopes, ctes))
        whole = _check(whole + cost)
        if isinstance(each, exp.Star) or (isinstance(each, exp.Column) and isinstance(each.this, exp.Star)):
            named, rest = {**named, **scope.named}, _higher(rest, scope.rest)
            continue
        name = plain(each.alias_or_name)
        named[name] = _higher(named[name], cost) if name in named else cost
        scope.name(name, cost)
    for key, value in query.args.items():
        if key not in {"expressions", "from_", "joins", "with_"}:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, exp.Expr):
                    whole = _check(whole + _cost(part, scopes, ctes))
    return _Output(named, rest, whole)


def _sources(query: exp.Expr, scope: _Scope, scopes: _Scopes, ctes: _Ctes) -> Cost:
    """Put the sources of FROM and JOIN into a scope; return the cost of all of them."""
    start = query.args.get("from_")
    waiting = ([start.this] if start is not None else []) + list(query.args.get("joins") or ())
    costs = list[Cost]()
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, exp.Join):
            waiting[:0] = [part.this]
            costs += [Cost(1)]
            continue
        waiting[:0] = list(part.args.get("joins") or ())
        output = _query(part, scopes, ctes) if isinstance(part, exp.Subquery) else _table(part, ctes)
        scope.add(plain(part.alias_or_name) or f"#{len(scope.sources)}", output)
        costs.append(output.whole + Cost(1))
    conditions = [join.args["on"] for join in _joins(query) if join.args.get("on")]
    return _check(_sum([*costs, *(_cost(each, scopes, ctes) for each in conditions)]))


def _joins(query: exp.Expr) -> list[exp.Expr]:
    start = query.args.get("from_")
    waiting = ([start.this] if start is not None else []) + list(query.args.get("joins") or ())
    found = list[exp.Expr]()
    while waiting:
        part = waiting.pop()
        found += [part] if isinstance(part, exp.Join) else []
        waiting += [part.this] if isinstance(part, exp.Join) else list(part.args.get("joins") or ())
    return found


def _table(part: exp.Expr, ctes: _Ctes) -> _Output:
    return ctes.get(plain(part.name), _Output()) if isinstance(part, exp.Table) else _Output()


def _cost(node: exp.Expr, scopes: _Scopes, ctes: _Ctes) -> Cost:
    if isinstance(node, exp.Column):
        return _named(node, scopes)
    if isinstance(node, exp.Literal):
        return Cost(1, len(str(node.this)))
    if isinstance(node, exp.Select | exp.SetOperation | exp.Subquery):
        found = _query(node, scopes, ctes)
        return Cost(found.whole.parts, _sum([*found.named.values(), found.rest]).text, found.whole.made)
    if isinstance(node, _CHAINS):
        return _chain(node, [_cost(each, scopes, ctes) for each in node.flatten(unnest=False)])
    below = [_cost(each, scopes, ctes).times(_times(node, each)) for each in node.iter_expressions()]
    cost = _sum([Cost(1), *below])
    text = _length(node, cost.text, below)
    return _check(Cost(cost.parts, text, cost.made + (text if isinstance(node, _MAKERS) else 0)))


def _length(node: exp.Expr, longest: int, below: Sequence[Cost]) -> int:
    """Return how long the value of an expression may be as a text."""
    if isinstance(node, exp.Concat):
        return sum(each.text for each in below)
    if isinstance(node, exp.ConcatWs):
        return sum(each.text for each in below) + len(below) * (below[0].text if below else 0)
    if isinstance(node, exp.TimeToStr):
        return longest * _SPREAD
    if isinstance(node, exp.Cast | exp.TryCast):
        return max(longest, FIGURE) if node.to.this in _TEXTS else FIGURE
    return FIGURE if isinstance(node, _FIGURES) else longest


def _chain(node: exp.Expr, operands: Sequence[Cost]) -> Cost:
    """Return the cost of one operator over many: texts are put together from the left, each step a text of its own."""
    cost = _sum(operands)
    cost = Cost(cost.parts + len(operands), cost.text, cost.made)
    if not isinstance(node, exp.DPipe):
        return _check(Cost(cost.parts, FIGURE, cost.made))
    text = made = 0
    for each in operands:
        text += each.text
        made += text
    return _check(Cost(cost.parts, text, cost.made + made))


def _times(node: exp.Expr, child: exp.Expr) -> int:
    """Return how often the engine writes a child of a node out."""
    if isinstance(node, exp.Case) and child is node.args.get("this"):
        return max(1, len(node.args.get("ifs") or ()))
    return 2 if isinstance(node, exp.Nullif | exp.SplitPart | exp.Between) else 1


def _named(column: exp.Column, scopes: _Scopes) -> Cost:
    """Return the cost of what a name stands for: of all that it may stand for, the highest."""
    table, name = plain(column.table), plain(column.name)
    if table:
        output = next((scope.sources[table] for scope in scopes if table in scope.sources), None)
        return _COLUMN if output is None else output.named.get(name, output.rest)
    cost = _COLUMN
    for scope in scopes:
        cost = _higher(cost, scope.named.get(name, scope.rest))
        if name in scope.sources:  # a whole row
            cost = _higher(cost, _sum([*scope.sources[name].named.values(), scope.sources[name].rest]))
    return cost


def _sum(costs: Sequence[Cost]) -> Cost:
    cost = Cost()
    for each in costs:
        cost += each
    return cost
