"""Routes of applying and authorising: baskets, shares, templates, times. What a person sees of them is the desk's to
say: reading is open to whoever reads the catalogue, and shows nothing of others' to who has no business with it."""

import re
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import baskets as b
from hubtwin.web.schemas import notices as n

router = APIRouter(prefix=f"{API}/library", tags=["baskets"])
WRITES = [Depends(same_origin)]
MOST_BYTES = 2 * 1024 * 1024  # a basket of as many items and columns as one may hold
LARGER: Sequence[tuple[re.Pattern[str], int]] = (
    (
        re.compile(rf"{API}/library/(baskets|baskets/check|baskets/[^/]{{1,200}}/decide|emergency|templates)"),
        MOST_BYTES,
    ),
)
Reads = Annotated[Person, Depends(allowed("catalogue.read"))]
Applies = Annotated[Person, Depends(allowed("basket.apply"))]
Watches = Annotated[Person, Depends(allowed("basket.read"))]
Decides = Annotated[Person, Depends(allowed("basket.decide"))]
Revokes = Annotated[Person, Depends(allowed("share.revoke"))]
Signs = Annotated[Person, Depends(allowed("template.sign"))]
Dataset = Annotated[str | None, Query(min_length=1, max_length=200)]


@router.post("/baskets/check", response_model=b.CheckReply, dependencies=WRITES)
def check(edge: EdgeOf, who: Applies, asked: b.ApplyIn) -> Response:
    """Return what every lane would say of each item, and why; nothing is stored."""
    return reply(edge.desk.baskets.check(who, asked))


@router.post("/baskets", response_model=b.BasketView, dependencies=WRITES)
def apply(edge: EdgeOf, who: Applies, asked: b.ApplyIn) -> Response:
    """Send an application in; what needs nobody is decided, probed and active in the answer."""
    return reply(edge.desk.baskets.apply(who, asked))


@router.get("/baskets", response_model=b.BasketsReply)
def baskets(
    edge: EdgeOf,
    who: Reads,
    which: b.Which = "all",
    before: Annotated[str | None, Query(max_length=200)] = None,
    *,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Return applications that concern the reader, the newest first; `waiting`: those that somebody must decide."""
    return reply(edge.desk.baskets.baskets(who, which, before, limit))


@router.get("/baskets/{basket_id}", response_model=b.BasketView)
def basket(edge: EdgeOf, who: Reads, basket_id: Id) -> Response:
    """Return an application with its items and what every lane said."""
    return reply(edge.desk.baskets.basket(who, basket_id))


@router.post("/baskets/{basket_id}/authorise", response_model=b.BasketView, dependencies=WRITES)
def authorise(edge: EdgeOf, who: Annotated[Person, Depends(allowed("basket.authorise"))], basket_id: Id) -> Response:
    """Turn the one key: everything that the rules allow by now becomes active, the rest stays with its owners."""
    return reply(edge.desk.baskets.authorise(who, basket_id))


@router.post("/baskets/{basket_id}/agree", response_model=b.BasketView, dependencies=WRITES)
def agree(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("basket.agree"))], basket_id: Id, asked: b.AgreeIn
) -> Response:
    """Agree as the second person, after the owner."""
    return reply(edge.desk.baskets.agree(who, basket_id, asked))


@router.post("/baskets/{basket_id}/decide", response_model=b.BasketView, dependencies=WRITES)
def decide(edge: EdgeOf, who: Decides, basket_id: Id, asked: b.DecideIn) -> Response:
    """Decide items as their owner: given, narrower, or refused for a reason."""
    return reply(edge.desk.baskets.decide(who, basket_id, asked))


@router.post("/baskets/{basket_id}/withdraw", response_model=b.BasketView, dependencies=WRITES)
def withdraw(edge: EdgeOf, who: Applies, basket_id: Id) -> Response:
    """Take back what still waits of the own application."""
    return reply(edge.desk.baskets.withdraw(who, basket_id))


@router.get("/shares", response_model=b.SharesReply)
def shares(edge: EdgeOf, who: Reads, dataset: Dataset = None, *, live: bool = False) -> Response:
    """Return shares that concern the reader; `live`: only those that hold now."""
    return reply(edge.desk.baskets.shares(who, dataset, live=live))


@router.post("/shares/{share_id}/revoke", response_model=b.ShareView, dependencies=WRITES)
def revoke(edge: EdgeOf, who: Revokes, share_id: Id) -> Response:
    """End a share; it binds at the next question."""
    return reply(edge.desk.baskets.revoke(who, share_id))


@router.post("/shares/{share_id}/resume", response_model=b.ShareView, dependencies=WRITES)
def resume(edge: EdgeOf, who: Revokes, share_id: Id) -> Response:
    """Let a suspended share go on, after it was probed anew."""
    return reply(edge.desk.baskets.resume(who, share_id))


@router.post("/shares/{share_id}/renew", response_model=b.BasketView, dependencies=WRITES)
def renew(edge: EdgeOf, who: Applies, share_id: Id, asked: b.RenewIn) -> Response:
    """Apply for what a share gives once more; it goes the lanes of today."""
    return reply(edge.desk.baskets.renew(who, share_id, asked))


@router.post("/shares/{share_id}/review", response_model=b.ShareView, dependencies=WRITES)
def review(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("share.review"))], share_id: Id, asked: b.ReviewIn
) -> Response:
    """Review an emergency access of somebody else."""
    return reply(edge.desk.baskets.review(who, share_id, asked))


@router.get("/templates", response_model=b.TemplatesReply)
def templates(edge: EdgeOf, who: Reads, dataset: Dataset = None) -> Response:
    """Return what owners have signed beforehand: own ones in full, of others what the reader may have under them."""
    return reply(edge.desk.baskets.templates(who, dataset))


@router.post("/templates", response_model=b.TemplateView, dependencies=WRITES)
def sign(edge: EdgeOf, who: Signs, asked: b.TemplateIn) -> Response:
    """Sign beforehand what may go of an own dataset."""
    return reply(edge.desk.baskets.sign(who, asked))


@router.post("/templates/{template_id}/withdraw", response_model=b.TemplateView, dependencies=WRITES)
def withdraw_template(edge: EdgeOf, who: Signs, template_id: Id) -> Response:
    """Withdraw a template; what was given under it stands until it is revoked."""
    return reply(edge.desk.baskets.withdraw_template(who, template_id))


@router.get("/times", response_model=b.TimesReply)
def times(edge: EdgeOf, who: Watches, days: Annotated[int, Query(ge=1, le=366)] = 90) -> Response:
    """Return how long it took from application to active, machine and people apart."""
    return reply(edge.desk.baskets.times(who, days))


@router.get("/agencies", response_model=b.AgenciesReply)
def agencies(edge: EdgeOf, who: Watches) -> Response:
    """Return what each agency gave, was given and used."""
    return reply(edge.desk.baskets.agencies(who))


@router.post("/emergency", response_model=b.BasketView, dependencies=WRITES)
def take_emergency(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("share.emergency"))], asked: b.EmergencyIn
) -> Response:
    """Take what an emergency needs at once; it ends by itself and somebody else must review it."""
    return reply(edge.desk.baskets.take_emergency(who, asked))


@router.get("/terms", response_model=n.TermsView)
def terms(edge: EdgeOf, who: Reads) -> Response:
    """Return the one published rule: how far the lanes go and how long people may take."""
    return reply(edge.desk.notices.terms(who))


@router.get("/notices", response_model=n.NoticesReply)
def notices(edge: EdgeOf, who: Reads) -> Response:
    """Return what has gone up to the reader because a clock ran out, what is late for longest first."""
    return reply(edge.desk.notices.notices(who))
