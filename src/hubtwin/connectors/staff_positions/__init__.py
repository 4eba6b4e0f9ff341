"""Staff: a JSON message a team, its place and what it does, over MQTT or as JSON lines. Teams, never persons."""

from collections.abc import Iterator

from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.messages import Message, Said, Shape, maybe, read_rows
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.datasets.panorama import STAFF_POSITIONS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Manifest, Page, ReadContext

TOPIC = "hubtwin/{hub_id}/staff/{team}"
TOPICS = "hubtwin/+/staff/+"
WHERE = Shape(
    "staff position", required=("at", "team", "state", "provenance"), optional=("place", "level", "lon", "lat")
)
MANIFEST = Manifest(
    name="staff_positions",
    title={"zh": "值守班组位置", "en": "staff positions"},
    owner="the command of the hub",
    contact="duty commander",
    cadence_s=60,
    datasets=(STAFF_POSITIONS.name,),
    formats=("JSON message a team over MQTT (QoS 1)", "JSON lines"),
    steady=True,
)


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each message of a page, and its broken ones, in order. Raises Malformed for an empty page."""
    return read_rows(page, context, WHERE, STAFF_POSITIONS.name, _team)


def _team(message: Message, context: ReadContext) -> Said:
    columns = STAFF_POSITIONS.by_name
    at_s = message.second("at")
    check_not_ahead(at_s // 60, context.now, "at")
    if message.has("lon") != message.has("lat"):
        raise Malformed("connectors.common.missing_field", field="lon, lat", form=WHERE.name)
    team = message.token("team")
    values = {
        "team": team,
        "at_s": at_s,
        "state": message.choice("state", columns["state"]),
        "place": maybe(message, "place", message.token),
        "level": maybe(message, "level", message.token),
        "lon": maybe(message, "lon", lambda name: message.number(name, columns[name])),
        "lat": maybe(message, "lat", lambda name: message.number(name, columns[name])),
    }
    return Said(values, (team, at_s))


CONNECTOR = Connector(MANIFEST, read)
