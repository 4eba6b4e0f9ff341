"""Onward modes: queues and supply of metro, buses, coaches, taxis, ride-hailing, garages, as JSON lines over HTTP."""

from hubtwin.connectors.onward.mapper import read
from hubtwin.datasets.panorama import QUEUE_COUNTS, SUPPLY_COUNTS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="onward",
    title={"zh": "接续交通运力与排队", "en": "onward modes"},
    owner="operators of metro, buses, taxis, ride-hailing and garages, through the transport bureau",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(QUEUE_COUNTS.name, SUPPLY_COUNTS.name),
    formats=("JSON lines of queues and supply",),
    steady=True,
)
CONNECTOR = Connector(MANIFEST, read)
