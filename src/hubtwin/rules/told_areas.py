"""Areas at risk that partners told, beside those of the national list: folded into intervals, and joined with the list.

A partner tells changes, not a full listing: what it says nothing about stays as it is. Of one area the latest word of
a partner stands. An area counts from the minute at which it was told, or from a later one that was told with it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import narwhals as nw

from hubtwin.base.ids import stable_key
from hubtwin.datasets.health import RISK_AREAS
from hubtwin.datasets.table import SYSTEM_COLUMNS
from hubtwin.model.partner_data import AreasTold, AreaTold
from hubtwin.rules.places import has_exception

Values = Mapping[str, Any]
_SHARED = [column.name for column in (*RISK_AREAS.columns, *SYSTEM_COLUMNS)]


def join_told(tables: Mapping[str, nw.LazyFrame[Any]]) -> nw.LazyFrame[Any]:
    """Return the rows of RISK_AREAS and, in the same columns, those of TOLD_AREAS, with `told_by`: the partner, empty
    for the national list. Where both list a place both stand, so that the higher level counts.

    What was taken back before it began was never at risk and is left out. Without TOLD_AREAS: the list alone.
    """
    listed = tables["risk_areas"].with_columns(told_by=nw.lit(""))
    told = tables.get("told_areas")
    if told is None:
        return listed
    columns = [name for name in listed.collect_schema().names() if name in _SHARED]
    lasting = told.filter(nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") > nw.col("first_seen_min")))
    return nw.concat([listed.select(*columns, "told_by"), lasting.select(*columns, told_by=nw.col("partner"))])


def fold_told(told: AreasTold, known: Iterable[Values], partner: str, message_id: str) -> list[Values]:
    """Return the rows of TOLD_AREAS that a message makes or changes, without system columns.

    `known` are the rows of the partner. What was told of an area later than this was published stands; of an area that
    stands at the same level only `said_min` follows. Told twice, a message changes nothing the second time. A word
    that an area is gone, which nobody had told, is not kept.
    """
    rows = _Rows(known)
    said = {"said_min": told.published_min, "gone_by_min": told.published_min, "gone_message_id": message_id}
    for gone in told.gone:
        for row in rows.list_of(gone, partner):
            if row["said_min"] > told.published_min:
                continue
            if _is_open(row, told.published_min):
                rows.put({**row, **said})
            elif row["said_min"] < told.published_min:
                rows.put({**row, "said_min": told.published_min})
    for area in told.areas:
        row = _row(area, told.published_min, partner, message_id)
        same = list(rows.by_key[row["area_key"]].values())
        if any(one["said_min"] > told.published_min for one in same):
            continue
        if standing := [one for one in same if _says(one, row)]:
            if standing[0]["said_min"] < told.published_min:
                rows.put({**standing[0], "said_min": told.published_min})
            continue
        for one in [one for one in same if _is_open(one, told.published_min)]:
            ends = (one["gone_by_min"], row["first_seen_min"])
            rows.put({**one, **said, "gone_by_min": min(end for end in ends if end is not None)})
        rows.put(row)
    return list(rows.changed.values())


class _Rows:
    """The rows of a partner by area and by code, so that a message costs no more where many were told before."""

    def __init__(self, known: Iterable[Values]) -> None:
        self.by_key = defaultdict[str, dict[int, Values]](dict)
        self.changed = dict[tuple[str, int], Values]()
        self._keys = defaultdict[str, dict[str, None]](dict)  # in the order in which they were told
        for row in known:
            self._keep(row)

    def put(self, row: Values) -> None:
        self._keep(row)
        self.changed[row["area_key"], row["first_seen_min"]] = row

    def list_of(self, gone: AreaTold, partner: str) -> list[Values]:
        """Return the rows for which an area that is gone stands: one place, or everything of its code."""
        code = gone.street_code or gone.area_code
        keys = [stable_key("told", partner, code, gone.place)] if gone.place else list(self._keys[code])
        return [row for key in keys for row in self.by_key[key].values()]

    def _keep(self, row: Values) -> None:
        self.by_key[row["area_key"]][row["first_seen_min"]] = row
        self._keys[row["street_code"] or row["area_code"]][row["area_key"]] = None


def _is_open(row: Values, at_min: int) -> bool:
    return row["gone_by_min"] is None or row["gone_by_min"] > at_min


def _says(row: Values, other: Values) -> bool:
    """Tell whether a row says already what another one would."""
    same = row["level"] == other["level"] and row["gone_by_min"] is None
    return same and row["first_seen_min"] <= other["first_seen_min"]


def _row(area: AreaTold, published_min: int, partner: str, message_id: str) -> dict[str, Any]:
    code = area.street_code or area.area_code
    province, city, county = area.names
    return {
        "partner": partner,
        "area_key": stable_key("told", partner, code, area.place),
        "level": area.level,
        "province": province,
        "city": city,
        "county": county,
        "community": area.place,
        "area_code": area.area_code,
        "street_code": area.street_code,
        "resolution": area.resolution,
        "has_exception": has_exception(area.place),
        "from_min": area.from_min,
        "first_seen_min": max(area.from_min, published_min),
        "gone_by_min": None,
        "said_min": published_min,
        "message_id": message_id,
        "gone_message_id": None,
    }


def changed_by(rows: Sequence[Values], message_id: str) -> Iterator[Values]:
    """Yield the rows that a message made or ended."""
    for row in rows:
        if message_id in (row["message_id"], row["gone_message_id"]):
            yield row
