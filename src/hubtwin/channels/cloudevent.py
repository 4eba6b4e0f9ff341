"""CloudEvents 1.0 in structured JSON mode, with the extensions that a hub and its partners agree on.

Extensions: `sequence` (ten digits, so that they order as text, as the CloudEvents extension of that name asks),
`recipient` (one partner, so that a message to one cannot be shown to another), and the marks `status`, `provenance`,
`replayed`. Attributes that are not known are left alone, as the specification asks.
"""

from collections.abc import Mapping

import orjson

from hubtwin.base.errors import Malformed
from hubtwin.model.message import Envelope
from hubtwin.model.record import Marks, Provenance, Status

CONTENT_TYPE = "application/cloudevents+json"
MAX_BYTES = 256 << 10
MAX_TEXT = 512
_DIGITS = 10
_SHALLOW = 200  # brackets with which nothing can be nested too deep
_TEXTS = ("id", "source", "type", "subject", "time", "recipient", "dataschema")
_JSON = "application/json"


def write_event(envelope: Envelope) -> bytes:
    """Return an envelope as JSON in one line. Raises Malformed where `data` is no JSON or the whole is too long."""
    marks = envelope.marks
    event: dict[str, object] = {name: getattr(envelope, name) for name in _TEXTS}
    event |= {"specversion": "1.0", "datacontenttype": _JSON, "data": dict(envelope.data)}
    event |= {"sequence": f"{envelope.sequence:0{_DIGITS}d}"}
    event |= {"status": marks.status.value, "provenance": marks.provenance.value, "replayed": marks.replayed}
    try:
        content = orjson.dumps(event, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise Malformed("channels.broken_event", attribute="data") from error
    if len(content) > MAX_BYTES:
        raise Malformed("channels.long_event", limit_kib=MAX_BYTES >> 10)
    read_event(content)  # what we would not take ourselves is not sent
    return content


def read_event(content: bytes) -> Envelope:
    """Return the envelope of some bytes. Raises Malformed naming the attribute that is missing or wrong."""
    if len(content) > MAX_BYTES:
        raise Malformed("channels.long_event", limit_kib=MAX_BYTES >> 10)
    try:
        event = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise Malformed("channels.broken_event", attribute="JSON") from error
    if not isinstance(event, dict) or event.get("specversion") != "1.0":
        raise Malformed("channels.broken_event", attribute="specversion")
    texts = {name: _text(event, name) for name in _TEXTS}
    data = event.get("data")
    if not isinstance(data, dict):
        raise Malformed("channels.broken_event", attribute="data")
    if not _is_writable(content, data):  # it could be read, but not kept
        raise Malformed("channels.broken_event", attribute="data")
    if event.get("datacontenttype", _JSON) != _JSON:
        raise Malformed("channels.broken_event", attribute="datacontenttype")
    return Envelope(**texts, sequence=_sequence(event), data=data, marks=_marks(event))


def _is_writable(content: bytes, data: object) -> bool:
    """Tell whether JSON that was read can be written again: nested deeper than 254 it cannot. Short bytes are quick."""
    if content.count(b"{") + content.count(b"[") < _SHALLOW:
        return True
    try:
        orjson.dumps(data)
    except TypeError:
        return False
    return True


def _text(event: Mapping[str, object], name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT:
        raise Malformed("channels.broken_event", attribute=name)
    return value


def _sequence(event: Mapping[str, object]) -> int:
    value = event.get("sequence")
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == _DIGITS and int(value)):
        raise Malformed("channels.broken_event", attribute="sequence")
    return int(value)


def _marks(event: Mapping[str, object]) -> Marks:
    """Return the marks, all of which must be there: one that is missing must not be taken for "real"."""
    replayed = event.get("replayed")
    if not isinstance(replayed, bool):
        raise Malformed("channels.broken_event", attribute="replayed")
    try:
        return Marks(Status(str(event.get("status"))), Provenance(str(event.get("provenance"))), replayed)
    except ValueError as error:
        raise Malformed("channels.broken_event", attribute="status, provenance") from error
