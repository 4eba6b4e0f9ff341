"""Sense: the first step of the loop. A source's pages become rows of the library, or quarantine with a reason.

Page by page: bytes -> rows -> (folded against what is stored) -> checked -> identities replaced by pseudonyms ->
stored together with the cursor. A failing source leaves what was stored as it is; the next call goes on there.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from hubtwin.base.errors import Bug, Malformed
from hubtwin.datasets.people import BOOKINGS, PSEUDONYM_LINKS
from hubtwin.datasets.table import Dataset
from hubtwin.library.ingest import BATCH_ROWS, Compare, Intake, Options, Resolve, Stored, Target
from hubtwin.library.report import Progress, Report
from hubtwin.model.record import Identity, Quarantined, Row, Status
from hubtwin.ports import Connector, Page, ReadContext, Store, Tables, Transport
from hubtwin.rules.privacy import Pseudonym, moment_min

Pseudonymise = Callable[[Identity, int], Pseudonym]  # document, epoch minute -> pseudonyms
_LOG = structlog.get_logger()
_TELL_ROWS = 2_000
PERSON = "pid"  # an order has a pseudonym too, but nobody looks for it in the past
LINKED = frozenset({BOOKINGS.name})  # who travels is looked up in the past; a stay is only ever looked up


@dataclass(frozen=True)
class Sensing:
    """How a source is sensed. `on_malformed`: a stream goes on behind a refused page, a file import raises."""

    hub_id: str
    status: Status = Status.ACTUAL
    pseudonymise: Pseudonymise | None = None
    on_malformed: Literal["reject", "raise"] = "reject"
    batch_rows: int = BATCH_ROWS
    compare: Compare | None = None
    progress: Callable[[Progress], None] | None = None
    on_stored: Stored | None = None


def sense(connector: Connector, transport: Transport, store: Store, context: ReadContext, how: Sensing) -> Report:
    """Read everything new of a source into the store; return what became of it.

    The cursor is committed with each page. Raises Retry and Denied of the transport: what was stored stays, and
    the next call reads the unfinished page again without doubling anything. Raises Malformed for a page that is
    refused whole only where `how.on_malformed` is "raise"; nothing of a batch under way is stored then.
    """
    source = connector.manifest.name
    resolve = pseudonyms(how.pseudonymise) if how.pseudonymise else None
    target = Target(store, how.hub_id, source, how.status)
    total = Report(source)
    for page in transport.pages(store.cursor(source)):
        found = _sense_page(connector, page, context, how, target=target, resolve=resolve)
        _log_page(page, found)
        total = total.join(found)
    return total


def pseudonyms(pseudonymise: Pseudonymise) -> Resolve:
    """Return what replaces the identities of a row, and gives the links to earlier epochs of a booking."""

    def resolve(dataset: Dataset, values: Mapping[str, object]) -> tuple[Mapping[str, object], list[Row]]:
        at_min = moment_min(dataset, values)
        if at_min is None:
            raise Bug("flow.no_moment", dataset=dataset.name)
        replaced, links = dict(values), []
        for name, value in values.items():
            if isinstance(value, Identity):
                found = pseudonymise(value, at_min)
                replaced[name] = found.pid
                if name == PERSON and dataset.name in LINKED:
                    links += _links(found)
        return replaced, links

    return resolve


def _log_page(page: Page, found: Report) -> None:
    """Say what became of a page: counts and reasons, never a value of a row."""
    name = {"source": found.source, "page": page.name}
    for rejected in found.rejected:
        _LOG.warning("page_rejected", **name, reason=rejected.reason)
    bad = sum(found.quarantined.values())
    if bad and not found.rejected:
        _LOG.warning("rows_quarantined", **name, rows=bad, reasons=dict(found.quarantined))
    _LOG.info(
        "page_read",
        **name,
        read=found.read,
        kept=dict(found.kept),
        quarantined=bad,
        identical=found.identical,
        replaced=found.replaced,
        bytes=found.bytes,
        batches=found.batches,
    )


def _links(found: Pseudonym) -> list[Row]:
    return [
        Row(
            PSEUDONYM_LINKS.name,
            {"pid": found.pid, "earlier_pid": earlier.pid, "expires_min": earlier.expires_min},
        )
        for earlier in found.earlier
    ]


def _sense_page(
    connector: Connector,
    page: Page,
    context: ReadContext,
    how: Sensing,
    *,
    target: Target,
    resolve: Resolve | None,
) -> Report:
    meter = _Meter(page, how.progress)
    options = Options(how.batch_rows, resolve, how.compare, on_stored=how.on_stored)
    intake = Intake(page, target, options)
    try:
        items = connector.read(meter.page, context)
        if connector.fold is None:
            intake.take(meter.watch(items, intake))
        else:
            _take_folded(connector.fold, items, target.store.tables(connector.manifest.datasets), intake, meter)
        report = intake.finish()
    except Malformed as error:
        if how.on_malformed == "raise":
            _LOG.warning("page_rejected", source=target.source, page=page.name, reason=error.key)
            raise
        report = intake.reject(error)
    meter.tell(intake)
    return replace(report, bytes=meter.bytes)


def _take_folded(
    fold: Callable[[Iterable[Row], Tables], Iterable[Row]],
    items: Iterator[Row | Quarantined],
    tables: Tables,
    intake: Intake,
    meter: "_Meter",
) -> None:
    """Take in the changes that a page means, and what of it could not be read. A full listing is one batch."""
    bad: list[Quarantined] = []
    read = 0

    def rows() -> Iterator[Row]:
        nonlocal read
        for item in meter.watch(items, intake):
            if isinstance(item, Quarantined):
                bad.append(item)
            else:
                read += 1
                yield item

    changes = fold(rows(), tables)
    if isinstance(changes, Sequence):
        intake.listed(read - len(changes))
        intake.take([*bad, *changes], whole=True)
        return
    for change in changes:
        intake.take((*bad, change))
        bad.clear()
    intake.take(bad)


class _Meter:
    """Counts the bytes of a page as they are read, and tells how far it is."""

    def __init__(self, page: Page, progress: Callable[[Progress], None] | None) -> None:
        self.bytes = 0
        self.page = replace(page, chunks=self._counted(page))
        self._progress = progress

    def _counted(self, page: Page) -> Iterator[bytes]:
        for chunk in page.chunks:
            self.bytes += len(chunk)
            yield chunk

    def watch(self, items: Iterator[Row | Quarantined], intake: Intake) -> Iterator[Row | Quarantined]:
        """Pass items on; tell the progress after every so many."""
        for number, item in enumerate(items, start=1):
            yield item
            if number % _TELL_ROWS == 0:
                self.tell(intake)

    def tell(self, intake: Intake) -> None:
        """Tell how far the page is."""
        if self._progress:
            self._progress(Progress(self.page.name, self.bytes, intake.read, intake.kept, intake.bad))
