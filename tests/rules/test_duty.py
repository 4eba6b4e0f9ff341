"""The nearest suitable team, against a slow plain loop."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.clock import epoch_minute
from hubtwin.model.duty import Busy, Job, Qualification, Roster, Shift, ShiftPlan
from hubtwin.model.place import Team, Walk
from hubtwin.rules.duty import CLASH_MIN, choose_team, list_able, make_roster, plan_roster, rank_teams

MEET, ALL = frozenset({Qualification.MEET}), frozenset(Qualification)
WALKS = {("A", "P"): 2, ("B", "P"): 5, ("C", "P"): 9, ("Q", "P"): 1}
NOW = 1000
JOB = Job("meet_train", "P", NOW + 30)


def shift(team: str, place: str, *, until: int = NOW + 500, can: frozenset[str] = MEET) -> Shift:
    return Shift(team, place, NOW - 60, until, can)


def test_the_nearest_team_that_is_qualified_and_on_duty_is_chosen() -> None:
    near = shift("T1", "A", can=frozenset({Qualification.SAMPLE}))
    leaving, far = shift("T2", "A", until=NOW + 30), shift("T3", "C")
    roster = Roster((near, leaving, shift("T4", "B"), far, shift("T5", "nowhere")), WALKS)
    assert [found.team for found in rank_teams(JOB, roster, [], NOW)] == ["T4", "T3"]
    assert choose_team(Job("meet_train", "P", NOW + 30, frozenset({"T4", "T3"})), roster, [], NOW) is None
    assert choose_team(Job("sample", "P", NOW + 30), roster, [], NOW) == "T1"
    assert choose_team(Job("guard a door", "P", NOW + 30), roster, [], NOW) == "T1", "no qualification is asked for"


def test_a_team_with_a_clash_comes_last_and_a_loaded_one_after_its_equal() -> None:
    roster = Roster((shift("T1", "A"), shift("T2", "B"), shift("T3", "B")), WALKS)
    busy = [Busy("T1", "P", JOB.due_min + CLASH_MIN - 1), Busy("T2", "C", JOB.due_min + 300)]
    assert [found.team for found in rank_teams(JOB, roster, busy, NOW)] == ["T3", "T2", "T1"]


def test_a_team_comes_from_its_last_task_before_the_job() -> None:
    roster = Roster((shift("T1", "A"), shift("T2", "B")), WALKS)
    (first, *_) = rank_teams(JOB, roster, [Busy("T2", "Q", NOW + 5)], NOW)
    assert (first.team, first.walk_min) == ("T2", 1)


def test_a_job_that_is_due_already_goes_to_who_comes_least_late() -> None:
    roster = Roster((shift("T1", "C"), shift("T2", "A")), WALKS)
    (first, second) = rank_teams(Job("meet_train", "P", NOW - 1), roster, [], NOW)
    assert (first.team, first.late_min, second.late_min) == ("T2", 3, 10)


def test_a_hub_that_gives_teams_only_has_all_of_them_on_duty() -> None:
    teams = [Team("T2", {"en": "two"}, "B", 4), Team("T1", {"en": "one"}, "A", 3)]
    roster = make_roster(teams, [Walk("A", "P", 61)], NOW, NOW + 100, ALL)
    assert [found.team for found in roster.on_duty(NOW)] == ["T1", "T2"]
    assert roster.on_duty(NOW + 100) == []
    assert roster.teams() == frozenset({"T1", "T2"})
    assert choose_team(JOB, roster, [], NOW) == "T1"


PLACES = st.sampled_from(["A", "B", "C", "P", "X"])
TEAMS = st.sampled_from(["T1", "T2", "T3"])
SHIFTS = st.builds(
    Shift,
    TEAMS,
    PLACES,
    st.integers(NOW - 5, NOW + 5),
    st.integers(NOW, NOW + 40),
    st.sets(st.sampled_from(["meet", "sample"])).map(frozenset),
)
BUSY = st.builds(Busy, TEAMS, PLACES, st.integers(NOW, NOW + 60))


def slow(job: Job, roster: Roster, busy: list[Busy], now_min: int) -> list[str]:
    """Rank by trying every shift of every team, in words."""
    best: dict[str, tuple[int, int, int, int, str]] = {}
    for each in roster.shifts:
        on_duty = each.from_min <= now_min and max(now_min, job.due_min) < each.until_min
        if not on_duty or "meet" not in each.qualifications or each.team in job.not_by:
            continue
        own = [task for task in busy if task.team == each.team]
        here, last = each.place, -1
        for task in sorted(own, key=lambda task: task.place):
            if task.due_min <= job.due_min and task.due_min >= last:
                here, last = task.place, task.due_min
        if here != job.place and (here, job.place) not in roster.walks:
            continue
        walk = 0 if here == job.place else roster.walks[here, job.place]
        clashes = len([task for task in own if -CLASH_MIN < task.due_min - job.due_min < CLASH_MIN])
        line = (clashes, max(0, now_min + walk - job.due_min), walk, len(own), each.team)
        best[each.team] = min(best.get(each.team, line), line)
    return [line[-1] for line in sorted(best.values())]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(SHIFTS, max_size=6),
    st.lists(BUSY, max_size=5),
    st.integers(NOW - 5, NOW + 40),
    st.sets(TEAMS, max_size=2).map(frozenset),
)
def test_the_ranking_is_that_of_a_slow_loop(
    shifts: list[Shift], busy: list[Busy], due_min: int, not_by: frozenset[str]
) -> None:
    job, roster = Job("meet_train", "P", due_min, not_by), Roster(tuple(shifts), WALKS)
    assert [found.team for found in rank_teams(job, roster, busy, NOW)] == slow(job, roster, busy, NOW)


def test_shifts_come_again_on_their_days_and_pass_midnight() -> None:
    teams = [Team(f"T{n}", {"zh": "队", "en": "team"}, "A", 2) for n in (1, 2)]
    night = ShiftPlan(22 * 60, 30 * 60, frozenset({3}), frozenset({"meet"}), frozenset({"T1"}), "B")
    day = ShiftPlan(8 * 60, 16 * 60, frozenset(range(7)), frozenset({"screen"}))
    zone = ZoneInfo("Asia/Shanghai")
    thursday = date(2022, 10, 20)
    roster = plan_roster([night, day], teams, [], zone=zone, days=[thursday, thursday + timedelta(days=1)])
    at = epoch_minute(datetime(2022, 10, 20, 23, tzinfo=zone))
    assert [(shift.team, shift.place) for shift in roster.on_duty(at)] == [("T1", "B")]
    assert [shift.team for shift in roster.on_duty(at + 6 * 60)] == ["T1"], "five in the morning of Friday"
    assert roster.on_duty(at + 7 * 60) == [], "it ended at six"
    noon = epoch_minute(datetime(2022, 10, 21, 12, tzinfo=zone))
    assert [shift.team for shift in roster.on_duty(noon)] == ["T1", "T2"]
    assert [team.post for team in list_able(teams, roster, Qualification.MEET, at)] == ["B"]
    assert list_able(teams, roster, Qualification.MEET, noon) == [], "by day they are there for the gates only"
