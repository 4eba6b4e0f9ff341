"""Running information: how late trains are, from GTFS-Realtime TripUpdates."""

from hubtwin.connectors.running_information.mapper import read
from hubtwin.datasets.transport import RUNNING_INFORMATION
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="running_information",
    title={"zh": "列车运行信息", "en": "running information"},
    owner="railway operator",
    contact="dispatching centre of the operator",
    cadence_s=60,
    datasets=(RUNNING_INFORMATION.name,),
    formats=("GTFS Realtime TripUpdates",),
)
CONNECTOR = Connector(manifest=MANIFEST, read=read)
