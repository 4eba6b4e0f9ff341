"""Routes of the past: which of it is known, what was shown at a moment, what changed after it; and a thing's own past.

Everything is filtered by the same view as the live feed of the one who asks.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, paced
from hubtwin.web.change import view_of
from hubtwin.web.edge import API, reply
from hubtwin.web.schemas.past import PastChanges, PastRange, PastReply
from hubtwin.web.schemas.things import ThingReply

router = APIRouter(prefix=API, tags=["past"])
PICTURES, STRETCHES, THINGS = 180, 360, 240  # a minute and session; a page that plays at 600x asks 60 to 120 times
ReadsRange = Annotated[Person, Depends(paced("hub.read", "past range", PICTURES))]
Reads = Annotated[Person, Depends(paced("hub.read", "past", PICTURES))]
ReadsOn = Annotated[Person, Depends(paced("hub.read", "past changes", STRETCHES))]
ReadsMap = Annotated[Person, Depends(paced("map.read", "things", THINGS))]
ThingId = Annotated[str, Path(min_length=1, max_length=300)]  # codes of places may have a slash; a warning's is long
Moment = Annotated[int, Query(ge=0, le=2**53)]
Until = Annotated[int | None, Query(ge=0, le=2**53)]


@router.get("/past/range", response_model=PastRange)
def past_range(edge: EdgeOf, who: ReadsRange) -> Response:
    """Return from when until when the past is known, with what the timeline marks."""
    return reply(edge.desk.past.range(view_of(who)))


@router.get("/past", response_model=PastReply)
def past(edge: EdgeOf, who: Reads, at_ms: Moment) -> Response:
    """Return what was shown at a moment."""
    return reply(edge.desk.past.at(view_of(who), at_ms))


@router.get("/past/changes", response_model=PastChanges)
def changes(edge: EdgeOf, who: ReadsOn, from_ms: Moment, to_ms: Moment) -> Response:
    """Return what was told after a moment and until another, ten minutes of the hub at most."""
    return reply(edge.desk.past.changes(view_of(who), from_ms, to_ms))


@router.get("/things/{thing_id:path}", response_model=ThingReply, tags=["things"])
def thing(edge: EdgeOf, who: ReadsMap, thing_id: ThingId, until_ms: Until = None) -> Response:
    """Return a thing of the panorama with its newest states, or as it was shown at a past moment with those before."""
    return reply(edge.desk.past.thing(view_of(who), thing_id, until_ms))
