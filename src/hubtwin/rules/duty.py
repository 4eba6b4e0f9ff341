"""Who takes a task: the nearest suitable team by qualification, shift, walking time and load."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from hubtwin.base.clock import at_service_minute, epoch_minute
from hubtwin.model.duty import Busy, Job, Qualification, Roster, Shift, ShiftPlan, Suggestion
from hubtwin.model.place import Team, Walk
from hubtwin.rules.staffing import find_walk, walk_minutes

NEEDED = {  # kind of task -> what its team must be qualified for
    "meet_train": Qualification.MEET,
    "screen": Qualification.SCREEN,
    "sample": Qualification.SAMPLE,
    "review": Qualification.REVIEW,
    "transfer": Qualification.TRANSFER,
}
CLASH_MIN = 11  # ours: two tasks so close in time cannot be done by one team (5 on post before, 6 with the train)


def rank_teams(job: Job, roster: Roster, busy: Sequence[Busy], now_min: int) -> list[Suggestion]:
    """Return the teams that suit a job, the best first.

    Suitable: on duty from now until the job is due, qualified, able to walk there. Of two, the one with fewer
    clashing tasks comes first, then the one that comes less late, then the nearer one, then the one with fewer
    open tasks, then by name. A kind of task that `NEEDED` does not know asks for no qualification.
    """
    needed = NEEDED.get(job.kind)
    until_min = max(now_min, job.due_min)
    found: dict[str, Suggestion] = {}
    for shift in roster.shifts:
        if shift.team in job.not_by or not shift.covers(now_min, until_min):
            continue
        if needed is not None and needed not in shift.qualifications:
            continue
        suggestion = _suggest(job, shift, [task for task in busy if task.team == shift.team], roster, now_min)
        known = found.get(shift.team)
        if suggestion is not None and (known is None or _rank(suggestion) < _rank(known)):
            found[shift.team] = suggestion
    return sorted(found.values(), key=_rank)


def choose_team(job: Job, roster: Roster, busy: Sequence[Busy], now_min: int) -> str | None:
    """Return the best team for a job, None where no team suits."""
    ranked = rank_teams(job, roster, busy, now_min)
    return ranked[0].team if ranked else None


def make_roster(
    teams: Iterable[Team], walks: Iterable[Walk], from_min: int, until_min: int, qualifications: frozenset[str]
) -> Roster:
    """Return the roster of a hub that gives teams only: all of them at their posts, with the same qualifications."""
    shifts = [Shift(team.team_id, team.post, from_min, until_min, qualifications, team.size) for team in teams]
    return Roster(tuple(sorted(shifts, key=lambda shift: shift.team)), walk_minutes(walks))


def plan_roster(
    plans: Iterable[ShiftPlan], teams: Iterable[Team], walks: Iterable[Walk], *, zone: ZoneInfo, days: Iterable[date]
) -> Roster:
    """Return the roster of shifts that come again, on the given days of the hub's clock."""
    known, dates = list(teams), list(days)
    shifts = [
        Shift(
            *(team.team_id, plan.post or team.post),
            epoch_minute(at_service_minute(day, plan.from_min, zone)),
            epoch_minute(at_service_minute(day, plan.until_min, zone)),
            *(plan.qualifications, team.size),
        )
        for plan in plans
        for day in dates
        if day.weekday() in plan.days
        for team in known
        if not plan.teams or team.team_id in plan.teams
    ]
    return Roster(tuple(sorted(shifts, key=lambda shift: (shift.team, shift.from_min))), walk_minutes(walks))


def list_able(teams: Iterable[Team], roster: Roster, needed: Qualification, at_min: int) -> list[Team]:
    """Return the teams that are on duty at a minute and qualified, each at the post of its shift."""
    posts = {shift.team: shift.place for shift in roster.on_duty(at_min) if needed in shift.qualifications}
    return [replace(team, post=posts[team.team_id]) for team in teams if team.team_id in posts]


def _suggest(job: Job, shift: Shift, own: Sequence[Busy], roster: Roster, now_min: int) -> Suggestion | None:
    """Return how a team suits: it comes from its last task before this one, or from its post."""
    before = [task for task in own if task.due_min <= job.due_min]
    here = max(before, key=lambda task: (task.due_min, task.place)).place if before else shift.place
    walk = find_walk(roster.walks, here, job.place)
    if walk is None:
        return None
    clashes = sum(abs(task.due_min - job.due_min) < CLASH_MIN for task in own)
    return Suggestion(shift.team, walk, max(0, now_min + walk - job.due_min), len(own), clashes)


def _rank(suggestion: Suggestion) -> tuple[int, int, int, int, str]:
    return suggestion.clashes, suggestion.late_min, suggestion.walk_min, suggestion.load, suggestion.team
