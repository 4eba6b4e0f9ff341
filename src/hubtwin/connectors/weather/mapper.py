"""What a page of the weather service means. Its first sign says the form: `<` CAP, `{` observations, else bulletins."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.lines import BadLine, shown, text_lines
from hubtwin.connectors.common.messages import Message, Said, Shape, maybe, read_rows
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.connectors.weather.bulletin import SEVERITIES, parse_bulletin
from hubtwin.connectors.weather.cap import read_cap
from hubtwin.datasets.panorama import WEATHER_OBSERVATIONS, WEATHER_WARNINGS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

MAX_PAGE_BYTES = 8 << 20  # the longest signed alert met has 24 kB
_MEASURED = ("lon", "lat", "temperature_c", "wind_mps", "gust_mps", "rain_1h_mm", "visibility_m")
OBSERVATION = Shape("observation", required=("at", "station", "provenance"), optional=(*_MEASURED, "text"))
_BLANK = b" \t\r\n\xef\xbb\xbf"
_Items = Iterator[Row | Quarantined]


def read(page: Page, context: ReadContext) -> _Items:
    """Yield rows of warnings or observations in order, and what could not be read.

    Raises Malformed for an empty or endless page, and for CAP that is no XML, is unsafe or holds no alert.
    """
    data = bytearray()
    for chunk in page.chunks:
        data += chunk
        if len(data) > MAX_PAGE_BYTES:
            raise Malformed("connectors.weather.too_large", file=page.name, limit_mb=MAX_PAGE_BYTES >> 20)
    first = bytes(data).lstrip(_BLANK)[:1]
    if not first:
        raise Malformed("connectors.common.no_message", file=page.name)
    if first == b"<":
        yield from read_cap(bytes(data), page.name, context)
    elif first == b"{":
        whole = replace(page, chunks=iter((bytes(data),)))
        yield from read_rows(whole, context, OBSERVATION, WEATHER_OBSERVATIONS.name, _observation)
    else:
        yield from _read_bulletins((bytes(data),), page.name, context)


def _observation(message: Message, context: ReadContext) -> Said:
    columns, at_s = WEATHER_OBSERVATIONS.by_name, message.second("at")
    check_not_ahead(at_s // 60, context.now, "at")
    station = message.token("station")
    values: dict[str, object] = {"station": station, "at_s": at_s}
    for name in _MEASURED:
        values[name] = message.number(name, columns[name]) if message.has(name) else None
    values["text"] = maybe(message, "text", lambda name: message.word(name)[:100])
    return Said(values, (station, at_s))


def _read_bulletins(chunks: Iterable[bytes], name: str, context: ReadContext) -> _Items:
    seen: dict[tuple[str, int], str] = {}
    for number, line in enumerate(text_lines(chunks, name), start=1):
        locator = f"{name}:{number}"
        if isinstance(line, BadLine):
            yield Quarantined(locator, line.reason, {}, line.raw)
            continue
        if not line.strip():
            continue
        try:
            values = _warning(line, context)
        except Malformed as problem:
            yield Quarantined(locator, problem.key, problem.values, shown(line))
            continue
        key = (str(values["warning_id"]), int(str(values["at_s"])))
        if key in seen:
            reason = "repeated_row" if seen[key] == line.strip() else "conflicting_row"
            yield Quarantined(locator, f"connectors.common.{reason}", {}, shown(line))
            continue
        seen[key] = line.strip()
        yield Row(WEATHER_WARNINGS.name, values, locator)


def _warning(line: str, context: ReadContext) -> dict[str, object]:
    """Return the row of a bulletin. A station has one warning of a kind at a time, whatever its colour."""
    told = parse_bulletin(line, context.zone)
    check_not_ahead(told.at_s // 60, context.now, "time")
    colour = told.colour
    return {
        "warning_id": f"{told.station}:{told.event}",
        "at_s": told.at_s,
        "sender": told.station,
        "msg_type": told.msg_type,
        "supersedes": None,
        "in_force": told.msg_type != "Cancel",
        "event": told.event,
        "event_en": None,
        "colour": colour,
        "severity": SEVERITIES[colour] if colour else "Unknown",
        "urgency": "Past" if told.msg_type == "Cancel" else "Unknown",
        "certainty": "Unknown",
        "onset_min": None,
        "expires_min": None,
        "headline": line.strip().partition("：")[0].partition(":")[0][:400],
        "headline_en": None,
        "description": told.text[:4000] or None,
        "instruction": None,
        "area": None,
    }
