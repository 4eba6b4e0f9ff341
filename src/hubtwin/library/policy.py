"""What the policies say: which lanes an item of a basket may take and why not, what may be read under a share.

The policies are Cedar (`sharing.cedar` and `reading.cedar` beside this file, typed by `sharing.cedarschema`), parsed
once: handing over text at each question costs a thousand times as much (reference governance 1.5). They are few and
fixed; grants, templates and limits are facts that they are given. Cedar passes over a policy that fails while it is
evaluated, and a forbidding one that is passed over would let something through: whatever reports an error is denied.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cedarpy

from hubtwin.base.errors import Bug
from hubtwin.model.basket import LONGEST_MIN, BasketKind, Said
from hubtwin.model.sharing import Lane, Share
from hubtwin.rules.lanes import LANES_OF, Facts, Limits, Seen

LANES = Path(__file__).with_name("sharing.cedar")
READING = Path(__file__).with_name("reading.cedar")
SCHEMA = Path(__file__).with_name("sharing.cedarschema")
FAILED = "policy_failed"  # the reason where a policy could not be evaluated


class Policies:
    """The policies, ready to be asked. Threads may share it: it holds nothing that changes."""

    def __init__(self, lanes: str, reading: str, schema: str) -> None:
        """Parse policies and schema. Raises Bug where they do not fit each other."""
        for policies in (lanes, reading):
            found = cedarpy.validate_policies(policies, schema)
            if not found.validation_passed:
                raise Bug("library.policies_invalid", detail="; ".join(map(str, found.errors))[:500])
        self._lanes, self._reading = cedarpy.PolicySet.from_str(lanes), cedarpy.PolicySet.from_str(reading)
        self._entities = cedarpy.Entities.from_json_str("[]", schema)  # holds which actions are lanes

    def say(self, facts: Facts, kind: BasketKind, limits: Limits, templates: Iterable[Seen] = ()) -> tuple[Said, ...]:
        """Return what each lane of a kind of application says of an item, in the order they are tried.

        Of several templates the first that fits speaks, else the first with the fewest reasons.
        """
        base = context_of(facts, limits)
        return tuple(
            self._say_template(base, facts, templates) if lane is Lane.TEMPLATE else self._say(lane, base, facts)
            for lane in LANES_OF[kind]
        )

    def fitting(self, facts: Facts, limits: Limits, templates: Iterable[Seen]) -> Seen | None:
        """Return the first template that fits an item, None where none does."""
        base = context_of(facts, limits)
        for each in templates:
            if self._say(Lane.TEMPLATE, {**base, "template": _template(each)}, facts).is_open:
                return each
        return None

    def say_read(
        self, share: Share, grantees: Iterable[str], purpose: str, columns: Iterable[str], *, now_min: int, digest: str
    ) -> tuple[str, ...]:
        """Return why these columns may not be read under a share now for a purpose; empty where they may."""
        context = {
            "grantees": list(grantees),
            "grantee": share.grantee,
            "purpose": purpose,
            "sharePurpose": share.purpose,
            "nowMin": now_min,
            "fromMin": share.from_min,
            "untilMin": share.until_min if share.ended_min is None else share.from_min,
            "probed": share.probed_min is not None,
            "suspended": share.suspended_min is not None,
            "revoked": share.revoked_min is not None,
            "sameShape": share.digest == digest,
            "rowsNamed": not share.rows.nothing,
            "columns": list(columns),
            "shareColumns": list(share.columns),
        }
        return self._ask(self._reading, "read", share.grantee, share.dataset, context)

    def _say(self, lane: Lane, context: Mapping[str, Any], facts: Facts) -> Said:
        return Said(lane, self._ask(self._lanes, lane.value, facts.applicant, facts.dataset, context))

    def _say_template(self, base: Mapping[str, Any], facts: Facts, templates: Iterable[Seen]) -> Said:
        said = [self._say(Lane.TEMPLATE, {**base, "template": _template(each)}, facts) for each in templates]
        return min(said, key=lambda each: len(each.reasons), default=None) or self._say(Lane.TEMPLATE, base, facts)

    def _ask(
        self, policies: cedarpy.PolicySet, action: str, who: str, dataset: str, context: Mapping[str, Any]
    ) -> tuple[str, ...]:
        answer = cedarpy.is_authorized(
            {
                "principal": {"type": "Person", "id": who},
                "action": {"type": "Action", "id": action},
                "resource": {"type": "Dataset", "id": dataset},
                "context": context,
            },
            policies,
            self._entities,
        )
        told = answer.diagnostics
        if told.errors:
            return (FAILED,)
        if answer.allowed:
            return ()
        return tuple(sorted({*told.id_annotations_by_reason.values()} or {FAILED}))


@cache
def shipped_policies() -> Policies:
    """Return the policies that are shipped, parsed once a process."""
    return Policies(*(each.read_text(encoding="utf-8") for each in (LANES, READING, SCHEMA)))


def context_of(facts: Facts, limits: Limits) -> dict[str, Any]:
    """Return facts and limits as the policies name them."""
    context: dict[str, Any] = {
        "roles": list(facts.roles),
        "agency": facts.agency,
        "agencyKind": facts.agency_kind,
        "sharing": facts.sharing,
        "grade": facts.grade,
        "scaled": facts.scaled,
        "purpose": facts.purpose,
        "purposes": list(facts.purposes),
        "purposeKnown": facts.purpose_known,
        "basisKnown": facts.basis_known,
        "minutes": facts.minutes,
        "nowMin": facts.now_min,
        "longestMin": LONGEST_MIN,
        "automaticMin": limits.automatic_min,
        "templateMin": limits.template_min,
        "emergencyMin": limits.emergency_min,
        "columns": list(facts.columns),
        "rowsNamed": facts.rows_named,
        "wide": facts.wide,
        "countsOnly": facts.counts_only,
        "chosen": facts.chosen,
        "scene": facts.scene,
        "ownScene": facts.own_scene,
        "revoked": facts.revoked,
        "unreviewed": facts.unreviewed,
        "emergencySinceMin": facts.emergency_since_min,
    }
    return context if facts.template is None else {**context, "template": _template(facts.template)}


def with_template(facts: Facts, template: Seen | None) -> Facts:
    """Return the facts with a template beside them."""
    return replace(facts, template=template)


def _template(seen: Seen) -> dict[str, Any]:
    return {
        "columns": list(seen.columns),
        "purposes": list(seen.purposes),
        "agencies": list(seen.agencies),
        "kinds": list(seen.kinds),
        "longestMin": seen.longest_min,
        "untilMin": seen.until_min,
        "rowsFit": seen.rows_fit,
        "masked": seen.masked,
    }
