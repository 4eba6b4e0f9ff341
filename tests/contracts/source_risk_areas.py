"""Risk areas as the kit sees them: two snapshots of the query page and an interval table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.base.ids import stable_key
from hubtwin.connectors import risk_areas
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.risk_areas.mapper import Place
from hubtwin.connectors.risk_areas.simulator import intervals_csv, snapshot_json
from hubtwin.model.place import Resolved
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source

UPDATED = datetime(2022, 10, 20, 0, 0, tzinfo=UTC)
UPDATED_MIN = epoch_minute(UPDATED)
FIRST: Place = ("浙江省", "杭州市", "上城区", "某街道某小区1号楼")
SECOND: Place = ("浙江省", "杭州市", "上城区", "某街道，除2号楼")
THIRD: Place = ("浙江省", "宁波市", "海曙区", "全区")
CONTEXT = ReadContext(
    zone=ZoneInfo("Asia/Shanghai"),
    now=UPDATED + timedelta(minutes=5),
    resolve=lambda province, city, county, community: Resolved("330102", None, "county"),
)


def _area(level: str, place: Place, first_seen_min: int, gone_by_min: int | None = None) -> Row:
    names = dict(zip(("province", "city", "county", "community"), place, strict=True))
    values = {
        **names,
        "area_key": stable_key(level, *place),
        "level": level,
        "area_code": "330102",
        "street_code": None,
        "resolution": "county",
        "has_exception": "除" in place[3],
        "first_seen_min": first_seen_min,
        "gone_by_min": gone_by_min,
    }
    return Row("risk_areas", values)


def _snapshot(level: str, listed: int, updated_min: int = UPDATED_MIN) -> Row:
    counts = {"declared": listed, "listed": listed, "dropped": 0, "verdict": "normal"}
    return Row("risk_snapshots", {"updated_min": updated_min, "level": level, **counts})


def _changed(page: bytes, old: str, new: str) -> bytes:
    assert old.encode() in page, old
    return page.replace(old.encode(), new.encode(), 1)


SNAPSHOT = snapshot_json(UPDATED, {"high": [FIRST, SECOND], "medium": [THIRD], "low": []})
EARLIER = snapshot_json(UPDATED - timedelta(hours=3), {"high": [FIRST], "medium": []})
INTERVALS = b"".join(
    intervals_csv([("high", FIRST, UPDATED_MIN - 600, UPDATED_MIN - 60), ("low", THIRD, UPDATED_MIN - 600, None)])
)
DRILL = (
    "level,province,city,county,community,first_seen,gone_by,provenance\n"
    "medium,浙江省,宁波市,海曙区,全区,2022-10-20T06:00,,synthetic\n"
    "high,浙江省,杭州市,上城区,某街道某小区1号楼,2022-10-20T06:00,2022-10-20T07:00,real\n"
).encode("gb18030")
SOURCE = Source(
    name="risk_areas",
    connector=risk_areas.CONNECTOR,
    context=CONTEXT,
    pages=(EARLIER, SNAPSHOT, INTERVALS, DRILL),
    rows=(
        (
            _snapshot("high", 1, UPDATED_MIN - 180),
            _area("high", FIRST, UPDATED_MIN - 180),
            _snapshot("medium", 0, UPDATED_MIN - 180),
        ),
        (
            _snapshot("high", 2),
            _area("high", FIRST, UPDATED_MIN),
            _area("high", SECOND, UPDATED_MIN),
            _snapshot("medium", 1),
            _area("medium", THIRD, UPDATED_MIN),
            _snapshot("low", 0),
        ),
        (_area("high", FIRST, UPDATED_MIN - 600, UPDATED_MIN - 60), _area("low", THIRD, UPDATED_MIN - 600)),
        (
            replace(_area("medium", THIRD, UPDATED_MIN - 120), marks=Marks(provenance=Provenance.SYNTHETIC)),
            _area("high", FIRST, UPDATED_MIN - 120, UPDATED_MIN - 60),
        ),
    ),
    garbage=Bad(garble(INTERVALS), kept=2, says=("damaged",)),
    half_frame=Bad(SNAPSHOT[:-40], refused=True, says=("JSON",)),
    unknown_enum=Bad(_changed(INTERVALS, "low,", "lowest,"), kept=1, says=("lowest",)),
    added_field=Bad(_changed(SNAPSHOT, '"hcount"', '"extra": 1, "hcount"'), refused=True, says=("extra", "kit.page")),
    removed_field=Bad(_changed(SNAPSHOT, '"highlist"', '"highlist_"'), refused=True, says=("highlist_",)),
    clock_ahead=Bad(
        snapshot_json(UPDATED + timedelta(hours=8), {"high": [FIRST], "medium": []}), refused=True, says=("475",)
    ),
    more={
        "a count that differs": Bad(_changed(SNAPSHOT, '"hcount": 2', '"hcount": 3'), kept=6, says=("3",), new=True),
        "a broken update time": Bad(_changed(SNAPSHOT, " 08", " 88"), refused=True),
        "an error answer": Bad(b'{"data": {}, "code": 7, "msg": "x"}', refused=True),
        "an unknown column": Bad(_changed(INTERVALS, ",closed", ",shut"), refused=True, says=("shut",)),
        "gone before it came": Bad(_changed(INTERVALS, "20T07:00", "19T07:00"), kept=1, says=("before it was",)),
        "nothing at all": Bad(b"", refused=True),
    },
    garbler=garble,
)
