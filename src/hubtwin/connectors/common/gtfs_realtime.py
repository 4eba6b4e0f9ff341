"""What every reader of GTFS Realtime does first: bytes of a page to its message, texts, the time it was made.

The enumerations of the format are closed (proto2): a value that this version does not know is no error, the field
just reads as its default. `enum_of` finds such values again, so that none is taken for the default.
"""

from datetime import date, timedelta
from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from google.transit import gtfs_realtime_pb2

from hubtwin.base.clock import EPOCH, epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.values import CLOCK_TOLERANCE_MIN, FIRST_YEAR
from hubtwin.ports import Page, ReadContext

MAX_PAGE_BYTES = 64 << 20  # a feed of every train of a continent is a twentieth
_FIRST_S = (date(FIRST_YEAR, 1, 1) - EPOCH.date()) // timedelta(seconds=1)


def decode(page: Page) -> Any:
    """Return the FeedMessage of a page. Raises Malformed for what is none, ends early, or is too large."""
    data = bytearray()
    for chunk in page.chunks:
        data += chunk
        if len(data) > MAX_PAGE_BYTES:
            raise Malformed("connectors.common.gtfs_too_large", page=page.name, limit_mb=MAX_PAGE_BYTES >> 20)
    feed = gtfs_realtime_pb2.FeedMessage()
    try:
        feed.ParseFromString(bytes(data))
    except DecodeError as error:
        raise Malformed("connectors.common.gtfs_not_a_feed", page=page.name) from error
    if not feed.HasField("header"):
        raise Malformed("connectors.common.gtfs_not_a_feed", page=page.name)
    return feed


def made_s(feed: Any, page: Page, context: ReadContext) -> int:
    """Return the epoch second at which a feed was made. Raises Malformed where it is missing or ahead of our clock."""
    stamp = int(feed.header.timestamp)
    if stamp < _FIRST_S:
        raise Malformed("connectors.common.gtfs_no_timestamp", page=page.name, value=stamp)
    ahead_min = stamp // 60 - epoch_minute(context.now)
    if ahead_min > CLOCK_TOLERANCE_MIN:
        told = {"ahead_min": ahead_min, "ahead_h": round(ahead_min / 60, 1)}
        raise Malformed("connectors.common.gtfs_clock_ahead", page=page.name, **told)
    return stamp


def enum_of(message: Any, name: str) -> str:
    """Return the name of the value of an enumeration; its number where this version does not know it."""
    field = message.DESCRIPTOR.fields_by_name[name]
    if not message.HasField(name):
        unknown = UnknownFieldSet(message)
        for index in range(len(unknown)):
            if unknown[index].field_number == field.number:
                return str(unknown[index].data)[:20]
    return str(field.enum_type.values_by_number[getattr(message, name)].name)


def says(message: Any, name: str) -> bool:
    """Return whether a message says anything in an enumeration, also a value that this version does not know."""
    number = message.DESCRIPTOR.fields_by_name[name].number
    unknown = UnknownFieldSet(message)
    return message.HasField(name) or any(unknown[index].field_number == number for index in range(len(unknown)))


def text_of(value: Any) -> str:
    """Return a text field. Raises Malformed for bytes that are no UTF-8, which proto2 lets through as bytes."""
    if isinstance(value, bytes):
        raise Malformed("connectors.common.gtfs_not_text", value=value[:80].decode("utf-8", "replace"))
    return str(value)
