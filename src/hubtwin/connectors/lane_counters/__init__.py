"""Lane counters: a JSON message a lane and minute, over MQTT or as a file of JSON lines."""

from collections.abc import Iterator

from hubtwin.connectors.common.messages import Message, Said, Shape, read_rows
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.datasets.screening import LANE_COUNTS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Manifest, Page, ReadContext

TOPIC = "hubtwin/{hub_id}/lanes/{exit_id}/{lane}"
TOPICS = "hubtwin/+/lanes/+/+"
COUNT = Shape("lane count", required=("minute", "exit", "lane", "passed", "waiting", "provenance"))
MANIFEST = Manifest(
    name="lane_counters",
    title={"zh": "查验通道计数", "en": "lane counters"},
    owner="operator of the counters above the screening lanes",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(LANE_COUNTS.name,),
    formats=("JSON message a lane and minute over MQTT (QoS 1)", "JSON lines"),
)


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each count of a page, and its broken messages, in order. Raises Malformed for an empty page."""
    return read_rows(page, context, COUNT, LANE_COUNTS.name, _count)


def _count(message: Message, context: ReadContext) -> Said:
    columns = LANE_COUNTS.by_name
    minute = message.minute("minute")
    check_not_ahead(minute, context.now, "minute")
    exit_id, lane = message.token("exit"), message.count("lane", columns["lane"])
    values = {
        "exit_id": exit_id,
        "lane": lane,
        "minute_min": minute,
        "passed": message.count("passed", columns["passed"]),
        "waiting": message.count("waiting", columns["waiting"]),
    }
    return Said(values, (exit_id, lane, minute))


CONNECTOR = Connector(MANIFEST, read)
