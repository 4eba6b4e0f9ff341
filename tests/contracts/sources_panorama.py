"""The sources of the panorama as the kit sees them: onward modes, teams, devices, vehicles, weather."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from google.transit import gtfs_realtime_pb2

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import devices, onward, staff_positions, vehicle_positions, weather
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.devices.simulator import DeviceState
from hubtwin.connectors.devices.simulator import page as device_page
from hubtwin.connectors.onward.simulator import Queue, Supply
from hubtwin.connectors.onward.simulator import page as onward_page
from hubtwin.connectors.staff_positions.simulator import TeamAt
from hubtwin.connectors.staff_positions.simulator import page as staff_page
from hubtwin.connectors.vehicle_positions.simulator import VehicleAt, make_feed
from hubtwin.connectors.weather.simulator import Info, Observed, Warned, cap, observations
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source
from tests.contracts.source_gate_screening import edited

ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2022, 10, 20, 8, 10, 20, tzinfo=ZONE)
LATER = AT.replace(minute=11)
AT_S = int(AT.timestamp())
CONTEXT = ReadContext(zone=ZONE, now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)


def row(dataset: str, marks: Marks = SYNTHETIC, **values: Any) -> Row:
    """Return a row with None for what is not given, in the order of the columns."""
    return Row(dataset, {column.name: values.get(column.name) for column in DATASETS[dataset].columns}, marks=marks)


def _queue(told: Queue) -> Row:
    return row("queue_counts", at_s=int(told.at.timestamp()), **{k: v for k, v in told._asdict().items() if k != "at"})


def _supply(told: Supply) -> Row:
    moments = {"next_min": told.next, "last_min": told.last}
    minutes = {name: epoch_minute(moment) for name, moment in moments.items() if moment is not None}
    return row("supply_counts", at_s=int(told.at.timestamp()), **{**told._asdict(), **minutes})


def _same(dataset: str, told: Any) -> Row:
    return row(dataset, at_s=int(told.at.timestamp()), **told._asdict())


QUEUES = (Queue(AT, "TAXI-N1", "taxi", 46, 420, 12, 18.5), Queue(AT, "RH-P1", "ride_hailing", 0))
METRO = Supply(AT, "metro", "1", "METRO-1-A", 14, capacity=28_000, next=LATER, headway_s=210, state="running")
GARAGE = Supply(LATER, "garage", "P6", "P6", spaces=0, capacity=634, last=LATER + timedelta(hours=16), state="full")
FIRST = onward_page([*QUEUES, METRO])
ONWARD = Source(
    name="onward",
    connector=onward.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, onward_page([GARAGE])),
    rows=((_queue(QUEUES[0]), _queue(QUEUES[1]), _supply(METRO)), (_supply(GARAGE),)),
    garbage=Bad(garble(FIRST), kept=3, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-40], kept=2, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, '"taxi"', '"rickshaw"'), kept=2, says=("rickshaw",)),
    added_field=Bad(edited(FIRST, '"wait_s"', '"tip": 7, "wait_s"'), kept=2, says=("tip", "queue")),
    removed_field=Bad(edited(FIRST, ', "line": "1"', ""), kept=2, says=("line is missing",)),
    clock_ahead=Bad(edited(FIRST, ' "2022-10-20T08:10', ' "2022-10-20T16:10', 3), kept=0, quarantined=3, says=("475",)),
    more={
        "a kind that nobody knows": Bad(edited(FIRST, '"supply"', '"rumour"'), kept=2, says=("rumour",)),
        "no kind at all": Bad(edited(FIRST, '"kind": "supply", ', ""), kept=2, says=("kind is missing",)),
        "a kind that is a list": Bad(edited(FIRST, '"supply"', '["supply"]'), kept=2, says=("kind",)),
        "a queue shorter than nothing": Bad(edited(FIRST, '"waiting": 46', '"waiting": -4'), kept=2, says=("-4",)),
        "a line that says nothing": Bad(edited(FIRST, ', "waiting": 0', ""), kept=2, says=("not one value",)),
        "the same line twice": Bad(FIRST + FIRST.splitlines(keepends=True)[0], kept=3, says=("The same as",)),
        "another queue of the same second": Bad(
            FIRST + edited(FIRST.splitlines(keepends=True)[0], "46", "47"), kept=3, says=("other contents",)
        ),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)

TEAMS = (TeamAt(AT, "T01", "on_way", "PASS-E", "B1", 120.21, 30.29), TeamAt(AT, "T02", "post", "N2"))
TEAM_LATER = TeamAt(LATER, "T01", "at_work")
FIRST = staff_page(TEAMS)
STAFF = Source(
    name="staff_positions",
    connector=staff_positions.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, staff_page([TEAM_LATER])),
    rows=(tuple(_same("staff_positions", each) for each in TEAMS), (_same("staff_positions", TEAM_LATER),)),
    garbage=Bad(garble(FIRST), kept=2, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-20], kept=1, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, '"post"', '"asleep"'), kept=1, says=("asleep",)),
    added_field=Bad(edited(FIRST, '"state": "post"', '"name": "Li", "state": "post"'), kept=1, says=("name",)),
    removed_field=Bad(edited(FIRST, '"team": "T02", ', ""), kept=1, says=("team is missing",)),
    clock_ahead=Bad(edited(FIRST, "T08:1", "T16:1", 2), kept=0, quarantined=2, says=("475",)),
    more={
        "half a point": Bad(edited(FIRST, ', "lat": 30.29', ""), kept=1, says=("lat",)),
        "beyond the pole": Bad(edited(FIRST, "30.29", "130.29"), kept=1, says=("90",)),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)

STATES = (
    DeviceState(AT, "CAM-PASS-E", "camera", "working", "PASS-E"),
    DeviceState(AT, "LIFT-8B@L1", "lift", "faulty"),
)
STATE_LATER = DeviceState(LATER, "LIFT-8B@L1", "lift", "off", "P-8")
FIRST = device_page(STATES)
DEVICES = Source(
    name="devices",
    connector=devices.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, device_page([STATE_LATER])),
    rows=(tuple(_same("device_states", each) for each in STATES), (_same("device_states", STATE_LATER),)),
    garbage=Bad(garble(FIRST), kept=2, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-20], kept=1, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, '"faulty"', '"haunted"'), kept=1, says=("haunted",)),
    added_field=Bad(edited(FIRST, '"covers"', '"ip": "::1", "covers"'), kept=1, says=("ip",)),
    removed_field=Bad(edited(FIRST, '"kind": "lift", ', ""), kept=1, says=("kind is missing",)),
    clock_ahead=Bad(edited(FIRST, "T08:1", "T16:1", 2), kept=0, quarantined=2, says=("475",)),
    more={
        "a device without a name": Bad(edited(FIRST, '"CAM-PASS-E"', '" "'), kept=1, says=("device",)),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)

VEHICLES = (
    VehicleAt("bus", "28", "B7", 120.25, 30.25, 90.0, 8.5, "N-SQ", "FULL"),
    VehicleAt("metro", "1", "M12", 120.125, 30.375),
)
VEHICLE_LATER = VehicleAt("bus", "28", "B7", 120.5, 30.25)


def _vehicle(told: VehicleAt, at: datetime) -> Row:
    return row("vehicle_positions", Marks(), at_s=int(at.timestamp()), **told._asdict())


def garble_feed(page: bytes) -> bytes:
    """Put bytes that are no field behind the header: protobuf cannot find the next frame again."""
    end = 2 + page[1]
    return page[:end] + b"\x07\xff\xff garbage" + page[end:]


def changed_feed(number: int, **told: Any) -> bytes:
    """Return the first feed with one vehicle changed: lon, timestamp, vehicle, occupancy (a raw number)."""
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.ParseFromString(FEED)
    vehicle = feed.entity[number].vehicle
    if "lon" in told:
        vehicle.position.longitude = told["lon"]
    if "timestamp" in told:
        vehicle.timestamp = told["timestamp"]
    if told.get("bare"):
        vehicle.ClearField("position")
    data: bytes = feed.SerializeToString()
    return data


def _without_time() -> bytes:
    feed = gtfs_realtime_pb2.FeedMessage()
    feed.ParseFromString(FEED)
    feed.header.ClearField("timestamp")
    data: bytes = feed.SerializeToString()
    return data


FEED = make_feed(VEHICLES, AT)
assert FEED.count(b"\x48\x05") == 1, "the occupancy of the first vehicle"
POSITIONS = Source(
    name="vehicle_positions",
    connector=vehicle_positions.CONNECTOR,
    context=CONTEXT,
    pages=(FEED, make_feed([VEHICLE_LATER], LATER)),
    rows=(tuple(_vehicle(each, AT) for each in VEHICLES), (_vehicle(VEHICLE_LATER, LATER),)),
    garbage=Bad(garble_feed(FEED), refused=True, says=("kit.page",)),
    half_frame=Bad(FEED[:-5], refused=True, says=("ends early",)),
    unknown_enum=Bad(FEED.replace(b"\x48\x05", b"\x48\x63"), kept=1, says=("99",)),
    added_field=Bad(FEED + b"\xa2\x06\x03abc", kept=2, quarantined=0),  # GTFS-Realtime is open to extensions
    removed_field=Bad(_without_time(), refused=True, says=("header.timestamp",)),
    clock_ahead=Bad(make_feed(VEHICLES, AT + timedelta(hours=8)), refused=True, says=("475",)),
    more={
        "east of the east": Bad(changed_feed(0, lon=480.0), kept=1, says=("lon", "B7")),
        "nowhere": Bad(changed_feed(1, lon=float("nan")), kept=1, says=("lon", "M12")),
        "no position": Bad(changed_feed(1, bare=True), kept=1, says=("M12",)),
        "a position of yesterday": Bad(changed_feed(0, timestamp=AT_S - 86_400), kept=1, says=("-1440",)),
        "the same vehicle twice": Bad(make_feed([*VEHICLES, VEHICLES[0]], AT), kept=2, says=("The same as",)),
        "nothing at all": Bad(b"", refused=True),
    },
    garbler=garble_feed,
)

STATION = "K1001"
SEEN = (
    Observed(AT, STATION, 17.4, 3.1, 6.8, 12.5, 4200.0, "大雨", 120.25, 30.25),
    Observed(AT, "58457", -1.5),
)
SIGNAL = Info(
    *("zh-CN", "暴雨", "上城区气象台发布暴雨橙色预警", "预计未来3小时降雨50毫米以上。"),
    expires=LATER + timedelta(hours=3),
    area="上城区",
)
ENGLISH = Info("en", "Rainstorm", "Rainstorm orange warning", "50 mm within 3 hours.")
ALERT = Warned("33010241600000_20221020081020_0", "33010241600000", AT, (SIGNAL, ENGLISH))
UPDATE = Warned(
    *("33010241600000_20221020081120_0", "33010241600000", LATER, (SIGNAL._replace(severity="Extreme", colour="red"),)),
    msg_type="Update",
    earlier=((ALERT.identifier, AT),),
)
BULLETIN = "上城区气象台2022年10月20日8时11分发布大风蓝色预警[Ⅳ级/一般]：阵风7级以上。"


def _warning(told: Warned, **values: Any) -> Row:
    info = told.infos[0]
    base = {
        "warning_id": told.identifier,
        "at_s": int(told.sent.timestamp()),
        "sender": told.sender,
        "msg_type": told.msg_type,
        "supersedes": " ".join(name for name, _ in told.earlier) or None,
        "in_force": True,
        "event": info.event,
        "severity": info.severity,
        "urgency": info.urgency,
        "certainty": info.certainty,
        "expires_min": epoch_minute(LATER + timedelta(hours=3)),
        "headline": info.headline,
        "description": info.description,
        "area": info.area,
    }
    return row("weather_warnings", Marks(), **{**base, **values})


_OBSERVED = observations(SEEN)
WEATHER = Source(
    name="weather",
    connector=weather.CONNECTOR,
    context=CONTEXT,
    pages=(cap(ALERT), _OBSERVED, cap(UPDATE), f"{BULLETIN}\n".encode()),
    rows=(
        (_warning(ALERT, colour="orange", event_en="Rainstorm", headline_en="Rainstorm orange warning"),),
        tuple(_same("weather_observations", each) for each in SEEN),
        (_warning(UPDATE, colour="red"),),
        (
            row(
                "weather_warnings",
                Marks(),
                warning_id="上城区气象台:大风",
                at_s=AT_S + 40,
                sender="上城区气象台",
                msg_type="Alert",
                in_force=True,
                event="大风",
                colour="blue",
                severity="Minor",
                urgency="Unknown",
                certainty="Unknown",
                headline="上城区气象台2022年10月20日8时11分发布大风蓝色预警[Ⅳ级/一般]",
                description="阵风7级以上。",
            ),
        ),
    ),
    garbage=Bad(garble(_OBSERVED), kept=2, says=("no JSON object",)),
    half_frame=Bad(cap(ALERT)[:-20], refused=True, says=("well-formed",)),
    unknown_enum=Bad(edited(cap(ALERT), "Severe</severity>", "Bad</severity>", 2), kept=0, says=("Bad",)),
    added_field=Bad(edited(_OBSERVED, '"wind_mps"', '"mood": 1, "wind_mps"'), kept=1, says=("mood",)),
    removed_field=Bad(edited(cap(ALERT), "<sent>2022-10-20T08:10:20+08:00</sent>", ""), kept=0, says=("sent",)),
    clock_ahead=Bad(edited(cap(ALERT), "<sent>2022-10-20T08", "<sent>2022-10-20T16"), kept=0, says=("475",)),
    more={
        "a time without offset": Bad(edited(cap(ALERT), ":20+08:00</sent>", ":20</sent>"), kept=0, says=("offset",)),
        "an entity": Bad(
            cap(ALERT).replace(b"<alert ", b"<!DOCTYPE alert [<!ENTITY x 'y'>]><alert "), refused=True, says=("safety",)
        ),
        "an update of nothing": Bad(
            edited(cap(ALERT), "<msgType>Alert", "<msgType>Update"), kept=0, says=("references is missing",)
        ),
        "another namespace": Bad(edited(cap(ALERT), "cap:1.2", "cap:9.9"), refused=True, says=("no alert",)),
        "a bulletin without a colour": Bad(
            BULLETIN.replace("蓝色", "").replace("/一般", "").encode(), says=("colour",)
        ),
        "a day that does not exist": Bad(BULLETIN.replace("10月20日", "2月30日").encode(), says=("exist",)),
        "a sentence": Bad("明天有雨\n".encode(), says=("bulletin",)),
        "the same bulletin twice": Bad(f"{BULLETIN}\n{BULLETIN}\n".encode(), kept=1, says=("The same as",)),
        "hotter than the stove": Bad(edited(_OBSERVED, "17.4", "174"), kept=1, says=("60",)),
        "nothing at all": Bad(b" \n", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)
SOURCES: tuple[Source, ...] = (ONWARD, STAFF, DEVICES, POSITIONS, WEATHER)
