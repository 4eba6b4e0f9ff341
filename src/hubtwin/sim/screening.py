"""The exits of a simulated hub day: who is at which gate when, with which codes; how lanes fill; what tests say.

Persons are those of the day (`HubDay.bookings`); what they have is the day's truth and stays there: on the wire is
what a gate, a counter or a laboratory would know. Pure, seeded, the same bytes for the same day.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.errors import Malformed
from hubtwin.connectors.gate_screening.codec import TOPIC as GATE_TOPIC
from hubtwin.connectors.gate_screening.simulator import Passage
from hubtwin.connectors.gate_screening.simulator import message as gate_message
from hubtwin.connectors.lane_counters import TOPIC as LANE_TOPIC
from hubtwin.connectors.lane_counters.simulator import LaneCount
from hubtwin.connectors.lane_counters.simulator import message as lane_message
from hubtwin.datasets.screening import DOCUMENT_KINDS, HEALTH_CODES, ITINERARY_CODES
from hubtwin.model.place import Exit
from hubtwin.sim.day import DOCUMENT, HubDay
from hubtwin.sim.draws import stream
from hubtwin.sim.people import Kind
from hubtwin.sim.recipe import Bools, Floats, Ints
from hubtwin.sim.results import Tests

SHIPPED = Path(__file__).resolve().parent / "screening.toml"
HEALTH = tuple(code.state for code in HEALTH_CODES)
ITINERARY = tuple(code.state for code in ITINERARY_CODES)
_GREEN, _YELLOW, _RED, _NONE = (HEALTH.index(state) for state in ("green", "yellow", "red", "none"))
_CARD_YELLOW, _CARD_ORANGE = ITINERARY.index("yellow"), ITINERARY.index("orange")
_CARD_NONE = ITINERARY.index("none")
UNKNOWN = -1  # no test shown
FEVER_C = 37.3

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Gates:
    """Passages of a day, in the order of persons: each who arrived passes once. Times in epoch seconds.

    `lane` counts from 1 within `exit` (a place in `exits`); lanes beyond those of the exit are its desks. Columns
    are as a gate would see them (`test_age_h` UNKNOWN, temperature NaN: not shown); `tests` holds the truth.
    """

    exits: tuple[Exit, ...]
    person: Ints
    joined_s: Ints
    at_s: Ints
    exit: Ints
    lane: Ints
    desk: Bools
    document: Ints
    health: Ints
    itinerary: Ints
    test_age_h: Ints
    temperature_c: Floats
    origin_told: Bools
    tests: Tests = field(repr=False)

    def __len__(self) -> int:
        return len(self.person)

    def list_suspects(self) -> list[int]:
        """Return the persons that any exit rule of 2022 would look at: a code that is not green, or a fever."""
        health = (self.health == _YELLOW) | (self.health == _RED)
        card = (self.itinerary != ITINERARY.index("green")) & (self.itinerary != _CARD_NONE)
        warm = np.nan_to_num(self.temperature_c) >= FEVER_C
        found: list[int] = self.person[health | card | warm].tolist()
        return found


def load_figures(path: Path = SHIPPED, **changes: Any) -> Figures:
    """Return the figures by name; `changes` replaces single ones. Raises Malformed for a name that no figure has."""
    with path.open("rb") as stream_:
        told = {name: entry["value"] for name, entry in tomllib.load(stream_).items()}
    for name in changes:
        if name not in told:
            raise Malformed("sim.recipe_unknown", block=path.name, entry=name)
    return {**told, **changes}


def simulate_gates(day: HubDay, exits: Sequence[Exit], figures: Figures | None = None) -> Gates:
    """Send everybody who arrives through an exit. The same day, exits and figures give the same passages.

    Raises Malformed for a hub without exits.
    """
    if not exits:
        raise Malformed("sim.no_exits")
    figures = figures or load_figures()
    rng = stream(day.seed, f"screening {day.world.hub_date.isoformat()}")
    person = np.flatnonzero(day.bookings.kind == Kind.ARRIVES)
    count = len(person)
    joined = _joined_s(day, person, figures, rng)
    weights = np.array([place.lanes * place.lane_capacity_per_min for place in exits])
    exit_ = rng.choice(len(exits), size=count, p=weights / weights.sum())
    document = _documents(count, figures, rng)
    no_phone = rng.random(count) < figures["no_phone"]
    desk = no_phone | (document > 0)
    lane = _lanes(exits, exit_, desk, figures["desks"], rng)
    exposed = day.truth.exposed[person]
    ill = day.truth.infectious & (rng.random(len(day.bookings)) < figures["symptomatic"])
    shown = rng.random(count) < figures["test_shown"]
    return Gates(
        exits=tuple(exits),
        person=person,
        joined_s=joined,
        at_s=_served_s(exits, joined, exit_, lane, figures["desk_service_s"]),
        exit=exit_,
        lane=lane,
        desk=desk,
        document=document,
        health=_health(exposed, desk, figures["health"], rng),
        itinerary=_itinerary(exposed, document > 0, no_phone, figures["itinerary"], rng),
        test_age_h=np.where(shown, rng.integers(0, figures["test_age_h"], size=count), UNKNOWN),
        temperature_c=_temperatures(ill[person], figures["temperature_c"], rng),
        origin_told=rng.random(count) < figures["origin_told"],
        tests=Tests(day.seed, day.world.hub_date, day.truth.infectious, ill, figures),
    )


def list_passages(day: HubDay, gates: Gates, until_min: int | None = None) -> Iterator[Passage]:
    """Yield the passages in order of time, those before the end of minute `until_min` (None: all)."""
    stations = [call.station_id for trip in day.world.trips for call in trip.calls]
    boarded = day.bookings.board[gates.person]
    order = np.lexsort((gates.person, gates.at_s))
    for at in order.tolist():
        second = int(gates.at_s[at])
        if until_min is not None and second >= (until_min + 1) * 60:
            return
        place, lane = gates.exits[int(gates.exit[at])], int(gates.lane[at])
        age, warm = int(gates.test_age_h[at]), float(gates.temperature_c[at])
        minute, rest = divmod(second, 60)
        yield Passage(
            at=local(from_epoch_minute(minute), day.world.zone).replace(second=rest),
            exit_id=place.exit_id,
            gate_id=f"{place.exit_id}-{lane:02d}",
            lane=lane,
            id_type=DOCUMENT,
            id_no=day.documents[int(gates.person[at])],
            document=DOCUMENT_KINDS[int(gates.document[at])],
            health_code=HEALTH[int(gates.health[at])],
            itinerary_code=ITINERARY[int(gates.itinerary[at])],
            desk=bool(gates.desk[at]),
            test_age_h=None if age == UNKNOWN else age,
            temperature_c=None if np.isnan(warm) else round(warm, 1),
            origin_area=day.world.station_areas.get(stations[int(boarded[at])]) if gates.origin_told[at] else None,
        )


def list_counts(day: HubDay, gates: Gates, until_min: int | None = None) -> Iterator[LaneCount]:
    """Yield what the counters of the lanes say, minute by minute, from the first passenger until the last has gone.

    A lane says nothing in a minute in which nobody passes and nobody waits.
    """
    if not len(gates):
        return
    first = int(gates.joined_s.min()) // 60
    last = int(gates.at_s.max()) // 60
    widths = max(int(gates.lane.max()), 1) + 1
    cell = gates.exit * widths + gates.lane
    shape = (last - first + 1, len(gates.exits) * widths)
    came, left = (np.zeros(shape, dtype=np.int64) for _ in range(2))
    np.add.at(came, (gates.joined_s // 60 - first, cell), 1)
    np.add.at(left, (gates.at_s // 60 - first, cell), 1)
    waiting = np.cumsum(came - left, axis=0)
    for minute, where in np.argwhere((left > 0) | (waiting > 0)).tolist():
        if until_min is not None and first + minute > until_min:
            return
        place, lane = divmod(where, widths)
        moment = local(from_epoch_minute(first + minute), day.world.zone)
        counts = int(left[minute, where]), int(waiting[minute, where])
        yield LaneCount(moment, gates.exits[place].exit_id, lane, *counts)


def list_messages(day: HubDay, gates: Gates, hub_id: str, until_min: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (topic, payload) of every passage, then of every lane count, as devices would publish them."""
    for passage in list_passages(day, gates, until_min):
        topic = GATE_TOPIC.format(hub_id=hub_id, gate_id=passage.gate_id)
        yield topic, gate_message(passage)
    for count in list_counts(day, gates, until_min):
        topic = LANE_TOPIC.format(hub_id=hub_id, exit_id=count.exit_id, lane=count.lane)
        yield topic, lane_message(count)


def list_gate_pages(day: HubDay, gates: Gates, until_min: int | None = None) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, bytes): the same messages as pages of ten minutes, for a day on disk."""
    for ten, passages in groupby(list_passages(day, gates, until_min), key=lambda one: _ten_minutes(one.at)):
        yield f"gate_screening/{ten}.jsonl", b"".join(gate_message(one) + b"\n" for one in passages)
    for ten, counts in groupby(list_counts(day, gates, until_min), key=lambda one: _ten_minutes(one.minute)):
        yield f"lane_counters/{ten}.jsonl", b"".join(lane_message(one) + b"\n" for one in counts)


def _ten_minutes(moment: Any) -> str:
    return str(moment.replace(minute=moment.minute // 10 * 10).strftime("%Y%m%dT%H%M"))


def _joined_s(day: HubDay, person: Ints, figures: Figures, rng: np.random.Generator) -> Ints:
    doors = day.runs.real_arrive_s[day.runs.hub[day.bookings.trip[person]]]
    median, sigma = map(float, figures["walk_s"])
    walk: Ints = np.rint(median * np.exp(sigma * rng.standard_normal(len(person)))).astype(np.int64)
    return doors + walk


def _documents(count: int, figures: Figures, rng: np.random.Generator) -> Ints:
    shares = [figures["foreign"].get(kind, 0.0) for kind in DOCUMENT_KINDS]
    shares[0] = 1.0 - sum(shares)
    kinds: Ints = rng.choice(len(shares), size=count, p=shares)
    return kinds


def _lanes(exits: Sequence[Exit], exit_: Ints, desk: Bools, desks: int, rng: np.random.Generator) -> Ints:
    lanes = np.array([place.lanes for place in exits], dtype=np.int64)[exit_]
    gate = 1 + (rng.random(len(exit_)) * lanes).astype(np.int64)
    at_desk = lanes + 1 + rng.integers(0, desks, size=len(exit_))
    return np.where(desk, at_desk, gate)


def _served_s(exits: Sequence[Exit], joined: Ints, exit_: Ints, lane: Ints, desk_s: float) -> Ints:
    """Return when each one is through: one at a time in each lane, first come first served (Lindley 1952)."""
    served = np.zeros(len(joined), dtype=np.int64)
    cell = exit_ * 10_000 + lane
    order = np.lexsort((np.arange(len(joined)), joined, cell))
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(order)], strict=False):  # one end too many for nobody at all
        those = order[start:end]
        place = exits[int(exit_[those[0]])]
        step = desk_s if lane[those[0]] > place.lanes else 60.0 / place.lane_capacity_per_min
        turn = np.arange(len(those)) * step
        served[those] = np.ceil(np.maximum.accumulate(joined[those] - turn) + turn + step).astype(np.int64)
    return served


def _health(exposed: Bools, no_code: Bools, figures: Figures, rng: np.random.Generator) -> Ints:
    draw = rng.random(len(exposed))
    red = np.where(exposed, figures["exposed_red"], figures["other_red"])
    yellow = np.where(exposed, figures["exposed_yellow"], figures["other_yellow"])
    code = np.where(draw < red, _RED, np.where(draw < red + yellow, _YELLOW, _GREEN))
    return np.where(no_code, _NONE, code)


def _itinerary(exposed: Bools, foreign: Bools, no_phone: Bools, figures: Figures, rng: np.random.Generator) -> Ints:
    draw = rng.random(len(exposed))
    card = np.where(exposed & (draw < figures["exposed_orange"]), _CARD_ORANGE, ITINERARY.index("green"))
    card = np.where(foreign & (draw < figures["foreign_yellow"]), _CARD_YELLOW, card)
    return np.where(no_phone, _CARD_NONE, card)


def _temperatures(symptomatic: Bools, figures: Figures, rng: np.random.Generator) -> Floats:
    warm = figures["mean"] + figures["spread"] * rng.standard_normal(len(symptomatic))
    warm = np.clip(warm + figures["fever"] * symptomatic, 34.0, 41.0)
    return np.where(rng.random(len(symptomatic)) < figures["unread"], np.nan, warm)
