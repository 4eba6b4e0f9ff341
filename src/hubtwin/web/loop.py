"""Routes of the loop beside its moves: overflow at an exit, appeals, the state of the sources."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.web.auth import EdgeOf, allowed, same_origin
from hubtwin.web.edge import API, reply
from hubtwin.web.read import Id
from hubtwin.web.schemas.alarms import AlarmsReply
from hubtwin.web.schemas.asked import (
    Acknowledge,
    AskCotravel,
    BeginOverflow,
    DecideAppeal,
    LodgeAppeal,
    SetSpeed,
    ShelveAlarms,
)
from hubtwin.web.schemas.cotravel import CotravelReply
from hubtwin.web.schemas.hub import HubView, SourcesReply
from hubtwin.web.schemas.loop import Board, CaseReply

router = APIRouter(prefix=API)
WRITES = [Depends(same_origin)]
Switches = Annotated[Person, Depends(allowed("overflow.switch"))]


@router.get("/sources", response_model=SourcesReply, tags=["hub"], dependencies=[Depends(allowed("hub.read"))])
def sources(edge: EdgeOf) -> Response:
    """Return the sources: when each was last read, how many rows it gave, whether it is late, failed or off."""
    return reply(edge.desk.sources())


@router.post("/clock", response_model=HubView, tags=["hub"], dependencies=WRITES)
def set_speed(edge: EdgeOf, who: Annotated[Person, Depends(allowed("emergency.declare"))], asked: SetSpeed) -> Response:
    """Let a replay run at another speed, hub seconds a second; 0 stands still. A hub at work has no other clock."""
    return reply(edge.desk.set_speed(who, asked.speed))


@router.post("/overflow", response_model=Board, tags=["loop"], dependencies=WRITES)
def begin_overflow(edge: EdgeOf, who: Switches, asked: BeginOverflow) -> Response:
    """Begin overflow at an exit: from now on cases there may be let go and followed up. One that stands, stays."""
    return reply(edge.desk.begin_overflow(who, asked))


@router.post("/overflow/{overflow_id}/end", response_model=Board, tags=["loop"], dependencies=WRITES)
def end_overflow(edge: EdgeOf, who: Switches, overflow_id: Id) -> Response:
    """End overflow at an exit."""
    return reply(edge.desk.end_overflow(who, overflow_id))


@router.post("/cases/{case_id}/appeals", response_model=CaseReply, tags=["loop"], dependencies=WRITES)
def lodge_appeal(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("case.read"))], case_id: Id, asked: LodgeAppeal
) -> Response:
    """Lodge an appeal: somebody else decides within two hours. The same ground twice is one appeal."""
    return reply(edge.desk.lodge_appeal(who, case_id, asked.ground))


@router.get("/cases/{case_id}/cotravel", response_model=CotravelReply, tags=["loop"])
def cotravel(edge: EdgeOf, who: Annotated[Person, Depends(allowed("case.read"))], case_id: Id) -> Response:
    """Return what matchers can be asked about a case, and how far each question is. Persons are numbers here."""
    return reply(edge.desk.cotravel(who, case_id))


@router.post("/cases/{case_id}/cotravel", response_model=CotravelReply, tags=["loop"], dependencies=WRITES)
def ask_cotravel(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("cotravel.ask"))], case_id: Id, asked: AskCotravel
) -> Response:
    """Ask every matcher who travelled along with a confirmed case, each once; one that is down is asked again."""
    return reply(edge.desk.ask_cotravel(who, case_id, asked.reason))


@router.post("/appeals/{appeal_id}/decision", response_model=CaseReply, tags=["loop"], dependencies=WRITES)
def decide_appeal(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("case.correct"))], appeal_id: Id, asked: DecideAppeal
) -> Response:
    """Decide an appeal of somebody else; upheld, it corrects the case where the table of moves has that move."""
    return reply(edge.desk.decide_appeal(who, appeal_id, asked))


@router.get("/alarms", response_model=AlarmsReply, tags=["loop"], dependencies=[Depends(allowed("hub.read"))])
def alarms(edge: EdgeOf) -> Response:
    """Return who has heard the alarms that stand, and which kinds are shelved. The alarms come with the live feed."""
    return reply(edge.desk.alarm_answers())


@router.post("/alarms/acknowledge", response_model=AlarmsReply, tags=["loop"], dependencies=WRITES)
def acknowledge(
    edge: EdgeOf, who: Annotated[Person, Depends(allowed("alarm.acknowledge"))], asked: Acknowledge
) -> Response:
    """Say that alarms were heard: they stop sounding on every page of the hub. Nothing else about them changes."""
    return reply(edge.desk.acknowledge(who, asked))


@router.post("/alarms/shelve", response_model=AlarmsReply, tags=["loop"], dependencies=WRITES)
def shelve(edge: EdgeOf, who: Annotated[Person, Depends(allowed("alarm.shelve"))], asked: ShelveAlarms) -> Response:
    """Shelve alarms of a kind for some minutes, for a reason: they are listed, and do not sound."""
    return reply(edge.desk.shelve(who, asked))
