"""Lane counters as the kit sees them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import lane_counters
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.lane_counters.simulator import LaneCount, page
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source
from tests.contracts.source_gate_screening import edited

AT = datetime(2022, 10, 20, 8, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))
COUNTS = (
    (LaneCount(AT, "E1", 1, 12, 30), LaneCount(AT, "E1", 2, 0, 0), LaneCount(AT, "E2", 1, 25, 410)),
    (LaneCount(AT.replace(minute=11), "E1", 1, 13, 17), LaneCount(AT.replace(minute=11), "E1", 2, 1, 0)),
)
FIRST, SECOND = (page(counts) for counts in COUNTS)


def _row(count: LaneCount) -> Row:
    place = {"exit_id": count.exit_id, "lane": count.lane, "minute_min": epoch_minute(count.minute)}
    values = {**place, "passed": count.passed, "waiting": count.waiting}
    return Row("lane_counts", values, marks=Marks(provenance=Provenance.SYNTHETIC))


SOURCE = Source(
    name="lane_counters",
    connector=lane_counters.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, SECOND),
    rows=tuple(tuple(_row(count) for count in counts) for counts in COUNTS),
    garbage=Bad(garble(FIRST), kept=3, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-40], kept=2, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, "synthetic", "invented"), kept=2, says=("invented",)),  # its only enumeration
    added_field=Bad(edited(FIRST, '"lane"', '"camera": 7, "lane"'), kept=2, says=("camera", "lane count")),
    removed_field=Bad(edited(FIRST, ', "waiting": 30', ""), kept=2, says=("waiting is missing",)),
    clock_ahead=Bad(edited(FIRST, "T08:1", "T16:1", 9), kept=0, quarantined=3, says=("475",)),
    more={
        "a lane that counts backwards": Bad(edited(FIRST, '"passed": 12', '"passed": -12'), kept=2, says=("-12",)),
        "more than a lane can pass": Bad(edited(FIRST, '"passed": 12', '"passed": 1200'), kept=2, says=("200",)),
        "a count that is a text": Bad(edited(FIRST, '"passed": 12', '"passed": "12"'), kept=2, says=("passed",)),
        "a number without end": Bad(edited(FIRST, '"passed": 12', f'"passed": {"9" * 5000}'), kept=2),
        "the same message twice": Bad(FIRST + FIRST.splitlines(keepends=True)[0], kept=3, says=("The same as",)),
        "another count of the same minute": Bad(
            FIRST + edited(FIRST.splitlines(keepends=True)[0], "12", "13"), kept=3, says=("other contents",)
        ),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)
