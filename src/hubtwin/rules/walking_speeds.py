"""What a metre costs: walking times of level ground and of links, from `rules/walking.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from math import hypot
from pathlib import Path
from typing import Any

from hubtwin.model.venue import LinkKind


@cache
def get_figures() -> Mapping[str, Mapping[str, Any]]:
    """Return the figures of `rules/walking.toml` with their sources."""
    return tomllib.loads((Path(__file__).parent / "walking.toml").read_text(encoding="utf-8"))


def walk_s(length_m: float) -> float:
    """Return the seconds of a walk on level ground."""
    return length_m / float(get_figures()["level"]["speed_m_per_s"])


def link_length_m(kind: LinkKind, plan_m: float, rise_m: float) -> float:
    """Return the length of a link of which only its ends are known: `plan_m` apart on plan and `rise_m` in height.

    Never shorter than its usual slope allows for the height.
    """
    if kind is LinkKind.ELEVATOR:
        return abs(rise_m)
    slope = get_figures()[kind].get("slope")
    return max(hypot(plan_m, rise_m), abs(rise_m) / slope if slope else 0.0)


def link_s(kind: LinkKind, length_m: float, rise_m: float) -> float:
    """Return the seconds over a link; `rise_m` is above zero upwards. An escalator is stood on, a lift waited for."""
    told = get_figures()[kind]
    if kind is LinkKind.STAIRS:
        return length_m / float(told["up_m_per_s"] if rise_m > 0 else told["down_m_per_s"])
    if kind is LinkKind.ELEVATOR:
        return float(told["wait_s"] + told["doors_s"] + abs(rise_m) / told["speed_m_per_s"])
    return length_m / float(told["speed_m_per_s"]) + float(told.get("board_s", 0.0))


def is_step_free(kind: LinkKind) -> bool:
    """Return whether a link can be passed in a wheelchair."""
    return kind not in (LinkKind.STAIRS, LinkKind.ESCALATOR)
