"""May this person do this? One question, answered from the table in `model.agency`; what no line allows is denied."""

from collections.abc import Mapping

from hubtwin.base.errors import Denied
from hubtwin.model.agency import (
    ACTIONS,
    PERMISSIONS,
    ROLE_AGENCIES,
    SYSTEM_ACTIONS,
    SYSTEM_ID,
    Permission,
    Person,
    Reach,
)

_BY_ACTION: Mapping[str, tuple[Permission, ...]] = {
    action: tuple(line for line in PERMISSIONS if line.action == action) for action in ACTIONS
}


def may(
    person: Person, action: str, *, scene: str | None = None, agency: str | None = None, team: str | None = None
) -> None:
    """Return if `person` may do `action` (`case.release`, `task.accept`, `audit.read`, ...), raise Denied otherwise.

    `scene`, `agency` and `team` say whose thing it is; what a permission asks for and the caller leaves out is
    denied. An action that nobody knows is denied as well.
    """
    if person.user_id == SYSTEM_ID:
        if action not in SYSTEM_ACTIONS:
            raise Denied("rules.not_for_the_system", action=action)
        return
    lines = [line for line in _BY_ACTION.get(action, ()) if _holds(person, line)]
    if not lines:
        raise Denied("rules.not_permitted", action=action, roles=", ".join(sorted(person.roles)), agency=person.agency)
    if any(_reaches(person, line.reach, scene, agency, team) for line in lines):
        return
    reaches = {line.reach for line in lines}
    if scene not in person.scenes:
        raise Denied("rules.not_your_scene", action=action, scene=scene or "-", scenes=", ".join(sorted(person.scenes)))
    if Reach.TEAM in reaches:
        raise Denied("rules.not_your_team", action=action, team=team or "-", own=person.team or "-")
    raise Denied("rules.not_your_agency", action=action, agency=agency or "-", own=person.agency)


def is_allowed(
    person: Person, action: str, *, scene: str | None = None, agency: str | None = None, team: str | None = None
) -> bool:
    """Tell what `may` would say, for the buttons of a page."""
    try:
        may(person, action, scene=scene, agency=agency, team=team)
    except Denied:
        return False
    return True


def _holds(person: Person, line: Permission) -> bool:
    fitting = person.agency_kind in line.agencies and person.agency_kind in ROLE_AGENCIES[line.role]
    return fitting and line.role in person.roles


def _reaches(person: Person, reach: Reach, scene: str | None, agency: str | None, team: str | None) -> bool:
    if reach is Reach.HUB:
        return True
    if scene is None or scene not in person.scenes:
        return False
    if reach is Reach.AGENCY:
        return bool(agency) and agency == person.agency
    if reach is Reach.TEAM:
        return bool(team) and team == person.team
    return True


def may_somewhere(person: Person, action: str) -> None:
    """Return if there is anything at all with which `person` may do `action`; raise Denied otherwise.

    It turns people away early; who hands something out or changes it asks `may` about that very thing.
    """
    lines = [line for line in _BY_ACTION.get(action, ()) if _holds(person, line)]
    if any(
        line.reach is Reach.HUB or (person.scenes and (line.reach is not Reach.TEAM or person.team)) for line in lines
    ):
        return
    raise Denied("rules.not_permitted", action=action, roles=", ".join(sorted(person.roles)), agency=person.agency)
