"""Who travelled along with a confirmed case: matchers are asked once by key, again until they answer, and on record.

An officer asks from a case whose nucleic acid test was positive. The question to each matcher is a row before anything
is sent; one that is down leaves it waiting. Who is named comes into the library as COTRAVELLERS, under the pseudonyms
that gates and hits have; who asked, why, about which runs, and how many came back stand in the audit.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import narwhals as nw
import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.base.ids import stable_key
from hubtwin.datasets.health import COTRAVELLERS, POSITIONS
from hubtwin.library.ingest import Target, ingest
from hubtwin.library.query import collect
from hubtwin.model.case import Case, Outcome
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.record import Marks, Provenance, Row
from hubtwin.ports import LedgerReader, Page
from hubtwin.stores.audit import Audit
from hubtwin.stores.migrate import migrate
from hubtwin.stores.sqlite import Database
from hubtwin.stores.wire import MATCHING_FILE
from hubtwin.wiring.asking import Peer, Trace, ask_cotravel
from hubtwin.wiring.risk_tables import HubSide

CONFIRMS = "nucleic_positive"
MOST_PERSONS = 2_000  # ours: more than a long train seats beside the case; beyond it a plan or a railway is wrong
AGAIN_S = 5.0
SOURCE = "cotravel"  # of the rows; its own, so that it moves no cursor of the hits
_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to one matcher about one run of a case.

    `state` is waiting, answered or refused; `error` the key of why it is not answered; `persons` how many it named
    ("<5" where the railway gives counts only), `positions` how many where; `traced` is False where the plan says not
    to trace.
    """

    trip_id: str
    service_date: date
    matcher: str
    asked_by: str
    asked_min: int
    state: str
    error: str
    answered_min: int | None
    persons: str
    positions: Mapping[str, int]
    traced: bool


@dataclass
class Cotravel:
    """The questions of one hub. `peers` are the matchers now; `plan_of` is the plan in force for a case at a moment."""

    hub: HubSide
    ledger: LedgerReader
    audit: Audit
    clock: Clock
    peers: Callable[[], Sequence[Peer]]
    plan_of: Callable[[Case, datetime], Pathogen]
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Open the questions. Raises Retry, Malformed (damaged), Denied (of a newer version)."""
        self._data = Database(self.hub.store.directory / MATCHING_FILE, private=True)
        migrate(self._data, "matching", epoch_minute(self.clock()))

    def close(self) -> None:
        """End after the question under way, and let go of the file."""
        self._over.set()
        thread = self._thread  # which forgets itself when it ends
        if thread is not None:
            thread.join()
        self._data.close()

    def ask(self, case: Case, by: str, reason: str) -> list[Asked]:
        """Ask every matcher about the runs of a confirmed case, each once; return how far they are.

        Whoever calls has seen that `by` may. Raises Denied for a case that is not confirmed, without a run here, or
        where there is nobody to ask; Malformed without a reason.
        """
        if not reason.strip():
            raise Malformed("wiring.cotravel_no_reason")
        runs, peers = self.list_runs(case), [peer.name for peer in self.peers()]
        if not peers:
            raise Denied("wiring.cotravel_no_matcher")
        now_min, known = epoch_minute(self.clock()), {self._key(one) for one in self.list_asked(case.case_id)}
        new = [(*run, peer) for run in runs for peer in peers if (run[0], run[1], peer) not in known]
        if new:
            told = {"case": case.case_id, "reason": reason.strip(), "matchers": peers}
            self.audit.append("CotravelAsked", by, {**told, "runs": [f"{trip} {day}" for trip, day in runs]})
        with self._data.transaction() as con:
            for trip, day, peer in new:
                values = (case.case_id, trip, day.isoformat(), peer, case.pid, by, now_min)
                con.execute("INSERT OR IGNORE INTO questions VALUES (?,?,?,?,?,?,?,'waiting','',NULL,'{}')", values)
        self.wake()
        return self.list_asked(case.case_id)

    def list_asked(self, case_id: str) -> list[Asked]:
        """Return what was asked about a case, and how far it is."""
        rows = self._data.all(f"SELECT {_ASKED} FROM questions WHERE case_id = ? ORDER BY 1, 2, 3", case_id)  # noqa: S608
        return [_asked(row) for row in rows]

    def list_runs(self, case: Case) -> list[tuple[str, date]]:
        """Return the runs of the train of a case that call here: trip id and service date. Raises Denied."""
        if not is_confirmed(self.ledger, case):
            raise Denied("wiring.cotravel_not_confirmed")
        code, _, day = case.train.rpartition(" ")  # as `scenes.epidemic` names a train: number and service date
        calls = self.hub.store.tables(("rail_calls",))["rail_calls"]
        here = calls.filter(nw.col("code") == code, nw.col("station_id").is_in(list(self.hub.stations)))
        trips = {str(row["trip_id"]) for row in collect(here.select("trip_id")).to_pylist()} if code else set()
        if not trips:
            raise Denied("wiring.cotravel_no_run", train=case.train or "-")
        return [(trip, date.fromisoformat(day)) for trip in sorted(trips)]

    def wake(self) -> None:
        """Go on asking if anything waits, in a thread of its own; cheap where nothing does."""
        with self._lock:
            running = self._thread is not None and self._thread.is_alive()
            if not running and not self._over.is_set() and self._waiting():
                self._thread = threading.Thread(target=self._run, name="cotravel", daemon=True)
                self._thread.start()

    def step(self) -> int:
        """Ask everything that waits once; return how many questions are settled."""
        return sum(self._settle(*row) for row in self._waiting())

    def _run(self) -> None:
        while not self._is_done():
            try:
                self.step()
            except Exception as error:  # noqa: BLE001 - asked again; the text may hold a person
                _LOG.error("cotravel_failed", kind=type(error).__name__)
            if self._waiting():
                self._over.wait(AGAIN_S)

    def _is_done(self) -> bool:
        """Return whether the thread ends; who asks after that begins another one, so nothing is left waiting."""
        with self._lock:
            if not self._over.is_set() and self._waiting():
                return False
            self._thread = None
            return True

    def _waiting(self) -> list[tuple[str, str, str, str]]:
        sql = "SELECT case_id, trip_id, service_date, peer FROM questions WHERE state = 'waiting' ORDER BY asked_min"
        return [(str(c), str(t), str(d), str(p)) for c, t, d, p in self._data.all(sql)]

    def _settle(self, case_id: str, trip_id: str, day: str, name: str) -> bool:
        """Ask one matcher about one run; return whether that is settled."""
        peer = next((peer for peer in self.peers() if peer.name == name), None)
        key, now = (case_id, trip_id, day, name), self.clock()
        try:
            if peer is None:
                raise Denied("wiring.cotravel_no_matcher")
            asked_by = str(self._data.all(f"SELECT asked_by FROM questions WHERE {_KEY}", *key)[0][0])  # noqa: S608
            case = self.ledger.get_case(case_id)
            event = self.ledger.find_emergency(case.emergency_id)
            if event is None or not event.in_force(epoch_minute(now)):
                raise Denied("wiring.cotravel_over")  # nobody is traced once the event has ended
            asked = Trace(trip_id, date.fromisoformat(day), (case.pid,), self.plan_of(case, now), asked_by)
            told = ask_cotravel(self.hub, peer, asked, now)
            answer = self._keep(case, asked, name, told)
        except Retry as error:
            self._note(key, "waiting", error.key, "{}")
            return False
        except HubError as error:
            self._note(key, "refused", error.key, "{}")
            return True
        said = {"case": case_id, "run": f"{trip_id} {day}", "matcher": name, "persons": answer["persons"]}
        self.audit.append("CotravelAnswered", asked_by, said)
        self._note(key, "answered", "", json.dumps(answer))
        _LOG.info("cotravel_answered", matcher=name, case=case_id, traced=answer["traced"])
        return True

    def _keep(self, case: Case, asked: Trace, name: str, told: Mapping[str, Any]) -> dict[str, Any]:
        """Store who was named, once by key; return the answer in numbers. Raises Denied, Malformed."""
        contacts = _read_contacts(told.get("contacts", []))
        if len(contacts) > MOST_PERSONS:
            raise Denied("wiring.cotravel_too_many", persons=len(contacts), most=MOST_PERSONS)
        now_min = epoch_minute(self.clock())
        run = {"case_id": case.case_id, "trip_id": asked.trip_id, "service_date": asked.service_date}
        rows = [Row(COTRAVELLERS.name, {**run, **contact, "as_of_min": now_min}) for contact in contacts.values()]
        made = Provenance.SYNTHETIC if told.get("synthetic", False) else case.marks.provenance
        marks = Marks(self.hub.store.status, made, case.marks.replayed)
        if rows:
            page = Page(f"cotravel {stable_key(case.case_id, asked.trip_id, asked.service_date, name)}", (), "", marks)
            ingest(rows, page, Target(self.hub.store, self.hub.hub_id, SOURCE, self.hub.store.status))
        positions = Counter(str(contact["position"]) for contact in contacts.values())
        persons = str(len(contacts) if "contacts" in told else told.get("persons", 0))
        return {"traced": bool(told.get("traced")), "persons": persons[:10], "positions": dict(positions)}

    def _note(self, key: tuple[str, str, str, str], state: str, error: str, answer: str) -> None:
        at_min = None if state == "waiting" else epoch_minute(self.clock())
        with self._data.transaction() as con:
            con.execute(
                f"UPDATE questions SET state = ?, error = ?, answered_min = ?, answer = ? WHERE {_KEY}",  # noqa: S608
                (state, error, at_min, answer, *key),
            )

    @staticmethod
    def _key(one: Asked) -> tuple[str, date, str]:
        return one.trip_id, one.service_date, one.matcher


def is_confirmed(ledger: LedgerReader, case: Case) -> bool:
    """Return whether the nucleic acid test of a case was positive, and nobody has taken the case back."""
    moves = (event.payload.get("command") for event in ledger.list_events(subject=case.case_id))
    return case.outcome is not Outcome.CORRECTED and CONFIRMS in moves


def _read_contacts(told: object) -> dict[str, dict[str, Any]]:
    """Return who was named, by pseudonym; of the pairs with several cases the longest. Raises Malformed."""
    found: dict[str, dict[str, Any]] = {}
    if not isinstance(told, list):
        raise Malformed("wiring_matcher_unreadable", source=SOURCE)
    try:
        for one in told:
            pid, position = str(one["pid"]), str(one["position"])
            shared_min, certain = int(one["shared_min"]), one["certain"] is True
            if len(pid) != _PID_CHARS or not set(pid) <= set("0123456789abcdef") or position not in POSITIONS:
                raise Malformed("wiring_matcher_unreadable", source=SOURCE)
            if pid not in found or found[pid]["shared_min"] < shared_min:
                found[pid] = {"pid": pid, "position": position, "shared_min": shared_min, "certain": certain}
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("wiring_matcher_unreadable", source=SOURCE) from error
    return found


def _asked(row: tuple[object, ...]) -> Asked:
    trip, day, peer, by, at_min, state, error, answered_min, answer = row
    told = json.loads(str(answer))
    return Asked(
        *(str(trip), date.fromisoformat(str(day)), str(peer), str(by), int(str(at_min)), str(state), str(error)),
        answered_min=None if answered_min is None else int(str(answered_min)),
        persons=str(told.get("persons", "")),
        positions=told.get("positions", {}),
        traced=bool(told.get("traced", state != "answered")),
    )


_PID_CHARS = 32
_KEY = "case_id = ? AND trip_id = ? AND service_date = ? AND peer = ?"
_ASKED = "trip_id, service_date, peer, asked_by, asked_min, state, error, answered_min, answer"
