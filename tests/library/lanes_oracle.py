"""The policies once more in plain Python: a slow reading of the rules that knows nothing of Cedar."""

from hubtwin.model.basket import LONGEST_MIN
from hubtwin.model.sharing import Lane, Share
from hubtwin.rules.lanes import Facts, Limits, Seen

SHARE = {Lane.AUTOMATIC, Lane.TEMPLATE, Lane.OWNER, Lane.AGGREGATE}


def say_plainly(lane: Lane, f: Facts, limits: Limits) -> set[str]:
    """Return the reasons against a lane."""
    against = {
        "not_shared": f.sharing == "not_shared",
        "no_rows": not f.rows_named,
        "no_columns": not f.columns,
        "no_purpose": not f.purpose_known,
        "no_legal_basis": not f.basis_known,
        "not_for_longer_than_a_year": not 0 < f.minutes <= LONGEST_MIN,
    }
    if lane in SHARE:
        against["role"] = not f.roles & {"agency_liaison", "scene_officer", "analyst", "data_steward"}
        against["scene_is_operational"] = f.scene
    else:
        against["role"] = not f.roles & {"scene_officer", "duty_commander"}
    if lane is not Lane.AGGREGATE:
        against["l4_never_as_rows"] = f.grade >= 4
    return {reason for reason, holds in {**against, **_own(lane, f, limits)}.items() if holds}


def _own(lane: Lane, f: Facts, limits: Limits) -> dict[str, bool]:
    match lane:
        case Lane.AUTOMATIC:
            return {
                "not_unconditional": f.sharing != "unconditional",
                "above_l2": f.grade > 2,
                "purpose_not_listed": f.purpose not in f.purposes,
                "longer_than_automatic": f.minutes > limits.automatic_min,
                "wider_than_own_street": f.wide,
                "revoked_before": f.revoked,
            }
        case Lane.TEMPLATE:
            known = {
                "no_template": f.template is None,
                "scale": f.scaled,
                "revoked_before": f.revoked,
                "analysts_ask_the_owner": not f.roles & {"agency_liaison", "scene_officer", "data_steward"},
                "longer_than_template": f.minutes > limits.template_min,
            }
            return known if f.template is None else {**known, **_template(f, f.template, limits)}
        case Lane.AGGREGATE:
            return {"counts_only": not f.counts_only, "below_l4": f.grade < 4, "counts_of_chosen": f.chosen}
        case Lane.OPERATIONAL:
            return {"no_scene": not f.scene, "not_your_scene": f.scene and not f.own_scene}
        case Lane.EMERGENCY:
            since_min, most = f.emergency_since_min, limits.emergency_min
            beyond = since_min > 0 and f.minutes > most - since_min
            known = {"unreviewed_emergency": f.unreviewed, "beyond_first_emergency": beyond}
            return {"longer_than_emergency": f.minutes > most, **known}
        case _:
            return {}


def _template(f: Facts, t: Seen, limits: Limits) -> dict[str, bool]:
    return {
        "template_over": f.now_min >= t.until_min,
        "template_columns": not f.columns <= t.columns,
        "template_purpose": f.purpose not in t.purposes,
        "template_grantee": f.agency not in t.agencies and f.agency_kind not in t.kinds,
        "template_rows": not t.rows_fit,
        "template_unmasked": not t.masked,
        "longer_than_template": f.minutes > min(limits.template_min, t.longest_min),
    }


def read_plainly(share: Share, grantees: set[str], purpose: str, columns: set[str], now_min: int, digest: str) -> bool:
    """Return whether columns may be read under a share."""
    return (
        share.is_live(now_min, digest)
        and share.grantee in grantees
        and share.purpose == purpose
        and bool(columns)
        and columns <= share.columns
        and not share.rows.nothing
    )
