"""What a page makes of the live feed: a client that applies snapshots and deltas as the interface describes them."""

import re
from typing import Any

import orjson

FRAME = re.compile(rb"(?:id: ([0-9.]+)\n)?event: (\w+)\ndata: (.*)\n")


class PageState:
    """Things by id and changes by topic and key, as a page holds them."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.held: dict[tuple[str, str], dict[str, Any]] = {}
        self.snapshot: dict[str, Any] = {}
        self.alarms: list[dict[str, Any]] = []
        self.last_id: str | None = None
        self.names: list[str] = []

    def hear(self, frames: bytes) -> None:
        """Apply the events of some bytes."""
        for told_id, name, data in FRAME.findall(frames):
            self.last_id = told_id.decode() or self.last_id
            self.names.append(name.decode())
            getattr(self, f"_{name.decode()}")(orjson.loads(data))

    def _snapshot(self, data: dict[str, Any]) -> None:
        self.snapshot = data
        self.things = {each["id"]: each for each in data["things"]}
        self.held = {}

    def _delta(self, data: dict[str, Any]) -> None:
        for change in data["changes"]:
            self.held[change["topic"], change["key"]] = change
        apply_things(self.things, data["things"], data["gone"])

    def _alarm(self, data: dict[str, Any]) -> None:
        self.alarms.append(data)

    def _heartbeat(self, data: dict[str, Any]) -> None:
        assert data["now"]


def apply_things(held: dict[str, dict[str, Any]], things: list[Any], gone: list[str]) -> None:
    """Apply what a delta says of things."""
    for told in things:
        if isinstance(told, dict):
            held[told["id"]] = told
        else:
            name, at_ms, lon, lat, values = told
            before = held[name]  # a page is never told of a move of what it does not hold
            held[name] = {**before, "at_ms": at_ms, "lon": lon, "lat": lat, "values": {**before["values"], **values}}
    for name in gone:
        held.pop(name, None)
