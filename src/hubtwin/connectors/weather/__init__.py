"""Weather: warnings as CAP 1.1/1.2 or as the bulletin text of Chinese stations, observations as JSON lines."""

from hubtwin.connectors.weather.fold import fold
from hubtwin.connectors.weather.mapper import read
from hubtwin.datasets.panorama import WEATHER_OBSERVATIONS, WEATHER_WARNINGS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="weather",
    title={"zh": "气象预警与观测", "en": "weather"},
    owner="meteorological station of the county",
    contact="duty forecaster of the station",
    cadence_s=600,
    datasets=(WEATHER_WARNINGS.name, WEATHER_OBSERVATIONS.name),
    formats=("CAP 1.1 and 1.2 (XML)", "warning bulletin text, one a line", "JSON lines of observations"),
    steady=True,
)
CONNECTOR = Connector(MANIFEST, read, fold)
