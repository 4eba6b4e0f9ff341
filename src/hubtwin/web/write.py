"""What a page changes. Each write is refused unless it comes from our own page, from somebody who may."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from hubtwin.base.errors import Malformed
from hubtwin.model.agency import Person
from hubtwin.rules.permission import may_somewhere
from hubtwin.web.auth import EdgeOf, allowed, prove_second, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas.asked import Declare, DestroyData, EndEmergency, MoveCase, MoveTask, Reveal
from hubtwin.web.schemas.hub import EmergencyReply, RevealReply
from hubtwin.web.schemas.loop import CaseReply, TaskReply

router = APIRouter(prefix=API, dependencies=[Depends(same_origin)])


@router.post("/emergency", response_model=EmergencyReply, tags=["hub"])
def declare(edge: EdgeOf, who: Annotated[Person, Depends(allowed("emergency.declare"))], asked: Declare) -> Response:
    """Declare an event: its scene works from now until the end of the day `ends_on`."""
    try:
        date.fromisoformat(asked.ends_on)
    except ValueError as error:
        raise Malformed("web.no_such_day", day=asked.ends_on) from error
    return reply(edge.desk.declare(who, asked))


@router.post("/emergency/end", response_model=EmergencyReply, tags=["hub"])
def end_emergency(
    request: Request, edge: EdgeOf, who: Annotated[Person, Depends(allowed("emergency.end"))], asked: EndEmergency
) -> Response:
    """End the event on two people's word: collecting stops; its data are destroyed unless a legal hold stands."""
    return reply(edge.desk.end_emergency(who, asked.reason, prove_second(request, who, asked.second)))


@router.post("/emergency/destroy", response_model=EmergencyReply, tags=["hub"])
def destroy_data(
    request: Request, edge: EdgeOf, who: Annotated[Person, Depends(allowed("emergency.end"))], asked: DestroyData
) -> Response:
    """Destroy the data of an event that is over and whose data still stand, on two people's word."""
    second = prove_second(request, who, asked.second)
    return reply(edge.desk.destroy_data(who, asked.emergency_id, asked.reason, second))


@router.post("/cases/{case_id}/moves", response_model=CaseReply, tags=["loop"])
def move_case(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("case.read"))], case_id: Id, asked: MoveCase
) -> Response:
    """Move a case on; nothing changes without the evidence that the move needs."""
    may_somewhere(who, f"case.{asked.command}")
    return reply(edge.desk.move_case(who, case_id, asked))


@router.post("/tasks/{task_id}/moves", response_model=TaskReply, tags=["loop"])
def move_task(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("task.read"))], task_id: Id, asked: MoveTask
) -> Response:
    """Move a task on."""
    may_somewhere(who, f"task.{asked.command}")
    return reply(edge.desk.move_task(who, task_id, asked))


@router.post("/reveal", response_model=RevealReply, tags=["persons"])
def reveal(
    request: Request, edge: EdgeOf, who: Annotated[Person, Depends(allowed("person.reveal"))], asked: Reveal
) -> Response:
    """Unmask persons for a purpose. It is audited before the answer leaves; many persons need a second person."""
    second = None if asked.second is None else prove_second(request, who, asked.second)
    return reply(edge.desk.reveal(who, asked, second))
