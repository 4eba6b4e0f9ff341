"""How many persons fit into a unit and get through an opening or a link in a minute.

Hourly capacities by metre of width: GB 50157-2013 (passage 5,000 one-way and 4,000 two-way, stairs 4,200 down, 3,700 up
and 3,200 mixed, escalator 6,720 at 0.5 m/s; a check gate 1,800 of the leaf type, 1,500 two-way). Standing
room: 0.8 m2 a person on platforms and in halls (practice of London Underground). A lift is not in the code: ours is
one full car of 13 persons a minute. All are design figures, not measured ones.
"""

from math import floor, sqrt

from hubtwin.rules.schematic.records import ELEVATOR, ESCALATOR, RAMP, STAIRS

M2_PER_PERSON = 0.8
GATE_PER_MIN, TWO_WAY_GATE_PER_MIN = 1800 / 60, 1500 / 60
LIFT_PERSONS, LIFT_PER_MIN = 13, 13.0
_PASSAGE_ONE_WAY, _PASSAGE_TWO_WAY = 5000 / 60, 4000 / 60
_STAIRS_ONE_WAY, _STAIRS_TWO_WAY = 3700 / 60, 3200 / 60  # up: the lower of the two directions
_ESCALATOR = 6720 / 60
# run by rise: stairs of 150 x 300 mm, escalators of 30 degrees, ramps of 1 in 12; ours, usual in the field
_SLOPE = {STAIRS: sqrt(5), ESCALATOR: 2.0, ELEVATOR: 1.0, RAMP: sqrt(145)}


def persons_in(area_m2: float, m2_per_person: float) -> int:
    """Return how many persons fit; 0 where nobody is meant to stay (`m2_per_person` 0)."""
    return floor(area_m2 / m2_per_person + 1e-9) if m2_per_person > 0 else 0


def opening_per_min(width_m: float, gates: int, gate_per_min: float, *, one_way: bool) -> float:
    """Return the persons a minute through an opening: by its gates where it has any, by its width otherwise."""
    if gates:
        return round(gates * gate_per_min, 1)
    return round(width_m * (_PASSAGE_ONE_WAY if one_way else _PASSAGE_TWO_WAY), 1)


def link_per_min(kind: str, width_m: float, *, one_way: bool) -> float:
    """Return the persons a minute through stairs, an escalator, a lift, a ramp or a level walk."""
    if kind == ELEVATOR:
        return LIFT_PER_MIN
    if kind == ESCALATOR:
        return round(width_m * _ESCALATOR, 1)
    if kind == STAIRS:
        return round(width_m * (_STAIRS_ONE_WAY if one_way else _STAIRS_TWO_WAY), 1)
    return round(width_m * (_PASSAGE_ONE_WAY if one_way else _PASSAGE_TWO_WAY), 1)


def link_length_m(kind: str, rise_m: float, flat_m: float) -> float:
    """Return the length of the way through a link: along its slope, and at least what lies between its ends."""
    return round(max(abs(rise_m) * _SLOPE.get(kind, 1.0), flat_m, 1.0), 1)
