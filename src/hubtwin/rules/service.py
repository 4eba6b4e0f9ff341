"""Service days: which trips run on a date, where a timetable lends its pattern to later dates."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import narwhals as nw


def project_days(service_days: nw.LazyFrame[Any], patterns: Mapping[date, date]) -> nw.LazyFrame[Any]:
    """Return the service days of the dates in `patterns` (date -> date whose pattern it runs).

    A date that maps to itself keeps its own days. Columns as RAIL_SERVICE_DAYS. Raises ValueError for no date.
    """
    if not patterns:
        raise ValueError("no date asked for")
    return nw.concat(
        [
            service_days.filter(nw.col("service_date") == nw.lit(pattern)).with_columns(service_date=nw.lit(wanted))
            for wanted, pattern in patterns.items()
        ]
    )
