"""Routes about the venue: what it looks like, and the way between two of its places."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.web.auth import EdgeOf, allowed
from hubtwin.web.edge import API, reply
from hubtwin.web.schemas.venue import VenueReply, WayReply

router = APIRouter(prefix=API, tags=["venue"], dependencies=[Depends(allowed("map.read"))])
Place = Annotated[str, Query(min_length=1, max_length=200)]
KEPT = "private, no-cache"  # by the browser of who may read it, which asks each time whether it still is the same


@router.get(
    "/venue",
    response_model=VenueReply,
    responses={304: {"description": "It is the one that the reader has, by its ETag."}},
)
def venue(request: Request, edge: EdgeOf) -> Response:
    """Return levels and features of the venue of the hub; it changes only with its archive, so it has an ETag."""
    found = edge.desk.venue.venue()
    etag = f'"{found.etag}"'
    headers = {"etag": etag, "cache-control": KEPT, "vary": "Cookie"}
    asked = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    if etag in asked:
        return Response(status_code=304, headers=headers)
    return Response(found.body, 200, headers, "application/json")


@router.get("/venue/way", response_model=WayReply)
def way(
    edge: EdgeOf,
    start: Annotated[Place, Query(alias="from")],
    end: Annotated[Place, Query(alias="to")],
    *,
    step_free: bool = False,
) -> Response:
    """Return the shortest way on foot between two places of the venue by code, around what hub.toml has closed."""
    return reply(edge.desk.venue.way(start, end, step_free=step_free))
