"""Booking source: counts, manifests, stays and matcher hits as CSV, in the wire format of `codec`."""

from hubtwin.connectors.bookings.codec import FORMS
from hubtwin.connectors.bookings.mapper import read
from hubtwin.datasets.health import RISK_COUNTS, RISK_HITS
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.datasets.transport import BOARDING_COUNTS
from hubtwin.ports import Connector, Manifest

MANIFEST = Manifest(
    name="bookings",
    title={"zh": "乘车订单与比对命中", "en": "bookings and matcher hits"},
    owner="railway operator and the matcher that runs beside its data",
    contact="as named in the sharing agreement",
    cadence_s=300,
    datasets=(BOARDING_COUNTS.name, BOOKINGS.name, STAYS.name, RISK_HITS.name, RISK_COUNTS.name),
    formats=tuple(f"CSV {form.name}" for form in FORMS),
)
CONNECTOR = Connector(MANIFEST, read)
MATCHER_MANIFEST = Manifest(
    name="matcher",
    title={"zh": "铁路比对器", "en": "the railway's matcher"},
    owner="railway operator; the process runs beside its manifests",
    contact="as named in the sharing agreement",
    cadence_s=60,
    datasets=(RISK_HITS.name, RISK_COUNTS.name),
    formats=("CSV hits", "CSV hit_counts"),
)
MATCHER = Connector(MATCHER_MANIFEST, read)  # its own source: how far it was read, and whether it answers
