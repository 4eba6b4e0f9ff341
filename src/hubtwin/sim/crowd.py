"""Who stands before simulated staff: the persons that have passed a gate, found by pseudonym. Staff see people, the hub
does not."""

import numpy as np

from hubtwin.base.clock import DAY_MIN, EPOCH
from hubtwin.rules.privacy import epoch_of
from hubtwin.sim.day import HubDay
from hubtwin.sim.screening import Gates
from hubtwin.sim.timed import PidOf


class Crowd:
    """The persons of a day by the pseudonyms under which a case of theirs may stand; it grows minute by minute."""

    def __init__(self, day: HubDay, gates: Gates, pid_of: PidOf) -> None:
        """Begin with nobody. `pid_of` is asked once for each person, when they pass."""
        self._pid_of = pid_of
        self._order = np.lexsort((gates.person, gates.at_s))
        self._minutes = gates.at_s[self._order] // 60
        self._gate_min: list[int] = (gates.at_s // 60).tolist()
        trips = day.bookings.trip[gates.person].tolist()
        service = [(trip.service_date - EPOCH.date()).days * DAY_MIN for trip in day.world.trips]
        self._hit_min = [service[trip] for trip in trips]
        self._document = [day.documents[person] for person in gates.person.tolist()]
        self._place: dict[str, int] = {}
        self._met = 0

    def meet(self, now_min: int) -> list[str]:
        """Take in who has passed by the end of a minute; return their pseudonyms, new ones only.

        One is of the minute at the gate; a second one of the service date is added where a hit has another key epoch.
        """
        end = int(np.searchsorted(self._minutes, now_min, side="right"))
        new = []
        for place in self._order[self._met : end].tolist():
            for moment in self._list_moments(place):
                pid = self._pid_of(self._document[place], moment)
                self._place[pid] = place
                new.append(pid)
        self._met = max(self._met, end)
        return new

    def find(self, pid: str) -> int | None:
        """Return the place of a person in the columns of `Gates`; None for somebody who has not passed."""
        return self._place.get(pid)

    def document(self, place: int) -> str:
        """Return the number of the document that a person carries."""
        return str(self._document[place])

    def gate_min(self, place: int) -> int:
        """Return the epoch minute at which a person was at the gate."""
        return self._gate_min[place]

    def _list_moments(self, place: int) -> list[int]:
        """Return the minutes that decide the key epochs of a gate row and of a hit, one for each epoch."""
        at_gate, hit_min = self._gate_min[place], self._hit_min[place]
        return [at_gate] if epoch_of(at_gate) == epoch_of(hit_min) else [at_gate, hit_min]
