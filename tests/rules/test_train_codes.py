"""Train numbers that change on the way are found by either."""

import duckdb
import narwhals as nw
import polars as pl
import pyarrow as pa
import pytest

from hubtwin.rules.train_codes import find_trips, split_codes

CODES = ["C2901/C2904", "C290", "G1", "G11", "1/G1"]


@pytest.mark.parametrize("engine", ["duckdb", "polars"])
@pytest.mark.parametrize("number", ["C2901", "C2904", "C290", "G1", "G9", "", "."])
def test_a_train_is_found_by_each_of_its_numbers(engine: str, number: str) -> None:
    with duckdb.connect() as connection:
        native = connection.from_arrow(pa.table({"code": CODES})) if engine == "duckdb" else None
        lazy = nw.from_native(native if native is not None else pl.LazyFrame({"code": CODES}))
        found = find_trips(lazy, number).collect("pyarrow").to_arrow()["code"].to_pylist()
    assert sorted(found) == sorted(code for code in CODES if number in split_codes(code))


def test_codes_are_split_in_order() -> None:
    assert split_codes("C2901/C2904") == ("C2901", "C2904")
    assert split_codes("") == ()
