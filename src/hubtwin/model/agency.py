"""Who may do what: agencies, roles, persons, and one table of permissions by role, agency and scene.

A line of the table allows one action to one role in some kinds of agencies, as far as its reach goes. What no line
allows is denied. A role counts only in the kinds of agencies that may hold it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hubtwin.model.case import COMMANDS
from hubtwin.model.task import TASK_COMMANDS


class Role(StrEnum):
    """What a person is for. A person may have several."""

    DUTY_COMMANDER = "duty_commander"
    SCENE_OFFICER = "scene_officer"
    FIELD_STAFF = "field_staff"
    AGENCY_LIAISON = "agency_liaison"
    DATA_STEWARD = "data_steward"
    DATA_OWNER = "data_owner"
    SECURITY_OFFICER = "security_officer"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    DATA_AUTHORITY = "data_authority"  # authorises baskets: one key for what the owners' rules allow


class AgencyKind(StrEnum):
    """What an agency does at the hub."""

    COMMAND = "command"  # the joint command of the hub
    RAILWAY = "railway"
    HEALTH = "health"
    POLICE = "police"
    TRANSPORT = "transport"
    DISTRICT = "district"  # where persons are received
    DATA = "data"  # the data authority
    DEPARTMENT = "department"  # a department of the district: its registers are the sources of the library
    STREET = "street"  # a sub-district office: it has a warehouse of its own
    AUDIT = "audit"  # supervision from outside


class Reach(StrEnum):
    """How far a permission goes. What a reach asks for and the caller does not name is denied."""

    HUB = "hub"  # the whole hub
    SCENE = "scene"  # a scene of the person
    AGENCY = "agency"  # a scene of the person, and what belongs to the person's own agency
    TEAM = "team"  # a scene of the person, and what belongs to the person's own team


@dataclass(frozen=True, slots=True)
class Agency:
    """An agency at the hub, with its name in both languages."""

    agency_id: str
    kind: AgencyKind
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who works with the system. `subject` is the OIDC subject the session began with, if any."""

    user_id: str
    name: str
    agency: str
    agency_kind: AgencyKind
    roles: frozenset[Role]
    scenes: frozenset[str]
    team: str = ""
    lang: str = "zh"
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """A line of the table."""

    action: str
    role: Role
    reach: Reach
    agencies: frozenset[AgencyKind]


SYSTEM_ID = "system"  # the user id of clocks that ran out; no account may have it
SYSTEM_ACTIONS = frozenset({"task.escalate", "task.reassign"})

A, R = AgencyKind, Role
_OPERATING = frozenset({A.RAILWAY, A.HEALTH, A.POLICE, A.TRANSPORT, A.DISTRICT})
ROLE_AGENCIES: Mapping[Role, frozenset[AgencyKind]] = {
    R.DUTY_COMMANDER: frozenset({A.COMMAND}),
    R.SCENE_OFFICER: frozenset({A.COMMAND, A.HEALTH, A.POLICE}),
    R.FIELD_STAFF: _OPERATING | {A.COMMAND},
    R.AGENCY_LIAISON: _OPERATING | {A.DEPARTMENT, A.STREET},
    R.DATA_STEWARD: frozenset({A.COMMAND, A.DATA, A.DEPARTMENT, A.STREET}),
    R.DATA_OWNER: _OPERATING | {A.DATA, A.DEPARTMENT, A.STREET},
    R.SECURITY_OFFICER: frozenset({A.COMMAND, A.DATA}),
    R.AUDITOR: frozenset({A.AUDIT}),
    R.ANALYST: frozenset({A.COMMAND, A.HEALTH, A.DATA, A.DEPARTMENT, A.STREET}),
    R.DATA_AUTHORITY: frozenset({A.DATA}),
}


def _lines(actions: str, reach: Reach, *who: Role | tuple[Role, frozenset[AgencyKind]]) -> Iterable[Permission]:
    for action in actions.split():
        for each in who:
            role, kinds = each if isinstance(each, tuple) else (each, ROLE_AGENCIES[each])
            yield Permission(action, role, reach, kinds & ROLE_AGENCIES[role])


def _staff(*kinds: AgencyKind) -> tuple[Role, frozenset[AgencyKind]]:
    return R.FIELD_STAFF, frozenset(kinds)


_MEDICAL = _staff(A.HEALTH)
_CONTROL = (R.SCENE_OFFICER, frozenset({A.COMMAND, A.HEALTH}))  # decisions on health are not for the police
_EVERYBODY = tuple(Role)
_AT_THE_HUB = _OPERATING | {A.COMMAND, A.DATA, A.AUDIT}  # who works at the hub; a street office has no business there
_HUB_EVERYBODY = tuple((role, ROLE_AGENCIES[role] & _AT_THE_HUB) for role in Role)
_STEWARD_AT_HUB = (R.DATA_STEWARD, frozenset({A.COMMAND, A.DATA}))
_ANALYST_AT_HUB = (R.ANALYST, frozenset({A.COMMAND, A.HEALTH, A.DATA}))
_LIAISON_AT_HUB = (R.AGENCY_LIAISON, _OPERATING)
_OWNER_AT_HUB = (R.DATA_OWNER, _OPERATING | {A.DATA})
LIBRARY_PERMISSIONS: tuple[Permission, ...] = (  # whose dataset it is, and which grant is live, is asked beside these
    *_lines("catalogue.read", Reach.HUB, *_EVERYBODY),
    *_lines("library.load contract.write", Reach.HUB, R.DATA_STEWARD),
    *_lines(
        "quality.read",
        Reach.HUB,
        *(R.DATA_STEWARD, R.DATA_OWNER, R.DATA_AUTHORITY, R.SECURITY_OFFICER, R.AUDITOR, R.ANALYST),
    ),
    *_lines("quality.run", Reach.HUB, R.DATA_STEWARD),
    *_lines("quality.rows order.answer", Reach.HUB, R.DATA_STEWARD, R.DATA_OWNER),
    *_lines("basket.apply library.query", Reach.HUB, R.AGENCY_LIAISON, R.SCENE_OFFICER, R.ANALYST, R.DATA_STEWARD),
    *_lines("library.query", Reach.HUB, R.DUTY_COMMANDER),  # what was taken in an emergency
    *_lines("basket.decide template.sign addition.answer", Reach.HUB, R.DATA_OWNER),
    *_lines("basket.authorise basket.decide", Reach.HUB, R.DATA_AUTHORITY),  # in the place of an owner who is late
    *_lines("basket.agree", Reach.HUB, R.SECURITY_OFFICER),
    *_lines("basket.read", Reach.HUB, R.DATA_AUTHORITY, R.DATA_OWNER, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("share.revoke", Reach.HUB, R.DATA_OWNER, R.DATA_AUTHORITY, R.SECURITY_OFFICER),
    *_lines("share.emergency", Reach.HUB, R.DUTY_COMMANDER, R.SCENE_OFFICER),
    *_lines("share.review", Reach.HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("addition.send", Reach.HUB, (R.AGENCY_LIAISON, frozenset({A.STREET}))),
    *_lines("share.send", Reach.HUB, R.DATA_STEWARD),
)
PERMISSIONS: tuple[Permission, ...] = (
    *_lines("hub.read", Reach.HUB, *_EVERYBODY),
    *_lines("map.read", Reach.HUB, *_HUB_EVERYBODY),
    *_lines(
        "case.read task.read staff.read alert.read",
        Reach.SCENE,
        *(R.DUTY_COMMANDER, R.SCENE_OFFICER, R.FIELD_STAFF, _LIAISON_AT_HUB),
    ),
    *_lines(
        "board.read", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER, _LIAISON_AT_HUB, _STEWARD_AT_HUB, _ANALYST_AT_HUB
    ),
    *_lines("repairs.read", Reach.HUB, R.DUTY_COMMANDER, R.SCENE_OFFICER, _STEWARD_AT_HUB, _ANALYST_AT_HUB),
    *_lines("emergency.declare emergency.end", Reach.SCENE, R.DUTY_COMMANDER),
    *_lines("emergency.end_second", Reach.HUB, R.DUTY_COMMANDER, _OWNER_AT_HUB, R.SECURITY_OFFICER),
    *_lines("freeze.release overflow.switch", Reach.SCENE, R.DUTY_COMMANDER, _CONTROL),
    *_lines(
        "case.report case.report_at_desk case.refuse case.consent",
        Reach.SCENE,
        *(R.SCENE_OFFICER, _staff(A.COMMAND, A.RAILWAY, A.HEALTH, A.POLICE)),
    ),
    *_lines(
        "case.take_antigen case.antigen_result case.antigen_invalid case.take_nucleic"
        " case.nucleic_negative case.nucleic_positive case.nucleic_invalid",
        Reach.SCENE,
        *(_CONTROL, _MEDICAL),
    ),
    *_lines("case.release case.correct case.hand_over", Reach.SCENE, R.DUTY_COMMANDER, _CONTROL),
    *_lines("cotravel.ask", Reach.SCENE, R.DUTY_COMMANDER, _CONTROL),
    *_lines("case.depart", Reach.SCENE, _CONTROL, _staff(A.HEALTH, A.POLICE, A.TRANSPORT)),
    *_lines(
        "case.arrive",
        Reach.SCENE,
        *(_CONTROL, _staff(A.HEALTH, A.DISTRICT), (R.AGENCY_LIAISON, frozenset({A.HEALTH, A.DISTRICT}))),
    ),
    *_lines("case.close", Reach.SCENE, _CONTROL, _staff(A.COMMAND, A.HEALTH, A.DISTRICT)),
    *_lines("case.overflow", Reach.SCENE, R.DUTY_COMMANDER),
    *_lines(
        "case.follow_up_clear case.follow_up_recall",
        Reach.SCENE,
        *(_CONTROL, (R.AGENCY_LIAISON, frozenset({A.HEALTH, A.DISTRICT}))),
    ),
    *_lines("task.accept task.decline task.arrive task.finish", Reach.TEAM, R.FIELD_STAFF),
    *_lines("task.accept task.decline", Reach.AGENCY, _LIAISON_AT_HUB),
    *_lines("task.report position.share", Reach.TEAM, R.FIELD_STAFF),
    *_lines("task.assign task.reassign task.escalate task.cancel", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER),
    *_lines("alarm.acknowledge", Reach.HUB, R.DUTY_COMMANDER),
    *_lines("alarm.acknowledge", Reach.SCENE, R.SCENE_OFFICER),
    *_lines("alarm.shelve", Reach.HUB, R.DUTY_COMMANDER),
    *_lines("help.ask", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER, R.FIELD_STAFF),
    *_lines("person.reveal", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER, _staff(A.HEALTH, A.POLICE)),
    *_lines("person.reveal_second", Reach.SCENE, R.DUTY_COMMANDER),
    *_lines("person.reveal_second", Reach.HUB, _OWNER_AT_HUB, R.SECURITY_OFFICER),
    *_lines("person.looked_at", Reach.HUB, _STEWARD_AT_HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("glass.break", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER, _MEDICAL),
    *_lines("glass.review", Reach.HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("grant.issue", Reach.HUB, _OWNER_AT_HUB),
    *_lines("grant.issue_second", Reach.HUB, R.SECURITY_OFFICER),
    *_lines("grant.revoke hold.set hold.lift", Reach.HUB, _OWNER_AT_HUB, R.SECURITY_OFFICER),
    *_lines("grant.read retention.read", Reach.HUB, _STEWARD_AT_HUB, _OWNER_AT_HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("retention.run", Reach.HUB, _STEWARD_AT_HUB),
    *_lines("audit.read audit.verify", Reach.HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *_lines("audit.export", Reach.HUB, R.AUDITOR),
    *_lines(
        "partner.read",
        Reach.HUB,
        *(R.DUTY_COMMANDER, R.SCENE_OFFICER, _STEWARD_AT_HUB, _OWNER_AT_HUB, R.SECURITY_OFFICER, R.AUDITOR),
    ),
    *_lines("partner.read partner.answer", Reach.AGENCY, _LIAISON_AT_HUB),  # the agency is the partner
    *_lines("partner.link", Reach.SCENE, R.DUTY_COMMANDER, R.SCENE_OFFICER),
    *_lines("account.manage", Reach.HUB, R.SECURITY_OFFICER),
    *_lines("account.read", Reach.HUB, R.SECURITY_OFFICER, R.AUDITOR),
    *LIBRARY_PERMISSIONS,
)
ACTIONS: tuple[str, ...] = tuple(dict.fromkeys(line.action for line in PERMISSIONS))
MOVE_ACTIONS: frozenset[str] = frozenset(f"case.{name}" for name in COMMANDS) | {f"task.{n}" for n in TASK_COMMANDS}


def conflicting(roles: Iterable[Role]) -> bool:
    """Tell whether somebody would watch over their own work: an auditor has no other role, an owner of data is not
    the security officer who gives the second word."""
    held = frozenset(roles)
    return (R.AUDITOR in held and len(held) > 1) or {R.DATA_OWNER, R.SECURITY_OFFICER} <= held
