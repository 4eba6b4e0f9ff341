"""From verified facts to what each partner gets: routed by jurisdiction, cut down by profile, nothing before a person
has said yes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubtwin.base.ids import stable_key
from hubtwin.channels.send import Parcel
from hubtwin.model.record import Marks
from hubtwin.rules.disclosure import Disclosures, disclose
from hubtwin.rules.routing import Office, require_verified, route


@dataclass(frozen=True, slots=True)
class Told:
    """Parcels for the partners, and the profiles for which no office is there or nothing is left to say."""

    parcels: tuple[Parcel, ...]
    nobody: tuple[str, ...]
    nothing: tuple[str, ...]


def parcels_of(
    case_id: str,
    facts: Mapping[str, Any],
    destination: str,
    *,
    verified_by: str | None,
    profiles: Sequence[str],
    disclosures: Disclosures,
    offices: Mapping[tuple[str, str], Office],
    marks: Marks,
) -> Told:
    """Return who gets what of the facts of a case. `offices` are those of `rules.routing.check_offices`.

    A partner that may know nothing of a person does not get the name of the case either: its subject is a key that only
    the hub can trace back. Raises Denied where nobody has verified the facts, Malformed for a wrong destination.
    """
    require_verified(verified_by)
    routed = route(destination, offices, profiles)
    parcels, nothing = list[Parcel](), list[str]()
    for office in routed.offices:
        profile = disclosures.profiles[office.profile]
        data = disclose(profile, facts)
        personal = any(field.personal for field in profile.fields)
        subject = case_id if personal else stable_key(profile.name, office.partner, case_id)
        if data:
            parcels.append(
                Parcel(office.partner, f"hubtwin.disclosure.{profile.name}", subject, profile.schema, data, marks)
            )
        else:
            nothing.append(profile.name)
    return Told(tuple(parcels), routed.nobody, tuple(nothing))
