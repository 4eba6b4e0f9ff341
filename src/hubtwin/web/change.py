"""What one event means for a page, and which pages may hear of it."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any

from hubtwin.model.agency import Person
from hubtwin.rules.permission import is_allowed
from hubtwin.web.schemas.live import LiveChange

ANY, NONE = "*", ""
TOPICS: Mapping[str, str] = {  # topic of a live change -> what one must be allowed to do to hear of it
    "train": "alert.read",
    "alert": "alert.read",
    "position": "map.read",
    "area": "map.read",  # a county with risk areas in force
    "case": "case.read",
    "task": "task.read",
    "board": "board.read",
    "overflow": "board.read",
    "balance": "board.read",
    "emergency": "hub.read",
    "repair": "repairs.read",
    "source": "hub.read",
    "alarm": "hub.read",
    "thing": "map.read",
    "staff": "staff.read",  # the things of the panorama that are people at work
}


@dataclass(frozen=True, slots=True)
class Change:
    """What one event means for a page: the thing of `topic` and `key` as it stands now, or None where it is gone.

    `alarm` puts it on the lane that is never conflated. `scene` is empty for what concerns the whole hub.
    """

    rev: int
    at_min: int
    kind: str
    topic: str
    key: str
    scene: str
    value: Any
    alarm: bool = False

    def shown(self) -> LiveChange:
        """Return it as the wire carries it."""
        return LiveChange(self.topic, self.key, self.rev, self.at_min, self.kind, self.value)


class Audience(IntEnum):
    """Who hears of which things: views of one audience share the bytes of things."""

    NOBODY = 0
    PLACES = 1  # all but people at work
    ALL = 2


@dataclass(frozen=True)
class View:
    """What a page may hear: (topic, scene) pairs, ANY for every scene. Pages with the same view share their bytes."""

    heard: frozenset[tuple[str, str]]

    def hears(self, change: Change) -> bool:
        """Return whether a change is for this view; what concerns the whole hub is for all who hear its topic."""
        return (change.topic, change.scene or NONE) in self.heard or (change.topic, ANY) in self.heard

    def has(self, topic: str) -> bool:
        """Return whether it hears a topic in any scene."""
        return (topic, NONE) in self.heard or (topic, ANY) in self.heard

    @cached_property
    def number(self) -> int:
        """Return a number that another view does not have: who comes back with another one is told everything."""
        return zlib.crc32("\n".join(sorted(map(" ".join, self.heard))).encode())

    @property
    def audience(self) -> Audience:
        """Return which things of the panorama it hears of."""
        return Audience.NOBODY if not self.has("thing") else Audience.ALL if self.has("staff") else Audience.PLACES


def view_of(who: Person) -> View:
    """Return the view of a person, from the table of permissions."""
    heard = {(topic, ANY) for topic, action in TOPICS.items() if is_allowed(who, action)}
    for topic, action in TOPICS.items():
        if scenes := {(topic, scene) for scene in who.scenes if is_allowed(who, action, scene=scene)}:
            heard |= {*scenes, (topic, NONE)}
    return View(frozenset(heard))
