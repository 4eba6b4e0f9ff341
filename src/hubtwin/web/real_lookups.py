"""Look-ups as the audit has them: what somebody has asked, and what was asked under the shares of an agency."""

from collections.abc import Callable
from dataclasses import dataclass

from hubtwin.base.errors import Absent
from hubtwin.datasets.listing import Catalogue
from hubtwin.library.asking import LIBRARY_ASKED, LIBRARY_DENIED, grantees_of
from hubtwin.model.agency import Person
from hubtwin.model.sharing import Lane, Share
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.audit import Entry
from hubtwin.web import shown
from hubtwin.web.schemas import queries as q
from hubtwin.web.schemas.hub import Words
from hubtwin.web.shown_partners import reason
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.works import Works

PAGE, PAGES = 1_000, 20  # rows of the audit that one answer looks through at most; the next goes on from there
PARTNER = "partner:"
Covers = Callable[[Entry], bool]


@dataclass(frozen=True)
class LookUps:
    """What is asked of the audit of a hub at work."""

    works: Works

    def __call__(self, who: Person, share_id: str | None, before: int | None, limit: int) -> q.LookUpsReply:
        """Return look-ups that a person may see, the newest first. Raises Absent for a share of others, Denied."""
        may(who, "catalogue.read")
        covers = self._own(who) if share_id is None else self._of_share(who, share_id)
        found, seq, more = list[Entry](), before, True
        for _ in range(PAGES):
            page = self.works.access.audit.list_of_kinds((LIBRARY_ASKED, LIBRARY_DENIED), PAGE, seq)
            for entry in page:
                seq = entry.seq
                found += [entry] if covers(entry) else []
                if len(found) == limit:
                    return self._reply(who, found, seq)
            if len(page) < PAGE:
                more = False
                break
        return self._reply(who, found, seq if more else None)

    def _own(self, who: Person) -> Covers:
        """Tell what one has asked oneself, or somebody under what the own agency was given or sends to a partner."""
        baskets = open_baskets(self.works.access)
        of, agency = baskets.list_origins(), f"agency:{who.agency}"
        shares = {
            share.share_id
            for share in baskets.list_all_shares()
            if share.grantee == agency
            or (share.grantee.startswith(PARTNER) and of[share.basket_id].agency == who.agency)
        }
        return lambda entry: entry.by == who.user_id or not shares.isdisjoint(entry.payload.get("shares", ()))

    def _of_share(self, who: Person, share_id: str) -> Covers:
        share = open_baskets(self.works.access).get_share(share_id)
        if not self._is_seen(who, share):
            raise Absent("stores.no_share", share=share_id)
        return lambda entry: share_id in entry.payload.get("shares", ())

    def _is_seen(self, who: Person, share: Share) -> bool:
        reviews = share.lane is Lane.EMERGENCY and is_allowed(who, "share.review")
        basket = open_baskets(self.works.access).get(share.basket_id)
        sends = share.grantee.startswith(PARTNER) and basket.agency == who.agency
        return reviews or sends or share.grantee in grantees_of(who)

    def _reply(self, who: Person, found: list[Entry], following: int | None) -> q.LookUpsReply:
        library = self.works.library
        if library is None:
            raise Absent("web.no_library")
        return q.LookUpsReply([_view(each, who, library.catalogue()) for each in found], following)


def _view(entry: Entry, who: Person, catalogue: Catalogue) -> q.LookUpView:
    told, purpose = entry.payload, str(entry.payload.get("purpose", ""))
    title = catalogue.purposes.get(purpose)
    datasets = [_looked(name, columns, catalogue) for name, columns in dict(told.get("datasets", {})).items()]
    return q.LookUpView(
        *(entry.seq, entry.at_min, entry.by, entry.by == who.user_id),
        shown.named(title) if title else Words(purpose or "-", purpose or "-"),
        str(told.get("delivery", "")),
        datasets,
        int(told.get("rows", 0)),
        reason(str(told.get("why", ""))) if entry.kind == LIBRARY_DENIED else None,
    )


def _looked(name: str, columns: list[str], catalogue: Catalogue) -> q.LookedAt:
    listing = catalogue.by_name.get(name)
    if listing is None:
        return q.LookedAt(name, Words(name, name), [Words(each, each) for each in columns])
    known = listing.dataset.by_name
    names = [Words(known[one].zh, known[one].en) if one in known else Words(one, one) for one in columns]
    return q.LookedAt(name, Words(listing.dataset.zh, listing.dataset.en), names)
