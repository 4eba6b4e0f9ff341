"""The site of a simulated hub: which places are counted, which devices stand there, where everything is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hubtwin.model.place import Hub
from hubtwin.model.venue import Venue
from hubtwin.rules.things import Ground, Grounds
from hubtwin.sim.flows.routes import Find, straight

_SHAFTS = {"elevator": "lift", "escalator": "escalator"}
PREFIX = "P-"  # a platform of hub.toml in the codes of its venue


@dataclass(frozen=True)
class Device:
    """A device: its code, its kind as in DEVICE_STATES, the unit that it watches or serves."""

    code: str
    kind: str
    covers: str


@dataclass(frozen=True)
class Site:
    """`counted` are the zones with a counter, by zone the counter (empty: nobody knows of a device). `homes` are the
    posts of the teams."""

    platforms: tuple[str, ...]
    find: Find
    counted: Mapping[str, str]
    devices: tuple[Device, ...] = ()
    grounds: Grounds = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)

    def ground(self, place: str) -> Ground:
        """Return where a place is, as far as that is known; a platform may be called as hub.toml does."""
        return self.grounds.get(place) or self.grounds.get(PREFIX + place) or Ground()

    def code(self, place: str) -> str:
        """Return the code of a place in the venue."""
        return place if place in self.grounds or PREFIX + place not in self.grounds else PREFIX + place


def bare_site(hub: Hub, lines: Sequence[str] = ()) -> Site:
    """Return the site of a hub without a venue: platforms, exits and `lines` are counted, and nothing stands there."""
    platforms = tuple(each.platform_id for each in hub.platforms) or ("1",)
    zones = (*platforms, *(each.exit_id for each in hub.exits), *lines)
    return Site(platforms, straight, dict.fromkeys(zones, ""), homes={team.team_id: team.post for team in hub.teams})


def drawn_site(hub: Hub, venue: Venue, grounds: Grounds, find: Find) -> Site:
    """Return the site of a hub as its venue is drawn: counters and cameras are fixtures, lifts and escalators units."""
    counters = {each.covers: each.code for each in venue.fixtures if each.use == "counter" and each.covers}
    devices = [Device(each.code, each.use, each.covers) for each in venue.fixtures if each.use in ("camera", "counter")]
    devices += [Device(unit.code, _SHAFTS[unit.category], "") for unit in venue.units if unit.category in _SHAFTS]
    bare = bare_site(hub)
    platforms = tuple(each if each in grounds else PREFIX + each for each in bare.platforms)
    return Site(
        *(platforms, find, counters or dict.fromkeys(grounds, ""), tuple(sorted(devices, key=lambda one: one.code))),
        grounds,
        bare.homes,
    )
