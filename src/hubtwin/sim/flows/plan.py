"""How people reach and leave a hub: the description of its flows, a TOML file beside hub.toml. Data, not code."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Malformed
from hubtwin.datasets.panorama import MODES

_CLOCK = re.compile(r"([0-9]{2}):([0-5][0-9])")


@dataclass(frozen=True)
class Line:
    """A line, a lane or a garage. `first_min` and `last_min` are minutes of the hub's day; `last_min` may be after it.

    With `headway_s` it leaves in turns, with room for `capacity` persons; else it serves `per_min` persons. `vehicles`
    is the usual stock of a rank, `spaces` its loading places or the spaces of a garage.
    """

    mode: str
    line: str
    places: tuple[str, ...]
    first_min: int = 0
    last_min: int = 2 * DAY_MIN
    headway_s: int = 0
    capacity: int = 0
    per_min: float = 0.0
    vehicles: int = 0
    spaces: int = 0
    towards: tuple[float, ...] = ()

    @property
    def key(self) -> tuple[str, str]:
        """Return what names it."""
        return self.mode, self.line

    def departures(self) -> list[int]:
        """Return the seconds of the hub's day at which it leaves, the last one at `last_min`."""
        if not self.headway_s:
            return []
        return list(range(self.last_min * 60, self.first_min * 60 - 1, -self.headway_s))[::-1]


@dataclass(frozen=True)
class FlowPlan:
    """Shares of the modes, lines, where people wait and how long before their train they come, the weather station."""

    shares: Mapping[str, float]
    lines: tuple[Line, ...]
    waiting: tuple[str, ...] = ()
    lead_min: tuple[float, float] = (32.5, 0.794)
    weather: Mapping[str, str] = ()  # type: ignore[assignment]


NO_PLAN = FlowPlan({}, (), weather={})


def load_plan(path: Path) -> FlowPlan:
    """Return the plan of a file. Raises Malformed, naming the entry, for one that is none."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
        shares = {mode: float(entry["value"]) for mode, entry in told["share"].items()}
        lines = tuple(_line(entry) for entry in told["line"])
        plan = FlowPlan(
            shares,
            lines,
            tuple(told["waiting"]["places"]),
            (float(told["lead_min"]["value"][0]), float(told["lead_min"]["value"][1])),
            {name: str(value) for name, value in told["weather"].items()},
        )
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Malformed("sim.plan_unreadable", file=path.name, problem=type(error).__name__) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise Malformed("sim.plan_wrong", file=path.name, problem=str(error)) from error
    unknown = {*shares, *(line.mode for line in lines)} - set(MODES)
    if unknown or abs(sum(shares.values()) - 1) > 1e-6 or len({line.key for line in lines}) < len(lines):
        raise Malformed("sim.plan_wrong", file=path.name, problem=", ".join(sorted(unknown)) or "share, line")
    return plan


def _line(entry: Mapping[str, Any]) -> Line:
    known = {
        name: value for name, value in entry.items() if name not in ("first", "last", "source", "places", "towards")
    }
    line = Line(
        places=tuple(entry["places"]),
        towards=tuple(float(each) for each in entry.get("towards", ())),
        first_min=_clock(entry.get("first", "00:00")),
        last_min=_clock(entry.get("last", "48:00")),
        **known,
    )
    if not entry["source"] or not line.places or not (line.headway_s or line.per_min) or line.last_min < line.first_min:
        raise ValueError(f"line {line.line}")
    return line


def _clock(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return int(found[1]) * 60 + int(found[2])
