"""Routes of the catalogue: libraries, datasets, all of it in DCAT, contracts of the Open Data Contract Standard."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.library.odcs_read import MOST_BYTES
from hubtwin.library.search import LONGEST_QUERY, narrow
from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.schemas import catalogue as c

router = APIRouter(prefix=f"{API}/library", tags=["catalogue"])
YAML, JSON_LD = "application/yaml", "application/ld+json"
LARGER: Sequence[tuple[re.Pattern[str], int]] = (
    (re.compile(rf"{API}/library/datasets/[^/]{{1,80}}/contract"), MOST_BYTES),
)
Reads = Annotated[Person, Depends(allowed("catalogue.read"))]
Writes = Annotated[Person, Depends(allowed("contract.write"))]
Name = Annotated[str, Path(min_length=1, max_length=80)]
Word = Annotated[str, Query(max_length=80)]
_SHOWN = {"content": {YAML: {"schema": {"type": "string"}}}, "description": "The contract."}
CONTRACT: dict[int | str, dict[str, Any]] = {200: _SHOWN}


@router.get("", response_model=c.LibraryReply)
def library(edge: EdgeOf, who: Reads) -> Response:
    """Return the libraries of the hub and its district, and what an application may name."""
    return reply(edge.desk.catalogue.library(who))


@router.get("/datasets", response_model=c.DatasetsReply)
def datasets(
    edge: EdgeOf,
    who: Reads,
    q: Annotated[str, Query(max_length=LONGEST_QUERY)] = "",
    library: Word = "",
    owner: Word = "",
    *,
    sharing: c.SharingName | None = None,
    grade: c.GradeName | None = None,
) -> Response:
    """Return datasets of the catalogue, searched in Chinese and English, the best match first."""
    return reply(edge.desk.catalogue.datasets(who, q, narrow(library, sharing, grade, owner)))


@router.get("/datasets/{name}", response_model=c.DatasetReply)
def dataset(edge: EdgeOf, who: Reads, name: Name) -> Response:
    """Return a dataset with all that is said of it: columns, promise, lineage, who may see it, who used it."""
    return reply(edge.desk.catalogue.dataset(who, name))


@router.get(
    "/dcat",
    response_class=Response,
    responses={200: {"content": {JSON_LD: {"schema": {"type": "object"}}}, "description": "The catalogue."}},
)
def dcat(request: Request, edge: EdgeOf, who: Reads) -> Response:
    """Return the catalogue in DCAT 3 as JSON-LD, for other catalogues to harvest."""
    base = str(request.base_url).rstrip("/")
    found = reply(edge.desk.catalogue.dcat(who, base))
    return Response(found.body, 200, {"cache-control": "no-store"}, JSON_LD)


@router.get("/datasets/{name}/contract", response_class=Response, responses=CONTRACT)
def contract(edge: EdgeOf, who: Reads, name: Name, version: Annotated[str, Query(max_length=40)] = "") -> Response:
    """Return the contract of a dataset as YAML: the one in force, or the published version that is named."""
    told = edge.desk.catalogue.contract(who, name, version)
    headers = {"cache-control": "no-store", "content-disposition": f'attachment; filename="{name}.odcs.yaml"'}
    return Response(told.encode(), 200, headers, YAML)


@router.put(
    "/datasets/{name}/contract",
    response_model=c.ContractReply,
    dependencies=[Depends(same_origin)],
    openapi_extra={"requestBody": {"content": {YAML: {"schema": {"type": "string"}}}, "required": True}},
)
async def put_contract(request: Request, edge: EdgeOf, who: Writes, name: Name, *, publish: bool = False) -> Response:
    """Say what a contract changes; with `publish` it stands in the place of the listing from then on."""
    content = await request.body()
    told = await run_in_threadpool(edge.desk.catalogue.propose_contract, who, name, content, publish=publish)
    return reply(told)
