"""A story of batches for the kill tests: two datasets, replaced rows, quarantine and a cursor each."""

import pyarrow as pa

from hubtwin.datasets.transport import RAIL_SERVICE_DAYS
from hubtwin.model.record import Quarantined
from hubtwin.ports import Batch
from tests.contracts.store_suite import SOURCE, stations


def _days(number: int) -> pa.Table:
    common = {"hub_id": "here", "source": SOURCE, "status": "Actual", "provenance": "real", "replayed": False}
    rows = [{"trip_id": f"T{number}", "service_date": 19_000 + day, **common} for day in range(3)]
    return pa.Table.from_pylist(rows, schema=RAIL_SERVICE_DAYS.schema)


BATCHES = tuple(
    Batch(
        f"batch {number}",
        SOURCE,
        {
            "rail_stations": stations(("always", f"v{number}"), (f"S{number}", "once")),
            "rail_service_days": _days(number),
        },
        (Quarantined(f"f:{number}", "r"),),
        f"cursor {number}",
    )
    for number in range(4)
)
