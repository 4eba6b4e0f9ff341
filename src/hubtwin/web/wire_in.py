"""Where partners hand over signed messages. No session: who sends is proven by the signature of each message."""

import re
from collections.abc import Sequence

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.base.errors import Denied, Malformed
from hubtwin.channels.webhook import LINES_TYPE, MAX_BODY_BYTES, SIGNATURE
from hubtwin.web.auth import EdgeOf
from hubtwin.web.edge import API

WIRE = f"{API}/wire"
LARGER: Sequence[tuple[re.Pattern[str], int]] = (
    (re.compile(re.escape(WIRE)), MAX_BODY_BYTES),
)  # bodies that may be larger than those of a page
BAD_TRIES = 30  # a minute from one address; deliveries that are taken do not count
router = APIRouter(prefix=API, tags=["partners"])
_BODY = {"content": {LINES_TYPE: {"schema": {"type": "string", "format": "binary"}}}, "required": True}


@router.post("/wire", response_class=Response, openapi_extra={"requestBody": _BODY})
async def take(request: Request, edge: EdgeOf) -> Response:
    """Take in signed CloudEvents, one or many; the answer is the signed receipt, given once all of them are stored."""
    address = f"wire {request.client.host if request.client else '-'}"
    edge.limiter.take(address, BAD_TRIES)
    headers, body = {name.lower(): value for name, value in request.headers.items()}, await request.body()
    try:
        receipt = await run_in_threadpool(edge.desk.take_messages, headers, body)
    except (Denied, Malformed):
        raise  # it has cost a try: somebody who guesses is slowed down
    except Exception:
        edge.limiter.give_back(address, BAD_TRIES)
        raise
    edge.limiter.give_back(address, BAD_TRIES)
    kept = {SIGNATURE: receipt.signature, "cache-control": "no-store"}
    return Response(receipt.content, 200, kept, "application/json")
