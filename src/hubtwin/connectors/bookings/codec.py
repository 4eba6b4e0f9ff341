"""The five CSV forms of a booking source, told apart by their exact set of columns."""

import re
from collections.abc import Mapping

from hubtwin.connectors.common.csvio import Form, Sheet, read_csv
from hubtwin.connectors.common.values import masked
from hubtwin.ports import Page

COUNTS = Form(
    "counts",
    ("trip_id", "train_code", "service_date", "boarding_station", "booked", "boarded", "as_of", "provenance"),
)
MANIFEST = Form(
    "manifest",
    (
        "trip_id",
        "train_code",
        "service_date",
        "order_ref",
        "id_type",
        "id_no",
        "carriage",
        "seat",
        "board_station",
        "alight_station",
        "state",
        "as_of",
        "provenance",
    ),
)
STAYS = Form("stays", ("id_type", "id_no", "area_code", "street_code", "community", "from", "to", "provenance"))
HITS = Form(
    "hits",
    ("trip_id", "train_code", "service_date", "pid", "boarding_station", "level", "as_of", "provenance"),
    ("gone",),
)
HIT_COUNTS = Form(
    "hit_counts",
    ("trip_id", "service_date", "boarding_station", "level", "persons", "as_of", "provenance"),
    ("gone",),
)
FORMS = (COUNTS, MANIFEST, STAYS, HITS, HIT_COUNTS)

_PERSONAL = frozenset({"id_no", "pid", "order_ref"})
_DIGIT = re.compile(r"\d")


def decode(page: Page) -> Sheet:
    """Return the sheet of a page. Raises Malformed for a header that is none of the five."""
    return read_csv(page.chunks, page.name, FORMS)


def redacted(line: Mapping[str, str]) -> str:
    """Return a line for quarantine: `column=value` pairs, document and order numbers and pseudonyms as ***."""
    return ", ".join(f"{name}={'***' if name in _PERSONAL else masked(value)}" for name, value in line.items())


def redacted_raw(raw: str) -> str:
    """Return a line whose fields cannot be told apart: every digit as #, for any of them may be of a document."""
    return _DIGIT.sub("#", raw)
