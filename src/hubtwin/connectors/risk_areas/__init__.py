"""Risk-area source: snapshots of the public query page (JSON) and interval tables (CSV), in the forms of `codec`."""

import tomllib
from functools import partial
from pathlib import Path

from hubtwin.base.clock import epoch_minute
from hubtwin.connectors.risk_areas.codec import FEED_ZONE
from hubtwin.connectors.risk_areas.fold import fold
from hubtwin.connectors.risk_areas.mapper import read
from hubtwin.datasets.health import RISK_AREAS, RISK_FREEZES, RISK_SNAPSHOTS
from hubtwin.ports import Connector, Manifest
from hubtwin.rules.snapshots import Guard

MANIFEST = Manifest(
    name="risk_areas",
    title={"zh": "疫情风险区", "en": "risk areas"},
    owner="public query page of the national health authority; archived by panghaibin/RiskLevelAPI",
    contact="as named in data/risk-areas/PROVENANCE.md",
    cadence_s=3 * 3600,
    datasets=(RISK_AREAS.name, RISK_SNAPSHOTS.name, RISK_FREEZES.name),
    formats=("JSON snapshot of the query page, gzip or plain", "CSV interval table, gzip or plain"),
)


def load_guard(content: str) -> Guard:
    """Return the guard with the abolitions of a TOML text: tables `abolition` with level and in_force_from."""
    announced = tomllib.loads(content)["abolition"]
    return Guard(
        abolished={row["level"]: epoch_minute(row["in_force_from"].replace(tzinfo=FEED_ZONE)) for row in announced}
    )


def make_connector(guard: Guard) -> Connector:
    """Return the connector with a guard of one's own."""
    return Connector(MANIFEST, read, partial(fold, guard=guard))


GUARD = load_guard((Path(__file__).parent / "abolitions.toml").read_text(encoding="utf-8"))
CONNECTOR = make_connector(GUARD)
