"""The application: routes under /api/v1, health and metrics, the page, and the feed beside them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response

from hubtwin import __version__
from hubtwin.base.errors import Absent
from hubtwin.web import (
    access,
    auth,
    baskets,
    catalogue,
    field,
    liaison,
    live,
    loads,
    loop,
    partners,
    past,
    quality,
    queries,
    read,
    returns,
    sendings,
    venue,
    wire_in,
    write,
)
from hubtwin.web.auth import EdgeOf
from hubtwin.web.desk import Desk
from hubtwin.web.edge import API, Edge, Options, reply
from hubtwin.web.feed import Feed
from hubtwin.web.guard import Guard
from hubtwin.web.limits import Limiter
from hubtwin.web.metrics import Meters
from hubtwin.web.pages import Pages
from hubtwin.web.problems import add_handlers
from hubtwin.web.schemas.asked import Asked
from hubtwin.web.schemas.hub import Health
from hubtwin.web.turns import Turns

ZIP_BYTES, ZIP_LEVEL = 8 * 1024, 1
router = APIRouter(tags=["service"])
log = structlog.get_logger(__name__)


def build(desk: Desk, options: Options | None = None) -> FastAPI:
    """Return the application over a desk."""
    options = options or Options()
    meters = Meters()
    app = _routes()
    app.state.edge = Edge(desk, options, meters, Limiter(), Limiter(), Feed(desk, meters, options.poll_s))
    app.state.pages = Pages(options.ui)
    app.add_middleware(GZipMiddleware, minimum_size=ZIP_BYTES, compresslevel=ZIP_LEVEL)
    app.add_middleware(Turns, cookie=options.cookie)
    app.add_middleware(
        Guard,
        meters=meters,
        body_bytes=options.body_bytes,
        tls=options.tls,
        larger=(
            *wire_in.LARGER,
            *field.LARGER,
            *baskets.LARGER,
            *catalogue.LARGER,
            *sendings.LARGER,
            (loads.UPLOADS, options.upload_bytes),
        ),
        map_origin=options.map_origin,
    )
    return app


def describe() -> Mapping[str, Any]:
    """Return the OpenAPI document, for which no desk is needed."""
    return _routes().openapi()


class HubApi(FastAPI):
    """FastAPI whose document says of replies what holds: every field is always there."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            asked = {kind.__name__ for kind in _subclasses(Asked)}
            for name, schema in document["components"]["schemas"].items():
                if name not in asked and "properties" in schema:
                    schema["required"] = list(schema["properties"])
            stream = document["paths"][f"{API}/live"]["get"]["responses"]["200"]["content"]
            stream["text/event-stream"] = stream.pop("application/json")
        return self.openapi_schema or document


def _subclasses(kind: type[Any]) -> set[type[Any]]:
    return {kind}.union(*(_subclasses(each) for each in kind.__subclasses__()))


def _routes() -> FastAPI:
    app = HubApi(
        title="hubtwin",
        version=__version__,
        summary="The interface of a hub: what the pages read, write and hear.",
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        lifespan=_running,
        responses=auth.FAILS,
        telemetry={"tracing": False, "metrics": False, "logs": False, "operation_spans": False},
    )
    add_handlers(app)
    library = (catalogue, baskets, loads, quality, queries, returns, sendings)
    for part in (auth, read, write, loop, field, access, *library, partners, venue, liaison, wire_in, past, live):
        app.include_router(part.router)
    app.include_router(router)
    return app


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    """Run the feed while the application runs; if it ever fails, pages are cut off and /health says so."""
    running = asyncio.create_task(app.state.edge.feed.run())
    running.add_done_callback(_told)
    try:
        yield
    finally:
        app.state.edge.feed.stop()
        await asyncio.wait([running])  # how it failed, if it did, was logged then


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        inner = error.exceptions[0] if isinstance(error, ExceptionGroup) else error
        log.error("feed_failed", kind=type(inner).__name__)


@router.get("/health", response_model=Health)
def health(edge: EdgeOf) -> Response:
    """Say whether the hub works: 200, or 503 where the store or the feed fails. Open to anybody; it names nobody."""
    found = edge.desk.health()
    edge.meters.take(found)
    if not edge.feed.is_running:
        found = replace(found, status="down")
    return reply(found, 503 if found.status == "down" else 200)


@router.get("/metrics", response_class=Response, include_in_schema=False)
def metrics(edge: EdgeOf) -> Response:
    """Return the meters for Prometheus: counts and times only."""
    edge.meters.take(edge.desk.health())
    body, kind = edge.meters.render()
    return Response(body, media_type=kind)


@router.get("/{path:path}", response_class=Response, include_in_schema=False)
def page(request: Request, path: str) -> Response:
    """Return a file of the page."""
    if path == "api" or path.startswith("api/"):
        raise Absent("web.no_page")
    pages: Pages = request.app.state.pages
    return pages.answer(request, path)
