"""CAP 1.1 and 1.2 (OASIS) as rows of WEATHER_WARNINGS. XML is read without trust: no entity, no document type.

The standard wants an offset in every time; without one a message is refused. Exercise, Test, System and Draft keep
their status in the marks, so that a hub at work never takes them for Actual. Signatures are not verified.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from hubtwin.base.clock import EPOCH
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.lines import shown
from hubtwin.connectors.common.values import FIRST_YEAR, LAST_YEAR, check_not_ahead, read_choice
from hubtwin.connectors.weather.bulletin import find_colour
from hubtwin.datasets.panorama import WEATHER_WARNINGS
from hubtwin.model.record import Marks, Quarantined, Row, Status
from hubtwin.ports import ReadContext

NAMESPACES = ("urn:oasis:names:tc:emergency:cap:1.2", "urn:oasis:names:tc:emergency:cap:1.1")
_STATUSES = {"Actual": Status.ACTUAL, "Exercise": Status.EXERCISE}  # System, Test and Draft are for nobody: Test
_COLUMNS = WEATHER_WARNINGS.by_name
_COLOURS = _COLUMNS["colour"].values
_TEXT_CHARS, _NAME_CHARS = 4000, 200
_DEEPEST = 12  # an alert has 5 levels; wrapped in a feed a few more
_Items = Iterator[Row | Quarantined]


def read_cap(data: bytes, name: str, context: ReadContext) -> _Items:
    """Yield a row for each alert of a document, in order; alerts may stand inside a feed or an envelope.

    Raises Malformed for what is no XML, has entities or a document type, or holds no alert.
    """
    try:
        root = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Malformed("connectors.weather.unsafe_xml", file=name) from error
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        raise Malformed("connectors.weather.not_xml", file=name) from error
    alerts = list(_alerts(root, 0))
    if not alerts:
        raise Malformed("connectors.weather.no_alert", file=name)
    for number, alert in enumerate(alerts, start=1):
        locator = f"alert {number}"
        try:
            yield _row(alert, locator, context)
        except Malformed as error:
            yield Quarantined(locator, error.key, error.values, shown(" ".join("".join(alert.itertext()).split())))


def _alerts(element: Element, depth: int) -> Iterator[Element]:
    space, _, tag = element.tag[1:].partition("}") if str(element.tag).startswith("{") else ("", "", element.tag)
    if tag == "alert" and space in NAMESPACES:
        yield element
    elif depth < _DEEPEST:
        for child in element:
            yield from _alerts(child, depth + 1)


def _row(alert: Element, locator: str, context: ReadContext) -> Row:
    sent = _need(alert, "sent")
    at_s = _second(sent, "sent")
    check_not_ahead(at_s // 60, context.now, "sent")
    msg_type = read_choice(_need(alert, "msgType"), "msgType", _COLUMNS["msg_type"].values)
    status = read_choice(_need(alert, "status"), "status", ("Actual", "Exercise", "System", "Test", "Draft"))
    read_choice(_need(alert, "scope"), "scope", ("Public", "Restricted", "Private"))
    earlier = _references(alert)
    if msg_type != "Alert" and not earlier:
        raise Malformed("connectors.common.missing_field", field="references", form=f"CAP {msg_type}")
    infos = _children(alert, "info")
    if not infos and msg_type != "Cancel":
        raise Malformed("connectors.common.missing_field", field="info", form="CAP alert")
    values = {
        "warning_id": _need(alert, "identifier")[:_NAME_CHARS],
        "at_s": at_s,
        "sender": _need(alert, "sender")[:_NAME_CHARS],
        "msg_type": msg_type,
        "supersedes": " ".join(earlier) or None,
        "in_force": msg_type != "Cancel",
        **_info(infos, alert),
    }
    return Row(WEATHER_WARNINGS.name, values, locator, Marks(status=_STATUSES.get(status, Status.TEST)))


def _info(infos: list[Element], alert: Element) -> dict[str, Any]:
    """Return what the blocks of a message say: texts of the first one in Chinese, else of the first; the worst of all
    degrees, the last of all ends."""
    main = next((each for each in infos if _language(each).startswith("zh")), infos[0] if infos else alert)
    english = next((each for each in infos if _language(each).startswith("en") and each is not main), None)
    headline, event = _find(main, "headline"), _find(main, "event")
    ends = [_second(told, "expires") // 60 for told in (_find(each, "expires") for each in infos) if told]
    onsets = [_second(told, "onset") // 60 for told in (_find(each, "onset") for each in infos) if told]
    areas = [told for area in _children(main, "area") if (told := _find(area, "areaDesc"))]
    return {
        "event": (event or _find(alert, "note") or "-")[:_NAME_CHARS],
        "event_en": _cut(_find(english, "event"), _NAME_CHARS),
        "colour": _colour(infos, f"{headline or ''} {event or ''}"),
        **{name: _worst(infos, name) for name in ("severity", "urgency", "certainty")},
        "onset_min": min(onsets, default=None),
        "expires_min": max(ends, default=None),
        "headline": _cut(headline, _NAME_CHARS * 2),
        "headline_en": _cut(_find(english, "headline"), _NAME_CHARS * 2),
        "description": _cut(_find(main, "description"), _TEXT_CHARS),
        "instruction": _cut(_find(main, "instruction"), _TEXT_CHARS),
        "area": _cut("; ".join(areas) or None, _TEXT_CHARS),
    }


def _worst(infos: list[Element], name: str) -> str:
    """Return the first value in the order of the column that any block says; "Unknown" where none says any."""
    allowed = _COLUMNS[name].values
    renamed = {"Very Likely": "Likely"}  # CAP 1.0, still met in 1.1
    said = [read_choice(renamed.get(told, told), name, allowed) for each in infos if (told := _find(each, name))]
    return min(said, key=allowed.index, default="Unknown")


def _colour(infos: list[Element], text: str) -> str | None:
    """Return the colour of the signal: a parameter or event code that is one, else the one that the headline names."""
    for info in infos:
        for each in (*_children(info, "parameter"), *_children(info, "eventCode")):
            name = (_find(each, "valueName") or "").lower()
            words = (_find(each, "value") or "").lower().replace(";", " ").split()
            found = next((word for word in words if word in _COLOURS), None)
            if found and ("colo" in name or name == "awareness_level"):
                return found
    return find_colour(text)


def _references(alert: Element) -> list[str]:
    """Return the identifiers of the messages that are referred to: "sender,identifier,sent" by blanks."""
    found = []
    for told in (_find(alert, "references") or "").split():
        parts = told.split(",")
        if len(parts) != 3 or not parts[1]:
            raise Malformed("connectors.weather.broken_reference")
        found.append(parts[1][:_NAME_CHARS])
    return found


def _second(text: str, field: str) -> int:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not FIRST_YEAR <= found.year < LAST_YEAR:
        raise Malformed("connectors.weather.broken_time", field=field, value=text[:40])
    return int((found - EPOCH).total_seconds())


def _children(element: Element, name: str) -> list[Element]:
    return [child for child in element if isinstance(child.tag, str) and child.tag.rpartition("}")[2] == name]


def _find(element: Element | None, name: str) -> str | None:
    """Return the text of the first child of a name, None where there is none or it is empty."""
    if element is None:
        return None
    for child in _children(element, name):
        return " ".join((child.text or "").replace("\0", " ").split()) or None
    return None


def _need(element: Element, name: str) -> str:
    found = _find(element, name)
    if found is None:
        raise Malformed("connectors.common.missing_field", field=name, form="CAP alert")
    return found


def _language(info: Element) -> str:
    return (_find(info, "language") or "en-US").lower()  # the default of the standard


def _cut(text: str | None, chars: int) -> str | None:
    return None if text is None else text[:chars]
