"""How crowded a place is: density, and the level of service of Fruin. Figures and sources: `crowding.toml` beside."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hubtwin.base.errors import Malformed

Scale = Literal["walkway", "stairs", "queue"]
SCALES: tuple[Scale, ...] = ("walkway", "stairs", "queue")
WORST = "F"


@dataclass(frozen=True, slots=True)
class Level:
    """A level of service: the least room a person has there, and where the figure is written."""

    letter: str
    least_m2: float
    source: str


@dataclass(frozen=True)
class Crowding:
    """The scales, each from A on, and which categories of IMDF units are of which."""

    levels: Mapping[Scale, tuple[Level, ...]]
    scale_of: Mapping[str, Scale]


def read_crowding(content: str) -> Crowding:
    """Return the scales that a TOML text holds. Raises Malformed where one is missing or does not fall."""
    try:
        told = tomllib.loads(content)
        levels = {
            scale: tuple(Level(letter, float(each["least_m2"]), each["source"]) for letter, each in told[scale].items())
            for scale in SCALES
        }
        scale_of = {category: scale for scale in SCALES for category in told["categories"].get(scale, ())}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise Malformed("rules.crowding_unreadable", detail=str(error)) from error
    for scale, steps in levels.items():
        room = [step.least_m2 for step in steps]
        if room != sorted(set(room), reverse=True) or not all(step.source for step in steps):
            raise Malformed("rules.crowding_wrong", scale=scale)
    return Crowding(levels, scale_of)


CROWDING = read_crowding(Path(__file__).with_name("crowding.toml").read_text(encoding="utf-8"))


def scale_of(category: str) -> Scale:
    """Return the scale of an IMDF category of units."""
    return CROWDING.scale_of.get(category, "walkway")


def density(people: int, area_m2: float) -> float:
    """Return people per square metre of a place. Raises Malformed for an area that is none."""
    if not area_m2 > 0:
        raise Malformed("rules.crowding_no_area", area=area_m2)
    return people / area_m2


def level_of_service(density_per_m2: float, scale: Scale) -> str:
    """Return "A" to "F" for people per square metre (Fruin 1971). Exactly the least room of a level is that level."""
    for level in CROWDING.levels[scale]:
        if density_per_m2 * level.least_m2 <= 1.0:
            return level.letter
    return WORST
