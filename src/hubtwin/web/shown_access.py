"""From grants, reports and rows of the audit to the replies of the wire. Pure; nobody's personal value passes."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hubtwin.base.errors import HubError
from hubtwin.base.text import catalogue, text
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Grade
from hubtwin.library.grants import is_personal
from hubtwin.model.emergency import Emergency
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose
from hubtwin.stores.audit import Entry
from hubtwin.stores.deletion import NIGHTLY
from hubtwin.stores.ending import CERTIFICATE, certificate_text
from hubtwin.stores.signing import open_sealed
from hubtwin.web import shown
from hubtwin.web.schemas import access as a
from hubtwin.web.schemas.hub import Words

IsKnown = Callable[[str], bool]
# what of an audit row a list may tell: references, counts, names of columns. Not pseudonyms, not what somebody typed.
TOLD = (
    *("dataset", "columns", "purpose", "purposes", "scene", "grant", "glass", "grantee", "approved_by", "asked_by"),
    *("second", "persons", "rows", "until_min", "justified", "word", "hold", "emergency", "report", "of", "why"),
    *("user", "agency", "team", "roles", "scenes", "sessions", "failed", "up_to", "last_seq", "epoch"),
    *("partner", "message", "link", "said", "fields"),
)


def columns(dataset: str, names: Iterable[str]) -> list[a.ColumnChoice]:
    """Return columns of a dataset, or fields of the vault, with their names; one that is not declared bears its own."""
    return [_column(dataset, name) for name in names]


def datasets() -> list[a.DatasetChoice]:
    """Return what can be granted: the vault first, then every dataset about persons."""
    vault = a.DatasetChoice(VAULT, dataset_name(VAULT), columns(VAULT, VAULT_FIELDS))
    others = [found for found in DATASETS.values() if is_personal(found)]
    return [vault, *(a.DatasetChoice(d.name, dataset_name(d.name), columns(d.name, d.by_name)) for d in others)]


def purposes() -> list[a.PurposeChoice]:
    """Return every purpose in words."""
    return [a.PurposeChoice(each, shown.words(f"web.purpose_{each.value}")) for each in Purpose]


def dataset_name(dataset: str) -> Words:
    """Return the name of a dataset."""
    if dataset == VAULT:
        return shown.words("web.dataset_vault")
    found = DATASETS.get(dataset)
    return Words(dataset, dataset) if found is None else Words(found.zh, found.en)


def grant(found: Grant, at_min: int, looks: Sequence[a.LookedAt], review: Mapping[str, Any] | None) -> a.GrantView:
    """Return a grant; `looks` is what was done under it, `review` what the audit tells of its review."""
    return a.GrantView(
        *(found.grant_id, found.grantee, found.dataset, dataset_name(found.dataset)),
        columns=columns(found.dataset, _in_order(found.dataset, found.columns)),
        purposes=sorted(found.purposes),
        scene=found.scene,
        from_min=found.from_min,
        until_min=found.until_min,
        live=found.is_live(at_min),
        issued_by=found.issued_by,
        approved_by=found.approved_by or None,
        reason=found.reason,
        emergency_id=found.emergency_id or None,
        glass=found.glass,
        revoked_min=found.revoked_min,
        revoked_by=found.revoked_by or None,
        review_due_min=found.review_due_min(),
        reviewed_min=found.reviewed_min,
        reviewed_by=found.reviewed_by or None,
        justified=bool(review["justified"]) if review else None,
        note=str(review["note"]) if review else None,
        looked_at=looks,
    )


def looked_at(entry: Entry, is_known: IsKnown) -> a.LookedAt:
    """Return a look-up of the audit without its persons."""
    told, about = entry.payload, str(entry.payload["about"])
    seen = columns(str(told["dataset"]), _in_order(str(told["dataset"]), map(str, told["columns"])))
    return a.LookedAt(entry.seq, entry.at_min, about if is_known(about) else None, seen, int(told["persons"]))


def mine(found: Grant) -> a.MyGrant:
    """Return a live grant to the vault for the one who holds it."""
    fields = _in_order(VAULT, found.columns)
    return a.MyGrant(found.grant_id, found.scene, fields, sorted(found.purposes), found.until_min, found.glass)


def emergency(found: Emergency, hub_min: int) -> a.EmergencyChoice:
    """Return an event that a grant or a hold may name."""
    return a.EmergencyChoice(
        *(found.emergency_id, found.scene, found.disease, found.begins_min, found.ends_min, found.in_force(hub_min))
    )


def audit_line(entry: Entry, is_known: IsKnown) -> a.AuditLine:
    """Return a row of the audit with what a list may tell of it."""
    what = {name: _plain(entry.payload[name]) for name in TOLD if entry.payload.get(name) not in (None, "", [])}
    about = entry.payload.get("about")
    if about is not None and is_known(str(about)):
        what["about"] = str(about)
    return a.AuditLine(entry.seq, entry.at_min, entry.kind, _titled("web.audit_", entry.kind), entry.by, what)


def report(sealed: str, public_hex: str, lang: str) -> a.ReportView:
    """Return a signed report as it is printed; one that is not the hub's is told as such and not printed."""
    head, problem, printed = _head(sealed), None, None
    try:
        printed = report_text(sealed, public_hex, lang)
    except HubError as error:
        problem = error.message(lang)
    report_id, kind, at = (head.get(name) for name in ("report_id", "kind", "at"))
    return a.ReportView(report_id, kind, _titled("web.report_", kind or "-"), at, problem is None, problem, printed)


def report_text(sealed: str, public_hex: str, lang: str) -> str:
    """Return a report as it is printed, in "zh" or "en". Raises Malformed where it is not the hub's."""
    body = open_sealed(sealed, public_hex)
    if body.get("kind") == CERTIFICATE:
        return certificate_text(sealed, public_hex, lang).strip()
    if body.get("kind") == NIGHTLY:
        return _nightly(body, public_hex, lang)
    lines = (f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(body.items()))
    return "\n".join(lines)


def _nightly(body: Mapping[str, Any], public_hex: str, lang: str) -> str:
    told: dict[str, Any] = {**body, "public_key": public_hex}
    told |= {name: _counted(body[name], lang, "web.record_") for name in ("deleted", "pseudonymised")}
    told["rows"] = _counted(body["rows"], lang, "web.rows_")
    told["library"] = _counted(body.get("library_rows", {}), lang, "web.rows_")
    told["lines"] = _counted(body.get("quarantined_lines", {}), lang, "web.rows_")
    told["waits"] = text("web.nightly_waits" if body["rows_wait_for_hold"] else "web.nightly_no_wait", lang)
    printed = text("web.nightly_text", lang, **told).strip()
    if "night" not in body:  # one that was asked for outside of the nightly run
        return printed
    told["epochs"] = text("web.comma", lang).join(map(str, body["epochs_destroyed"])) or text("stores.none", lang)
    told["checked"] = body["audit_verified"]["rows"]
    told["wrong"] = len(body["audit_verified"]["problems"])
    return f"{printed}\n\n{text('web.nightly_more', lang, **told).strip()}"


def _head(sealed: str) -> dict[str, str]:
    """Return what a report claims of itself, whether it is signed or not."""
    try:
        body = json.loads(sealed)["body"]
        return {name: body[name][:80] for name in ("report_id", "kind", "at") if isinstance(body.get(name), str)}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _counted(counts: Mapping[str, int], lang: str, start: str) -> str:
    named = ((_named_in(start, name, lang), count) for name, count in sorted(counts.items()) if count)
    return text("web.comma", lang).join(f"{name} {count}" for name, count in named) or text("stores.none", lang)


def _named_in(start: str, name: str, lang: str) -> str:
    if start == "web.rows_" and name in DATASETS:
        return str(getattr(DATASETS[name], lang))
    return text(f"{start}{name}", lang) if f"{start}{name}" in catalogue() else name


def _titled(start: str, name: str) -> Words:
    """Return the title of a kind; one that nobody has written a title for bears its own name."""
    return shown.words(f"{start}{name}") if f"{start}{name}" in catalogue() else Words(name, name)


def _column(dataset: str, name: str) -> a.ColumnChoice:
    if dataset == VAULT and name in VAULT_FIELDS:
        return a.ColumnChoice(name, shown.words(f"web.vault_{name}"), Grade.L4.value)
    found = DATASETS[dataset].by_name.get(name) if dataset in DATASETS else None
    if found is None:
        return a.ColumnChoice(name, Words(name, name), Grade.L4.value)
    return a.ColumnChoice(name, Words(found.zh, found.en), found.grade.value)


def _in_order(dataset: str, names: Iterable[str]) -> list[str]:
    """Return columns in the order of their declaration."""
    declared = VAULT_FIELDS if dataset == VAULT else tuple(DATASETS[dataset].by_name) if dataset in DATASETS else ()
    return sorted(names, key=lambda name: (declared.index(name) if name in declared else len(declared), name))


def _plain(value: object) -> str | int | bool | list[str]:
    if isinstance(value, bool | int):
        return value
    return [str(each) for each in value] if isinstance(value, list) else str(value)
