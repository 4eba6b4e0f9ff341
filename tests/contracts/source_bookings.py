"""The booking source as the kit sees it."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import bookings
from hubtwin.connectors.bookings.simulator import CountLine, HitCountLine, HitLine, ManifestLine, StayLine, page
from hubtwin.connectors.common.serve import garble
from hubtwin.model.record import Identity, Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source

DAY = date(2022, 10, 20)
AS_OF = datetime(2022, 10, 20, 8, 10, tzinfo=ZoneInfo("Asia/Shanghai"))
AS_OF_MIN = epoch_minute(AS_OF)
ONE, TWO = "110101190001010015", "E00000001"
PID = "0123456789abcdef0123456789abcdef"
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)
CONTEXT = ReadContext(
    zone=ZoneInfo("Asia/Shanghai"),
    now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC),
    stations=frozenset({"AAA", "BBB", "CCC", "DDD", "ZZZ"}),
    calls={"T1": ((1, "AAA"), (2, "BBB"), (5, "CCC"), (9, "DDD")), "T2": ((0, "AAA"), (1, "DDD"))},
)

COUNTS = page(
    CountLine,
    [
        CountLine("T1", "G1201/G1204", DAY, "BBB", 41, 39, AS_OF),
        CountLine("T1", "G1201/G1204", DAY, "CCC", 7, None, AS_OF),
        CountLine("T2", "D3105", DAY, "AAA", 112, 112, AS_OF),
    ],
)
MANIFEST = page(
    ManifestLine,
    [
        ManifestLine("T1", "G1201", DAY, "E9", "CITIZEN", ONE, 3, "12F", "BBB", "DDD", "boarded", AS_OF),
        ManifestLine("T1", "G1204", DAY, "E9", "PASSPORT", TWO, None, "", "CCC", "DDD", "booked", AS_OF),
    ],
)
STAYS = page(
    StayLine,
    [
        StayLine("CITIZEN", ONE, "110101", "110101001", "某小区1号楼,2单元", AS_OF.replace(hour=1), AS_OF),
        StayLine("PASSPORT", TWO, "110102", "", "", AS_OF.replace(hour=2), AS_OF.replace(hour=2)),
    ],
)
HITS = page(
    HitLine,
    [
        HitLine("T1", "G1201", DAY, PID, "BBB", "high", AS_OF),
        HitLine("T2", "D3105", DAY, PID[::-1], "AAA", "low", AS_OF),
    ],
)
GONE_HITS = (
    HITS.replace(b"provenance", b"provenance,gone")
    .replace(b"synthetic", b"synthetic,", 1)
    .replace(b"synthetic\n", b"synthetic,2022-10-20T08:12+08:00\n")
)
HIT_COUNTS = page(
    HitCountLine,
    [HitCountLine("T1", DAY, "BBB", "high", "<5", AS_OF), HitCountLine("T2", DAY, "AAA", "low", "17", AS_OF)],
)


def _row(dataset: str, **values: object) -> Row:
    return Row(dataset, values, marks=SYNTHETIC)


def _train(trip: str) -> dict[str, object]:
    return {"trip_id": trip, "service_date": DAY, "as_of_min": AS_OF_MIN}


def _booking(person: Identity, order: str, **values: object) -> Row:
    return _row("bookings", **_train("T1"), pid=person, order_ref=Identity("order", order), alight_seq=9, **values)


def _counted(trip: str, station: str, level: str, least: int, most: int) -> Row:
    told = {"board_station": station, "level": level, "persons_least": least, "persons_most": most, "gone_min": None}
    return _row("risk_counts", **_train(trip), **told)


_ONE, _TWO = Identity("CITIZEN", ONE), Identity("PASSPORT", TWO)
ROWS = (
    (
        _row("boarding_counts", **_train("T1"), station_id="BBB", booked=41, boarded=39),
        _row("boarding_counts", **_train("T1"), station_id="CCC", booked=7, boarded=None),
        _row("boarding_counts", **_train("T2"), station_id="AAA", booked=112, boarded=112),
    ),
    (
        _booking(_ONE, "E9", carriage=3, seat_row=12, seat_letter="F", board_seq=2, state="boarded"),
        _booking(_TWO, "E9", carriage=None, seat_row=None, seat_letter=None, board_seq=5, state="booked"),
    ),
    (
        _row(
            "stays",
            pid=_ONE,
            area_code="110101",
            street_code="110101001",
            community="某小区1号楼,2单元",
            in_min=AS_OF_MIN - 7 * 60,
            out_min=AS_OF_MIN,
        ),
        _row(
            "stays",
            pid=_TWO,
            area_code="110102",
            street_code=None,
            community=None,
            in_min=AS_OF_MIN - 6 * 60,
            out_min=AS_OF_MIN - 6 * 60,
        ),
    ),
    (
        _row("risk_hits", **_train("T1"), pid=PID, board_station="BBB", level="high", gone_min=None),
        _row("risk_hits", **_train("T2"), pid=PID[::-1], board_station="AAA", level="low", gone_min=None),
    ),
    (
        _row("risk_hits", **_train("T1"), pid=PID, board_station="BBB", level="high", gone_min=None),
        _row("risk_hits", **_train("T2"), pid=PID[::-1], board_station="AAA", level="low", gone_min=AS_OF_MIN + 2),
    ),
    (_counted("T1", "BBB", "high", 1, 4), _counted("T2", "AAA", "low", 17, 17)),
)


def edited(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """Return a page with a text replaced, which must be there."""
    assert old.encode() in data, old
    return data.replace(old.encode(), new.encode(), count)


def _added(data: bytes) -> bytes:
    return b"".join(line + (b",phone\n" if n == 0 else b",1\n") for n, line in enumerate(data.splitlines()))


SOURCE = Source(
    name="bookings",
    connector=bookings.CONNECTOR,
    context=CONTEXT,
    pages=(COUNTS, MANIFEST, STAYS, HITS, GONE_HITS, HIT_COUNTS),
    rows=ROWS,
    garbage=Bad(garble(MANIFEST), kept=2, says=("damaged",)),
    half_frame=Bad(MANIFEST[:-40], kept=1, says=("fields",)),
    unknown_enum=Bad(edited(HITS, ",high,", ",severe,"), kept=1, says=("severe",)),
    added_field=Bad(_added(MANIFEST), refused=True, says=("phone", "kit.page")),
    removed_field=Bad(edited(COUNTS, "booked,", ""), refused=True, says=("booked", "kit.page")),
    clock_ahead=Bad(edited(COUNTS, "T08:10+08:00", "T16:10+08:00", 9), kept=0, quarantined=3, says=("475",)),
    more={
        "unknown provenance": Bad(edited(COUNTS, "synthetic", "invented"), kept=2, says=("invented",)),
        "unknown station": Bad(edited(COUNTS, ",BBB,", ",QQQ,"), kept=2, says=("QQQ",)),
        "unknown trip": Bad(edited(COUNTS, "T2,", "T7,"), kept=2, says=("T7",)),
        "a station off the trip": Bad(edited(MANIFEST, ",BBB,", ",ZZZ,"), kept=1, says=("ZZZ",)),
        "alight before board": Bad(edited(MANIFEST, "BBB,DDD", "DDD,BBB"), kept=1, says=("BBB after DDD",)),
        "alight where boarded": Bad(edited(MANIFEST, "BBB,DDD", "BBB,BBB"), kept=1, says=("BBB after BBB",)),
        "broken date": Bad(edited(HITS, "2022-10-20,", "2022-13-20,"), kept=1, says=("2022-13-20",)),
        "broken time": Bad(edited(HITS, "T08:10", "T25:10"), kept=1, says=("as_of",)),
        "negative count": Bad(edited(COUNTS, ",41,", ",-41,"), kept=2, says=("-41",)),
        "absurd count": Bad(edited(COUNTS, ",41,", ",41000,"), kept=2, says=("5000",)),
        "more boarded than booked": Bad(edited(COUNTS, ",41,39,", ",39,41,"), kept=2, says=("41",)),
        "unknown state": Bad(edited(MANIFEST, "boarded", "asleep"), kept=1, says=("asleep",)),
        "unknown seat": Bad(edited(MANIFEST, "12F", "12E"), kept=1, says=("12E",)),
        "row beyond the carriage": Bad(edited(MANIFEST, "12F", "41F"), kept=1, says=("41F",)),
        "empty order": Bad(edited(MANIFEST, ",E9,", ", ,"), kept=1, says=("order_ref",)),
        "carriage 99": Bad(edited(MANIFEST, ",3,12F", ",99,12F"), kept=1, says=("99",)),
        "document of two characters": Bad(edited(MANIFEST, ONE, "1-"), kept=1, says=("document number",)),
        "document in the wrong column": Bad(edited(MANIFEST, "CITIZEN," + ONE, ONE + ",C"), kept=1),
        "document as order and nothing else": Bad(edited(MANIFEST, f"E9,CITIZEN,{ONE}", ONE), kept=1),
        "document as pseudonym": Bad(edited(HITS, PID, ONE), kept=1, says=("pseudonym",)),
        "stay ends before it starts": Bad(edited(STAYS, "T01:10", "T08:30"), kept=1, says=("ends before",)),
        "a county that is no code": Bad(edited(STAYS, "110101,", "11-101,"), kept=1, says=("area_code",)),
        "a small count told exactly": Bad(edited(HIT_COUNTS, "<5", "3"), kept=1, says=("5000",)),
        "a count that is none": Bad(edited(HIT_COUNTS, "<5", "<9"), kept=1, says=("persons",)),
        "withdrawn ahead of time": Bad(edited(GONE_HITS, "T08:12", "T16:12"), kept=1, says=("477",)),
        "withdrawn at no time": Bad(edited(GONE_HITS, "T08:12", "T25:12"), kept=1, says=("gone",)),
        "the same row twice": Bad(HITS + HITS.splitlines(keepends=True)[1], kept=2, says=("The same as",)),
        "another row of the same key": Bad(
            edited(HITS + HITS.splitlines(keepends=True)[1], "high", "medium"),
            kept=2,
            says=("other contents",),
            new=True,
        ),
        "header only": Bad(HITS.splitlines(keepends=True)[0], kept=0, says=("not one row",)),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
        "UTF-16": Bad(HITS.decode().encode("utf-16"), refused=True, says=("UTF-8",)),
        "a quote that is never closed": Bad(edited(HITS, ",high,", ',"high,'), kept=1, says=("quotes",)),
        "bytes of no encoding": Bad(HITS.replace(b"high", b"\xff\xfe"), kept=1, says=("valid text",)),
    },
    garbler=garble,
    personal=(ONE, TWO, PID),
)
