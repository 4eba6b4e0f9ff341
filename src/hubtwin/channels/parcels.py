"""From verified facts to what each partner gets: routed by jurisdiction, cut down by profile, nothing before a person
has said yes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubtwin.base.errors import Denied
from hubtwin.base.ids import stable_key
from hubtwin.channels.send import Parcel
from hubtwin.model.record import Marks
from hubtwin.rules.disclosure import Disclosures, Profile, disclose
from hubtwin.rules.routing import Office, require_verified, route

TYPE = "hubtwin.disclosure."  # of messages, followed by the profile
Identify = Callable[[Office, Profile], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Told:
    """Parcels for the partners, and the profiles for which no office is there or nothing is left to say; `held` are
    offices that may not be told now, with the text key of why.
    """

    parcels: tuple[Parcel, ...]
    nobody: tuple[str, ...]
    nothing: tuple[str, ...]
    held: tuple[tuple[Office, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a case. `about` is what an anonymous message is about: a place, never a person."""

    case_id: str
    facts: Mapping[str, Any]
    destination: str
    verified_by: str | None
    marks: Marks
    about: str = ""


def nothing_stands(office: Office) -> bool:
    """Tell that an office has not been told yet."""
    return False


def knows_identity(office: Office, profile: Profile) -> Mapping[str, Any]:
    """Add nothing: the facts hold the identity already."""
    return {}


def parcels_of(
    told: Facts,
    profiles: Sequence[str],
    disclosures: Disclosures,
    offices: Mapping[tuple[str, str], Office],
    *,
    identify: Identify = knows_identity,
    stands: Callable[[Office], bool] = nothing_stands,
) -> Told:
    """Return who gets what of the facts of a case. `offices` are those of `rules.routing.check_offices`.

    `identify` gives the personal fields for one office, or raises Denied where it may not have them. A partner that may
    know nothing of a person does not get the name of the case either: its subject is a key that only the hub can trace
    back. An office of which `stands` is true is passed over before anybody looks up who it is. Raises Denied where
    nobody has verified the facts, Malformed for a wrong destination.
    """
    require_verified(told.verified_by)
    routed = route(told.destination, offices, profiles)
    parcels, nothing, held = list[Parcel](), list[str](), list[tuple[Office, str]]()
    for office in routed.offices:
        if stands(office):
            continue
        profile = disclosures.profiles[office.profile]
        try:
            more = identify(office, profile) if profile.personal else {}
        except Denied as error:
            held.append((office, error.key))
            continue
        data = disclose(profile, {**told.facts, **more})
        subject = told.case_id
        if not profile.personal:
            subject = stable_key(profile.name, office.partner, told.about or told.case_id)
        if data:
            kind = f"{TYPE}{profile.name}"
            parcels.append(Parcel(office.partner, kind, subject, profile.schema, data, told.marks))
        else:
            nothing.append(profile.name)
    return Told(tuple(parcels), routed.nobody, tuple(nothing), tuple(held))
