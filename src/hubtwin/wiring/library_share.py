"""Datasets of the library through the partners' channels, both ways.

Out: a share of a partner is read as the partner would read it, and leaves as a batch. In: rows of a dataset that a
partner is the source of come as batches, land on the shelf once by batch and chunk, and are answered row by row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import pyarrow as pa

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, HubError, Malformed, Retry
from hubtwin.channels.batch_wire import HEADER, ROWS, parcels_of_answer, read_rows
from hubtwin.channels.send import Sender
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.listing import Catalogue, Listing
from hubtwin.model.batch import BatchAnswer, RowAnswer, RowFate
from hubtwin.model.message import Envelope, Received
from hubtwin.model.partner import Partner, Taken
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.model.sharing import Delivery, Share
from hubtwin.rules.library_template import RECORD, dataset_of, facts_of, share_id_of, template_of, values_of
from hubtwin.rules.template import Template
from hubtwin.wiring.batches import Batching, Made, Period

MOST_ROWS = 200_000  # of one sending; a batch is written in one transaction
PARTNER = "partner:"  # before the name under which a partner holds shares
_COUNT = 1 << 20


def made_templates(
    catalogue: Catalogue, find_share: Callable[[str], Share | None]
) -> Callable[[str, int], Template | None]:
    """Return what makes the template of a share by its name, for `wiring.batches.Templates`."""

    def make(name: str, version: int) -> Template | None:
        share = find_share(share_id_of(name)) if share_id_of(name) else None
        if share is None or share.dataset not in catalogue.by_name:
            return None
        return template_of(catalogue.get(share.dataset), share)

    return make


def send_share(
    batching: Batching,
    listing: Listing,
    share: Share,
    read: Callable[[Share], pa.Table],
    now: datetime,
) -> Made:
    """Make a batch of what a partner was given and write it into the books of the wire; rows that it has go no more.

    A batch of the share that a crash kept from these books goes first, without rows that the partner may not see any
    more; the head that is returned is that of the last batch that went. `read(share)` gives the rows as the partner may
    see them, each with its `record_no`, under a live share; it raises Denied and writes the look-up down. Raises Denied
    where the share is not the partner's or not for channels, Malformed for too many rows.
    """
    if share.grantee != PARTNER + batching.partner or Delivery.CHANNEL not in share.delivery:
        raise Denied("wiring.share_not_sent", share=share.share_id, partner=batching.partner)
    template, table = template_of(listing, share), read(share)
    if table.num_rows > MOST_ROWS:
        raise Malformed("wiring.share_too_long", rows=table.num_rows, most=MOST_ROWS)
    earlier = [head for head in batching.books.list_unstaged(batching.partner) if head.template == template.name]
    facts = _facts(listing, table)
    period = Period(min(share.from_min, epoch_minute(now)), epoch_minute(now) + 1)
    made = batching.make(facts, template, period, now, marks_of_rows(table).join(Marks(batching.status)))
    seen = replace(batching, only=frozenset(one.row.key for one in made.batched.rows))
    for head in earlier:
        seen.stage(head.batch_id)
    if made.head is not None:
        batching.stage(made.head.batch_id)
    return made if made.head is not None or not earlier else replace(made, head=earlier[-1])


def narrowed(batching: Batching, listing: Listing, share: Share, table: pa.Table) -> Batching:
    """Return the batches of a share narrowed to the rows that its partner may see now: not what was withheld, erased or
    found black since."""
    batched = batching.check(_facts(listing, table), template_of(listing, share))
    return replace(batching, only=frozenset(one.row.key for one in batched.rows))


def _facts(listing: Listing, table: pa.Table) -> list[Mapping[str, object]]:
    return [facts_of(listing, str(row.pop(RECORD)), row) for row in table.to_pylist()]


def marks_of_rows(table: pa.Table) -> Marks:
    """Return the marks of rows: one synthetic row makes all of them so. Rows without marks are synthetic: nobody can
    say that they are real."""
    if "provenance" not in table.column_names:
        return Marks(provenance=Provenance.SYNTHETIC)
    kinds = set(table.column("provenance").to_pylist())
    return Marks(provenance=Provenance.SYNTHETIC if kinds - {"real"} else Provenance.REAL)


@dataclass(frozen=True, slots=True)
class Came:
    """A row that came: its key and revision, and its texts by column of the dataset."""

    key: str
    revision: int
    values: Mapping[str, str]


Land = Callable[[Listing, str, Sequence[Came], str, Marks], Sequence[RowAnswer]]


@dataclass
class Incoming:
    """Takes rows of the library that partners send. `land(listing, partner, rows, key, marks)` writes them, each once
    by partner, key and revision, and says of each what became of it; the chunk is answered by row. `catalogue()` is
    that of now, which a contract changes."""

    catalogue: Callable[[], Catalogue]
    registry: Mapping[str, Partner]
    sender: Sender
    land: Land
    status: Status
    day: Callable[[], date]  # of the hub
    now_min: Callable[[], int]

    def take(self, number: int, received: Received) -> int:
        """Take one message of the incoming book; return how many rows were new. A chunk that comes again is answered
        again and changes nothing."""
        envelope = received.envelope
        if envelope is None or envelope.type == HEADER:
            return 0
        try:
            listing, rows = self._listing(envelope), list(read_rows(envelope))
            columns = [str(name) for name in _names(envelope.data.get("columns"))]
            came = [Came(row.key, row.revision, values_of(listing, columns, tuple(row.cells))) for row in rows]
            found = self.land(listing, envelope.source, came, f"{envelope.source}:{envelope.id}", envelope.marks)
        except Retry:
            raise
        except HubError as error:
            self._answer(envelope, [], error.message("zh")[:200])
            return 0
        self._answer(envelope, found)
        return sum(row.fate is RowFate.ACCEPTED for row in found)

    def _listing(self, envelope: Envelope) -> Listing:
        """Return the dataset that rows are for. Raises Denied where the partner may not send them, Absent."""
        partner = self.registry.get(envelope.source)
        if partner is None or Taken.ROWS not in partner.takes(self.day()):
            raise Denied("wiring_partner_not_agreed", type=ROWS)
        if envelope.marks.status is not self.status:
            raise Denied("channels.other_status")
        name = dataset_of(envelope.dataschema)
        listing = self.catalogue().by_name.get(name)
        if listing is None or listing.owner != partner.partner_id:
            raise Absent("datasets.not_listed", dataset=name[:60])
        if name in DATASETS:  # its rows stand in the store that connectors write: on the shelf nobody would read them
            raise Denied("wiring.rows_for_hub", dataset=name)
        return listing

    def _answer(self, envelope: Envelope, rows: Sequence[RowAnswer], reason: str = "") -> None:
        attempt, chunk = (_whole(envelope.data.get(name)) for name in ("attempt", "chunk"))
        counts = {fate.value: sum(row.fate is fate for row in rows) for fate in RowFate}
        batch = str(envelope.data.get("batch", ""))[:100]
        answer = BatchAnswer(batch, attempt, max(chunk, 1), max(chunk, 1), rows, counts, reason)
        self.sender.stage(parcels_of_answer(answer, envelope.source, envelope.marks, self.now_min()))


def _names(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise Malformed("wiring.rows_broken")
    return value


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < _COUNT else 0
