"""Devices: a JSON message on the state of a camera, counter, lift or escalator, over MQTT or as JSON lines."""

import re
from collections.abc import Iterator

from hubtwin.connectors.common.messages import Message, Said, Shape, maybe, read_rows
from hubtwin.connectors.common.values import check_not_ahead
from hubtwin.datasets.panorama import DEVICE_STATES
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Manifest, Page, ReadContext

_DEVICE = re.compile(r"[\w.:/@-]{1,64}")  # a lift of a venue is named by its shaft and level: LIFT-1@B1
TOPIC = "hubtwin/{hub_id}/devices/{device}"
TOPICS = "hubtwin/+/devices/+"
STATE = Shape("device state", required=("at", "device", "kind", "state", "provenance"), optional=("covers",))
MANIFEST = Manifest(
    name="devices",
    title={"zh": "设备状态", "en": "device states"},
    owner="operator of the building",
    contact="as named in the sharing agreement",
    cadence_s=300,
    datasets=(DEVICE_STATES.name,),
    formats=("JSON message a device over MQTT (QoS 1)", "JSON lines"),
    steady=True,
)


def read(page: Page, context: ReadContext) -> Iterator[Row | Quarantined]:
    """Yield a row for each message of a page, and its broken ones, in order. Raises Malformed for an empty page."""
    return read_rows(page, context, STATE, DEVICE_STATES.name, _device)


def _device(message: Message, context: ReadContext) -> Said:
    columns = DEVICE_STATES.by_name
    at_s = message.second("at")
    check_not_ahead(at_s // 60, context.now, "at")
    device = message.token("device", _DEVICE)
    values = {
        "device": device,
        "at_s": at_s,
        "kind": message.choice("kind", columns["kind"]),
        "state": message.choice("state", columns["state"]),
        "covers": maybe(message, "covers", lambda name: message.token(name, _DEVICE)),
    }
    return Said(values, (device, at_s))


CONNECTOR = Connector(MANIFEST, read)
