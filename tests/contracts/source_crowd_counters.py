"""Crowd counters as the kit sees them."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hubtwin.connectors import crowd_counters
from hubtwin.connectors.common.serve import garble
from hubtwin.connectors.crowd_counters.simulator import ZoneCount, page
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import ReadContext
from tests.contracts.connector_kit import Bad, Source
from tests.contracts.source_gate_screening import edited

AT = datetime(2022, 10, 20, 8, 10, 20, tzinfo=ZoneInfo("Asia/Shanghai"))
CONTEXT = ReadContext(zone=ZoneInfo("Asia/Shanghai"), now=datetime(2022, 10, 20, 0, 15, tzinfo=UTC))
COUNTS = (
    (ZoneCount(AT, "hall-east", 412), ZoneCount(AT, "P-1", 0), ZoneCount(AT, "P-2", 1203, 1.42)),
    (ZoneCount(AT.replace(second=40), "hall-east", 431), ZoneCount(AT.replace(minute=11), "P-1", 7, 0.0)),
)
FIRST, SECOND = (page(counts) for counts in COUNTS)


def _row(count: ZoneCount) -> Row:
    told = {"people": count.people, "density_per_m2": count.density_per_m2}
    values = {"zone": count.zone, "at_s": int(count.at.timestamp()), **told}
    return Row("zone_counts", values, marks=Marks(provenance=Provenance.SYNTHETIC))


SOURCE = Source(
    name="crowd_counters",
    connector=crowd_counters.CONNECTOR,
    context=CONTEXT,
    pages=(FIRST, SECOND),
    rows=tuple(tuple(_row(count) for count in counts) for counts in COUNTS),
    garbage=Bad(garble(FIRST), kept=3, says=("no JSON object",)),
    half_frame=Bad(FIRST[:-40], kept=2, says=("no JSON object",)),
    unknown_enum=Bad(edited(FIRST, "synthetic", "invented"), kept=2, says=("invented",)),  # its only enumeration
    added_field=Bad(edited(FIRST, '"zone"', '"camera": 7, "zone"'), kept=2, says=("camera", "zone count")),
    removed_field=Bad(edited(FIRST, ', "people": 412', ""), kept=2, says=("people is missing",)),
    clock_ahead=Bad(edited(FIRST, "T08:1", "T16:1", 9), kept=0, quarantined=3, says=("475",)),
    more={
        "a zone with fewer than nobody": Bad(edited(FIRST, '"people": 412', '"people": -1'), kept=2, says=("-1",)),
        "a density that no crowd has": Bad(edited(FIRST, "1.42", "142"), kept=2, says=("20",)),
        "a count that is a text": Bad(edited(FIRST, '"people": 412', '"people": "412"'), kept=2, says=("people",)),
        "a zone that is a sentence": Bad(edited(FIRST, "hall-east", "the hall"), kept=2, says=("zone",)),
        "the same message twice": Bad(FIRST + FIRST.splitlines(keepends=True)[0], kept=3, says=("The same as",)),
        "another count of the same second": Bad(
            FIRST + edited(FIRST.splitlines(keepends=True)[0], "412", "413"), kept=3, says=("other contents",)
        ),
        "nothing at all": Bad(b"", refused=True, says=("kit.page",)),
    },
    garbler=garble,
)
