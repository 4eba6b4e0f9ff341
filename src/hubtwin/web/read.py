"""What a page reads. Every answer is serialised at once from a reply record; nothing is validated twice."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from starlette.responses import Response

from hubtwin.model.agency import Person
from hubtwin.model.case import CaseState
from hubtwin.model.task import TaskState
from hubtwin.web import desk as d
from hubtwin.web.auth import EdgeOf, allowed
from hubtwin.web.edge import API, reply
from hubtwin.web.schemas.hub import EmergencyReply, HubView, RepairsReply
from hubtwin.web.schemas.loop import Board, CaseReply, CasesReply, TaskReply, TasksReply
from hubtwin.web.schemas.trains import AreasReply, DistrictView, PositionsReply, StaffReply, StationView, TrainsReply

router = APIRouter(prefix=API)
Id = Annotated[str, Path(min_length=1, max_length=200)]
Limit = Annotated[int, Query(ge=1, le=1000)]
Name = Annotated[str | None, Query(max_length=200)]
Cases = Annotated[Person, Depends(allowed("case.read"))]
Tasks = Annotated[Person, Depends(allowed("task.read"))]
READS_ALERTS, READS_MAP = [Depends(allowed("alert.read"))], [Depends(allowed("map.read"))]


@router.get("/hub", response_model=HubView, tags=["hub"], dependencies=[Depends(allowed("hub.read"))])
def hub(edge: EdgeOf) -> Response:
    """Return the hub and its clock."""
    return reply(edge.desk.hub())


@router.get("/emergency", response_model=EmergencyReply, tags=["hub"], dependencies=[Depends(allowed("hub.read"))])
def emergency(edge: EdgeOf) -> Response:
    """Return the declared event and what can be declared."""
    return reply(edge.desk.emergency())


@router.get("/trains", response_model=TrainsReply, tags=["trains"], dependencies=READS_ALERTS)
def trains(edge: EdgeOf) -> Response:
    """Return the warned trains of the present list, ranked, with evidence, staff and times of the loop."""
    return reply(edge.desk.trains())


@router.get("/areas", response_model=AreasReply, tags=["trains"], dependencies=READS_MAP)
def areas(edge: EdgeOf) -> Response:
    """Return the counties with risk areas in force, as GeoJSON."""
    return reply(edge.desk.areas())


@router.get(
    "/districts", response_model=list[DistrictView], tags=["loop"], dependencies=[Depends(allowed("case.read"))]
)
def districts(edge: EdgeOf, named: Annotated[str, Query(min_length=1, max_length=40)]) -> Response:
    """Return districts and counties of which the name or the code holds a text, those near the hub first."""
    return reply(edge.desk.districts(named))


@router.get("/stations", response_model=list[StationView], tags=["trains"], dependencies=READS_MAP)
def stations(edge: EdgeOf) -> Response:
    """Return the stations with a known place."""
    return reply(edge.desk.stations())


@router.get("/positions", response_model=PositionsReply, tags=["trains"], dependencies=READS_MAP)
def positions(edge: EdgeOf) -> Response:
    """Return where the warned trains are."""
    return reply(edge.desk.positions())


@router.get("/cases", response_model=CasesReply, tags=["loop"])
def cases(
    edge: EdgeOf,
    who: Cases,
    *,
    state: CaseState | None = None,
    scene: Name = None,
    train: Name = None,
    overdue: bool = False,
    limit: Limit = 100,
    after: Name = None,
) -> Response:
    """Return a page of cases by deadline: open ones unless a state is named."""
    return reply(edge.desk.cases(who, d.CaseFilter(state, scene, train, overdue, limit, after)))


@router.get("/cases/{case_id}", response_model=CaseReply, tags=["loop"])
def case(edge: EdgeOf, who: Cases, case_id: Id) -> Response:
    """Return a case with timeline, evidence, and the moves that this person may make."""
    return reply(edge.desk.case(who, case_id))


@router.get("/tasks", response_model=TasksReply, tags=["loop"])
def tasks(
    edge: EdgeOf,
    who: Tasks,
    *,
    mine: bool = False,
    state: TaskState | None = None,
    scene: Name = None,
    limit: Limit = 100,
    after: Name = None,
) -> Response:
    """Return a page of tasks by due minute: open ones unless a state is named; `mine`: those of my team."""
    return reply(edge.desk.tasks(who, d.TaskFilter(state, scene, mine, limit, after)))


@router.get("/tasks/{task_id}", response_model=TaskReply, tags=["loop"])
def task(edge: EdgeOf, who: Tasks, task_id: Id) -> Response:
    """Return a task with timeline and the moves that this person may make."""
    return reply(edge.desk.task(who, task_id))


@router.get("/board", response_model=Board, tags=["loop"], dependencies=[Depends(allowed("board.read"))])
def board(edge: EdgeOf) -> Response:
    """Return the loop in figures."""
    return reply(edge.desk.board())


@router.get("/staff", response_model=StaffReply, tags=["loop"], dependencies=[Depends(allowed("staff.read"))])
def staff(edge: EdgeOf) -> Response:
    """Return the staff plan."""
    return reply(edge.desk.staff())


@router.get("/repairs", response_model=RepairsReply, tags=["hub"], dependencies=[Depends(allowed("repairs.read"))])
def repairs(edge: EdgeOf) -> Response:
    """Return what a person must fix."""
    return reply(edge.desk.repairs())
