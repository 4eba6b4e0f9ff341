"""What is known of a case at a move of it, gathered from the ledger; who it is stays in the vault."""

from hubtwin.channels.parcels import Facts
from hubtwin.model.case import Case, CaseState
from hubtwin.model.event import Event, find_exit
from hubtwin.model.verified import Verified, find_destination
from hubtwin.ports import CaseFilter, Scene
from hubtwin.stores.ending import list_destroyed
from hubtwin.wiring.works import Works

MOST_WAITING = 1_000


def facts_of(works: Works, scene: Scene, case: Case, event: Event) -> Facts:
    """Return the facts of a case as they were filed up to a move (`event`), in the words of its scene."""
    ledger, version = works.ledger, int(str(event.payload["version"]))
    filed = [one for one in ledger.list_evidence(case.case_id) if one.version <= version]
    emergency, exit_id = ledger.find_emergency(case.emergency_id), find_exit(filed)
    verified = Verified(
        *(case, str(event.payload["command"]), str(event.payload["by"]), event.at_min, filed),
        disease=emergency.disease if emergency else "",
        waiting=_count_waiting(works, case, exit_id),
    )
    known = scene.facts(verified, {**scene.params, **works.settings.scenes.get(scene.name, {})})
    destination = find_destination(filed, works.settings.hub.area_code)
    return Facts(
        case.case_id,
        {**known, "place": {**known.get("place", {}), "destination_code": destination}},
        destination,
        verified.by,
        case.marks,
        about=f"{case.emergency_id} {exit_id}",
    )


def is_destroyed(works: Works, case: Case) -> bool:
    """Tell whether the data of the event of a closed case were destroyed: what waits is not told after that."""
    return not case.is_open and case.emergency_id in list_destroyed(works.access.database)


def _count_waiting(works: Works, case: Case, exit_id: str) -> int:
    """Return how many persons of the event wait for a vehicle at an exit."""
    where = CaseFilter(emergency_id=case.emergency_id, states=(CaseState.TRANSFER,), limit=MOST_WAITING)
    return sum(find_exit(works.ledger.list_evidence(one.case_id)) == exit_id for one in works.ledger.list_cases(where))
