"""Messages may come out of order: a warning that a later message has replaced is not in force when it comes at last."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hubtwin.datasets.panorama import WEATHER_WARNINGS
from hubtwin.library.query import collect
from hubtwin.model.record import Row
from hubtwin.ports import Tables


def fold(rows: Iterable[Row], tables: Tables) -> Iterator[Row]:
    """Yield the rows of a page in order; a warning whose successor is stored already, or came before it in the page,
    with `in_force` false. `tables` holds the manifest's datasets."""
    replaced: set[str] | None = None
    for row in rows:
        if row.dataset != WEATHER_WARNINGS.name:
            yield row
            continue
        if replaced is None:
            replaced = _list_replaced(tables)
        if row.values["warning_id"] in replaced:
            yield replace(row, values={**row.values, "in_force": False})
        else:
            yield row
        replaced.update(str(row.values["supersedes"] or "").split())


def _list_replaced(tables: Tables) -> set[str]:
    stored = collect(tables[WEATHER_WARNINGS.name].select("supersedes"))["supersedes"].to_pylist()
    return {name for told in stored if told for name in told.split()}
