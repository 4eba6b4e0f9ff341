"""Routes about partners, and about the messages of one's own agency.

Pages of the hub get names of fields and counts; what a message says goes to the agency that it is for.
"""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import partners as p

router = APIRouter(prefix=API, tags=["partners"])
WRITES = [Depends(same_origin)]
Reads = Annotated[Person, Depends(allowed("partner.read"))]
Links = Annotated[Person, Depends(allowed("partner.link"))]
Answers = Annotated[Person, Depends(allowed("partner.answer"))]
ReadsCases = Annotated[Person, Depends(allowed("case.read"))]


@router.get("/partners", response_model=p.PartnersReply)
def partners(edge: EdgeOf, who: Reads) -> Response:
    """Return the partners that this person may see, those that need somebody first."""
    return reply(edge.desk.partners.partners(who))


@router.get("/partners/{partner_id}", response_model=p.PartnerReply)
def partner(edge: EdgeOf, who: Reads, partner_id: Id) -> Response:
    """Return a partner: given, received, used, refused, late, agreements, the way to it."""
    return reply(edge.desk.partners.partner(who, partner_id))


@router.post("/partners/{partner_id}/verify", response_model=p.LogCheck, dependencies=WRITES)
def verify(edge: EdgeOf, who: Reads, partner_id: Id) -> Response:
    """Verify the message log against what the partner has signed; that it was asked for is written down too."""
    return reply(edge.desk.partners.verify(who, partner_id))


@router.post("/partners/{partner_id}/messages/{message_id}/links", response_model=p.NewLink, dependencies=WRITES)
def issue_link(edge: EdgeOf, who: Links, partner_id: Id, message_id: Id, asked: p.IssueLink) -> Response:
    """Make a link to a message for somebody without an account; the answer is the only place where it stands."""
    return reply(edge.desk.partners.issue_link(who, partner_id, message_id, asked))


@router.post("/links/{link_id}/revoke", response_model=p.LinkView, dependencies=WRITES)
def revoke_link(edge: EdgeOf, who: Links, link_id: Id) -> Response:
    """End a link at once; twice is harmless."""
    return reply(edge.desk.partners.revoke_link(who, link_id))


@router.get("/cases/{case_id}/told", response_model=p.CaseToldReply)
def case_told(edge: EdgeOf, who: ReadsCases, case_id: Id) -> Response:
    """Return to whom a case was told, which fields, and their answers."""
    return reply(edge.desk.partners.case_told(who, case_id))


@router.get("/letters", response_model=p.LettersReply)
def letters(edge: EdgeOf, who: Answers) -> Response:
    """Return the messages of one's own agency, without what they say."""
    return reply(edge.desk.partners.letters(who))


@router.get("/letters/{message_id}", response_model=p.LetterReply)
def letter(edge: EdgeOf, who: Answers, message_id: Id) -> Response:
    """Return a message of one's own agency with what it says; it goes into the audit."""
    return reply(edge.desk.partners.letter(who, message_id))


@router.post("/letters/{message_id}/answers", response_model=p.LetterReply, dependencies=WRITES)
def answer(edge: EdgeOf, who: Answers, message_id: Id, asked: p.SayAnswer) -> Response:
    """Answer a message of one's own agency."""
    return reply(edge.desk.partners.answer(who, message_id, asked))
