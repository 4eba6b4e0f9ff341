"""Running information as the kit sees it: GTFS-Realtime bytes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from google.transit import gtfs_realtime_pb2

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import running_information
from hubtwin.connectors.running_information.simulator import Delay, make_feed
from hubtwin.model.record import Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source

DAY = date(2022, 10, 20)
MADE = datetime(2022, 10, 20, 0, 10, tzinfo=UTC)
FIRST = (
    Delay("T1", DAY, 2, 60, 120),
    Delay("T1", DAY, 5, None, -30),
    Delay("T1", DAY, 9, relation="SKIPPED"),
    Delay("T2", DAY, 0, relation="CANCELED"),
)
SECOND = (Delay("T2", DAY, 1, 300, None), Delay("T1", DAY, 5, relation="NO_DATA"))
CONTEXT = ReadContext(
    zone=ZoneInfo("Asia/Shanghai"),
    now=MADE + timedelta(minutes=5),
    calls={"T1": ((2, "AAA"), (5, "BBB"), (9, "CCC")), "T2": ((0, "AAA"), (1, "CCC"))},
)


def _row(delay: Delay, made: datetime) -> Row:
    values = {
        "trip_id": delay.trip_id,
        "service_date": delay.service_date,
        "seq": delay.seq,
        "arrival_delay_s": delay.arrival_delay_s,
        "departure_delay_s": delay.departure_delay_s,
        "relation": delay.relation,
        "observed_min": epoch_minute(made),
    }
    return Row("running_information", values)


def _changed(old: bytes, new: bytes) -> bytes:
    assert PAGE.count(old) == 1
    return PAGE.replace(old, new)


def _without_time() -> bytes:
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.ParseFromString(PAGE)
    feed.header.ClearField("timestamp")
    data: bytes = feed.SerializeToString()
    return data


def garble(page: bytes) -> bytes:
    """Put bytes that are no field behind the header: protobuf cannot find the next frame again."""
    end = 2 + page[1]  # the header is the first field; its length is one byte
    return page[:end] + b"\x07\xff\xff garbage" + page[end:]


PAGE = make_feed(FIRST, MADE)
_LATER = MADE + timedelta(minutes=1)
SOURCE = Source(
    name="running_information",
    connector=running_information.CONNECTOR,
    context=CONTEXT,
    pages=(PAGE, make_feed(SECOND, _LATER)),
    rows=(tuple(_row(delay, MADE) for delay in FIRST), tuple(_row(delay, _LATER) for delay in SECOND)),
    garbage=Bad(garble(PAGE), refused=True, says=("kit.page",)),
    half_frame=Bad(PAGE[:-5], refused=True, says=("ends early",)),
    unknown_enum=Bad(_changed(b"\x28\x01", b"\x28\x63"), kept=3, says=("99",)),
    added_field=Bad(PAGE + b"\xa2\x06\x03abc", kept=4, quarantined=0),  # GTFS-Realtime is open to extensions
    removed_field=Bad(_without_time(), refused=True, says=("header.timestamp",)),
    clock_ahead=Bad(make_feed(FIRST, MADE + timedelta(hours=8)), refused=True, says=("475",)),
    more={
        "unknown trip": Bad(make_feed([FIRST[0], Delay("T7", DAY, 1, 0, 0)], MADE), kept=1, says=("T7",)),
        "unknown call": Bad(make_feed([FIRST[0], Delay("T1", DAY, 7, 0, 0)], MADE), kept=1, says=("call 7",)),
        "absurd delay": Bad(make_feed([FIRST[0], Delay("T1", DAY, 5, 9**9, None)], MADE), kept=1, says=("week",)),
        "nothing at all": Bad(b"", refused=True),
    },
    garbler=garble,
)
