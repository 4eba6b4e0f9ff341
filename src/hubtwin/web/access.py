"""Routes about who may read what: grants, broken glasses, holds, signed reports, the audit.

Each route asks the table of permissions, and the desk asks it again for the very thing. Only `/reveal` hands out
personal values; what is told here is who may, who did, and when.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, prove_second, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.problems import find_lang
from hubtwin.web.read import Id
from hubtwin.web.schemas import access as a

router = APIRouter(prefix=API, tags=["access"])
WRITES = [Depends(same_origin)]
Seq = Annotated[int | None, Query(ge=1, le=2**53)]
Lines = Annotated[int, Query(ge=1, le=500)]
Unmasks = Annotated[Person, Depends(allowed("person.reveal"))]
ReadsGrants = Annotated[Person, Depends(allowed("grant.read"))]
Issues = Annotated[Person, Depends(allowed("grant.issue"))]
Revokes = Annotated[Person, Depends(allowed("grant.revoke"))]
Reviews = Annotated[Person, Depends(allowed("glass.review"))]
ReadsKept = Annotated[Person, Depends(allowed("retention.read"))]
SetsHolds = Annotated[Person, Depends(allowed("hold.set"))]
LiftsHolds = Annotated[Person, Depends(allowed("hold.lift"))]
ReadsAudit = Annotated[Person, Depends(allowed("audit.read"))]
Verifies = Annotated[Person, Depends(allowed("audit.verify"))]


@router.get("/grants", response_model=a.GrantsReply)
def grants(edge: EdgeOf, who: ReadsGrants) -> Response:
    """Return live and past grants, and what was done under broken glasses."""
    return reply(edge.desk.access.grants(who))


@router.get("/grants/mine", response_model=a.MyGrantsReply)
def my_grants(edge: EdgeOf, who: Unmasks) -> Response:
    """Return which fields of the vault the one who asks may unmask now, for what, until when."""
    return reply(edge.desk.access.my_grants(who))


@router.get("/grants/options", response_model=a.GrantOptions)
def grant_options(edge: EdgeOf, who: Issues) -> Response:
    """Return what can be granted, to whom, for what."""
    return reply(edge.desk.access.grant_options(who))


@router.post("/grants", response_model=a.GrantView, dependencies=WRITES)
def issue_grant(request: Request, edge: EdgeOf, who: Issues, asked: a.IssueGrant) -> Response:
    """Give a grant: a data owner gives it, a security officer agrees at the same desk, neither of them receives it."""
    return reply(edge.desk.access.issue_grant(who, asked, prove_second(request, who, asked.second)))


@router.post("/grants/{grant_id}/revoke", response_model=a.GrantView, dependencies=WRITES)
def revoke_grant(edge: EdgeOf, who: Revokes, grant_id: Id) -> Response:
    """End a grant; it binds at the next question. Twice is harmless."""
    return reply(edge.desk.access.revoke_grant(who, grant_id))


@router.post("/grants/{grant_id}/review", response_model=a.GrantView, dependencies=WRITES)
def review_glass(edge: EdgeOf, who: Reviews, grant_id: Id, asked: a.ReviewGlass) -> Response:
    """Review a broken glass of somebody else, once."""
    return reply(edge.desk.access.review_glass(who, grant_id, asked))


@router.get("/holds", response_model=a.HoldsReply)
def holds(edge: EdgeOf, who: ReadsKept) -> Response:
    """Return the legal holds that stand, and the events that one can be set on."""
    return reply(edge.desk.access.holds(who))


@router.post("/holds", response_model=a.HoldsReply, dependencies=WRITES)
def set_hold(edge: EdgeOf, who: SetsHolds, asked: a.SetHold) -> Response:
    """Set a legal hold: nothing of the event is destroyed while it stands."""
    return reply(edge.desk.access.set_hold(who, asked))


@router.post("/holds/{hold_id}/lift", response_model=a.HoldsReply, dependencies=WRITES)
def lift_hold(edge: EdgeOf, who: LiftsHolds, hold_id: Id) -> Response:
    """Lift a legal hold."""
    return reply(edge.desk.access.lift_hold(who, hold_id))


@router.get("/reports", response_model=a.ReportsReply)
def reports(request: Request, edge: EdgeOf, who: ReadsKept) -> Response:
    """Return the signed reports of deletion and destruction in the language of the reader, each verified."""
    return reply(edge.desk.access.reports(who, find_lang(request)))


@router.get("/audit", response_model=a.AuditReply)
def audit(
    edge: EdgeOf, who: ReadsAudit, *, after: Seq = None, limit: Lines = 100, people_only: bool = False
) -> Response:
    """Return rows of the audit, newest first; `people_only` leaves out scenes and clocks."""
    return reply(edge.desk.access.audit(who, after, limit, people_only=people_only))


@router.post("/audit/verify", response_model=a.AuditCheck, dependencies=WRITES)
def verify_audit(edge: EdgeOf, who: Verifies) -> Response:
    """Verify the whole audit; that it was asked for is written down too."""
    return reply(edge.desk.access.verify_audit(who))
