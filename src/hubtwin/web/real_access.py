"""Grants, broken glasses, holds, reports and the audit of a hub at work."""

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache

from hubtwin.base.clock import DAY_MIN, at_service_minute, epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.datasets.all import DATASETS
from hubtwin.library.grants import is_personal
from hubtwin.library.sharing import partner_grantee
from hubtwin.model.agency import Person
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose
from hubtwin.rules.permission import is_allowed, may
from hubtwin.stores.deletion import list_reports
from hubtwin.web import shown_access as shown
from hubtwin.web.schemas import access as a
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring import SCENES
from hubtwin.wiring.works import Works

PAST, REPORTS = 200, 60  # past grants and reports that one answer tells
TRAIN = re.compile(r"[A-Z]?[0-9]{1,4}(/[0-9]{1,4})? 20[0-9]{2}-[01][0-9]-[0-3][0-9]")  # a run: number, service date


class RealAccess:
    """`web.desk.AccessDesk` of a hub at work. Its minutes are those of the real clock, as the grants' are."""

    def __init__(self, works: Works) -> None:
        """Take an open hub."""
        self.works, self._access = works, works.access

    def grants(self, who: Person) -> a.GrantsReply:
        """Return the live grants and the newest of the past ones."""
        may(who, "grant.read")
        now_min, found = self._now_min(), self._access.grants.list_all()
        live = sorted((g for g in found if g.is_live(now_min)), key=lambda g: (g.until_min, g.grant_id))
        past = [g for g in reversed(found) if not g.is_live(now_min)]
        told = [g for n, g in enumerate(past) if n < PAST or g.review_due_min() is not None]
        return a.GrantsReply(*self._clock(), self._shown([*live, *told]), len(past) - len(told))

    def my_grants(self, who: Person) -> a.MyGrantsReply:
        """Return what a person may unmask now."""
        now_min = self._now_min()
        found = self._access.grants.list_grants(who.user_id)
        live = [shown.mine(g) for g in found if g.dataset == VAULT and g.is_live(now_min)]
        return a.MyGrantsReply(*self._clock(), live, shown.columns(VAULT, VAULT_FIELDS))

    def grant_options(self, who: Person) -> a.GrantOptions:
        """Return what can be granted, to whom, for what."""
        may(who, "grant.issue")
        people = self._access.accounts.list_people()
        scenes = [
            a.SceneChoice(
                scene,
                f"scene:{scene}",
                [
                    a.Grantee(each.user_id, each.name, is_allowed(each, "person.reveal", scene=scene))
                    for each in people
                    if scene in each.scenes and each.user_id != who.user_id
                ]
                + list(self._partners().values()),
            )
            for scene in SCENES
        ]
        return a.GrantOptions(shown.datasets(), shown.purposes(), scenes, self._emergencies(), a.LONGEST_D)

    def issue_grant(self, who: Person, asked: a.IssueGrant, second: Person) -> a.GrantView:
        """Give a grant on two people's word."""
        may(who, "grant.issue")
        may(second, "grant.issue_second")
        self._refuse(asked)
        now_min = self._now_min()
        grant_id = self._access.grants.issue(
            Grant(
                *("", asked.grantee, asked.dataset, frozenset(asked.columns), frozenset(map(Purpose, asked.purposes))),
                scene=asked.scene,
                from_min=now_min,
                until_min=self._until_min(asked, now_min),
                issued_by=who.user_id,
                approved_by=second.user_id,
                reason=asked.reason,
                emergency_id=asked.emergency_id or "",
            )
        )
        return self._get(grant_id)

    def revoke_grant(self, who: Person, grant_id: str) -> a.GrantView:
        """End a grant; it binds at the next question."""
        may(who, "grant.revoke")
        self._access.grants.revoke(grant_id, by=who.user_id)
        return self._get(grant_id)

    def review_glass(self, who: Person, grant_id: str, asked: a.ReviewGlass) -> a.GrantView:
        """Write down what a person thinks of a broken glass of somebody else."""
        may(who, "glass.review")
        self._access.grants.review(grant_id, by=who.user_id, justified=asked.justified, note=asked.note)
        return self._get(grant_id)

    def holds(self, who: Person) -> a.HoldsReply:
        """Return the holds that stand."""
        may(who, "retention.read")
        return self._holds()

    def set_hold(self, who: Person, asked: a.SetHold) -> a.HoldsReply:
        """Let nothing of an event be destroyed."""
        may(who, "hold.set")
        self._known_emergency(asked.emergency_id)
        self._access.grants.set_hold(asked.emergency_id, by=who.user_id, reason=asked.reason)
        return self._holds()

    def lift_hold(self, who: Person, hold_id: str) -> a.HoldsReply:
        """Lift a hold."""
        may(who, "hold.lift")
        self._access.grants.lift_hold(hold_id, by=who.user_id)
        return self._holds()

    def reports(self, who: Person, lang: str) -> a.ReportsReply:
        """Return the newest signed reports, each verified anew."""
        may(who, "retention.read")
        public_hex, found = self._access.audit.public_hex, list_reports(self._access.database)[::-1]
        told = [shown.report(sealed, public_hex, lang) for sealed in found[:REPORTS]]
        return a.ReportsReply(told, max(0, len(found) - REPORTS), public_hex)

    def audit(self, who: Person, after: int | None, limit: int, *, people_only: bool) -> a.AuditReply:
        """Return a page of the audit, newest first."""
        may(who, "audit.read")
        entries = self._access.audit.list_newest(limit, after, people_only=people_only)
        lines = [shown.audit_line(entry, self._knower()) for entry in entries]
        return a.AuditReply(*self._clock(), lines, lines[-1].seq if len(lines) == limit else None)

    def verify_audit(self, who: Person) -> a.AuditCheck:
        """Walk along the whole chain, and write down who did and what was found."""
        may(who, "audit.verify")
        found = self._access.audit.verify()
        problems = [{"key": problem.key, **problem.values} for problem in found.problems]
        told = {"rows": found.rows, "last_seq": found.last_seq, "problems": problems}
        self._access.audit.append("AuditBroken" if problems else "AuditVerified", who.user_id, told)
        words = [Words(problem.message("zh"), problem.message("en")) for problem in found.problems]
        return a.AuditCheck(self._now_min(), not problems, found.rows, found.last_seq, words)

    def _refuse(self, asked: a.IssueGrant) -> None:
        """Raise Absent or Malformed for a grant about things that are not, or to somebody who could not use it."""
        if asked.scene not in SCENES:
            raise Absent("web.no_scene", scene=asked.scene)
        if asked.emergency_id is not None and self._known_emergency(asked.emergency_id) != asked.scene:
            raise Malformed("web.other_scene", emergency=asked.emergency_id, scene=asked.scene)
        if asked.dataset != VAULT and asked.dataset not in DATASETS:
            raise Absent("library.unknown_dataset", dataset=asked.dataset)
        if asked.dataset != VAULT and not is_personal(DATASETS[asked.dataset]):
            raise Malformed("web.not_personal", dataset=asked.dataset)
        known = VAULT_FIELDS if asked.dataset == VAULT else tuple(DATASETS[asked.dataset].by_name)
        if unknown := [name for name in asked.columns if name not in known]:
            raise Malformed("library.no_such_field", dataset=asked.dataset, columns=", ".join(unknown))
        self._refuse_grantee(asked)

    def _refuse_grantee(self, asked: a.IssueGrant) -> None:
        if asked.grantee == f"scene:{asked.scene}":
            if asked.dataset == VAULT:
                raise Malformed("web.scene_and_vault")
            return
        if asked.grantee in self._partners():
            if asked.dataset != VAULT or set(asked.purposes) != {Purpose.REPORT.value}:
                raise Malformed("web.partner_and_purpose", partner=asked.grantee)
            return
        person = self._access.accounts.get_person(asked.grantee)
        if asked.scene not in person.scenes:
            raise Malformed("web.grantee_not_of_scene", user=person.user_id, scene=asked.scene)
        if asked.dataset == VAULT and not is_allowed(person, "person.reveal", scene=asked.scene):
            raise Malformed("web.grantee_cannot_unmask", user=person.user_id)

    def _partners(self) -> dict[str, a.Grantee]:
        """Return the partners that can be told who somebody is, by the name under which they hold grants."""
        told = {partner_grantee(name): one.partner.name for name, one in self.works.settings.partners.items()}
        return {grantee: a.Grantee(grantee, f"{name['zh']} {name['en']}", True) for grantee, name in told.items()}

    def _until_min(self, asked: a.IssueGrant, now_min: int) -> int:
        if (asked.days is None) == (asked.until is None):
            raise Malformed("web.days_or_until")
        if asked.until is None:
            return now_min + (asked.days or 0) * DAY_MIN
        try:
            last = date.fromisoformat(asked.until)
        except ValueError as error:
            raise Malformed("web.no_such_day", day=asked.until) from error
        ends = at_service_minute(last + timedelta(days=1), 0, self.works.settings.hub.zone)
        return epoch_minute(ends)

    def _known_emergency(self, emergency_id: str) -> str:
        """Return the scene of an event. Raises Absent."""
        found = self.works.ledger.find_emergency(emergency_id)
        if found is None:
            raise Absent("flow.no_such_emergency", emergency_id=emergency_id)
        return found.scene

    def _get(self, grant_id: str) -> a.GrantView:
        found = next(each for each in self._access.grants.list_all() if each.grant_id == grant_id)
        return self._shown([found])[0]

    def _shown(self, found: Sequence[Grant]) -> list[a.GrantView]:
        """Return grants with what was done under broken glasses, and what was said of them."""
        looks: dict[str, list[a.LookedAt]] = {}
        reviews, is_known = {}, self._knower()
        if glasses := [each for each in found if each.glass]:
            since = min(each.from_min for each in glasses)
            for entry in self._access.audit.list_entries(kind="Unmasked", from_min=since):
                if entry.payload["glass"]:
                    looks.setdefault(str(entry.payload["grant"]), []).append(shown.looked_at(entry, is_known))
            done = self._access.audit.list_entries(kind="GlassReviewed", from_min=since)
            reviews = {str(entry.payload["grant"]): entry.payload for entry in done}
        at_min = self._now_min()
        return [shown.grant(g, at_min, looks.get(g.grant_id, ()), reviews.get(g.grant_id)) for g in found]

    def _knower(self) -> Callable[[str], bool]:
        """Return what tells whether something names a case or a train; anything else may have been typed."""

        @cache
        def is_known(about: str) -> bool:
            return TRAIN.fullmatch(about) is not None or self.works.ledger.find_case(about) is not None

        return is_known

    def _holds(self) -> a.HoldsReply:
        found = self._access.grants.list_holds()
        holds = [a.HoldView(each.hold_id, each.emergency_id, each.reason, each.set_by, each.set_min) for each in found]
        return a.HoldsReply(*self._clock(), holds, self._emergencies())

    def _emergencies(self) -> list[a.EmergencyChoice]:
        hub_min = epoch_minute(self.works.clock())
        return [shown.emergency(each, hub_min) for each in reversed(self.works.ledger.list_emergencies())]

    def _clock(self) -> tuple[str, int]:
        now = self._access.clock()
        return now.isoformat(), epoch_minute(now)

    def _now_min(self) -> int:
        return epoch_minute(self._access.clock())
