"""The whole matrix of role, kind of agency and action, against what is allowed, listed by hand."""

from itertools import product

import pytest

from hubtwin.base.errors import Denied
from hubtwin.model.agency import (
    ACTIONS,
    MOVE_ACTIONS,
    ROLE_AGENCIES,
    SYSTEM_ACTIONS,
    SYSTEM_ID,
    AgencyKind,
    Person,
    Role,
    conflicting,
)
from hubtwin.rules.permission import is_allowed, may, may_somewhere

_EVERYONE = (
    "duty_commander@command scene_officer@command,health,police"
    " field_staff@command,railway,health,police,transport,district"
    " agency_liaison@railway,health,police,transport,district"
)
_OFFICERS = "duty_commander@command scene_officer@command,health,police"
_OWNERS = "data_owner@railway,health,police,transport,district,data"
_MEDICAL = "scene_officer@command,health field_staff@health"
_GATE = "scene_officer@command,health,police field_staff@command,railway,health,police"
_CONTROL = "scene_officer@command,health"
_SECURITY = "security_officer@command,data"
_HUB = (
    f"{_EVERYONE} data_steward@command,data {_OWNERS} {_SECURITY} auditor@audit analyst@command,health,data"
    " data_authority@data +hub"
)
_LIAISONS = "agency_liaison@railway,health,police,transport,district,department,street"
_STEWARDS = "data_steward@command,data,department,street"
_OWNERS_ALL = "data_owner@railway,health,police,transport,district,data,department,street"
_ANALYSTS = "analyst@command,health,data,department,street"
_ALL = (
    f"{_OFFICERS} field_staff@command,railway,health,police,transport,district {_LIAISONS} {_STEWARDS} {_OWNERS_ALL}"
    f" {_SECURITY} auditor@audit {_ANALYSTS} data_authority@data +hub"
)
_APPLICANTS = f"{_LIAISONS} scene_officer@command,health,police {_ANALYSTS} {_STEWARDS} +hub"
# Written by hand, action by action: who, at which kinds of agency. `+hub`: whatever the scene; `+own team` and
# `+own agency`: only what is theirs; otherwise in a scene of theirs.
ALLOWED = {
    "hub.read": _ALL,
    "map.read": _HUB,
    "case.read": _EVERYONE,
    "task.read": _EVERYONE,
    "staff.read": _EVERYONE,
    "alert.read": _EVERYONE,
    "board.read": f"{_OFFICERS} agency_liaison@railway,health,police,transport,district"
    " data_steward@command,data analyst@command,health,data",
    "repairs.read": f"{_OFFICERS} data_steward@command,data analyst@command,health,data +hub",
    "emergency.declare": "duty_commander@command",
    "emergency.end": "duty_commander@command",
    "emergency.end_second": f"duty_commander@command {_OWNERS} {_SECURITY} +hub",
    "freeze.release": f"duty_commander@command {_CONTROL}",
    "alarm.acknowledge": "duty_commander@command +hub | scene_officer@command,health,police",
    "alarm.shelve": "duty_commander@command +hub",
    "overflow.switch": f"duty_commander@command {_CONTROL}",
    "cotravel.ask": f"duty_commander@command {_CONTROL}",
    "case.report": _GATE,
    "case.report_at_desk": _GATE,
    "case.refuse": _GATE,
    "case.consent": _GATE,
    "case.take_antigen": _MEDICAL,
    "case.antigen_result": _MEDICAL,
    "case.antigen_invalid": _MEDICAL,
    "case.take_nucleic": _MEDICAL,
    "case.nucleic_negative": _MEDICAL,
    "case.nucleic_positive": _MEDICAL,
    "case.nucleic_invalid": _MEDICAL,
    "case.release": f"duty_commander@command {_CONTROL}",
    "case.correct": f"duty_commander@command {_CONTROL}",
    "case.hand_over": f"duty_commander@command {_CONTROL}",
    "case.depart": f"{_CONTROL} field_staff@health,police,transport",
    "case.arrive": f"{_CONTROL} field_staff@health,district agency_liaison@health,district",
    "case.close": f"{_CONTROL} field_staff@command,health,district",
    "case.overflow": "duty_commander@command",
    "case.follow_up_clear": f"{_CONTROL} agency_liaison@health,district",
    "case.follow_up_recall": f"{_CONTROL} agency_liaison@health,district",
    "task.accept": "field_staff@command,railway,health,police,transport,district +own team"
    " | agency_liaison@railway,health,police,transport,district +own agency",
    "task.decline": "field_staff@command,railway,health,police,transport,district +own team"
    " | agency_liaison@railway,health,police,transport,district +own agency",
    "task.arrive": "field_staff@command,railway,health,police,transport,district +own team",
    "task.finish": "field_staff@command,railway,health,police,transport,district +own team",
    "task.report": "field_staff@command,railway,health,police,transport,district +own team",
    "position.share": "field_staff@command,railway,health,police,transport,district +own team",
    "help.ask": f"{_OFFICERS} field_staff@command,railway,health,police,transport,district",
    "task.assign": _OFFICERS,
    "task.reassign": _OFFICERS,
    "task.escalate": _OFFICERS,
    "task.cancel": _OFFICERS,
    "person.reveal": f"{_OFFICERS} field_staff@health,police",
    "person.reveal_second": f"duty_commander@command | {_OWNERS} {_SECURITY} +hub",
    "person.looked_at": f"data_steward@command,data {_SECURITY} auditor@audit +hub",
    "glass.break": f"{_OFFICERS} field_staff@health",
    "glass.review": f"{_SECURITY} auditor@audit +hub",
    "grant.issue": f"{_OWNERS} +hub",
    "grant.issue_second": f"{_SECURITY} +hub",
    "grant.revoke": f"{_OWNERS} {_SECURITY} +hub",
    "hold.set": f"{_OWNERS} {_SECURITY} +hub",
    "hold.lift": f"{_OWNERS} {_SECURITY} +hub",
    "grant.read": f"data_steward@command,data {_OWNERS} {_SECURITY} auditor@audit +hub",
    "retention.read": f"data_steward@command,data {_OWNERS} {_SECURITY} auditor@audit +hub",
    "retention.run": "data_steward@command,data +hub",
    "audit.read": f"{_SECURITY} auditor@audit +hub",
    "audit.verify": f"{_SECURITY} auditor@audit +hub",
    "audit.export": "auditor@audit +hub",
    "account.manage": f"{_SECURITY} +hub",
    "partner.read": f"{_OFFICERS} data_steward@command,data {_OWNERS} {_SECURITY} auditor@audit +hub"
    " | agency_liaison@railway,health,police,transport,district +own agency",
    "partner.answer": "agency_liaison@railway,health,police,transport,district +own agency",
    "partner.link": _OFFICERS,
    "account.read": f"{_SECURITY} auditor@audit +hub",
    "catalogue.read": _ALL,
    "library.load": f"{_STEWARDS} +hub",
    "contract.write": f"{_STEWARDS} +hub",
    "quality.read": f"{_STEWARDS} {_OWNERS_ALL} {_SECURITY} {_ANALYSTS} auditor@audit data_authority@data +hub",
    "quality.run": f"{_STEWARDS} +hub",
    "quality.rows": f"{_STEWARDS} {_OWNERS_ALL} +hub",
    "order.answer": f"{_STEWARDS} {_OWNERS_ALL} +hub",
    "basket.apply": _APPLICANTS,
    "library.query": f"duty_commander@command {_APPLICANTS}",
    "basket.decide": f"{_OWNERS_ALL} data_authority@data +hub",
    "template.sign": f"{_OWNERS_ALL} +hub",
    "addition.answer": f"{_OWNERS_ALL} +hub",
    "basket.authorise": "data_authority@data +hub",
    "basket.agree": f"{_SECURITY} +hub",
    "basket.read": f"{_OWNERS_ALL} {_SECURITY} auditor@audit data_authority@data +hub",
    "share.revoke": f"{_OWNERS_ALL} {_SECURITY} data_authority@data +hub",
    "share.emergency": f"{_OFFICERS} +hub",
    "share.review": f"{_SECURITY} auditor@audit +hub",
    "addition.send": "agency_liaison@street +hub",
    "share.send": f"{_STEWARDS} +hub",
}
HERE, ELSEWHERE = "epidemic", "fire"
# scene, agency, team of the thing; which of hub, scene, agency, team a permission may reach it by
THINGS = [
    ((None, None, None), {"hub"}),
    ((ELSEWHERE, "own", "t1"), {"hub"}),
    ((HERE, None, None), {"hub", "scene"}),
    ((HERE, "other", "t2"), {"hub", "scene"}),
    ((HERE, "own", "t2"), {"hub", "scene", "agency"}),
    ((HERE, "other", "t1"), {"hub", "scene", "team"}),
]


def _person(role: Role, kind: AgencyKind, team: str = "t1") -> Person:
    return Person("u1", "name", "own", kind, frozenset({role}), frozenset({HERE}), team)


def _listed(action: str, role: Role, kind: AgencyKind) -> set[str]:
    """Return how far the list reaches for somebody: hub, scene, agency, team."""
    reaches = set()
    for part in ALLOWED[action].split(" | "):
        who, _, reach = part.partition(" +")
        for each in who.split():
            name, _, kinds = each.partition("@")
            if name == role.value and kind.value in kinds.split(","):
                reaches.add(reach.removeprefix("own ") or "scene")
    return reaches


def test_the_list_names_every_action_and_every_move_of_the_loop() -> None:
    assert set(ALLOWED) == set(ACTIONS)
    assert set(ACTIONS) >= MOVE_ACTIONS


@pytest.mark.parametrize("action", ACTIONS)
def test_what_is_allowed_is_what_the_list_says_and_nothing_else(action: str) -> None:
    for role, kind, (thing, reached) in product(Role, AgencyKind, THINGS):
        scene, agency, team = thing
        wanted = bool(_listed(action, role, kind) & reached)
        assert is_allowed(_person(role, kind), action, scene=scene, agency=agency, team=team) is wanted, (
            role,
            kind,
            thing,
        )


@pytest.mark.parametrize("action", ACTIONS)
def test_who_is_turned_away_early_could_never_have_done_it(action: str) -> None:
    for role, kind in product(Role, AgencyKind):
        person = _person(role, kind)
        try:
            may_somewhere(person, action)
            early = True
        except Denied:
            early = False
        assert early == bool(_listed(action, role, kind))


def test_no_role_no_scene_and_no_such_action_deny() -> None:
    nobody = Person("u", "n", "own", AgencyKind.COMMAND, frozenset(), frozenset({HERE}))
    no_scene = Person("u", "n", "own", AgencyKind.COMMAND, frozenset({Role.DUTY_COMMANDER}), frozenset())
    no_team = _person(Role.FIELD_STAFF, AgencyKind.HEALTH, team="")
    assert not is_allowed(nobody, "hub.read")
    assert not is_allowed(no_scene, "case.release", scene=HERE)
    assert not is_allowed(no_team, "task.accept", scene=HERE, team="")
    assert not is_allowed(_person(Role.DUTY_COMMANDER, AgencyKind.COMMAND), "case.no_such_move", scene=HERE)
    for action in ("board.read", "task.accept", ""):
        with pytest.raises(Denied):
            may_somewhere(no_scene if action == "board.read" else no_team, action)


def test_a_refusal_says_whose_it_is() -> None:
    staff = _person(Role.FIELD_STAFF, AgencyKind.HEALTH)
    liaison = _person(Role.AGENCY_LIAISON, AgencyKind.DISTRICT)
    for person, action, thing, key in (
        (staff, "audit.read", {}, "rules.not_permitted"),
        (staff, "case.read", {"scene": ELSEWHERE}, "rules.not_your_scene"),
        (staff, "task.accept", {"scene": HERE, "team": "t2"}, "rules.not_your_team"),
        (liaison, "task.accept", {"scene": HERE, "agency": "other"}, "rules.not_your_agency"),
    ):
        with pytest.raises(Denied) as refused:
            may(person, action, **thing)
        assert refused.value.key == key
        assert "{" not in refused.value.message("zh") + refused.value.message("en")


def test_the_program_escalates_and_decides_nothing() -> None:
    system = Person(SYSTEM_ID, "", "", AgencyKind.COMMAND, frozenset(Role), frozenset({HERE}))
    for action in ACTIONS:
        assert is_allowed(system, action, scene=HERE) == (action in SYSTEM_ACTIONS)


def test_every_role_has_a_home_and_roles_that_watch_each_other_are_kept_apart() -> None:
    assert set(ROLE_AGENCIES) == set(Role)
    assert conflicting({Role.AUDITOR, Role.ANALYST})
    assert conflicting({Role.DATA_OWNER, Role.SECURITY_OFFICER})
    assert not conflicting({Role.AUDITOR})
    assert not conflicting({Role.DUTY_COMMANDER, Role.SCENE_OFFICER})
