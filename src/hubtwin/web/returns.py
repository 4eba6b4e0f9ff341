"""Routes of the way back: streets send additions and disputes, sources answer."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas import returns as r

router = APIRouter(prefix=f"{API}/library", tags=["returns"])
WRITES = [Depends(same_origin)]
Reads = Annotated[Person, Depends(allowed("catalogue.read"))]
Sends = Annotated[Person, Depends(allowed("addition.send"))]
Answers = Annotated[Person, Depends(allowed("addition.answer"))]


@router.get("/returns", response_model=r.ReturnsReply)
def returns(edge: EdgeOf, who: Reads) -> Response:
    """Return what the own agency sent back, and what waits for the answer of the own agency."""
    return reply(edge.desk.returns.returns(who))


@router.get("/returns/{return_id}/content", response_model=r.ReturnContent)
def content(edge: EdgeOf, who: Reads, return_id: Id) -> Response:
    """Return what was said, to the agency that sent it and the owner of the dataset only; it is written down."""
    return reply(edge.desk.returns.content(who, return_id))


@router.post("/additions", response_model=r.ReturnView, dependencies=WRITES)
def add(edge: EdgeOf, who: Sends, asked: r.SendAddition) -> Response:
    """Send a row of the own street that the source does not have; the same key twice is one."""
    return reply(edge.desk.returns.add(who, asked))


@router.post("/disputes", response_model=r.ReturnView, dependencies=WRITES)
def dispute(edge: EdgeOf, who: Sends, asked: r.SendDispute) -> Response:
    """Say that a value of a row of the own street is wrong; the same key twice is one."""
    return reply(edge.desk.returns.dispute(who, asked))


@router.post("/returns/{return_id}/answer", response_model=r.ReturnView, dependencies=WRITES)
def answer(edge: EdgeOf, who: Answers, return_id: Id, asked: r.AnswerReturn) -> Response:
    """Accept, which writes the row at once, or refuse with a reason."""
    return reply(edge.desk.returns.answer(who, return_id, asked))


@router.post("/returns/{return_id}/withdraw", response_model=r.ReturnView, dependencies=WRITES)
def withdraw(edge: EdgeOf, who: Sends, return_id: Id) -> Response:
    """Take back what one sent and nobody answered yet."""
    return reply(edge.desk.returns.withdraw(who, return_id))
