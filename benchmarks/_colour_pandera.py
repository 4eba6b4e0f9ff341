"""The rules of the register of persons as a schema of pandera on Polars, as its users would write them."""

from collections.abc import Callable

import pandera.polars as pa
import polars as pl
from pandera.errors import SchemaErrors

from benchmarks._colour_register import NOW_MIN, PROMISE_MIN
from hubtwin.rules.identifiers import FIRST_YEAR, LAST_YEAR, PROVINCES

MOBILE = r"^1[3-9][0-9]{9}$"
LANDLINE = r"^(?:010|02[0-9]|0[3-9][0-9]{2})-?[2-8][0-9]{6,7}(?:-[0-9]{1,6})?$"


def pandera_schema(streets: list[str]) -> pa.DataFrameSchema:
    """Return the schema: nothing empty, two forms, ranges, codes, a reference, freshness, two keys."""
    fresh = NOW_MIN - PROMISE_MIN
    return pa.DataFrameSchema(
        {
            "person_no": pa.Column(pl.Int64, unique=True),
            "cert_no": pa.Column(pl.String, _check(_citizen, "format:cert_no"), unique=True),
            "name": pa.Column(pl.String),
            "phone": pa.Column(pl.String, _check(_phone, "format:phone")),
            "sex": pa.Column(pl.String, pa.Check.isin(["F", "M"], name="values:sex")),
            "street": pa.Column(pl.String, pa.Check.isin(streets, name="refers_to:street")),
            "born": pa.Column(pl.Date),
            "age": pa.Column(pl.Int64, pa.Check.in_range(0, 120, name="range:age")),
            "kind": pa.Column(pl.String, pa.Check.isin(["resident", "floating", "left"], name="values:kind")),
            "confirmed_min": pa.Column(
                pl.Int32,
                [
                    pa.Check.in_range(20_000_000, 40_000_000, name="range:confirmed_min"),
                    pa.Check.ge(fresh, name="stale:confirmed_min"),
                ],
            ),
        }
    )


def _check(told: Callable[[pl.Expr], pl.Expr], name: str) -> pa.Check:
    return pa.Check(lambda data: data.lazyframe.select(told(pl.col(data.key))), name=name)


def _phone(value: pl.Expr) -> pl.Expr:
    return value.str.contains(MOBILE) | value.str.contains(LANDLINE)


def _citizen(value: pl.Expr) -> pl.Expr:
    digits = [value.str.slice(place, 1).cast(pl.Int32, strict=False) for place in range(17)]
    total = sum((digit * pow(2, 17 - place, 11) for place, digit in enumerate(digits)), pl.lit(0))
    last = pl.when(value.str.ends_with("X")).then(10).otherwise(value.str.slice(17, 1).cast(pl.Int32, strict=False))
    born = value.str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    province = value.str.slice(0, 2).cast(pl.Int32, strict=False).is_in(sorted(PROVINCES))
    shape = value.str.contains(r"^[0-9]{17}[0-9X]$") & born.dt.year().is_between(FIRST_YEAR, LAST_YEAR)
    return (shape & province & ((total + last) % 11 == 1)).fill_null(value=False) | value.is_null()


def failure_cases(schema: pa.DataFrameSchema, frame: pl.DataFrame) -> dict[str, int]:
    """Return how many values fail each check, by its name; those of keys count every row of a double."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as error:
        found = error.failure_cases.group_by("check", "column").len()
        named = {(row["check"], row["column"]): row["len"] for row in found.to_dicts()}
        return {f"required:{c}" if check == "not_nullable" else str(check): n for (check, c), n in named.items()}
    return {}
