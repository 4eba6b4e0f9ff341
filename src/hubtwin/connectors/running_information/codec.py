"""Bytes of a GTFS-Realtime page to its message, and what protobuf does not tell by itself.

The enumerations of the format are closed (proto2): a value that this version does not know is no error, the field
just reads as its default SCHEDULED. `relation_of` finds such values again, so that none is taken for "on time".
"""

from typing import Any

from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from google.transit import gtfs_realtime_pb2

from hubtwin.base.errors import Malformed
from hubtwin.ports import Page

MAX_PAGE_BYTES = 64 << 20  # a feed of every train of a continent is a twentieth
_RELATION = "schedule_relationship"


def decode(page: Page) -> Any:
    """Return the FeedMessage of a page. Raises Malformed for what is none, ends early, or is too large."""
    data = bytearray()
    for chunk in page.chunks:
        data += chunk
        if len(data) > MAX_PAGE_BYTES:
            raise Malformed("connectors.running_information.too_large", page=page.name, limit_mb=MAX_PAGE_BYTES >> 20)
    feed = gtfs_realtime_pb2.FeedMessage()
    try:
        feed.ParseFromString(bytes(data))
    except DecodeError as error:
        raise Malformed("connectors.running_information.not_a_feed", page=page.name) from error
    if not feed.HasField("header"):
        raise Malformed("connectors.running_information.not_a_feed", page=page.name)
    return feed


def relation_of(message: Any) -> str:
    """Return the name of a TripDescriptor's or StopTimeUpdate's schedule relationship; its number if unknown."""
    field = message.DESCRIPTOR.fields_by_name[_RELATION]
    if not message.HasField(_RELATION):
        unknown = UnknownFieldSet(message)
        for index in range(len(unknown)):
            if unknown[index].field_number == field.number:
                return str(unknown[index].data)[:20]
    return str(field.enum_type.values_by_number[message.schedule_relationship].name)


def text_of(value: Any) -> str:
    """Return a text field. Raises Malformed for bytes that are no UTF-8, which proto2 lets through as bytes."""
    if isinstance(value, bytes):
        raise Malformed("connectors.running_information.not_text", value=value[:80].decode("utf-8", "replace"))
    return str(value)
