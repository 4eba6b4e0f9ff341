"""The query of the rules against a slow loop over the rows, on random tables."""

from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.datasets.listing import Check, Trait
from hubtwin.datasets.table import ColumnType
from hubtwin.model.colour import Colour
from hubtwin.rules.documents import citizen_check
from hubtwin.rules.quality_rules import Kind, RuleBook, list_rules
from hubtwin.rules.quality_sql import SQL_TYPES, Against, scan_sql, stale_before
from tests.rules.quality_oracle import DAYS, PEOPLE, TRAITS, Oracle, make_catalogue

NOW_MIN = 28_000_000
_CERTS = [(body := f"3301021990010{n}{n}0{n}")[:17] + citizen_check(body[:17]) for n in range(3)]
ROW = st.fixed_dictionaries(
    {
        "person_no": st.one_of(st.none(), st.integers(0, 4)),
        "cert_no": st.sampled_from([None, "", "  ", "x", " 1", *_CERTS]),
        "phone": st.sampled_from([None, "", "13800138000", "1380013800", "0571-87654321", "\t"]),
        "sex": st.sampled_from([None, "F", "M", "X", " "]),
        "age": st.sampled_from([None, -1, 0, 50, 120, 121]),
        "height": st.sampled_from([None, 1.8, 3.5, 3.6, float("nan"), float("inf"), -float("inf")]),
        "street": st.sampled_from([None, "", "a", "b", "c"]),
        "street_name": st.sampled_from([None, "", "A", "B"]),
        "born": st.sampled_from([None, *DAYS]),
        "died": st.sampled_from([None, *DAYS]),
        "confirmed_min": st.sampled_from([None, NOW_MIN, NOW_MIN - 1440, NOW_MIN - 1441, 0]),
    }
)
STREETS: list[dict[str, Any]] = [{"code": "a", "title": "A", "row_no": 1}, {"code": "b", "title": None, "row_no": 2}]


@settings(max_examples=60, deadline=None)
@given(told=st.lists(ROW, min_size=1, max_size=12))
def test_each_row_fails_what_a_slow_loop_says_it_fails(told: list[dict[str, Any]]) -> None:
    rows = [{**row, "row_no": number} for number, row in enumerate(told, start=1)]
    catalogue = make_catalogue()
    book = list_rules(catalogue.get("people"), catalogue)
    fields = [pa.field(column.name, column.arrow.type) for column in PEOPLE.columns] + [pa.field("row_no", pa.int64())]
    people = pa.Table.from_pylist(rows, schema=pa.schema(fields))
    against = Against(NOW_MIN, {c.name: SQL_TYPES[c.type] for c in PEOPLE.columns}, {"refers_to:street": "known"})
    with duckdb.connect(config={"threads": 1}) as con:
        con.register("rows", people)
        con.execute("CREATE TABLE known AS SELECT unnest(['a', 'b']) AS v")
        found = con.execute(scan_sql(book, "rows", against, catalogue) + " ORDER BY row_no").fetchall()
    oracle = Oracle(book, catalogue, rows, {"streets": STREETS}, NOW_MIN)
    single = sum(rule.mask for rule in book.rules if rule.kind not in {Kind.KEY, Kind.UNIQUE})
    assert [(row["row_no"], oracle.failed(row) & single) for row in rows] == [(no, failed) for no, failed, *_ in found]
    _check_hashes(rows, found)


def _check_hashes(rows: list[dict[str, Any]], found: list[tuple[int, ...]]) -> None:
    """The same whole key has the same hash, everything else another."""
    for place, column in ((2, "person_no"), (3, "cert_no")):
        whole = [
            (row[column], hit[place])
            for row, hit in zip(rows, found, strict=True)
            if row[column] not in {None, "", "  "}
        ]
        assert len(set(whole)) == len({key for key, _ in whole}) == len({code for _, code in whole})
        none = [hit[place] for row, hit in zip(rows, found, strict=True) if row[column] in {None, "", "  "}]
        assert len(set(none)) == len(none)


def _masks(sql: str, *tables: tuple[str, str]) -> list[int]:
    with duckdb.connect(config={"threads": 1}) as con:
        for name, query in tables:
            con.execute(f"CREATE TABLE {name} AS {query}")
        return [failed for _, failed, *_ in con.execute(sql + " ORDER BY row_no").fetchall()]


def test_a_value_that_differs_from_the_authoritative_source_by_the_same_key() -> None:
    traits = {"street_name": Trait(same_as="streets.title")}
    catalogue = make_catalogue(traits=traits, checks=(), update_every_min=None)
    book = list_rules(catalogue.get("people"), catalogue)
    rule = book.get("same_as:street_name")
    stored = {"person_no": "BIGINT", "street_name": "VARCHAR"}
    rows = (
        "SELECT unnest([1, 2, 3, 4]) AS row_no, unnest([1, 2, 3, 4]) AS person_no,"
        " unnest(['A', 'B', 'C', NULL]) AS street_name"
    )
    same = "SELECT unnest([1, 2, 4]) AS k0, unnest(['A', 'X', 'Y']) AS v"
    against = Against(NOW_MIN, stored, {rule.name: "same"})
    found = _masks(scan_sql(book, "rows", against, catalogue), ("rows", rows), ("same", same))
    assert [bool(failed & rule.mask) for failed in found] == [False, True, False, False]


def test_a_value_of_another_type_in_an_older_file_is_invalid_and_a_column_that_is_not_there_empty() -> None:
    catalogue = make_catalogue(traits=TRAITS, checks=(), update_every_min=None)
    book = list_rules(catalogue.get("people"), catalogue)
    rows = "SELECT unnest([1, 2, 3]) AS row_no, unnest(['7', 'x', NULL]) AS person_no"
    found = _masks(scan_sql(book, "rows", Against(NOW_MIN, {"person_no": "VARCHAR"}), catalogue), ("rows", rows))
    assert [bool(failed & book.get("type").mask) for failed in found] == [False, True, False]
    assert [bool(failed & book.get("required:person_no").mask) for failed in found] == [False, True, True]
    assert all(failed & book.get("required:cert_no").mask for failed in found)


def test_a_check_that_cannot_be_computed_does_not_end_the_scan() -> None:
    catalogue = make_catalogue(checks=(_check("age * 9223372036854775807 > 0"),), update_every_min=None, traits={})
    book = list_rules(catalogue.get("people"), catalogue)
    rows = "SELECT unnest([1, 2]) AS row_no, unnest([3, -1])::BIGINT AS age"
    found = _masks(scan_sql(book, "rows", Against(NOW_MIN, {"age": "BIGINT"}), catalogue), ("rows", rows))
    rule = book.by_kind(Kind.CHECK)[0]
    assert [bool(failed & rule.mask) for failed in found] == [False, True]


def _check(holds: str) -> Check:
    return Check("wide", {"zh": "宽", "en": "wide"}, Colour.PURPLE, holds)


def test_a_day_counts_to_its_end_and_a_second_as_sixty_to_the_minute() -> None:
    assert stale_before(_confirmed("minute"), NOW_MIN) == NOW_MIN - 1440
    assert stale_before(_confirmed("second"), NOW_MIN) == (NOW_MIN - 1440) * 60
    day = 20_000
    assert stale_before(_confirmed("date"), day * 1440 + 1440) == day - 1  # confirmed the day before: in time
    assert stale_before(_confirmed("date"), day * 1440 + 1441) == day


def _confirmed(kind: ColumnType) -> RuleBook:
    columns = tuple(replace(c, type=kind) if c.name == "confirmed_min" else c for c in PEOPLE.columns)
    catalogue = make_catalogue(dataset=replace(PEOPLE, columns=columns))
    return list_rules(catalogue.get("people"), catalogue)
