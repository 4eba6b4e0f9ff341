"""What is sensed of the hub itself: people by zone. Places are named by their codes in the venue."""

from hubtwin.datasets.table import Column, Dataset, Grade

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
