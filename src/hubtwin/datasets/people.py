"""People: manifests and stays, for drills and synthetic data only; pseudonyms, never names."""

from hubtwin.datasets.table import Column, Dataset, Grade

BOOKINGS = Dataset(
    "bookings",
    "乘车订单",
    "bookings: who sits where between which calls",
    key=("trip_id", "service_date", "pid", "board_seq"),
    columns=(
        Column("trip_id", "string", "行程编号", "trip id"),
        Column("service_date", "date", "运营日", "service date"),
        Column("pid", "pid", "人员假名", "pseudonym of the passenger", Grade.L4),
        Column("order_ref", "pid", "订单假名", "pseudonym of the order, shared by who travels together", Grade.L3),
        Column("carriage", "int", "车厢", "carriage number", Grade.L3, nullable=True, minimum=1, maximum=32),
        Column(
            "seat_row",
            "int",
            "排",
            "seat row from the end of car 1",
            Grade.L3,
            nullable=True,
            minimum=1,
            maximum=40,
        ),
        Column(
            "seat_letter",
            "string",
            "座位",
            "seat letter",
            Grade.L3,
            nullable=True,
            values=("A", "B", "C", "D", "F"),
        ),
        Column("board_seq", "int", "上车站序", "seq of the call where boarded", Grade.L3, minimum=0),
        Column("alight_seq", "int", "下车站序", "seq of the call where alighted", Grade.L3, minimum=0),
        Column("state", "string", "状态", "state", Grade.L3, values=("booked", "boarded", "cancelled")),
        Column("as_of_min", "minute", "统计时间", "state of knowledge, epoch minute"),
    ),
)

STAYS = Dataset(
    "stays",
    "停留记录",
    "stays of persons in areas (synthetic or drill data only)",
    key=("pid", "area_code", "in_min"),
    columns=(
        Column("pid", "pid", "人员假名", "pseudonym", Grade.L4),
        Column("area_code", "string", "区县代码", "county code", Grade.L4),
        Column("street_code", "string", "街道代码", "street code", Grade.L4, nullable=True),
        Column("community", "string", "小区", "community, in the words of the risk list", Grade.L4, nullable=True),
        Column("in_min", "minute", "进入", "from, epoch minute", Grade.L4),
        Column("out_min", "minute", "离开", "until, epoch minute", Grade.L4),
    ),
)

PSEUDONYM_LINKS = Dataset(
    "pseudonym_links",
    "假名衔接",
    "the same person under the key of an earlier epoch, as long as the look-back window needs it",
    key=("pid", "earlier_pid"),
    columns=(
        Column("pid", "pid", "人员假名", "pseudonym in the epoch of the booking", Grade.L4),
        Column("earlier_pid", "pid", "此前假名", "pseudonym in an earlier epoch", Grade.L4),
        Column("expires_min", "minute", "失效时间", "end of the look-back window, epoch minute"),
    ),
)
