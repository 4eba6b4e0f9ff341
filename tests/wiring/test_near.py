"""A team is found for any place of the venue, from where it stands and from where its last task is."""

from dataclasses import replace
from pathlib import Path

from hubtwin.flow.field import near_teams
from hubtwin.model.duty import Roster, Shift
from hubtwin.model.task import Task
from hubtwin.wiring.near import roster_for
from hubtwin.wiring.venues import open_drawn
from tests.contracts.memory_ledger import MemoryLedger
from tests.wiring.test_venues import _hub

NOW = 1_000
POSTS = {"T1": "N1", "T2": "N2", "T3": "nowhere"}
ROSTER = Roster(tuple(Shift(team, post, 0, 9_999, frozenset()) for team, post in POSTS.items()), {("N1", "N2"): 1})


def test_teams_walk_to_places_that_only_the_venue_knows(tmp_path: Path) -> None:
    settings, ledger = _hub(tmp_path), MemoryLedger()
    drawn = open_drawn(settings)
    assert drawn is not None
    assert drawn.venue is not None
    place = "P-1"
    found = roster_for(settings, ledger, ROSTER, place=place, at_min=NOW)
    assert found is not None
    assert {pair for pair in found.walks if pair[1] == place} == {("N1", place), ("N2", place)}
    assert all(minutes >= 1 for minutes in found.walks.values())
    assert {each.team for each in near_teams(ledger, place, found, at_min=NOW)} == {"T1", "T2"}
    with ledger.unit(NOW) as unit:
        unit.save_task(Task("t", "epidemic", "meet_train", "G1", "N1", "T3", NOW, NOW - 60))
    found = roster_for(settings, ledger, ROSTER, place=place, at_min=NOW)
    assert "T3" in {each.team for each in near_teams(ledger, place, found, at_min=NOW)}


def test_the_roster_stays_where_it_knows_the_place_or_nobody_does(tmp_path: Path) -> None:
    settings, ledger = _hub(tmp_path), MemoryLedger()
    assert roster_for(settings, ledger, ROSTER, place="N2", at_min=NOW) is ROSTER
    assert roster_for(settings, ledger, ROSTER, place="", at_min=NOW) is ROSTER
    assert roster_for(settings, ledger, None, place="P-1", at_min=NOW) is None
    assert roster_for(replace(settings, venue=None), ledger, ROSTER, place="P-1", at_min=NOW) is ROSTER
    found = roster_for(settings, ledger, ROSTER, place="no such place", at_min=NOW)
    assert found is not None
    assert found.walks == ROSTER.walks
