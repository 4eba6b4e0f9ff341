"""Vehicles of onward modes: where they are, from GTFS-Realtime VehiclePositions."""

from hubtwin.connectors.vehicle_positions.mapper import read
from hubtwin.datasets.panorama import VEHICLE_POSITIONS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="vehicle_positions",
    title={"zh": "公交与地铁车辆位置", "en": "vehicle positions"},
    owner="operators of buses and metro, through the transport bureau",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(VEHICLE_POSITIONS.name,),
    formats=("GTFS Realtime VehiclePositions",),
    steady=True,
)
CONNECTOR = Connector(MANIFEST, read)
