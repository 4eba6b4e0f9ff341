"""What a partner was given leaves through its channel, read on the path on which everybody reads."""

from hubtwin.base.errors import Absent, Denied
from hubtwin.model.agency import Person
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.asked import make_asking, read_share
from hubtwin.wiring.batches import Batching, Made, Templates
from hubtwin.wiring.library_share import PARTNER, made_templates, send_share
from hubtwin.wiring.partners import lines_of, make_sender
from hubtwin.wiring.works import Works


def send_through(works: Works, share_id: str, *, by: Person) -> Made:
    """Send a share of a partner through its channel; new and changed rows go. It leaves with the next pump.

    Raises Absent (no such share, no such partner), Denied (not for the channel, not live), Malformed (too many rows).
    """
    library = works.library
    assert library is not None, "open_works opens the library"
    assert works.partners is not None, "open_works opens the books"
    assert works.batches is not None, "open_works opens the books"
    baskets = open_baskets(works.access)
    share = baskets.get_share(share_id)
    partner = share.grantee.removeprefix(PARTNER)
    if not share.grantee.startswith(PARTNER) or partner not in works.settings.partners:
        raise Absent("wiring.share_no_partner", share=share_id)
    listing = library.catalogue().get(share.dataset)
    if not share.is_live(library.now_min(), listing.digest):
        raise Denied("library.ask_ended")
    lines = lines_of(works.settings.partners, works.settings.hub.hub_id)
    sender = next(iter(works.partners.senders), None) or make_sender(works.partners, lines)
    desk = make_asking(works, baskets.list_shares)
    templates = Templates({}, made_templates(library.catalogue(), baskets.get_share))
    books, wire, zone = works.batches, works.partners.wire, works.settings.hub.zone
    batching = Batching(books, wire, templates, partner, zone, sender)
    return send_share(batching, listing, share, lambda one: read_share(desk, by, one), works.clock())
