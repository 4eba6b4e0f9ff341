"""Hits on the wire: the form `hits` of `connectors.bookings`, under the cursors of `connectors.common.http`."""

import csv
import io
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.connectors.bookings.codec import HITS
from hubtwin.matcher.match import Hit
from hubtwin.model.record import Provenance


def write_hits(hits: Iterable[Hit], zone: ZoneInfo) -> bytes:
    """Return one page: the header of the form, then its lines, each with its own provenance; UTF-8."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HITS.required)
    for hit in hits:
        as_of = local(from_epoch_minute(hit.as_of_min), zone).isoformat(timespec="minutes")
        made = Provenance.SYNTHETIC if hit.synthetic else Provenance.REAL
        run = (hit.trip_id, hit.train_code, hit.service_date.isoformat())
        writer.writerow((*run, hit.pid, hit.board_station, hit.level, as_of, made.value))
    return text.getvalue().encode()
