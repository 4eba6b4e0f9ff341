"""Who is near a place: the walks of teams to places of the venue that hub.toml does not name."""

from dataclasses import replace

from hubtwin.model.duty import Roster
from hubtwin.ports import LedgerReader, TaskFilter
from hubtwin.settings import Settings
from hubtwin.wiring.plugs import load
from hubtwin.wiring.venues import open_drawn

_MANY = 10_000


def roster_for(
    settings: Settings, ledger: LedgerReader, roster: Roster | None, *, place: str, at_min: int
) -> Roster | None:
    """Return the roster with the walks to a place from where its teams stand and where their tasks are.

    The same roster where its walks lead there already, where the hub has no venue, or where the venue does not know the
    place. Raises Absent and Malformed of the venue.
    """
    if roster is None or not place or any(there == place for _, there in roster.walks):
        return roster
    drawn = open_drawn(settings)
    if drawn is None or settings.venue is None:
        return roster
    on_duty = roster.on_duty(at_min)
    teams = tuple({shift.team for shift in on_duty})
    tasks = ledger.list_tasks(TaskFilter(teams=teams, open_only=True, limit=_MANY)) if teams else ()
    here = {shift.place for shift in on_duty} | {task.place for task in tasks}
    walks = load("hubtwin.rules.hub_walks:minutes_to")(drawn.graph, here - {"", place}, place, settings.venue.closed)
    return replace(roster, walks={**roster.walks, **walks})
