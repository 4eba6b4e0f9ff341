"""The part of the fake desk about grants, holds, reports and the audit: the real rules over lists in memory."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hubtwin.base.errors import Absent, Denied
from hubtwin.model.agency import Person
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose, refuse_bad_grant
from hubtwin.rules.permission import may
from hubtwin.web import shown_access as shown
from hubtwin.web.schemas import access as a
from hubtwin.web.schemas.hub import Words

NOW, NOW_MIN = "2022-10-20T01:00:00+00:00", 27_770_460


def a_grant(grant_id: str, grantee: str, *, glass: bool = False) -> Grant:
    """Return a live grant to the vault."""
    return Grant(
        *(grant_id, grantee, VAULT, frozenset(VAULT_FIELDS), frozenset({Purpose.TRACE}), "epidemic", NOW_MIN - 5),
        until_min=NOW_MIN + 10,
        issued_by=grantee if glass else "data_owner",
        approved_by="" if glass else "security_officer",
        reason="outbreak",
        glass=glass,
    )


@dataclass
class FakeAccess:
    """`web.desk.AccessDesk` in memory. `find` returns a person by id or raises Absent."""

    find: Callable[[str], Person]
    held: dict[str, Grant] = field(default_factory=dict)
    standing: dict[str, a.HoldView] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for grant in (a_grant("grant-1", "scene_officer"), a_grant("glass-1", "scene_officer", glass=True)):
            self.held[grant.grant_id] = grant
        self.standing["hold-1"] = a.HoldView("hold-1", "e1", "a court asked", "data_owner", NOW_MIN)

    def grants(self, who: Person) -> a.GrantsReply:
        may(who, "grant.read")
        return a.GrantsReply(NOW, NOW_MIN, [shown.grant(each, NOW_MIN, [], None) for each in self.held.values()], 0)

    def my_grants(self, who: Person) -> a.MyGrantsReply:
        mine = [shown.mine(each) for each in self.held.values() if each.grantee == who.user_id]
        return a.MyGrantsReply(NOW, NOW_MIN, mine, shown.columns(VAULT, VAULT_FIELDS))

    def grant_options(self, who: Person) -> a.GrantOptions:
        may(who, "grant.issue")
        scene = a.SceneChoice("epidemic", "scene:epidemic", [a.Grantee("scene_officer", "Li", True)])
        return a.GrantOptions(shown.datasets(), shown.purposes(), [scene], [], a.LONGEST_D)

    def issue_grant(self, who: Person, asked: a.IssueGrant, second: Person) -> a.GrantView:
        may(who, "grant.issue")
        may(second, "grant.issue_second")
        if not asked.grantee.startswith("scene:"):
            self.find(asked.grantee)
        given = Grant(
            *(f"grant-{len(self.held)}", asked.grantee, asked.dataset, frozenset(asked.columns)),
            purposes=frozenset(map(Purpose, asked.purposes)),
            scene=asked.scene,
            from_min=NOW_MIN,
            until_min=NOW_MIN + (asked.days or 1) * 1440,
            issued_by=who.user_id,
            approved_by=second.user_id,
            reason=asked.reason,
        )
        refuse_bad_grant(given)
        self.held[given.grant_id] = given
        return shown.grant(given, NOW_MIN, [], None)

    def revoke_grant(self, who: Person, grant_id: str) -> a.GrantView:
        may(who, "grant.revoke")
        self.held[grant_id] = replace(self._get(grant_id), revoked_min=NOW_MIN, revoked_by=who.user_id)
        return shown.grant(self.held[grant_id], NOW_MIN, [], None)

    def review_glass(self, who: Person, grant_id: str, asked: a.ReviewGlass) -> a.GrantView:
        may(who, "glass.review")
        if not self._get(grant_id).glass:
            raise Denied("stores.nothing_to_review", grant=grant_id)
        self.held[grant_id] = replace(self._get(grant_id), reviewed_min=NOW_MIN, reviewed_by=who.user_id)
        return shown.grant(self.held[grant_id], NOW_MIN, [], {"justified": asked.justified, "note": asked.note})

    def holds(self, who: Person) -> a.HoldsReply:
        may(who, "retention.read")
        return a.HoldsReply(NOW, NOW_MIN, list(self.standing.values()), [])

    def set_hold(self, who: Person, asked: a.SetHold) -> a.HoldsReply:
        may(who, "hold.set")
        if asked.emergency_id != "e1":
            raise Absent("flow.no_such_emergency", emergency_id=asked.emergency_id)
        hold_id = f"hold-{len(self.standing) + 1}"
        self.standing[hold_id] = a.HoldView(hold_id, asked.emergency_id, asked.reason, who.user_id, NOW_MIN)
        return a.HoldsReply(NOW, NOW_MIN, list(self.standing.values()), [])

    def lift_hold(self, who: Person, hold_id: str) -> a.HoldsReply:
        may(who, "hold.lift")
        if self.standing.pop(hold_id, None) is None:
            raise Absent("stores.no_hold", hold=hold_id)
        return a.HoldsReply(NOW, NOW_MIN, list(self.standing.values()), [])

    def reports(self, who: Person, lang: str) -> a.ReportsReply:
        may(who, "retention.read")
        return a.ReportsReply([shown.report("{}", "00", lang)], 0, "00")

    def audit(self, who: Person, after: int | None, limit: int, *, people_only: bool) -> a.AuditReply:
        may(who, "audit.read")
        line = a.AuditLine(7, NOW_MIN, "Unmasked", Words("查看", "Unmasked"), "scene_officer", {"persons": 2})
        return a.AuditReply(NOW, NOW_MIN, [line] if after is None or after > 7 else [], None)

    def verify_audit(self, who: Person) -> a.AuditCheck:
        may(who, "audit.verify")
        return a.AuditCheck(NOW_MIN, True, 7, 7, [])

    def _get(self, grant_id: str) -> Grant:
        if grant_id not in self.held:
            raise Absent("stores.no_grant", grant=grant_id)
        return self.held[grant_id]
