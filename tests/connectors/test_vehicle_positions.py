"""Vehicles from feeds that we did not make: any route id, no bearing, no time of their own, other kinds of entity."""

import struct
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from google.transit import gtfs_realtime_pb2

from hubtwin.connectors.vehicle_positions import CONNECTOR
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page, ReadContext

NOW = datetime(2022, 10, 20, 0, 15, tzinfo=UTC)
CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=NOW)


def varint(number: int) -> bytes:
    """Return a number as protobuf writes it: seven bits a byte, the lowest first."""
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def piece(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def real(field: int, value: float) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<f", value)


# A FeedMessage as another writer puts it on the wire, field by field and in another order than ours: an extension that
# nobody here knows, a label, a sequence number, a trip without our form of route.
HEADER = piece(1, b"2.0") + number(2, 0) + number(3, int(NOW.timestamp()))
VEHICLE = (
    piece(8, piece(2, b"4242") + piece(1, b"B42"))
    + number(5, int(NOW.timestamp()) - 30)
    + number(3, 5)
    + piece(2, real(3, 90.0) + real(2, -122.39) + real(1, 37.78) + real(5, 5.0))
    + piece(1, piece(5, b"7A") + piece(1, b"1421"))
    + piece(1000, b"x")
)
FOREIGN = piece(2, piece(4, VEHICLE) + piece(1, b"10")) + piece(1, HEADER)


def read(data: bytes) -> list[Row | Quarantined]:
    return list(CONNECTOR.read(Page("feed", iter((data,)), "1"), CONTEXT))


def test_a_feed_of_another_writer_is_read_and_its_mode_is_not_guessed() -> None:
    (found,) = read(FOREIGN)
    assert isinstance(found, Row)
    told = found.values
    assert (told["mode"], told["line"], told["vehicle"]) == ("unknown", "7A", "B42")
    assert (told["lat"], told["lon"], told["bearing"], told["speed_mps"]) == (37.779999, -122.389999, 90.0, 5.0)
    assert told["at_s"] == int(NOW.timestamp()) - 30
    assert (told["stop"], told["occupancy"]) == (None, None)


def test_other_entities_pass_and_a_deleted_one_is_refused() -> None:
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.header.gtfs_realtime_version, feed.header.timestamp = "2.0", int(NOW.timestamp())
    feed.entity.add(id="trip").trip_update.trip.trip_id = "T1"
    feed.entity.add(id="alert").alert.header_text.translation.add(text="works")
    feed.entity.add(id="gone", is_deleted=True)
    (found,) = read(feed.SerializeToString())
    assert isinstance(found, Quarantined)
    assert found.reason == "connectors.common.gtfs_deleted_entity"
