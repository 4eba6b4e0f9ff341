"""Routes of asking the library: what one may read, questions as rows, files and streams, and pages of a dataset."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response

from hubtwin.channels.result_files import TYPES
from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.desk_queries import AnswerFile
from hubtwin.web.edge import API, reply
from hubtwin.web.schemas import queries as q

router = APIRouter(prefix=f"{API}/library", tags=["queries"])
WRITES = [Depends(same_origin)]
Asks = Annotated[Person, Depends(allowed("library.query"))]
Name = Annotated[str, Query(min_length=1, max_length=80)]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_CSV, _ARROW = "text/csv", TYPES["arrow"]


def _files(*kinds: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"content": dict.fromkeys(kinds, _BINARY), "description": "The answer as a file"}}


@router.get("/mine", response_model=q.MineReply)
def mine(edge: EdgeOf, who: Asks) -> Response:
    """Return what the one who asks may read of the library now: columns, masks, rows, for what, until when."""
    return reply(edge.desk.queries.mine(who))


@router.get("/lookups", response_model=q.LookUpsReply)
def lookups(
    edge: EdgeOf,
    who: Annotated[Person, Depends(allowed("catalogue.read"))],
    share: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Return what one has asked oneself, and what was asked under shares of the own agency, as the audit has it."""
    return reply(edge.desk.queries.lookups(who, share, before, limit))


@router.post("/ask", response_model=q.AskReply, dependencies=WRITES)
def ask(edge: EdgeOf, who: Asks, asked: q.AskIn) -> Response:
    """Answer one SELECT over what `mine` lists, for a stated purpose; written to the audit before the rows leave."""
    return reply(edge.desk.queries.ask(who, asked))


@router.post(
    "/ask/file",
    response_class=Response,
    responses=_files(_CSV, TYPES["xlsx"], TYPES["parquet"]),
    dependencies=WRITES,
)
def ask_file(edge: EdgeOf, who: Asks, asked: q.AskFileIn) -> Response:
    """Answer a question with a CSV, Excel or Parquet file, on the same way as `/ask`."""
    return _sent(edge.desk.queries.ask_file(who, asked))


@router.post("/ask/arrow", response_class=Response, responses=_files(_ARROW), dependencies=WRITES)
def ask_arrow(edge: EdgeOf, who: Asks, asked: q.AskArrowIn) -> Response:
    """Answer a question with an Arrow stream, for programs, on the same way as `/ask`."""
    return _sent(edge.desk.queries.ask_arrow(who, asked))


@router.get("/data/{dataset}", response_model=q.PageReply)
def data(
    edge: EdgeOf,
    who: Asks,
    dataset: str,
    *,
    purpose: Name,
    columns: Annotated[str, Query(max_length=4_000)] = "",
    limit: Annotated[int, Query(ge=1, le=5_000)] = 500,
    after: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """Return the next rows of a dataset; `columns` are names with commas between, none for all; `after` is `next` of
    the page before."""
    named = [name.strip() for name in columns.split(",") if name.strip()]
    return reply(edge.desk.queries.page(who, dataset, purpose, named, limit=limit, after=after))


def _sent(file: AnswerFile) -> Response:
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{file.name}"',
        "x-hubtwin-rows": str(file.rows),
        "x-hubtwin-synthetic": "true" if file.synthetic else "false",
    }
    return Response(file.content, 200, headers, file.media_type)
