"""Simulated staff as persons of the table of permissions: nobody of them may do more than a real one in that place."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from hubtwin.base.text import text
from hubtwin.model.agency import AgencyKind, Person, Role
from hubtwin.model.duty import COMMANDER
from hubtwin.sim.screening import Figures, load_figures

SHIPPED = Path(__file__).resolve().parent / "crew.toml"
TEAM = "team"  # the group of those who belong to a team of the roster


class Group(NamedTuple):
    """What the persons of a group are for. `team` is whose tasks they answer."""

    agency: AgencyKind
    roles: frozenset[Role]
    team: str = ""


_FIELD = frozenset({Role.FIELD_STAFF})
GROUPS: Mapping[str, Group] = {
    "commander": Group(AgencyKind.COMMAND, frozenset({Role.DUTY_COMMANDER, Role.FIELD_STAFF}), COMMANDER),
    "officer": Group(AgencyKind.HEALTH, frozenset({Role.SCENE_OFFICER})),
    "gate": Group(AgencyKind.RAILWAY, _FIELD),
    "desk": Group(AgencyKind.RAILWAY, _FIELD),
    "medic": Group(AgencyKind.HEALTH, _FIELD),
    "driver": Group(AgencyKind.TRANSPORT, _FIELD),
    "site": Group(AgencyKind.DISTRICT, _FIELD),
}
WORK: Mapping[str, str] = {  # command on a case -> the group that carries it out
    "report": "gate",
    "report_at_desk": "desk",
    "refuse": "gate",
    "consent": "gate",
    "take_antigen": "medic",
    "antigen_result": "medic",
    "antigen_invalid": "medic",
    "take_nucleic": "medic",
    "nucleic_negative": "medic",
    "nucleic_positive": "medic",
    "nucleic_invalid": "medic",
    "release": "officer",
    "hand_over": "officer",
    "overflow": "commander",
    "follow_up_clear": "officer",
    "follow_up_recall": "officer",
    "depart": "driver",
    "arrive": "site",
    "close": "officer",
}


def load_crew_figures(path: Path = SHIPPED, **changes: object) -> Figures:
    """Return the figures of crew.toml by name; `changes` replaces single ones. Raises Malformed for an unknown name."""
    return load_figures(path, **changes)


def list_people(scene: str, teams: Iterable[str], figures: Figures | None = None, lang: str = "zh") -> list[Person]:
    """Return the simulated staff of a scene: those who work with persons, and one for each of `teams`.

    User ids begin with `sim.` and names say that they are simulated, in `lang`. The agency of each is named as its kind
    (`health`, `railway`, ...); who gives them accounts adds these agencies first.
    """
    return [person for group in group_people(scene, teams, figures, lang).values() for person in group]


def group_people(
    scene: str, teams: Iterable[str], figures: Figures | None = None, lang: str = "zh"
) -> dict[str, list[Person]]:
    """Return the same persons by group: the names of GROUPS, and TEAM."""
    counts = (figures or load_crew_figures())["staff"]
    found = {
        name: [_person(name, group, str(number), scene, lang=lang) for number in range(1, counts[name] + 1)]
        for name, group in GROUPS.items()
    }
    found[TEAM] = [
        _person(TEAM, Group(AgencyKind.RAILWAY, _FIELD, team), team, scene, lang=lang)
        for team in sorted(set(teams) - {COMMANDER})
    ]
    return found


def _person(name: str, group: Group, number: str, scene: str, *, lang: str) -> Person:
    return Person(
        user_id=f"sim.{name}.{number}",
        name=text(f"sim.staff_{name}", lang, number=number),
        agency=group.agency.value,
        agency_kind=group.agency,
        roles=group.roles,
        scenes=frozenset({scene}),
        team=group.team,
        lang=lang,
    )
