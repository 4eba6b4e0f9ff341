"""What partners sent is taken over: each message has its effect once, and the partner hears of what was refused.

The effect, the key of the message and the event that tells of it stand in one transaction of the ledger; the number in
the newest such event is how far this has come. Rows of the library are written before that, once by their key, so that
a kill between both repeats a write that changes nothing. Content that was taken over is destroyed in the books.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import narwhals as nw
import pyarrow as pa
import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Bug, Denied, HubError, Malformed
from hubtwin.base.failpoint import failpoint
from hubtwin.base.ids import stable_key
from hubtwin.base.text import LANGUAGES, text
from hubtwin.channels.replies import REFUSED, TASK_STATE
from hubtwin.channels.send import VOID
from hubtwin.datasets.health import TOLD_AREAS
from hubtwin.flow.dispatch import REPLIES
from hubtwin.flow.guard import shown
from hubtwin.flow.partner import Effect, Told, ask_for_partner, file_correction, file_trace
from hubtwin.library.query import collect
from hubtwin.model.event import EventKind
from hubtwin.model.message import Envelope, Received
from hubtwin.model.partner import Answer, Partner, Taken
from hubtwin.model.partner_data import AnswerTold, AreasTold, Content, CorrectionTold, TaskAsked, TraceTold
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Batch, Unit
from hubtwin.rules.partner_data import Reading, read_content
from hubtwin.rules.told_areas import changed_by, fold_told
from hubtwin.stores.wire import Wire
from hubtwin.wiring.feeds import find_gazetteer
from hubtwin.wiring.liaison import take_answer
from hubtwin.wiring.plugs import SCENES, load
from hubtwin.wiring.works import Works

BATCH, BATCHES = 100, 10  # messages read at once; batches of one step of the service
RETURNED = (REFUSED, TASK_STATE)  # what became of messages of ours: noted, and never answered, or two hubs never end
EVENTS = (EventKind.PARTNER_DATA_USED, EventKind.PARTNER_DATA_REFUSED)
_FAILURES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
_LOG = structlog.get_logger()


@dataclass
class Taking:
    """Takes over what partners sent; called with the time of the hub, by one thread.

    `registry` holds the partners by the name under which they stand in messages. `on_answer` takes an answer with the
    key of its message, the same one twice as one; it raises Absent, Denied or Malformed for one that does not fit.
    `beside` are, by type of message, those who take it into books of their own, once by its number: batches do.
    """

    works: Works
    wire: Wire
    registry: Mapping[str, Partner]
    on_answer: Callable[[Works, Answer, str], object] = take_answer
    scene: str = next(iter(SCENES))
    beside: Mapping[str, Callable[[int, Received], int]] = field(default_factory=dict)
    _cursor: int = field(init=False)
    _behind: bool = True  # content may stand in the books that was taken over before

    def __post_init__(self) -> None:
        """Find how far it has come."""
        last = self.works.ledger.find_last_event(EVENTS)
        self._cursor = 0 if last is None else int(str(last.payload["number"]))

    def __call__(self, now: datetime) -> int:
        """Take over what had its effect in the books since the last call; return how many. Raises Retry."""
        taken = 0
        for _ in range(BATCHES):
            found = self.wire.list_applied(self._cursor, BATCH)
            for number, received in found:
                self._take(number, received, now)
                self._cursor = number
            if found or self._behind:
                self.wire.take_over(self._cursor)
                failpoint("taking.let_go")
                self._behind = False
            taken += len(found)
            if len(found) < BATCH:
                break
        return taken

    def _take(self, number: int, received: Received, now: datetime) -> None:
        envelope = received.envelope
        if envelope is None:
            self._refuse(number, received, Absent("wiring_partner_no_content"), now)
            return
        if envelope.type == VOID:  # it took its place in the order of the case, which is all that it does
            return
        if envelope.type in self.beside and envelope.source in self.registry:
            self._hand_over(number, received, envelope, now)
            return
        try:
            if envelope.type in RETURNED:
                self._note(number, received, envelope, now)
                return
            partner, kind, content = self._read(envelope, now)
            told = Told(partner.partner_id, received.id, envelope.marks)
            rows = self._store(told, content) if isinstance(content, AreasTold) else 0
            if isinstance(content, AnswerTold):
                self._answer(told, content, now)
            failpoint("taking.stored")
            self._use(number, received, _Said(told, kind, content, rows), now)
        except (Absent, Bug, Denied, Malformed) as error:
            self._refuse(number, received, error, now)
        except _FAILURES as error:
            _LOG.error("partner_message_failed", number=number, kind=type(error).__name__)
            self._refuse(number, received, Bug("wiring_partner_failed"), now)

    def _read(self, envelope: Envelope, now: datetime) -> tuple[Partner, Taken, Content]:
        """Return who sent what. Raises Denied where the partner may not say it, Malformed where it is no such thing."""
        partner = self.registry.get(envelope.source)
        if partner is None:
            raise Denied("wiring_partner_gone")
        if envelope.marks.status is not self.works.store.status:
            raise Denied("channels.other_status")
        kind = next((each for each in Taken if each.value == envelope.type), None)
        if kind is None or kind not in partner.takes(now.astimezone(self._zone).date()):
            raise Denied("wiring_partner_not_agreed", type=envelope.type[:60])
        content = read_content(kind, envelope.data, Reading(self._zone, now, self._resolve))
        if isinstance(content, TraceTold | CorrectionTold):
            if content.case != envelope.subject:  # order is kept within a subject
                raise Malformed("wiring_partner_other_subject")
            if not self.wire.was_told(partner.partner_id, content.case):
                raise Denied("wiring_partner_not_told")
        return partner, kind, content

    def _use(self, number: int, received: Received, said: "_Said", now: datetime) -> None:
        """Let a message have its effect, once."""
        told = said.told
        with self.works.ledger.unit(epoch_minute(now)) as unit:
            if not unit.once(_key(told.partner, told.message_id), received.digest):
                return
            effect = self._effect(unit, said)
            payload = {
                **_named(told.partner, received, said.kind.value, number),
                "changed": effect.changed,
                **effect.named,
                "status": told.marks.status.value,
                **shown(told.marks),
            }
            unit.append(EventKind.PARTNER_DATA_USED, effect.subject, payload, self.scene)
        failpoint("taking.used")

    def _hand_over(self, number: int, received: Received, envelope: Envelope, now: datetime) -> None:
        """Let others take a message, then note how far this has come. Raises Retry where they cannot now."""
        changed = self.beside[envelope.type](number, received)
        failpoint("taking.passed_on")
        self._tell(number, received, envelope, {"changed": changed}, now)

    def _note(self, number: int, received: Received, envelope: Envelope, now: datetime) -> None:
        """Note what became of a message of ours. Raises Denied where it is about none."""
        about = str(envelope.data.get("message_id", ""))
        if envelope.source not in self.registry:
            raise Denied("wiring_partner_gone")
        if self.wire.find_outgoing(envelope.source, about) is None:
            raise Denied("wiring_partner_not_told")
        self._tell(number, received, envelope, {"changed": 0, "answers": about}, now)

    def _tell(
        self, number: int, received: Received, envelope: Envelope, named: Mapping[str, object], now: datetime
    ) -> None:
        """Write down that a message was used, once."""
        payload = {**_named(envelope.source, received, envelope.type, number), **named}
        payload |= {"status": envelope.marks.status.value, **shown(envelope.marks)}
        with self.works.ledger.unit(epoch_minute(now)) as unit:
            if unit.once(_key(envelope.source, received.id), received.digest):
                unit.append(EventKind.PARTNER_DATA_USED, "", payload, self.scene)
        failpoint("taking.used")

    def _effect(self, unit: Unit, said: "_Said") -> Effect:
        told, content, clocks_min = said.told, said.content, self.works.clocks_min
        if isinstance(content, TraceTold):
            return file_trace(unit, told, content, self.scene)
        if isinstance(content, CorrectionTold):
            return file_correction(unit, told, content, clocks_min, self.scene)
        if isinstance(content, TaskAsked):
            return ask_for_partner(unit, told, content, clocks_min, scene=self.scene, places=self._places)
        if isinstance(content, AnswerTold):
            return Effect(1, named={"answers": content.message_id})
        return Effect(said.rows)

    def _refuse(self, number: int, received: Received, error: HubError, now: datetime) -> None:
        """Write down why a message was not used; tell the partner, where it is one."""
        envelope = received.envelope
        source = "" if envelope is None else envelope.source
        kind = "" if envelope is None else envelope.type
        known = kind if kind in {each.value for each in Taken} else "other"  # what is not ours is somebody's free text
        payload = {**_named(source, received, known, number), "reason": error.key}
        marks = {} if envelope is None else {"status": envelope.marks.status.value, **shown(envelope.marks)}
        with self.works.ledger.unit(epoch_minute(now)) as unit:
            with suppress(Denied):
                if source and not unit.once(_key(source, received.id), received.digest):
                    return
            unit.append(EventKind.PARTNER_DATA_REFUSED, "", {**payload, **marks}, self.scene)
            if source in self.registry and kind not in RETURNED:
                said = {lang: text(error.key, lang, **error.values) for lang in LANGUAGES}
                told = {**payload, "event": EventKind.PARTNER_DATA_REFUSED.value, **said, **marks}
                unit.put_outbox(stable_key(REPLIES, source, received.id), REPLIES, told)
        failpoint("taking.refused")

    def _answer(self, told: Told, content: AnswerTold, now: datetime) -> None:
        """Hand an answer over. Raises Denied where it answers nothing, or does not fit."""
        message = self.wire.find_outgoing(told.partner, content.message_id)
        if message is None:
            raise Denied("wiring_partner_not_told")
        answer = Answer(
            *(told.partner, content.message_id, message.subject, content.said, epoch_minute(now), "wire"),
            *(content.by, content.note, content.expected_min),
        )
        self.on_answer(self.works, answer, told.message_id)

    def _store(self, told: Told, content: AreasTold) -> int:
        """Write what areas a message changes; return how many that are, also where a kill repeats it."""
        frame = self.works.store.tables((TOLD_AREAS.name,))[TOLD_AREAS.name]
        known = collect(frame.filter(nw.col("partner") == told.partner)).to_pylist()
        rows = fold_told(content, known, told.partner, told.message_id)
        changed = {(row["area_key"], row["first_seen_min"]) for row in (*changed_by(known, told.message_id), *rows)}
        if rows:
            store, source = self.works.store, f"partner:{told.partner}"
            own = {"hub_id": store.hub_id, "source": source}
            table = pa.Table.from_pylist(
                [{**row, **own, **_marks(row, told.marks)} for row in rows], schema=TOLD_AREAS.schema
            )
            store.write(Batch(_key(told.partner, told.message_id), source, {TOLD_AREAS.name: table}))
        return len(changed)

    @property
    def _zone(self) -> Any:
        return self.works.settings.hub.zone

    @cached_property
    def _places(self) -> frozenset[str]:
        hub = self.works.settings.hub
        return frozenset((*(one.exit_id for one in hub.exits), *(one.platform_id for one in hub.platforms)))

    @cached_property
    def _gazetteer(self) -> Any:
        return load("hubtwin.rules.places:resolver")(find_gazetteer(self.works.settings))

    def _resolve(self, province: str, city: str, county: str, community: str) -> Any:
        return self._gazetteer(province, city, county, community)


@dataclass(frozen=True, slots=True)
class _Said:
    """A message that may be used: who says what; `rows` are those of the library that it changed."""

    told: Told
    kind: Taken
    content: Content
    rows: int


def _named(partner: str, received: Received, kind: str, number: int) -> dict[str, object]:
    return {"partner": partner, "message_id": received.id, "type": kind, "number": number}


def _marks(row: Mapping[str, Any], marks: Marks) -> dict[str, object]:
    """Return the marks of a row: those of the message, joined with those that the row had."""
    if "provenance" in row:
        marks = marks.join(Marks(Status(row["status"]), Provenance(row["provenance"]), row["replayed"]))
    return {"status": marks.status.value, **shown(marks)}


def _key(partner: str, message_id: str) -> str:
    """Return the key of the command that a message is."""
    return f"wire {partner} {message_id}"
