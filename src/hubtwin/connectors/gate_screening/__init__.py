"""Gate screening: a JSON message a passage, over MQTT or as a file of JSON lines, in the shape of `codec`."""

from hubtwin.connectors.gate_screening.mapper import read
from hubtwin.datasets.screening import GATE_SCREENINGS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="gate_screening",
    title={"zh": "出站查验闸机", "en": "screening gates"},
    owner="operator of the screening gates at the exits",
    contact="as named in the sharing agreement",
    cadence_s=1,
    datasets=(GATE_SCREENINGS.name,),
    formats=("JSON message a passage over MQTT (QoS 1)", "JSON lines"),
)
CONNECTOR = Connector(MANIFEST, read)
