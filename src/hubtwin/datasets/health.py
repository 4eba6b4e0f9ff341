"""Epidemic control: risk areas as published and as told, what was alarming about their feed, what a matcher found."""

from hubtwin.datasets.table import Column, Dataset, Grade

RISK_AREAS = Dataset(
    "risk_areas",
    "风险区",
    "risk areas, one row per interval in which an area is listed at a level",
    key=("area_key", "first_seen_min"),
    columns=(
        Column("area_key", "string", "风险区键", "hash of level, province, city, county and community text"),
        Column("level", "string", "风险等级", "level", values=("high", "medium", "low")),
        Column("province", "string", "省", "province as published"),
        Column("city", "string", "市", "city as published"),
        Column("county", "string", "区县", "county as published"),
        Column("community", "string", "范围", "the place in the words of the publisher, never rewritten"),
        Column("area_code", "string", "区县代码", "county code it was resolved to", nullable=True),
        Column("street_code", "string", "街道代码", "street code, where the text names one", nullable=True),
        Column(
            "resolution",
            "string",
            "定位精度",
            "how far the text was resolved",
            values=("street", "county", "zone", "city", "none"),
        ),
        Column("has_exception", "bool", "含例外", "the text takes a part out (除…)"),
        Column(
            "first_seen_min",
            "minute",
            "首次发布",
            "update time of the first snapshot that lists it, epoch minute",
        ),
        Column(
            "gone_by_min",
            "minute",
            "撤销时间",
            "update time of the first snapshot without it; empty while listed",
            nullable=True,
        ),
    ),
)

TOLD_AREAS = Dataset(
    "told_areas",
    "对接单位告知的风险区",
    "risk areas that partners told, one row per interval in which a partner holds an area to be at a level",
    key=("area_key", "first_seen_min"),
    columns=(
        Column("partner", "string", "对接单位", "the partner that told it"),
        Column("message_id", "string", "消息编号", "its message that told it"),
        Column("area_key", "string", "风险区键", "hash of partner, code and place"),
        Column("level", "string", "风险等级", "level", values=("high", "medium", "low")),
        Column("province", "string", "省", "province as told, empty where only a code was"),
        Column("city", "string", "市", "city as told"),
        Column("county", "string", "区县", "county as told"),
        Column("community", "string", "范围", "the place in the words of the partner, empty for all of the area"),
        Column("area_code", "string", "区县代码", "county code"),
        Column("street_code", "string", "街道代码", "street code, where one was told", nullable=True),
        Column("resolution", "string", "定位精度", "how far it was resolved", values=("street", "county", "zone")),
        Column("has_exception", "bool", "含例外", "the place takes a part out (除…)"),
        Column("from_min", "minute", "风险起始", "from when the partner holds it to be at risk, epoch minute"),
        Column("first_seen_min", "minute", "生效时间", "when it was told, or `from_min` where that is later"),
        Column("gone_by_min", "minute", "解除时间", "until when it counts; empty while it stands", nullable=True),
        Column("said_min", "minute", "最近告知", "when the partner published its last word on this interval"),
        Column("gone_message_id", "string", "解除消息编号", "its message that ended it", nullable=True),
    ),
)

RISK_SNAPSHOTS = Dataset(
    "risk_snapshots",
    "风险区快照",
    "what each snapshot of the risk-area feed declared and listed, and what was unusual",
    key=("updated_min", "level"),
    columns=(
        Column("updated_min", "minute", "更新时间", "update time of the snapshot, epoch minute"),
        Column("level", "string", "风险等级", "level", values=("high", "medium", "low")),
        Column("declared", "int", "声明数", "count that the feed declares", nullable=True, minimum=0),
        Column("listed", "int", "列出数", "areas listed", minimum=0),
        Column("dropped", "int", "减少数", "areas of the snapshot before that are missing in this one", minimum=0),
        Column(
            "verdict",
            "string",
            "判定",
            "what the guard decided",
            values=("normal", "alarm", "frozen", "confirmed", "recovered", "abolished", "released", "late"),
        ),
    ),
)

RISK_FREEZES = Dataset(
    "risk_freezes",
    "撤销冻结",
    "areas whose un-flagging is withheld for trains after a suspicious drop of the feed",
    key=("area_key", "from_min"),
    columns=(
        Column("area_key", "string", "风险区键", "area key"),
        Column("from_min", "minute", "冻结开始", "update time of the suspicious snapshot, epoch minute"),
        Column("until_min", "minute", "冻结结束", "end of the freeze; empty while it lasts", nullable=True),
    ),
)

POSITIONS = (  # values of rules.cotravel.Contact
    *("adjacent", "same_row", "other_rows", "same_carriage"),
    *("elsewhere", "unknown", "turnover", "apart"),
)
RISK_HITS = Dataset(
    "risk_hits",
    "比对命中",
    "hits of a matcher that ran where the manifests are",
    key=("trip_id", "service_date", "pid"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column("pid", "pid", "人员假名", "pseudonym", Grade.L4),
        Column("board_station", "string", "上车站", "boarding station", Grade.L3),
        Column("level", "string", "风险等级", "highest level", Grade.L4, values=("high", "medium", "low")),
        Column("as_of_min", "minute", "比对时间", "when it was matched, epoch minute"),
        Column("gone_min", "minute", "撤回时间", "when it was withdrawn; empty while it stands", nullable=True),
    ),
)

RISK_COUNTS = Dataset(
    "risk_counts",
    "比对命中人数",
    "how many a matcher found per train, boarding station and level, where a railway names nobody",
    key=("trip_id", "service_date", "board_station", "level"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column("board_station", "string", "上车站", "boarding station"),
        Column("level", "string", "风险等级", "highest level", values=("high", "medium", "low")),
        Column(
            "persons_least",
            "int",
            "至少人数",
            "persons at least; 1 where one to four are told as fewer than five",
            Grade.L2,
            minimum=1,
            maximum=5000,
        ),
        Column("persons_most", "int", "至多人数", "persons at most", Grade.L2, minimum=1, maximum=5000),
        Column("as_of_min", "minute", "比对时间", "when it was counted so, epoch minute"),
        Column(
            "gone_min", "minute", "撤回时间", "when nobody was found any more; empty while it stands", nullable=True
        ),
    ),
)

COTRAVELLERS = Dataset(
    "cotravellers",
    "同乘人员",
    "who travelled along with a confirmed case, as a matcher answered",
    key=("case_id", "trip_id", "service_date", "pid"),
    columns=(
        Column("case_id", "string", "事件编号", "case"),
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column("pid", "pid", "人员假名", "pseudonym", Grade.L4),
        Column("position", "string", "相对位置", "where seated, as seen from the case", Grade.L3, values=POSITIONS),
        Column("shared_min", "int", "同乘分钟", "minutes together aboard", Grade.L3, minimum=0),
        Column("certain", "bool", "确定", "false: carriage or seat was not told, so nobody can be cleared", Grade.L3),
        Column("as_of_min", "minute", "答复时间", "when it was answered, epoch minute"),
    ),
)
