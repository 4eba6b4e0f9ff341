"""Trains: stations, trips, service days, calls and how late they run. Words are those of GTFS."""

from hubtwin.datasets.table import Column, Dataset, Grade

RAIL_STATIONS = Dataset(
    "rail_stations",
    "铁路车站",
    "rail stations",
    key=("station_id",),
    columns=(
        Column("station_id", "string", "车站代码", "station id (telecode, or GTFS stop_id of the parent station)"),
        Column("name", "string", "站名", "name"),
        Column("lon", "float", "经度", "longitude, WGS 84, degrees", nullable=True, minimum=-180, maximum=180),
        Column("lat", "float", "纬度", "latitude, WGS 84, degrees", nullable=True, minimum=-90, maximum=90),
        Column(
            "area_code",
            "string",
            "所在区县代码",
            "administrative code of the county it stands in",
            nullable=True,
        ),
        Column(
            "area_basis",
            "string",
            "区县判定方式",
            "how the county is known",
            values=("given", "nearest_centroid", "unknown"),
        ),
    ),
)

RAIL_TRIPS = Dataset(
    "rail_trips",
    "列车车次",
    "train trips",
    key=("trip_id",),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id, unique in its feed"),
        Column("code", "string", "车次", "public train number(s)"),
        Column("train_no", "string", "列车内部编号", "operator's own number", nullable=True),
        Column("origin", "string", "始发站", "station id of the first call"),
        Column("destination", "string", "终到站", "station id of the last call"),
        Column(
            "continues_as",
            "string",
            "接续行程",
            "trip that the same vehicle and seats continue as",
            nullable=True,
        ),
    ),
)

RAIL_SERVICE_DAYS = Dataset(
    "rail_service_days",
    "开行日期",
    "service days",
    key=("trip_id", "service_date"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date: the day of minute 0 of the trip"),
    ),
)

RAIL_CALLS = Dataset(
    "rail_calls",
    "列车经停",
    "calls",
    key=("trip_id", "seq"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("seq", "int", "站序", "order of the call in its trip, increasing", minimum=0),
        Column("station_id", "string", "车站代码", "station id"),
        Column("code", "string", "车次", "train number valid at this call"),
        Column(
            "arrive_min",
            "minute",
            "到达",
            "arrival, minutes after the start of the service date",
            nullable=True,
        ),
        Column(
            "depart_min",
            "minute",
            "出发",
            "departure, minutes after the start of the service date",
            nullable=True,
        ),
        Column("platform", "string", "站台", "platform, if the feed gives one", nullable=True),
    ),
)

RUNNING_INFORMATION = Dataset(
    "running_information",
    "列车运行信息",
    "running information",
    key=("trip_id", "service_date", "seq", "observed_min"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column(
            "seq",
            "int",
            "站序",
            "call from which the delay holds until the next one that says otherwise",
            minimum=0,
        ),
        Column(
            "arrival_delay_s",
            "int",
            "到达晚点",
            "arrival delay in seconds, negative when early",
            nullable=True,
        ),
        Column("departure_delay_s", "int", "出发晚点", "departure delay in seconds", nullable=True),
        Column(
            "relation",
            "string",
            "运行状态",
            "GTFS-RT schedule relationship",
            values=("SCHEDULED", "SKIPPED", "CANCELED", "NO_DATA"),
        ),
        Column("observed_min", "minute", "观测时间", "when this was known, epoch minute"),
    ),
)

BOARDING_COUNTS = Dataset(
    "boarding_counts",
    "分站乘车人数",
    "booked and boarded persons per train and boarding station, alighting here",
    key=("trip_id", "service_date", "station_id", "as_of_min"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column("station_id", "string", "上车站", "boarding station"),
        Column(
            "booked",
            "int",
            "已购票",
            "persons booked to alight at the hub",
            Grade.L2,
            minimum=0,
            maximum=5000,
        ),
        Column(
            "boarded",
            "int",
            "已上车",
            "persons known to have boarded; empty before departure",
            Grade.L2,
            nullable=True,
            minimum=0,
            maximum=5000,
        ),
        Column("as_of_min", "minute", "统计时间", "state of knowledge, epoch minute"),
    ),
)
