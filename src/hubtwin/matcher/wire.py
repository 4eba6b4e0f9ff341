"""What a matcher says on the wire: the forms `hits` and `hit_counts` of `connectors.bookings`."""

import csv
import io
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.connectors.bookings.codec import HIT_COUNTS, HITS
from hubtwin.connectors.common.csvio import Form
from hubtwin.matcher.match import Count, Hit
from hubtwin.model.record import Provenance


def write_hits(hits: Iterable[Hit], zone: ZoneInfo) -> bytes:
    """Return one page: the header of the form, then its lines, each with its own provenance; UTF-8."""
    return _write(HITS, hits, zone)


def write_counts(counts: Iterable[Count], zone: ZoneInfo) -> bytes:
    """Return all counts as one page, as `write_hits` does: the same counts are the same bytes."""
    return _write(HIT_COUNTS, counts, zone)


def _write(form: Form, rows: Iterable[Hit | Count], zone: ZoneInfo) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*form.required, *form.optional))
    for row in rows:
        made = Provenance.SYNTHETIC if row.synthetic else Provenance.REAL
        said: tuple[str, ...]
        if isinstance(row, Hit):
            said = (row.trip_id, row.train_code, row.service_date.isoformat(), row.pid, row.board_station, row.level)
        else:
            said = (row.trip_id, row.service_date.isoformat(), row.board_station, row.level, row.persons)
        gone = "" if row.gone_min is None else _at(row.gone_min, zone)
        writer.writerow((*said, _at(row.as_of_min, zone), made.value, gone))
    return text.getvalue().encode()


def _at(minute: int, zone: ZoneInfo) -> str:
    return local(from_epoch_minute(minute), zone).isoformat(timespec="minutes")
