"""Random shares, random questions: every cell that is answered is covered by a live share, and no covered one missing.

Each cell holds a word that says which column and row it is of, so an oracle in Python over the whole table can tell of
any answer, however it was joined and folded, whether somebody was allowed to see it.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import HubError
from hubtwin.library.asking import ask
from hubtwin.model.colour import Colour
from hubtwin.model.sharing import Rows, Share
from hubtwin.rules.masks import mask
from hubtwin.stores import view_sql
from hubtwin.stores.asking import Engine
from hubtwin.stores.asking_room import Room
from tests.asking_kit import LISTINGS, NOW, Kit, make_share, of_street, salt_of, write_dataset

NAMES = {"residents": ("id", "name", "street", "note"), "firms": ("code", "owner_id", "street")}
STREETS, COUNT = ("s1", "s2", "s3", None), 12
CELL = re.compile(r"([a-z]+)/([a-z_]+)/([0-9]+)")
TINTS = [Colour.BLACK if row % 5 == 4 else Colour.GREEN for row in range(COUNT)]
TABLES: dict[str, list[dict[str, Any]]] = {
    dataset: [
        {**{name: f"{dataset}/{name}/{row}" for name in names}, "street": STREETS[row % 4]} for row in range(COUNT)
    ]
    for dataset, names in NAMES.items()
}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    folder = tmp_path_factory.mktemp("cells")
    sources = {listing.name: write_dataset(folder, listing, TABLES[listing.name], TINTS) for listing in LISTINGS}
    made = Kit(Engine([folder]), sources)
    yield made
    made.engine.close()


_ROWS = st.one_of(
    st.just(Rows(everything=True)),
    st.just(Rows()),
    st.sets(st.sampled_from(["s1", "s2", "s3", "s9"]), max_size=2).map(lambda found: of_street(*found)),
)


@st.composite
def shares(draw: st.DrawFn) -> list[Share]:
    found = []
    for number in range(draw(st.integers(1, 5))):
        dataset = draw(st.sampled_from(list(NAMES)))
        columns = draw(st.sets(st.sampled_from(NAMES[dataset]), min_size=1))
        masked = draw(st.sets(st.sampled_from(sorted(columns)), max_size=1))
        share = make_share(
            dataset,
            frozenset(columns),
            share_id=f"s{number}",
            rows=draw(_ROWS),
            masks=tuple((name, draw(st.sampled_from(["hidden", "hash", "null", "no_such"]))) for name in masked),
            grantee=draw(st.sampled_from(["user:ann", "agency:street-1", "user:bob"])),
            purpose=draw(st.sampled_from(["care", "care", "census"])),
        )
        ends = st.sampled_from([{}, {}, {}, {"until_min": NOW}, {"revoked_min": NOW}, {"digest": "x"}])
        found.append(replace(share, **draw(ends)))  # type: ignore[arg-type]
    return found


@st.composite
def questions(draw: st.DrawFn, depth: int = 0) -> str:
    """Return a question of a small grammar: columns, stars, conditions, joins, folds, unions, sub-queries."""
    alias = f"t{depth}"
    dataset = draw(st.sampled_from(list(NAMES)))
    column = st.sampled_from(NAMES[dataset]).map(lambda name: f"{alias}.{name}")
    value = st.one_of(
        column,
        column.map(lambda name: f"upper({name}) || {name}"),
        column.map(lambda name: f"max({name}) OVER (PARTITION BY {alias}.street)"),
        st.just("1"),
    )
    condition = st.one_of(
        st.just("true"),
        column.map(lambda name: f"{name} LIKE '%1%'"),
        column.map(lambda name: f"CAST(split_part({name}, '/', 3) AS INTEGER) > 3"),
        column.map(lambda name: f"{name} IS NOT NULL"),
    )
    kind = draw(
        st.sampled_from(["plain", "star", "fold", "join", "union", "inner", "exists"] if depth < 2 else ["plain"])
    )
    where = draw(condition)
    if kind == "star":
        return f"SELECT * FROM {dataset} {alias} WHERE {where}"
    if kind == "fold":
        key, folded = draw(column), draw(column)
        return f"SELECT {key}, min({folded}) FROM {dataset} {alias} WHERE {where} GROUP BY ALL"
    if kind == "join":
        other = draw(st.sampled_from(list(NAMES)))
        far = draw(st.sampled_from(NAMES[other]))
        return f"SELECT {draw(value)}, o.{far} FROM {dataset} {alias} LEFT JOIN {other} o USING (street) WHERE {where}"
    if kind == "union":
        return f"SELECT {draw(column)} FROM {dataset} {alias} UNION ALL SELECT CAST(x AS VARCHAR) FROM" + (
            f" (SELECT {draw(column)} AS x FROM {dataset} {alias}) y"
        )
    if kind == "inner":
        return f"SELECT * FROM ({draw(questions(depth + 1))}) i{depth}"
    if kind == "exists":
        return f"SELECT {draw(column)} FROM {dataset} {alias} WHERE EXISTS ({draw(questions(depth + 1))}) AND {where}"
    return f"SELECT {draw(value)} AS a, {draw(value)} AS b FROM {dataset} {alias} WHERE {where}"


def covers(share: Share, dataset: str, row: int, columns: set[str]) -> bool:
    """Tell whether a share gives these cells of a row, unmasked, to Ann for care now."""
    standing = share.revoked_min is None and share.digest != "x" and share.until_min > NOW and share.dataset == dataset
    mine = share.grantee in {"user:ann", "agency:street-1"} and share.purpose == "care"
    inside = share.rows.everything or STREETS[row % 4] in share.rows.values
    clear = not any(column in dict(share.masks) for column in columns)
    return standing and mine and inside and clear and columns <= share.columns and TINTS[row] is not Colour.BLACK


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shares(), questions())
def test_every_cell_is_covered_by_a_live_share(kit: Kit, given_shares: list[Share], sql: str) -> None:
    refuse_uncovered(kit, given_shares, sql)


MUTANTS = {
    "rows of other streets": (view_sql, "_filter", lambda view, source, rows: "true"),
    "masks left off": (view_sql, "sql_mask", lambda name, expression, *_: expression),
    "black rows": (Room, "bar", lambda room, cursor, places: None),
    "shares that have ended": (Share, "is_live", lambda self, at_min, digest: True),
}


@pytest.mark.parametrize("name", list(MUTANTS))
def test_the_oracle_finds_what_a_broken_view_would_tell(kit: Kit, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[name])
    run = given(shares(), questions())(lambda given_shares, sql: refuse_uncovered(kit, given_shares, sql))
    quick = settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate], derandomize=True)
    with pytest.raises(AssertionError):
        quick(run)()


def refuse_uncovered(kit: Kit, given_shares: list[Share], sql: str) -> None:
    """Ask, and fail for a cell that no live share gives."""
    kit.shares = given_shares
    try:
        answer = ask(kit.desk, kit.asked(sql))
    except HubError as error:
        told = error.message("en")
        if CELL.search(told):
            pytest.fail(told)
        return
    for line in answer.table.to_pylist():
        cells: dict[tuple[str, int], set[str]] = {}
        for dataset, column, row in CELL.findall(str(line).lower()):
            cells.setdefault((dataset, int(row)), set()).add(column)
        for (dataset, row), columns in cells.items():  # one share has all of them: no two are joined to widen a row
            assert any(covers(share, dataset, row, columns) for share in given_shares), (sql, line)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shares(), st.sampled_from(list(NAMES)), st.data())
def test_what_shares_give_is_answered_whole(
    kit: Kit, given_shares: list[Share], dataset: str, data: st.DataObject
) -> None:
    """Each row under the first share that gives all of the columns, the least masked first, and once."""
    kit.shares = given_shares
    columns = sorted(data.draw(st.sets(st.sampled_from(NAMES[dataset]), min_size=1)))
    able = [each for each in given_shares if covers(replace(each, masks=(), rows=Rows(True)), dataset, 0, set(columns))]
    able = [each for each in able if not each.rows.nothing]
    order = sorted(able, key=lambda s: (sum(c in dict(s.masks) for c in columns), not s.rows.everything, s.share_id))
    expected = list[list[object]]()
    for number, row in enumerate(TABLES[dataset]):
        giving = [
            s
            for s in order
            if TINTS[number] is not Colour.BLACK and (s.rows.everything or row["street"] in s.rows.values)
        ]
        if giving:
            masks, salt = dict(giving[0].masks), salt_of(giving[0].share_id)
            expected.append([mask(masks.get(name, "clear"), row[name], "string", salt) for name in columns])
    try:
        answer = ask(kit.desk, kit.asked(f"SELECT {', '.join(columns)} FROM {dataset}"))
    except HubError:
        assert not able
        return
    found = [list(line.values()) for line in answer.table.to_pylist()]
    assert sorted(map(str, found)) == sorted(map(str, expected))
