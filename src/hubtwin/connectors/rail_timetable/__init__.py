"""Rail timetable: stations, trips, service days and calls from our CSV form or from any GTFS feed."""

from hubtwin.connectors.rail_timetable.mapper import read
from hubtwin.datasets.transport import RAIL_CALLS, RAIL_SERVICE_DAYS, RAIL_STATIONS, RAIL_TRIPS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="rail_timetable",
    title={"zh": "铁路时刻表", "en": "rail timetable"},
    owner="railway operator",
    contact="timetable office of the operator",
    cadence_s=86_400,
    datasets=(RAIL_STATIONS.name, RAIL_TRIPS.name, RAIL_SERVICE_DAYS.name, RAIL_CALLS.name),
    formats=("timetable CSV, zipped", "GTFS Schedule"),
)
CONNECTOR = Connector(manifest=MANIFEST, read=read)
