"""The things of the panorama on their way to pages: what changed with each tick, in bytes that pages share.

It holds what the pages were shown as of the last tick. A page that keeps up hears of moves in short; one that comes
late or takes bytes slowly hears of each thing that it missed as it stands. Used on the event loop alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hubtwin.model.record import Provenance
from hubtwin.model.thing import Thing
from hubtwin.web.change import Audience
from hubtwin.web.schemas.things import Moved, ThingView
from hubtwin.web.wire import encode
from hubtwin.wiring.panorama import Panorama, Told

NOTHING = b'"things":[],"gone":[]'
PEOPLE = frozenset({"staff"})  # kinds of people at work: not for every audience
DIGITS = 6  # of a degree: 0.1 m
_MISSING = object()


@dataclass(slots=True)
class Shown:
    """A thing as the pages hold it; its bytes are made when somebody needs them."""

    rev: int
    thing: Thing
    body: bytes = b""


@dataclass(frozen=True)
class Step:
    """What a tick tells of things: whole or in short, and ids of those that are gone."""

    told: Mapping[str, ThingView | Moved]
    gone: Sequence[str]
    people: frozenset[str]  # those of them that are not for every audience
    _bodies: dict[Audience, bytes] = field(default_factory=dict)

    def ids(self, audience: Audience) -> list[str]:
        """Return what it tells an audience of."""
        if audience is Audience.NOBODY:
            return []
        names = [*self.told, *self.gone]
        return names if audience is Audience.ALL else [name for name in names if name not in self.people]

    def body(self, audience: Audience) -> bytes:
        """Return the bytes for an audience, made once."""
        if audience not in self._bodies:
            names = set(self.ids(audience))
            told = [each for name, each in self.told.items() if name in names]
            self._bodies[audience] = b'"things":%s,"gone":%s' % (
                encode(told),
                encode([name for name in self.gone if name in names]),
            )
        return self._bodies[audience]


class Things:
    """What was shown of things, and how it goes on."""

    def __init__(self, panorama: Panorama) -> None:
        """Begin with all that the panorama holds."""
        self._panorama = panorama
        self._shown: dict[str, Shown] = {}  # in the order of their revisions
        self._alls: dict[Audience, tuple[int, bytes]] = {}
        self.rev = 0
        self._begin()

    def step(self) -> Step | None:
        """Go on to what the panorama holds now; return what that changes, None where nothing did."""
        found = self._panorama.since(self.rev)
        if found is None:
            return self._begin()
        if found.rev == self.rev:
            return None
        return self._take(found)

    def all(self, audience: Audience) -> bytes:
        """Return the JSON array of all things for an audience."""
        held = self._alls.get(audience)
        if held is None or held[0] != self.rev:
            held = self._alls[audience] = (self.rev, b"[%s]" % b",".join(self._bodies(self._shown, audience)))
        return held[1]

    def now(self, ids: Iterable[str], audience: Audience) -> bytes:
        """Return the bytes of a delta that tells of things as they stand."""
        known = [name for name in ids if name in self._shown]
        gone = [name for name in ids if name not in self._shown]
        return b'"things":[%s],"gone":%s' % (b",".join(self._bodies(known, audience)), encode(gone))

    def missed(self, rev: int, audience: Audience) -> list[str] | None:
        """Return the ids of what changed after a revision until now; None where that is not known."""
        if audience is Audience.NOBODY or rev == self.rev:
            return []
        found = self._panorama.since(rev) if rev < self.rev else None
        if found is None:
            return None
        names = [name for name, shown in self._shown.items() if shown.rev > rev]
        names += [name for name in found.gone if name not in self._shown]
        return names if audience is Audience.ALL else [name for name in names if name.partition(":")[0] not in PEOPLE]

    def _bodies(self, names: Iterable[str], audience: Audience) -> Iterable[bytes]:
        for name in names:
            shown = self._shown[name]
            if audience is Audience.ALL or (audience is Audience.PLACES and shown.thing.kind not in PEOPLE):
                shown.body = shown.body or encode(view_of(shown.thing))
                yield shown.body

    def _begin(self) -> Step | None:
        """Take everything anew, and tell what is different."""
        rev, held = self._panorama.rev, self._panorama.list_things()  # what comes in between is told twice
        here = {thing.thing_id for thing in held}
        return self._take(Told(rev, tuple(held), tuple(name for name in self._shown if name not in here)))

    def _take(self, found: Told) -> Step:
        told, people = dict[str, ThingView | Moved](), set[str]()
        for thing in found.things:
            before = self._shown.pop(thing.thing_id, None)
            told[thing.thing_id] = view_of(thing) if before is None else short_of(before.thing, thing)
            self._shown[thing.thing_id] = Shown(found.rev, thing)
            if thing.kind in PEOPLE:
                people.add(thing.thing_id)
        gone = [name for name in found.gone if name in self._shown]
        people |= {name for name in gone if self._shown[name].thing.kind in PEOPLE}
        for name in gone:
            del self._shown[name]
        self.rev = found.rev
        return Step(told, gone, frozenset(people))


def view_of(thing: Thing) -> ThingView:
    """Return a thing as the wire carries it."""
    return ThingView(
        *(thing.thing_id, thing.kind, thing.at_ms, thing.source, thing.place, _round(thing.lon), _round(thing.lat)),
        *(thing.level, thing.values, thing.marks.provenance is Provenance.SYNTHETIC),
    )


def short_of(before: Thing, now: Thing) -> ThingView | Moved:
    """Return what says how a thing changed: in short where only place and values did, else the whole of it."""
    same = (before.source, before.place, before.level, before.marks, before.kind)
    if same != (now.source, now.place, now.level, now.marks, now.kind) or before.values.keys() - now.values.keys():
        return view_of(now)
    changed = {name: value for name, value in now.values.items() if before.values.get(name, _MISSING) != value}
    return (now.thing_id, now.at_ms, _round(now.lon), _round(now.lat), changed)


def _round(degrees: float | None) -> float | None:
    return None if degrees is None else round(degrees, DIGITS)
