"""What a passage at a gate means: a row of GATE_SCREENINGS, or the reason why it is none."""

import re
from collections.abc import Iterator

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.messages import Message, Said, read_rows
from hubtwin.connectors.common.values import check_not_ahead, masked
from hubtwin.connectors.gate_screening.codec import PASSAGE
from hubtwin.datasets.screening import GATE_SCREENINGS
from hubtwin.model.record import Identity, Quarantined, Row
from hubtwin.ports import Page, ReadContext

_ID_TYPE = re.compile(r"[^\W_][\w -]{0,31}")
_ID_NO = re.compile(r"[\w ()./-]{4,40}")  # any country's spelling; `rules.privacy.normalise` finds the one
_DOCUMENT = re.compile(r"(?:[0-9][A-Za-z]?){8}")  # no device has eight digits in a row, every document has
_AREA = re.compile(r"[0-9A-Za-z]{2,12}")  # GB/T 2260 here, FIPS or others elsewhere


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each passage of a page, and its broken messages, in order. Raises Malformed for an empty page."""
    return read_rows(page, context, PASSAGE, GATE_SCREENINGS.name, _passage)


def _passage(message: Message, context: ReadContext) -> Said:
    columns = GATE_SCREENINGS.by_name
    at_min = message.minute("at")
    check_not_ahead(at_min, context.now, "at")
    if context.since_min is not None and at_min < context.since_min:
        raise Malformed("connectors.gate_screening.before_event")
    gate, person = _device(message, "gate"), _identity(message)
    age, warm = "test_age_h", "temperature_c"
    values = {
        "at_min": at_min,
        "exit_id": _device(message, "exit"),
        "gate_id": gate,
        "lane": message.count("lane", columns["lane"]),
        "pid": person,
        "health_code": message.choice("health_code", columns["health_code"]),
        "itinerary_code": message.choice("itinerary_code", columns["itinerary_code"]),
        age: message.count(age, columns[age]) if message.has(age) else None,
        warm: message.number(warm, columns[warm]) if message.has(warm) else None,
        "origin_area": message.token("origin_area", _AREA) if message.has("origin_area") else None,
        "document_kind": message.choice("document", columns["document_kind"]),
        "desk": message.flag("desk"),
    }
    return Said(values, (at_min, gate, person))


def _device(message: Message, field: str) -> str:
    """Return the name of an exit or a gate; a document in this field goes to quarantine, masked."""
    found = message.token(field)
    if _DOCUMENT.search(found):
        raise Malformed("connectors.common.broken_token", field=field, value=masked(found))
    return found


def _identity(message: Message) -> Identity:
    """Return the document. Its number may be in the values of no error."""
    kind, number = message.word("id_type"), message.word("id_no")
    if not _ID_TYPE.fullmatch(kind):
        raise Malformed("connectors.gate_screening.broken_id_type", value=masked(kind))
    if not _ID_NO.fullmatch(number) or sum(map(str.isalnum, number)) < 4:
        raise Malformed("connectors.gate_screening.broken_id_no")
    return Identity(kind, number)
