"""What goes wrong in the simulated hub on purpose: a source falls silent, a zone fills, a device breaks."""

import re
from collections.abc import Iterable
from threading import Lock

from hubtwin.base.errors import Malformed

_SILENCE = re.compile(r"([a-z_-]{1,40})(?:@([0-2]?[0-9]):([0-5][0-9]))?")
_CROWD = re.compile(r"([\w.:/@-]{1,64})=([0-9]{1,6})(?:@([0-2]?[0-9]):([0-5][0-9]))?")
_DEVICE = re.compile(r"([\w.:/@-]{1,64}?)(?:@([0-2]?[0-9]):([0-5][0-9]))?")
ALWAYS = -1  # a fault that began before anything


class Faults:
    """The faults of a simulated hub; thread-safe, to be switched while it runs. Minutes are epoch minutes."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = Lock()
        self._silent: dict[str, int] = {}
        self._crowds: dict[str, tuple[int, int]] = {}
        self._broken: dict[str, int] = {}

    def silence(self, source: str, from_min: int = ALWAYS) -> None:
        """Let a source say nothing any more, from a minute on."""
        with self._lock:
            self._silent[source] = from_min

    def speak(self, source: str) -> None:
        """Let a silent source go on."""
        with self._lock:
            self._silent.pop(source, None)

    def crowd(self, zone: str, people: int, from_min: int = ALWAYS) -> None:
        """Let a zone hold so many people, from a minute on."""
        with self._lock:
            self._crowds[zone] = (people, from_min)

    def calm(self, zone: str) -> None:
        """Let a zone hold whoever is there again."""
        with self._lock:
            self._crowds.pop(zone, None)

    def break_device(self, device: str, from_min: int = ALWAYS) -> None:
        """Let a device be faulty, from a minute on."""
        with self._lock:
            self._broken[device] = from_min

    def mend(self, device: str) -> None:
        """Let a device work again."""
        with self._lock:
            self._broken.pop(device, None)

    def is_silent(self, source: str, minute: int) -> bool:
        """Return whether a source says nothing at a minute."""
        with self._lock:
            return source in self._silent and self._silent[source] <= minute

    def is_broken(self, device: str, minute: int) -> bool:
        """Return whether a device is faulty on purpose at a minute."""
        with self._lock:
            return device in self._broken and self._broken[device] <= minute

    def crowds_at(self, minute: int) -> dict[str, int]:
        """Return how many people the crowded zones hold at a minute."""
        with self._lock:
            return {zone: people for zone, (people, since) in self._crowds.items() if since <= minute}


def read_faults(
    silences: Iterable[str], crowds: Iterable[str], broken: Iterable[str], *, day_start_min: int, sources: Iterable[str]
) -> Faults:
    """Return the faults that texts ask for: "weather@09:30", "HALL-N=500@09:40", "CAM-PASS-E"; the time may lack.

    Raises Malformed for a text that is none, and for a source that the simulated hub does not have.
    """
    faults, known = Faults(), sorted(sources)
    for told in silences:
        found = _SILENCE.fullmatch(told)
        if found is None or found[1] not in known:
            raise Malformed("sim.fault_silence", told=told, sources=", ".join(known))
        faults.silence(found[1], _minute(found[2], found[3], day_start_min))
    for told in crowds:
        found = _CROWD.fullmatch(told)
        if found is None:
            raise Malformed("sim.fault_crowd", told=told)
        faults.crowd(found[1], int(found[2]), _minute(found[3], found[4], day_start_min))
    for told in broken:
        found = _DEVICE.fullmatch(told)
        if found is None:
            raise Malformed("sim.fault_device", told=told)
        faults.break_device(found[1], _minute(found[2], found[3], day_start_min))
    return faults


def _minute(hour: str | None, minute: str | None, day_start_min: int) -> int:
    return ALWAYS if hour is None or minute is None else day_start_min + int(hour) * 60 + int(minute)
