"""What is sensed of the hub itself: people by zone, onward modes, vehicles, teams, devices, weather.

Places are named by their codes in the venue. None of it is about a person: a team is an office, never who is in it.
"""

from hubtwin.datasets.table import Column, ColumnType, Dataset, Grade

ZONE_COUNTS = Dataset(
    "zone_counts",
    "区域人数",
    "people in each zone of the venue, as counters told",
    key=("zone", "at_s"),
    columns=(
        Column("zone", "string", "区域", "code of the unit of the venue"),
        Column("at_s", "second", "时间", "when it was counted, epoch second"),
        Column("people", "int", "人数", "people in the zone at that moment", Grade.L2, minimum=0, maximum=200_000),
        Column(
            "density_per_m2",
            "float",
            "密度",
            "people per square metre, where the counter measures it over a calibrated polygon",
            Grade.L2,
            nullable=True,
            minimum=0,
            maximum=20,
        ),
    ),
)

MODES = ("metro", "bus", "coach", "taxi", "ride_hailing", "garage")
OCCUPANCIES = (
    "EMPTY",
    "MANY_SEATS_AVAILABLE",
    "FEW_SEATS_AVAILABLE",
    "STANDING_ROOM_ONLY",
    "CRUSHED_STANDING_ROOM_ONLY",
    "FULL",
    "NOT_ACCEPTING_PASSENGERS",
    "NO_DATA_AVAILABLE",
    "NOT_BOARDABLE",
)
MOST_PERSONS, MOST_VEHICLES = 200_000, 100_000


def _at() -> Column:
    return Column("at_s", "second", "时间", "when it was sensed, epoch second")


def _amount(name: str, zh: str, en: str, most: float, kind: ColumnType = "int") -> Column:
    return Column(name, kind, zh, en, Grade.L2, nullable=True, minimum=0, maximum=most)


def _point() -> tuple[Column, Column]:
    return (
        Column("lon", "float", "经度", "longitude, WGS 84, degrees", nullable=True, minimum=-180, maximum=180),
        Column("lat", "float", "纬度", "latitude, WGS 84, degrees", nullable=True, minimum=-90, maximum=90),
    )


QUEUE_COUNTS = Dataset(
    "queue_counts",
    "排队情况",
    "queues for onward modes: who waits, how long, and how fast the queue is served",
    key=("place", "at_s"),
    columns=(
        Column("place", "string", "地点", "code of the unit or fixture of the venue where the queue stands"),
        _at(),
        Column("mode", "string", "方式", "mode that the queue is for", values=MODES),
        _amount("waiting", "等候人数", "persons waiting", MOST_PERSONS),
        _amount("wait_s", "等候时间", "expected wait of who joins now, seconds", 86_400),
        _amount("vehicles", "等候车辆", "vehicles standing ready", MOST_VEHICLES),
        _amount("served_per_min", "放行速度", "persons served in a minute", 10_000, "float"),
    ),
)

SUPPLY_COUNTS = Dataset(
    "supply_counts",
    "接续运力",
    "supply of onward modes by line, lane or garage",
    key=("mode", "line", "at_s"),
    columns=(
        Column("mode", "string", "方式", "mode", values=MODES),
        Column("line", "string", "线路", "line, lane or garage"),
        _at(),
        Column("place", "string", "地点", "code of the place of the venue", nullable=True),
        _amount("vehicles", "车辆", "vehicles in service or standing", MOST_VEHICLES),
        _amount("spaces", "空位", "free places: parking spaces, loading places", MOST_VEHICLES),
        _amount("capacity", "容量", "all places, or persons that the line carries in an hour", 1_000_000),
        Column("next_min", "minute", "下一班", "departure of the next vehicle, epoch minute", nullable=True),
        _amount("headway_s", "间隔", "seconds between vehicles", 86_400),
        Column("last_min", "minute", "末班", "departure of the last vehicle of the day, epoch minute", nullable=True),
        Column(
            "state",
            "string",
            "状态",
            "whether it runs",
            nullable=True,
            values=("running", "ended", "suspended", "open", "full", "closed"),
        ),
    ),
)

VEHICLE_POSITIONS = Dataset(
    "vehicle_positions",
    "车辆位置",
    "where vehicles of onward modes are",
    key=("mode", "vehicle", "at_s"),
    columns=(
        Column("mode", "string", "方式", "mode; unknown where the feed does not say", values=(*MODES[:5], "unknown")),
        Column("vehicle", "string", "车辆", "vehicle, unique in its feed"),
        _at(),
        Column("line", "string", "线路", "line (GTFS route id without its mode)", nullable=True),
        Column("lon", "float", "经度", "longitude, WGS 84, degrees", minimum=-180, maximum=180),
        Column("lat", "float", "纬度", "latitude, WGS 84, degrees", minimum=-90, maximum=90),
        Column("bearing", "float", "方向", "degrees from north", nullable=True, minimum=0, maximum=360),
        Column("speed_mps", "float", "速度", "metres a second", nullable=True, minimum=0, maximum=150),
        Column("stop", "string", "站点", "stop that it is at or heads for", nullable=True),
        Column("occupancy", "string", "拥挤度", "occupancy status of GTFS Realtime", nullable=True, values=OCCUPANCIES),
    ),
)

STAFF_POSITIONS = Dataset(
    "staff_positions",
    "班组位置",
    "where teams are and what they do; teams, never persons",
    key=("team", "at_s"),
    columns=(
        Column("team", "string", "班组", "team, as in hub.toml", Grade.L2),
        _at(),
        Column(
            "state", "string", "状态", "what it does", Grade.L2, values=("post", "on_way", "at_work", "rest", "off")
        ),
        Column("place", "string", "地点", "code of the place of the venue", Grade.L2, nullable=True),
        Column("level", "string", "楼层", "code of the level of the venue", Grade.L2, nullable=True),
        *_point(),
    ),
)

DEVICE_STATES = Dataset(
    "device_states",
    "设备状态",
    "state of cameras, counters, lifts, escalators",
    key=("device", "at_s"),
    columns=(
        Column("device", "string", "设备", "code of the device, as in the venue where it stands there"),
        _at(),
        Column("kind", "string", "类别", "kind", values=("camera", "counter", "lift", "escalator", "gate", "other")),
        Column("state", "string", "状态", "state", values=("working", "faulty", "off")),
        Column("covers", "string", "覆盖区域", "code of the unit that it watches or serves", nullable=True),
    ),
)

WEATHER_OBSERVATIONS = Dataset(
    "weather_observations",
    "气象观测",
    "what weather stations measure",
    key=("station", "at_s"),
    columns=(
        Column("station", "string", "站点", "station"),
        _at(),
        *_point(),
        Column("temperature_c", "float", "气温", "degrees Celsius", nullable=True, minimum=-60, maximum=60),
        Column("wind_mps", "float", "风速", "mean wind, metres a second", nullable=True, minimum=0, maximum=120),
        Column("gust_mps", "float", "阵风", "gusts, metres a second", nullable=True, minimum=0, maximum=150),
        Column("rain_1h_mm", "float", "小时雨量", "rain of the last hour, mm", nullable=True, minimum=0, maximum=500),
        Column("visibility_m", "float", "能见度", "visibility, metres", nullable=True, minimum=0, maximum=100_000),
        Column("text", "string", "天气", "the weather in a word", nullable=True),
    ),
)

WEATHER_WARNINGS = Dataset(
    "weather_warnings",
    "气象预警",
    "warnings of the weather service, one row a message; what is in force follows from them",
    key=("warning_id", "at_s"),
    columns=(
        Column("warning_id", "string", "预警编号", "identifier of the CAP message; station and event of a bulletin"),
        Column("at_s", "second", "发布时间", "when it was sent, epoch second"),
        Column("sender", "string", "发布单位", "who sent it"),
        Column("msg_type", "string", "消息类型", "CAP msgType", values=("Alert", "Update", "Cancel")),
        Column("supersedes", "string", "替代", "warning ids that it takes the place of, by blanks", nullable=True),
        Column("in_force", "bool", "有效", "false where it cancels, or a later message took its place before it came"),
        Column("event", "string", "事件", "event, in the language of the message"),
        Column("event_en", "string", "事件（英文）", "event in English, where the message says it too", nullable=True),
        Column(
            *("colour", "string", "颜色", "colour of the signal, where it has one"),
            nullable=True,
            values=("blue", "yellow", "orange", "red"),
        ),
        Column(
            *("severity", "string", "严重程度", "CAP severity"),
            values=("Extreme", "Severe", "Moderate", "Minor", "Unknown"),
        ),
        Column(
            *("urgency", "string", "紧急程度", "CAP urgency"),
            values=("Immediate", "Expected", "Future", "Past", "Unknown"),
        ),
        Column(
            *("certainty", "string", "确定程度", "CAP certainty"),
            values=("Observed", "Likely", "Possible", "Unlikely", "Unknown"),
        ),
        Column("onset_min", "minute", "起始", "when it is expected to begin, epoch minute", nullable=True),
        Column("expires_min", "minute", "失效", "until when it holds, epoch minute", nullable=True),
        Column("headline", "string", "标题", "headline, in the language of the message", nullable=True),
        Column("headline_en", "string", "标题（英文）", "headline in English", nullable=True),
        Column("description", "string", "正文", "text, in the language of the message", nullable=True),
        Column("instruction", "string", "防御指南", "what to do, in the language of the message", nullable=True),
        Column("area", "string", "区域", "where, in words", nullable=True),
    ),
)
