"""Routes of the quality of the library: how it stands, rows that fail, runs, work orders."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.model.colour import Colour
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import quality as q
from hubtwin.web.schemas.asked import one_of

router = APIRouter(prefix=f"{API}/library", tags=["quality"])
WRITES = [Depends(same_origin)]
Reads = Annotated[Person, Depends(allowed("quality.read"))]
Runs = Annotated[Person, Depends(allowed("quality.run"))]
Looks = Annotated[Person, Depends(allowed("quality.rows"))]
Answers = Annotated[Person, Depends(allowed("order.answer"))]
ColourName = Annotated[str, *one_of("", *(colour.name.lower() for colour in Colour))]
Name = Annotated[str, Query(max_length=200)]


@router.get("/quality", response_model=q.QualityReply)
def quality(edge: EdgeOf, who: Reads) -> Response:
    """Return how every dataset stands that was governed, and the library in sum."""
    return reply(edge.desk.quality.quality(who))


@router.get("/quality/{dataset}", response_model=q.DatasetQuality)
def dataset(edge: EdgeOf, who: Reads, dataset: Id) -> Response:
    """Return a dataset with its rules, successes beside failures over the last runs."""
    return reply(edge.desk.quality.dataset(who, dataset))


@router.get("/quality/{dataset}/rows", response_model=q.RowsReply)
def rows(
    edge: EdgeOf,
    who: Looks,
    dataset: Id,
    rule: Name = "",
    colour: ColourName = "",
    *,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Response:
    """Return a few rows that fail, masked by grade, to who owns or looks after them; audited before they leave."""
    return reply(edge.desk.quality.rows(who, dataset, rule=rule, colour=colour, after=after, limit=limit))


@router.post("/quality/{dataset}/run", response_model=q.DatasetQuality, dependencies=WRITES)
def run(edge: EdgeOf, who: Runs, dataset: Id) -> Response:
    """Colour a dataset now; only what is new or has changed is scanned."""
    return reply(edge.desk.quality.run(who, dataset))


@router.get("/orders", response_model=q.OrdersReply)
def orders(edge: EdgeOf, who: Reads, dataset: Name = "", *, mine: bool = False, closed: bool = False) -> Response:
    """Return work orders, what is due first; `mine`: those to the reader's own agency."""
    return reply(edge.desk.quality.orders(who, dataset, mine=mine, closed=closed))


@router.post("/orders", response_model=q.OrderView, dependencies=WRITES)
def answer(edge: EdgeOf, who: Answers, asked: q.AnswerOrder) -> Response:
    """Answer a work order: fixed, or disputed with a reason; the next run says whether it is."""
    return reply(edge.desk.quality.answer(who, asked))
