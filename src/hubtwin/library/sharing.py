"""Why a partner may be told who somebody is: its agreement with the hub, and a live grant of the data owner.

The agreement (hub.toml) says what for and until when; the grant can be taken back at once and binds at the next fact.
Each disclosure is written down before anything leaves, and each refusal.
"""

from collections.abc import Callable, Mapping
from typing import Any

from hubtwin.base.errors import Absent, Denied
from hubtwin.library.grants import Desk
from hubtwin.model.grant import VAULT, VAULT_FIELDS, LookUp, Purpose, find_cover
from hubtwin.rules.disclosure import Profile, paths_of
from hubtwin.rules.privacy import document_kind
from hubtwin.rules.routing import Office

IDENTITY = "identity"  # the part of the facts that the vault keeps
DISCLOSED, DENIED = "Disclosed", "DisclosureDenied"  # kinds of the audit


def partner_grantee(partner: str) -> str:
    """Return the name under which a partner holds grants."""
    return f"partner:{partner}"


def identify(
    desk: Desk,
    office: Office,
    profile: Profile,
    *,
    scene: str,
    about: str,
    pid: str,
    reveal: Callable[[str, str], Mapping[str, str]],
) -> Mapping[str, Any]:
    """Return the fields of identity that an office may have of a person, as part of the facts of case `about`.

    Somebody whom the vault does not know (any more) has none. Raises Denied without a live grant that covers them.
    """
    columns = tuple(name for name in profile.below(IDENTITY) if name in VAULT_FIELDS)
    if not columns:
        return {}
    grantee = partner_grantee(office.partner)
    asked = LookUp(grantee, scene, Purpose.REPORT, VAULT, columns, about, (pid,))
    try:
        grant = find_cover(desk.book.list_grants(grantee), asked, desk.now_min())
    except Denied as error:
        desk.trail.append(DENIED, grantee, {"why": error.key, "about": about, "profile": profile.name})
        raise
    told = {"dataset": VAULT, "columns": sorted(columns), "purpose": asked.purpose.value, "grant": grant.grant_id}
    desk.trail.append("Unmasked", grantee, {**told, "scene": scene, "about": about, "glass": False, "persons": 1,
        "pids": [pid], "second": grant.approved_by})  # fmt: skip
    try:
        found = reveal(pid, f"{asked.purpose.value} {about}")
    except Absent:
        return {}
    told_of = {name: found[name] for name in columns if name in found}
    if "id_type" in told_of:
        told_of["id_type"] = document_kind(told_of["id_type"])
    return {IDENTITY: told_of}


def note_disclosed(
    desk: Desk, partner: str, about: str, schema: str, data: Mapping[str, Any], *, message_id: str
) -> None:
    """Write down what a partner is told: the names of the fields, never a value."""
    told = {"about": about, "schema": schema, "fields": sorted(set(paths_of(data))), "message": message_id}
    desk.trail.append(DISCLOSED, partner_grantee(partner), told)
