"""Routes of loads into the library: upload a file, look at it, load it, correct what could not be read."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.desk_loads import Receiver
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import loads as lo

router = APIRouter(prefix=f"{API}/library", tags=["loads"])
WRITES = [Depends(same_origin)]
UPLOADS = re.compile(rf"{API}/library/uploads")  # its bodies may be as large as the options say
PIECE_BYTES = 1 << 20
BYTES_TYPE = "application/octet-stream"
Loads = Annotated[Person, Depends(allowed("library.load"))]
File = Annotated[str, Query(min_length=1, max_length=200), StringConstraints(pattern=r"^[^/\\\x00-\x1f]+$")]
Row = Annotated[int, Path(ge=1, le=2**53)]
_BODY = {"content": {BYTES_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "required": True}


@router.post("/uploads", response_model=lo.UploadView, dependencies=WRITES, openapi_extra={"requestBody": _BODY})
async def upload(request: Request, edge: EdgeOf, who: Loads, file: File) -> Response:
    """Take in a file: the body is its bytes, written to disk as they come. What breaks off leaves nothing."""
    receiver = await run_in_threadpool(edge.desk.loads.begin_upload, who, file)
    try:
        await _receive(request, receiver)
        done = await run_in_threadpool(receiver.finish)
    except BaseException:
        await run_in_threadpool(receiver.abort)
        raise
    return reply(done)


async def _receive(request: Request, receiver: Receiver) -> None:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) >= PIECE_BYTES:
            await run_in_threadpool(receiver.write, bytes(held))
            held.clear()
    await run_in_threadpool(receiver.write, bytes(held))


@router.get("/uploads", response_model=lo.UploadsReply)
def uploads(edge: EdgeOf, who: Loads) -> Response:
    """Return the files of one's own agency that wait to be loaded."""
    return reply(edge.desk.loads.uploads(who, edge.options.upload_bytes))


@router.delete("/uploads/{upload_id}", status_code=204, response_model=None, dependencies=WRITES)
def drop_upload(edge: EdgeOf, who: Loads, upload_id: Id) -> Response:
    """Delete a file that waits."""
    edge.desk.loads.drop_upload(who, upload_id)
    return Response(status_code=204, headers={"cache-control": "no-store"})


@router.post("/loads/preview", response_model=lo.PreviewReply, dependencies=WRITES)
def preview(edge: EdgeOf, who: Loads, asked: lo.LoadIn) -> Response:
    """Return what a load would do: encoding, columns, types, and the problems row by row; nothing is stored."""
    return reply(edge.desk.loads.preview(who, asked))


@router.post("/loads", response_model=lo.LoadView, dependencies=WRITES)
def load(edge: EdgeOf, who: Loads, asked: lo.LoadIn) -> Response:
    """Begin a load, or go on with one that was interrupted. It runs on; ask for it to see how far it is."""
    return reply(edge.desk.loads.load(who, asked))


@router.get("/loads", response_model=lo.LoadsReply)
def loads(edge: EdgeOf, who: Loads) -> Response:
    """Return the loads into datasets of one's own agency, and which datasets those are."""
    return reply(edge.desk.loads.loads(who))


@router.get("/loads/{load_id}", response_model=lo.LoadView)
def get_load(edge: EdgeOf, who: Loads, load_id: Id) -> Response:
    """Return how far a load is."""
    return reply(edge.desk.loads.get_load(who, load_id))


@router.get("/loads/{load_id}/quarantine", response_model=lo.QuarantineReply)
def quarantine(
    edge: EdgeOf,
    who: Loads,
    load_id: Id,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    *,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """Return rows that could not be read, with line and problems, without what stands in them."""
    return reply(edge.desk.loads.quarantine(who, load_id, after, limit))


@router.get("/loads/{load_id}/quarantine/{row}", response_model=lo.BadView)
def bad_row(edge: EdgeOf, who: Loads, load_id: Id, row: Row) -> Response:
    """Return a row as it came; that this person looked goes into the audit."""
    return reply(edge.desk.loads.bad_row(who, load_id, row))


@router.post("/loads/{load_id}/release", response_model=lo.ReleasedReply, dependencies=WRITES)
def release(edge: EdgeOf, who: Loads, load_id: Id, asked: lo.ReleaseIn) -> Response:
    """Correct rows of the quarantine and store those that can be read now."""
    return reply(edge.desk.loads.release(who, load_id, asked))
