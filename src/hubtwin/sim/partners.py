"""Simulated partners: offices with books and keys of their own that answer what they are told; a province that tells.

What an office says to a message, and when, hangs on the seed and the message only. It learns of the hub what the wire
brings it, and nothing else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hubtwin.base.clock import Clock, epoch_minute, from_epoch_minute
from hubtwin.base.errors import Retry
from hubtwin.base.ids import stable_key
from hubtwin.base.text import text
from hubtwin.channels.jws import Signing
from hubtwin.channels.receive import Reception, receive
from hubtwin.channels.send import Line, Parcel, Sender
from hubtwin.channels.webhook import Delivery, Webhook
from hubtwin.model.event import Message
from hubtwin.model.message import Envelope, Peer, Signed
from hubtwin.model.partner import Said, Taken
from hubtwin.model.partner_data import TraceResult, Wish
from hubtwin.model.record import Marks, Provenance
from hubtwin.sim.screening import Figures, load_figures
from hubtwin.stores.signing import Signer
from hubtwin.stores.wire import Wire

SHIPPED = Path(__file__).resolve().parent / "partners.toml"
MARKS = Marks(provenance=Provenance.SYNTHETIC, replayed=True)
DISCLOSURE, HEALTH = "hubtwin.disclosure.", "hubtwin.disclosure.health"
BATCH = 200
TIMEOUT_S = 2.0  # a hub on this machine answers at once or is not there any more
_DIGITS = 13  # 52 bits: as many as a double holds exactly


class Due(NamedTuple):
    """Something to say at a minute, under a key of its own."""

    at_min: int
    key: str
    kind: Taken
    subject: str
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Manners:
    """How an office answers: the seed, the figures of partners.toml, the language of its notes."""

    seed: int
    figures: Figures
    lang: str = "en"

    def chance(self, *what: object) -> float:
        """Return a number in [0, 1) that depends on the seed and `what` only."""
        return int(stable_key("partner", self.seed, *what)[:_DIGITS], 16) / float(16**_DIGITS)

    def within(self, name: str, *what: object) -> int:
        """Return whole minutes in the span of a figure, both ends included."""
        low, high = map(int, self.figures[name])
        return low + int(self.chance(name, *what) * (high - low + 1))

    def plan(self, told: Envelope, now_min: int) -> list[Due]:
        """Return what is said to a message that came at a minute, in order."""
        late = self.chance("late", told.id) < self.figures["late"]
        seen = now_min + self.within("received_min", told.id) + (self.within("late_min", told.id) if late else 0)
        decided = seen + self.within("decide_min", told.id)
        plan = [self._answer(told, Said.RECEIVED, seen)]
        if self.chance("refuse", told.id) < self.figures["refuse"]:
            plan.append(self._answer(told, Said.REFUSED, decided, note=text("sim.partner_busy", self.lang)))
        else:
            there = decided + self.within("expected_min", told.id)
            plan.append(self._answer(told, Said.ACCEPTED, decided, expected=_iso(there)))
            plan.append(self._answer(told, Said.DONE, there + self.within("done_min", told.id)))
        return plan + (self._trace(told, now_min) if told.type == HEALTH else [])

    def _answer(self, told: Envelope, said: Said, at_min: int, **more: str) -> Due:
        data = {"message_id": told.id, "said": said.value, "by": text("sim.partner_desk", self.lang), **more}
        return Due(at_min, f"{told.id} {said.value}", Taken.ANSWER, told.subject, data)

    def _trace(self, told: Envelope, now_min: int) -> list[Due]:
        """Return what tracing finds: of some when they are told first, of those let go without a test later."""
        if told.sequence == 1 and self.chance("trace", told.subject) < self.figures["trace"]:
            at_min, result = now_min + self.within("trace_min", told.subject), TraceResult.REACHED
        elif told.sequence > 1 and not told.data.get("tests") and not told.data.get("outcome"):
            at_min, result = now_min + self.within("follow_up_min", told.id), TraceResult.CLEAR
        else:
            return []
        data = {"case": told.subject, "result": result.value, "at": _iso(at_min), "ref": f"sim-{told.id[:8]}"}
        return [Due(at_min, f"{told.id} {result.value}", Taken.TRACE, told.subject, data)]

    def tell(self, start_min: int, province: str, place: str) -> list[Due]:
        """Return what a province says of its own accord in a day that begins at a minute."""
        figures, area = self.figures, self.figures["areas"].get(province)
        at_min = start_min + int(figures["task_min"])
        wish: dict[str, object] = {
            "kind": Wish.INFORM.value,
            "what": text("sim.province_wish", self.lang),
            "due": _iso(at_min + int(figures["task_due_min"])),
            "ref": "sim-task-1",
        }
        told = [Due(at_min, "task 1", Taken.TASK, "task 1", wish | ({"place": place} if place else {}))]
        if area:
            at_min = start_min + int(figures["areas_min"])
            where = {"area_code": area, "place": text("sim.province_area", self.lang), "level": "medium"}
            told.append(
                Due(
                    *(at_min, "areas 1", Taken.RISK_AREAS, "areas"),
                    {"published_at": _iso(at_min), "areas": [where]},
                )
            )
        return told


def load_partner_figures(path: Path = SHIPPED, **changes: object) -> Figures:
    """Return the figures of partners.toml by name. Raises Malformed for an unknown name in `changes`."""
    return load_figures(path, **changes)


@dataclass
class Office:
    """A partner at work: it takes messages of one hub over the wire and says what its manners plan.

    `folder` holds its books and its key, and begins empty. `hub` is the hub as it stands in messages, with its key.
    """

    name: str
    folder: Path
    hub: Peer
    zone: ZoneInfo
    clock: Clock
    manners: Manners
    _due: list[Due] = field(default_factory=list)
    _read: int = 0

    def __post_init__(self) -> None:
        """Open the books."""
        signer = Signer(self.folder)
        self.signing = Signing(signer.sign, signer.public_hex)
        self.books = Wire(self.folder, self.name, epoch_minute(self.clock()))
        self._reception = Reception(self.name, {self.hub.source: self.hub}, self.zone)
        self.sender = Sender(self.books, self.signing, {}, _nobody)

    def reach(self, url: str) -> None:
        """Say where the hub takes messages. Raises Denied for an address that is neither HTTPS nor this machine."""
        line = Line(self.hub, Webhook(url, self.name, timeout_s=TIMEOUT_S))
        self.sender = Sender(self.books, self.signing, {self.hub.source: line}, _nobody)

    def take(self, delivery: Delivery) -> Signed:
        """Take a delivery in and return the signed receipt, as `receive`."""
        return receive(
            *(self.books, delivery.lines, delivery.sender, self._reception),
            signing=self.signing,
            now=self.clock(),
            head=delivery.head,
        )

    def intend(self, said: Iterable[Due]) -> None:
        """Mean to say something."""
        for due in said:
            heappush(self._due, due)

    def step(self, now: datetime) -> None:
        """Read what came, and write what is due into the books; whoever pumps sends it."""
        now_min, said = epoch_minute(now), list[tuple[Message, Parcel]]()
        try:
            for number, received in self.books.list_applied(self._read, BATCH):
                told = received.envelope
                if told is not None and told.type.startswith(DISCLOSURE):
                    self.intend(self.manners.plan(told, now_min))
                self._read = number
            while self._due and self._due[0].at_min <= now_min:
                said.append(self._parcel(heappop(self._due)))
            if said:
                self.sender.stage(said)
        except Retry:  # the books are busy: the same with the next step
            for message, parcel in said:
                self.intend([Due(now_min, message.key, Taken(parcel.type), parcel.subject, parcel.data)])

    def close(self) -> None:
        """Let go of the books."""
        self.books.close()

    def _parcel(self, due: Due) -> tuple[Message, Parcel]:
        schema = f"urn:{due.kind.value.replace('.', ':')}:1"
        parcel = Parcel(self.hub.source, due.kind.value, due.subject, schema, due.data, MARKS)
        return Message(due.key, "partners", {}, due.at_min), parcel


def _nobody(message: Message) -> list[Parcel]:
    """Give a message of an outbox to nobody: an office has none."""
    return []


def _iso(at_min: int) -> str:
    return from_epoch_minute(at_min).isoformat()
