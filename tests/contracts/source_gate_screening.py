"""Screening gates as the kit sees them: pages of JSON messages as the broker's transport hands them over."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors import gate_screening
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.gate_screening.simulator import Passage, page
from hubtwin.model.record import Identity, Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source

AT = datetime(2022, 10, 20, 8, 10, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
AT_MIN = epoch_minute(AT)
ONE, TWO = "110101190001010015", "E00000001"
SYNTHETIC = Marks(provenance=Provenance.SYNTHETIC)
CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))

FIRST = page(
    [
        Passage(AT, "E1", "E1-03", 3, "CITIZEN", ONE, "citizen", "green", "green", False, 20, 36.5, "310115"),
        Passage(AT, "E1", "E1-D1", 1, "PASSPORT", TWO, "passport", "none", "none", desk=True),
        Passage(AT.replace(minute=11), "E1", "E1-03", 3, "CITIZEN", ONE[::-1], "citizen", "red", "orange", False, 99),
    ]
)
SECOND = page(
    [
        Passage(AT.replace(minute=12), "E2", "E2-01", 1, "CITIZEN", ONE, "citizen", "yellow", "yellow", False, 0, 37.5),
        Passage(AT.replace(minute=12), "E2", "E2-02", 2, "CITIZEN", TWO, "other", "green", "none", False, None, 36.9),
    ]
)
_OPEN = {"desk": False, "test_age_h": None, "temperature_c": None, "origin_area": None}


def _row(
    minute: int, place: tuple[str, str, int], person: Identity, codes: tuple[str, str, str], **more: object
) -> Row:
    exit_id, gate_id, lane = place
    document, health, itinerary = codes
    where = {"at_min": AT_MIN + minute, "exit_id": exit_id, "gate_id": gate_id, "lane": lane, "pid": person}
    shown = {"document_kind": document, "health_code": health, "itinerary_code": itinerary}
    return Row("gate_screenings", {**where, **shown, **_OPEN, **more}, marks=SYNTHETIC)


_ONE, _TWO = Identity("CITIZEN", ONE), Identity("PASSPORT", TWO)
ROWS = (
    (
        _row(
            0,
            ("E1", "E1-03", 3),
            _ONE,
            ("citizen", "green", "green"),
            test_age_h=20,
            temperature_c=36.5,
            origin_area="310115",
        ),
        _row(0, ("E1", "E1-D1", 1), _TWO, ("passport", "none", "none"), desk=True),
        _row(1, ("E1", "E1-03", 3), Identity("CITIZEN", ONE[::-1]), ("citizen", "red", "orange"), test_age_h=99),
    ),
    (
        _row(2, ("E2", "E2-01", 1), _ONE, ("citizen", "yellow", "yellow"), test_age_h=0, temperature_c=37.5),
        _row(2, ("E2", "E2-02", 2), Identity("CITIZEN", TWO), ("other", "green", "none"), temperature_c=36.9),
    ),
)


def edited(data: bytes, old: str, new: str, count: int = 1) -> bytes:
    """Return a page with a text replaced, which must be there."""
    assert old.encode() in data, old
    return data.replace(old.encode(), new.encode(), count)


SOURCE = Source(
    name="gate_screening",
    connector=gate_screening.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, SECOND),
    rows=ROWS,
    garbage=Bad(garble(FIRST), kept=3, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-40], kept=2, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, '"red"', '"purple"'), kept=2, says=("purple",)),
    added_field=Bad(edited(FIRST, '"lane"', '"phone": "13800138000", "lane"'), kept=2, says=("phone", "passage")),
    removed_field=Bad(edited(FIRST, '"gate": "E1-D1", ', ""), kept=2, says=("gate is missing",)),
    clock_ahead=Bad(edited(FIRST, "T08:1", "T16:1", 9), kept=0, quarantined=3, says=("475",)),
    more={
        "unknown provenance": Bad(edited(FIRST, "synthetic", "invented"), kept=2, says=("invented",)),
        "unknown itinerary card": Bad(edited(FIRST, '"orange"', '"blue"'), kept=2, says=("blue",)),
        "unknown document kind": Bad(edited(FIRST, '"passport"', '"library card"'), kept=2, says=("library",)),
        "lane 0": Bad(edited(FIRST, '"lane": 3', '"lane": 0'), kept=2, says=("lane is 0",)),
        "lane of another kind": Bad(edited(FIRST, '"lane": 3', '"lane": true'), kept=2, says=("lane",)),
        "a fever of 50": Bad(edited(FIRST, "36.5", "50"), kept=2, says=("45",)),
        "a fever that is no number": Bad(edited(FIRST, "36.5", "NaN"), kept=2, says=("no JSON",)),
        "a test from the future": Bad(edited(FIRST, '"test_age_h": 20', '"test_age_h": -1'), kept=2, says=("-1",)),
        "half an hour": Bad(edited(FIRST, '"test_age_h": 20', '"test_age_h": 20.5'), kept=2, says=("20.5",)),
        "a desk that is a word": Bad(edited(FIRST, '"desk": false', '"desk": "no"'), kept=2, says=("desk",)),
        "a field twice": Bad(edited(FIRST, '"lane": 3', '"lane": 3, "lane": 4'), kept=2, says=("twice",)),
        "a document of two characters": Bad(edited(FIRST, ONE, "1-"), kept=2, says=("document number",)),
        "a document in the wrong field": Bad(edited(FIRST, '"E1-D1"', f'"{ONE} {TWO}"'), kept=2, says=("gate",)),
        "an area that is none": Bad(edited(FIRST, "310115", "浦东新区"), kept=2, says=("origin_area",)),
        "a gate of no name": Bad(edited(FIRST, '"E1-D1"', '" "'), kept=2, says=("gate is empty",)),
        "a broken time": Bad(edited(FIRST, "T08:10:30", "T25:10:30"), kept=2, says=("at is no time",)),
        "a list of messages": Bad(b"[" + FIRST.splitlines()[0] + b"]\n" + FIRST, kept=3, says=("no JSON object",)),
        "an empty message": Bad(b"\n" + FIRST, kept=3, says=("no JSON object",)),
        "a message without end": Bad(FIRST + b'{"at": "' + b"x" * 40_000, kept=3, says=("16 KB",)),
        "UTF-16": Bad(FIRST.decode().encode("utf-16"), kept=0, says=("no JSON object",)),
        "the same message twice": Bad(FIRST + FIRST.splitlines(keepends=True)[0], kept=3, says=("The same as",)),
        "another message of the same key": Bad(
            FIRST + edited(FIRST.splitlines(keepends=True)[0], "36.5", "38.5"), kept=3, says=("other contents",)
        ),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
    personal=(ONE, TWO, "13800138000"),
)
