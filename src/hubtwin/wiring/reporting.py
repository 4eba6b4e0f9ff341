"""The batches of the day to the platform above: every hour the cases that were closed since go into one.

What was offered before is known by the person's key and not sent again, so a restart, which begins the day anew, and a
case that is closed a second time do no harm. Who may not be told yet waits for the next hour.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

from hubtwin.base.clock import HOUR_MIN, epoch_minute, service_start
from hubtwin.base.errors import Denied
from hubtwin.flow.guard import find_emergency
from hubtwin.library.grants import Desk
from hubtwin.library.sharing import identify
from hubtwin.model.event import Event, EventKind
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.ports import Scene
from hubtwin.rules.routing import Office
from hubtwin.wiring.batch_desk import PROFILE
from hubtwin.wiring.batches import Batching
from hubtwin.wiring.facts import facts_of, is_destroyed
from hubtwin.wiring.works import Works

TEMPLATE = "persons"
_LOG = structlog.get_logger()


@dataclass
class Reporting:
    """Makes and stages batches; one thread calls it with the hub's time."""

    works: Works
    scene: Scene
    batching: Batching
    _desk: Desk = field(init=False)
    _hour: int = -1
    _seq: int = 0
    _waiting: dict[str, Event] = field(default_factory=dict)  # cases that may not be told yet
    _marks: Marks = UNMARKED

    def __post_init__(self) -> None:
        """Prepare; nothing is read yet."""
        access = self.works.access
        self._desk = Desk(access.grants, access.audit, lambda: epoch_minute(access.clock()))

    def __call__(self, now: datetime) -> None:
        """Make the batch of the hour, if that is due. Raises Retry where the books cannot be written."""
        hour = epoch_minute(now) // HOUR_MIN
        if hour == self._hour:
            return
        zone = self.works.settings.hub.zone
        day = now.astimezone(zone).date()
        if self._hour < 0 and not self._seq:
            self._seq = self._find_first(now)
        seq, due = self._find_due()
        waiting = dict[str, Event]()
        facts = list(self._list_facts(due, waiting))
        if facts:
            made = self.batching.make_day(facts, TEMPLATE, day, now, self._marks)
            _LOG.info("batch_made", batch=made.head.batch_id if made.head else "", rows=len(facts))
        self._seq, self._waiting = seq, waiting  # not before the batch is made: what fails is done again
        self.batching.stage_all()
        self._hour = hour

    def _find_first(self, now: datetime) -> int:
        """Return the number of the last closing before the event in force, or before yesterday where there is none:
        what stands in the books by then is known again."""
        event, zone = (
            find_emergency(self.works.ledger, self.scene.name, epoch_minute(now)),
            self.works.settings.hub.zone,
        )
        yesterday = epoch_minute(service_start(now.astimezone(zone).date() - timedelta(days=1), zone))
        since_min = min(yesterday, event.begins_min) if event else yesterday
        closed = self.works.ledger.list_events(kinds=(EventKind.CASE_CLOSED,))
        return max((event.seq for event in closed if event.at_min < since_min), default=0)

    def _find_due(self) -> tuple[int, Mapping[str, Event]]:
        """Return the number of the last closing, and the closings by case that no batch has yet."""
        new = self.works.ledger.list_events(self._seq, kinds=(EventKind.CASE_CLOSED,))
        own = {event.subject: event for event in new if event.scene == self.scene.name}
        return new[-1].seq if new else self._seq, {**self._waiting, **own}

    def _list_facts(self, due: Mapping[str, Event], waiting: dict[str, Event]) -> Iterator[Mapping[str, Any]]:
        """Yield the facts of cases; those that may not be told yet are put into `waiting`."""
        self._marks = UNMARKED
        for case_id, event in due.items():
            try:
                facts = self._facts(event)
            except Denied as error:
                waiting[case_id] = event
                _LOG.warning("report_held", case=case_id, reason=error.key)
                continue
            if facts:
                yield facts

    def _facts(self, event: Event) -> Mapping[str, Any]:
        case = self.works.ledger.find_case(event.subject)
        if case is None or is_destroyed(self.works, case):
            return {}
        known = facts_of(self.works, self.scene, case, event)
        profile = self.scene.disclosures.profiles[PROFILE]
        who = identify(
            *(self._desk, Office(self.batching.partner, PROFILE, ""), profile),
            scene=case.scene,
            about=case.case_id,
            pid=case.pid,
            reveal=self.works.access.vault.reveal,
        )
        self._marks = self._marks.join(case.marks)
        return {**known.facts, **who}
