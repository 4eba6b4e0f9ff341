"""Routes of what leaves of the library through the channels of partners: sent, receipted, corrected, sent again."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.channels.batch_sheet import MAX_CSV_BYTES
from hubtwin.channels.result_files import TYPES
from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import sendings as s

router = APIRouter(prefix=f"{API}/library", tags=["sendings"])
WRITES = [Depends(same_origin)]
LARGER: Sequence[tuple[re.Pattern[str], int]] = (
    (re.compile(rf"{API}/library/sendings/[^/]{{1,200}}/corrections"), MAX_CSV_BYTES),
)
Sends = Annotated[Person, Depends(allowed("share.send"))]
File = Annotated[str, Query(max_length=200), StringConstraints(pattern=r"(?i)^[^/\\\x00-\x1f]+\.(xlsx|csv)$")]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {TYPES["xlsx"]: _BINARY, "text/csv": _BINARY}, "description": "The rows to correct"}
}
_BODY = {"content": {"application/octet-stream": _BINARY}, "required": True}


@router.post("/shares/{share_id}/send", response_model=s.SentShare, dependencies=WRITES)
def send_share(edge: EdgeOf, who: Sends, share_id: Id) -> Response:
    """Send what a partner was given through its channel: new rows and changed ones."""
    return reply(edge.desk.sendings.send_share(who, share_id))


@router.get("/shares/{share_id}/sendings", response_model=s.SendingsReply)
def sendings(edge: EdgeOf, who: Sends, share_id: Id) -> Response:
    """Return the sendings of a share: what arrived, what the partner has accepted and refused."""
    return reply(edge.desk.sendings.sendings(who, share_id))


@router.get("/sendings/{batch_id}/errors", response_class=Response, responses=_FILE)
def errors(edge: EdgeOf, who: Sends, batch_id: Id, form: Literal["xlsx", "csv"] = "xlsx") -> Response:
    """Return the rows of a sending that were not taken, with why, to be corrected; it is written down."""
    file = edge.desk.sendings.errors(who, batch_id, form)
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{file.name}"'}
    return Response(file.content, 200, {**headers, "x-hubtwin-rows": str(file.rows)}, file.media_type)


@router.post(
    "/sendings/{batch_id}/corrections",
    response_model=s.CorrectedReply,
    dependencies=WRITES,
    openapi_extra={"requestBody": _BODY},
)
async def correct(request: Request, edge: EdgeOf, who: Sends, batch_id: Id, file: File) -> Response:
    """Take a corrected file of errors: what changed and is right now goes as a sending of its own."""
    content = await request.body()
    return reply(await run_in_threadpool(edge.desk.sendings.correct, who, batch_id, file, content))


@router.post("/sendings/{batch_id}/again", response_model=s.SentAgain, dependencies=WRITES)
def send_again(edge: EdgeOf, who: Sends, batch_id: Id) -> Response:
    """Send the rows of a sending once more that the partner has not accepted."""
    return reply(edge.desk.sendings.send_again(who, batch_id))
