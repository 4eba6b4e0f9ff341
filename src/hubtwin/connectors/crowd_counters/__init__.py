"""Crowd counters: a JSON message a zone, every minute or faster, over MQTT or as JSON lines over HTTP."""

from collections.abc import Iterator

from hubtwin.connectors.common.messages import Message, Said, Shape, read_rows
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.datasets.panorama import ZONE_COUNTS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Manifest, Page, ReadContext

TOPIC = "hubtwin/{hub_id}/zones/{zone}"
TOPICS = "hubtwin/+/zones/+"
COUNT = Shape("zone count", required=("at", "zone", "people", "provenance"), optional=("density_per_m2",))
MANIFEST = Manifest(
    name="crowd_counters",
    title={"zh": "区域客流计数", "en": "crowd counters"},
    owner="operator of the counters of the public areas",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(ZONE_COUNTS.name,),
    formats=("JSON message a zone over MQTT (QoS 1)", "JSON lines"),
    steady=True,
)


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each count of a page, and its broken messages, in order. Raises Malformed for an empty page."""
    return read_rows(page, context, COUNT, ZONE_COUNTS.name, _count)


def _count(message: Message, context: ReadContext) -> Said:
    columns = ZONE_COUNTS.by_name
    at_s = message.second("at")
    check_not_ahead(at_s // 60, context.now, "at")
    zone, density = message.token("zone"), "density_per_m2"
    values = {
        "zone": zone,
        "at_s": at_s,
        "people": message.count("people", columns["people"]),
        density: message.number(density, columns[density]) if message.has(density) else None,
    }
    return Said(values, (zone, at_s))


CONNECTOR = Connector(MANIFEST, read)
