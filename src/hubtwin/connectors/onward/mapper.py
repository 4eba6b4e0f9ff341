"""What a line about an onward mode means: a row of QUEUE_COUNTS or SUPPLY_COUNTS, or the reason why it is none."""

from collections.abc import Iterator, Mapping

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.messages import Form, Message, Said, Shape, maybe, read_forms
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.datasets.panorama import QUEUE_COUNTS, SUPPLY_COUNTS
from hubtwin.datasets.table import Dataset
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

_QUEUE_AMOUNTS = ("waiting", "wait_s", "vehicles")
_SUPPLY_AMOUNTS = ("vehicles", "spaces", "capacity", "headway_s")
QUEUE = Shape(
    "queue",
    required=("kind", "at", "place", "mode", "provenance"),
    optional=(*_QUEUE_AMOUNTS, "served_per_min"),
)
SUPPLY = Shape(
    "supply",
    required=("kind", "at", "mode", "line", "provenance"),
    optional=("place", *_SUPPLY_AMOUNTS, "next", "last", "state"),
)


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each line of a page, and its broken lines, in order. Raises Malformed for an empty page."""
    forms = {"queue": Form(QUEUE, QUEUE_COUNTS.name, _queue), "supply": Form(SUPPLY, SUPPLY_COUNTS.name, _supply)}
    return read_forms(page, context, forms)


def _queue(message: Message, context: ReadContext) -> Said:
    columns, at_s = QUEUE_COUNTS.by_name, _at(message, context)
    place = message.token("place")
    values = {
        "place": place,
        "at_s": at_s,
        "mode": message.choice("mode", columns["mode"]),
        **_amounts(message, QUEUE_COUNTS, _QUEUE_AMOUNTS),
        "served_per_min": maybe(message, "served_per_min", lambda name: message.number(name, columns[name])),
    }
    _says_something(values, (*_QUEUE_AMOUNTS, "served_per_min"))
    return Said(values, (place, at_s))


def _supply(message: Message, context: ReadContext) -> Said:
    columns, at_s = SUPPLY_COUNTS.by_name, _at(message, context)
    mode, line = message.choice("mode", columns["mode"]), message.token("line")
    values = {
        "mode": mode,
        "line": line,
        "at_s": at_s,
        "place": maybe(message, "place", message.token),
        **_amounts(message, SUPPLY_COUNTS, _SUPPLY_AMOUNTS),
        "next_min": maybe(message, "next", message.minute),
        "last_min": maybe(message, "last", message.minute),
        "state": maybe(message, "state", lambda name: message.choice(name, columns[name])),
    }
    _says_something(values, (*_SUPPLY_AMOUNTS, "next_min", "last_min", "state"))
    return Said(values, (mode, line, at_s))


def _at(message: Message, context: ReadContext) -> int:
    at_s = message.second("at")
    check_not_ahead(at_s // 60, context.now, "at")
    return at_s


def _amounts(message: Message, dataset: Dataset, names: tuple[str, ...]) -> dict[str, int | None]:
    return {name: message.count(name, dataset.by_name[name]) if message.has(name) else None for name in names}


def _says_something(values: Mapping[str, object], names: tuple[str, ...]) -> None:
    if all(values[name] is None for name in names):
        raise Malformed("connectors.onward.says_nothing", fields=", ".join(names))
