"""Who is at the page: the session cookie, the permission of each route, the origin of each write, signing in."""

from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.agency import ACTIONS, Person
from hubtwin.rules.permission import is_allowed, may_somewhere
from hubtwin.web.edge import API, Edge, get_edge, reply
from hubtwin.web.limits import TooMany
from hubtwin.web.problems import NoSession
from hubtwin.web.schemas.asked import Second, SignIn
from hubtwin.web.schemas.hub import Me, Problem

TRIES, TRIES_OF_ADDRESS = 6, 30  # a minute, for one name from one address, and for an address with any names
FAILS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "Not JSON"},
    401: {"model": Problem, "description": "Nobody is signed in"},
    403: {"model": Problem, "description": "This person may not, or the write came from another page"},
    404: {"model": Problem, "description": "No such thing"},
    409: {"model": Problem, "description": "Somebody else was faster: read again, then decide"},
    413: {"model": Problem, "description": "Too large"},
    422: {"model": Problem, "description": "Not as declared, or evidence is missing"},
    429: {"model": Problem, "description": "Too many attempts or requests: try again after Retry-After seconds"},
    503: {"model": Problem, "description": "For now: try again after Retry-After seconds"},
}
router = APIRouter(prefix=API, tags=["session"])
EdgeOf = Annotated[Edge, Depends(get_edge)]


def find_token(request: HTTPConnection) -> str:
    """Return the token of the session cookie. Raises NoSession."""
    token = request.cookies.get(get_edge(request).options.cookie, "")
    if not token or len(token) > 200 or not token.isascii():
        raise NoSession("web.no_session")
    return token


def identify(request: HTTPConnection) -> Person:
    """Return the person of the session. Raises NoSession."""
    try:
        return get_edge(request).desk.session(find_token(request))
    except Denied as error:
        raise NoSession("web.no_session") from error


def allowed(action: str) -> Callable[[HTTPConnection], Person]:
    """Return the dependency of a route: the person of the session, who may do `action` with something."""

    def check(request: HTTPConnection) -> Person:
        who = identify(request)
        may_somewhere(who, action)
        return who

    check.__name__ = action.replace(".", "_")
    return check


def paced(action: str, name: str, burst: int) -> Callable[[HTTPConnection], Person]:
    """Return the dependency of a route as `allowed`, that one session may ask `burst` times a minute: what answers it
    is costly, and a page that asks more often is broken or means harm. Raises TooMany as well."""
    check = allowed(action)

    def check_paced(request: HTTPConnection) -> Person:
        who, edge = check(request), get_edge(request)
        session = blake2b(find_token(request).encode(), digest_size=16).hexdigest()
        edge.pace.take(f"{name} {session}", burst, "web.too_often")
        return who

    check_paced.__name__ = check.__name__
    return check_paced


def same_origin(request: Request) -> None:
    """Raise Denied for a write that a page of somebody else may have sent; browsers always say where from."""
    options, origin = get_edge(request).options, request.headers.get("origin")
    if origin is None:
        if request.headers.get("sec-fetch-site") != "same-origin":
            raise Denied("web.no_origin")
        return
    host = request.headers.get("host", "")  # a proxy in front may end TLS: the scheme is not compared
    if origin not in (*options.origins, f"http://{host}", f"https://{host}"):
        raise Denied("web.foreign_origin", origin=origin[:100])


def prove(request: Request, user: str, check: Callable[[], tuple[str, Person]]) -> tuple[str, Person]:
    """Run a check of a password under the limits of guessing; what was right costs nothing. Raises TooMany."""
    edge = get_edge(request)
    address = request.client.host if request.client else "-"
    name = blake2b(user.encode(), digest_size=8).hexdigest()
    limits = ((address, TRIES_OF_ADDRESS), (f"{address} {name}", TRIES))
    try:
        for key, burst in limits:
            edge.limiter.take(key, burst)
    except TooMany:
        edge.meters.sign_ins.labels("limited").inc()
        raise
    try:
        with edge.limiter.hashing:
            found = check()
    except Denied:
        edge.meters.sign_ins.labels("refused").inc()
        raise
    for key, burst in limits:
        edge.limiter.give_back(key, burst)
    edge.meters.sign_ins.labels("done").inc()
    return found


def prove_second(request: Request, who: Person, named: Second) -> Person:
    """Return the second person of a two-person act, who proves it by password. Raises Denied, Malformed (oneself)."""
    desk = get_edge(request).desk
    _, second = prove(request, named.user, lambda: ("", desk.vouch(named.user, named.password)))
    if second.user_id == who.user_id:
        raise Malformed("web.same_person")
    return second


@router.post("/session", response_model=Me, dependencies=[Depends(same_origin)])
def sign_in(request: Request, edge: EdgeOf, asked: SignIn) -> Response:
    """Sign in; the answer sets the session cookie."""
    try:
        token, who = prove(request, asked.user, lambda: edge.desk.sign_in(asked.user, asked.password))
    except TooMany:
        raise
    except Denied as error:
        raise NoSession(error.key, **error.values) from error
    answer = reply(describe(who))
    answer.set_cookie(
        edge.options.cookie, token, path="/", httponly=True, samesite="strict", secure=edge.options.tls
    )  # without an end: it goes with the browser, and the session has its own end on the server
    return answer


@router.delete("/session", status_code=204, response_model=None, dependencies=[Depends(same_origin)])
def sign_out(request: Request, edge: EdgeOf) -> Response:
    """Sign out; harmless where nobody is signed in."""
    answer = Response(status_code=204, headers={"cache-control": "no-store"})
    answer.delete_cookie(edge.options.cookie, path="/", httponly=True, samesite="strict", secure=edge.options.tls)
    try:
        edge.desk.sign_out(find_token(request))
    except NoSession:
        return answer
    return answer


@router.get("/me", response_model=Me)
def me(edge: EdgeOf, who: Annotated[Person, Depends(identify)]) -> Response:
    """Return who is signed in and what this person may do."""
    return reply(describe(who))


def describe(who: Person) -> Me:
    """Return a person with what is allowed: `action`, or `action:scene` where it depends on the scene."""
    return Me(
        who.user_id,
        who.name,
        sorted(who.roles),
        sorted(who.scenes),
        who.agency,
        who.team or None,
        who.lang,
        sorted(list_allowed(who)),
    )


def list_allowed(who: Person) -> set[str]:
    """Return every `action` or `action:scene` that the table allows a person, as far as the own things go."""
    hub = {action for action in ACTIONS if is_allowed(who, action)}
    own = {"agency": who.agency, "team": who.team}
    return hub | {
        f"{action}:{scene}"
        for action in ACTIONS
        if action not in hub
        for scene in who.scenes
        if is_allowed(who, action, scene=scene, **own)
    }
