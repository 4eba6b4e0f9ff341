"""What a partner was given leaves through its channel, read on the path on which everybody reads.

A sending is a batch: it is signed, its messages are receipted, its rows are answered one by one. What the partner did
not take can be fetched as a file of errors, corrected and sent once more, or sent again as it is.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hubtwin.base.errors import Absent, Denied
from hubtwin.channels.batch_wire import subject_of
from hubtwin.model.agency import Person
from hubtwin.model.batch import BatchHead
from hubtwin.model.sharing import Share
from hubtwin.rules.batching import RowState
from hubtwin.rules.library_template import name_of, share_id_of
from hubtwin.stores.batches import BatchBooks
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.asked import make_asking, read_share
from hubtwin.wiring.batch_files import errors_of, resend_content
from hubtwin.wiring.batches import Batching, Made, Resent, Templates
from hubtwin.wiring.library_share import PARTNER, made_templates, narrowed, send_share
from hubtwin.wiring.partners import Partners, lines_of, make_sender
from hubtwin.wiring.works import Works


@dataclass(frozen=True)
class Sending:
    """A sending: its head, its rows by state, and the messages of its last attempt by their state on the wire."""

    head: BatchHead
    rows: Mapping[RowState, int]
    messages: Mapping[str, int]


def send_through(works: Works, share_id: str, *, by: Person) -> Made:
    """Send a share of a partner through its channel; new and changed rows go. It leaves with the next pump.

    Raises Absent (no such share, no such partner), Denied (not for the channel, not live), Malformed (too many rows).
    """
    assert works.library is not None, "open_works opens the library"
    baskets = open_baskets(works.access)
    share = baskets.get_share(share_id)
    batching = _batching(works, share)
    listing = works.library.catalogue().get(share.dataset)
    _refuse_ended(works, share)
    desk = make_asking(works, baskets.list_shares)
    return send_share(batching, listing, share, lambda one: read_share(desk, by, one), works.clock())


def list_sendings(works: Works, share: Share) -> list[Sending]:
    """Return the sendings of a share, the newest first."""
    books, partners = _books(works)
    partner = share.grantee.removeprefix(PARTNER)
    heads = [head for head in books.list_heads(name_of(share)) if head.partner == partner]
    return [
        Sending(head, books.count(head.batch_id), partners.wire.count_subject(partner, subject_of(head)))
        for head in reversed(heads)
    ]


def share_of_sending(works: Works, batch_id: str) -> Share:
    """Return the share that a sending is of. Raises Absent."""
    share_id = share_id_of(_books(works)[0].get(batch_id).template)
    if not share_id:
        raise Absent("stores.no_batch", batch=batch_id)
    return open_baskets(works.access).get_share(share_id)


def errors_of_sending(works: Works, share: Share, batch_id: str, name: str, *, by: Person) -> tuple[bytes, int]:
    """Return the file of the rows that the partner did not take and may still see, and how many rows it has. Raises
    Absent, Denied."""
    return errors_of(_narrowed(works, share, by), batch_id, name)


def send_corrected(works: Works, share: Share, batch_id: str, name: str, content: bytes, *, by: Person) -> Resent:
    """Send what was corrected in a file of errors and may still be seen. Raises Denied where the share has ended,
    Malformed, Absent."""
    batching = _narrowed(works, share, by)
    done = resend_content(batching, batch_id, name, content, works.clock())
    if done.head is not None:
        batching.stage(done.head.batch_id)
    return done


def send_again(works: Works, share: Share, batch_id: str, *, by: Person) -> int:
    """Send all rows of a sending once more that the partner has not accepted and may still see; return how many. A row
    that it has counts once: it is known by its key. Raises Denied where the share has ended, Absent."""
    return _narrowed(works, share, by).stage(batch_id, again=True)


def stop_sendings(works: Works, datasets: Collection[str] = ()) -> int:
    """Destroy what waits for partners of shares that hold no more, and of all shares of some datasets; return how many
    messages that were.

    The rows wait for whoever sends the share again, and go as far as they may be seen then. What is at the partner's
    stays there. Doing it twice is harmless. Raises Retry.
    """
    if works.library is None or works.partners is None or works.batches is None:
        return 0
    wire, books, gone = works.partners.wire, works.batches, list[str]()
    for partner in wire.list_partners():
        subjects = wire.list_unsettled(partner)
        batches = {subject.rpartition(".")[0] for subject in subjects}
        heads = {head.batch_id: head for head in books.list_heads() if head.batch_id in batches}
        ended = {name for name, head in heads.items() if head.partner == partner and _is_stopped(works, head, datasets)}
        for name in sorted(ended):
            books.begin(name, again=True)  # first: after a crash the messages are still found
        gone += [subject for subject in subjects if subject.rpartition(".")[0] in ended]
    return wire.destroy(gone) if gone else 0


def _is_stopped(works: Works, head: BatchHead, datasets: Collection[str]) -> bool:
    """Return whether a batch is of a share that holds no more, or of one of some datasets."""
    assert works.library is not None, "open_works opens the library"
    share_id = share_id_of(head.template)
    if not share_id:
        return False
    try:
        share = open_baskets(works.access).get_share(share_id)
        listing = works.library.catalogue().get(share.dataset)
    except Absent:
        return True
    return share.dataset in datasets or not share.is_live(works.library.now_min(), listing.digest)


def _narrowed(works: Works, share: Share, by: Person) -> Batching:
    """Return the batches of a live share with the rows that may be seen now; that is a look-up, and written down."""
    assert works.library is not None, "open_works opens the library"
    _refuse_ended(works, share)
    desk = make_asking(works, open_baskets(works.access).list_shares)
    listing = works.library.catalogue().get(share.dataset)
    return narrowed(_batching(works, share), listing, share, read_share(desk, by, share))


def _batching(works: Works, share: Share) -> Batching:
    """Return the batches to the partner of a share. Raises Absent where it is not a partner's."""
    books, partners = _books(works)
    assert works.library is not None, "open_works opens the library"
    partner = share.grantee.removeprefix(PARTNER)
    if not share.grantee.startswith(PARTNER) or partner not in works.settings.partners:
        raise Absent("wiring.share_no_partner", share=share.share_id)
    lines = lines_of(works.settings.partners, works.settings.hub.hub_id)
    sender = next(iter(partners.senders), None) or make_sender(partners, lines)
    templates = Templates({}, made_templates(works.library.catalogue(), open_baskets(works.access).get_share))
    zone, status = works.settings.hub.zone, works.settings.status
    return Batching(books, partners.wire, templates, partner, zone, sender, status=status)


def _books(works: Works) -> tuple[BatchBooks, Partners]:
    assert works.partners is not None, "open_works opens the books"
    assert works.batches is not None, "open_works opens the books"
    return works.batches, works.partners


def _refuse_ended(works: Works, share: Share) -> None:
    assert works.library is not None, "open_works opens the library"
    listing = works.library.catalogue().get(share.dataset)
    if not share.is_live(works.library.now_min(), listing.digest):
        raise Denied("wiring.share_ended", dataset=share.dataset)
