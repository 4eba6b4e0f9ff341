"""The matcher at work: takes tables, matches when something has changed, answers with what the railway lets out.

One thread matches; requests are answered beside it. A match that fails is tried again at the next beat and shows in the
status meanwhile; the table that stands is never lost by it.
"""

import threading
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TypedDict

import structlog

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, HubError
from hubtwin.matcher.force import InForce
from hubtwin.matcher.held import KEPT_D, Held, Outcome
from hubtwin.matcher.manifests import Folder, Wanted
from hubtwin.matcher.match import Count, Hit, count_hits, epoch_of_run, find_hits, name_hits, trace_along, wants
from hubtwin.matcher.table import HubKey, is_stale, open_query
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.record import Status
from hubtwin.model.risk_table import RiskTable, WrappedKey, key_label
from hubtwin.rules.privacy import show_count
from hubtwin.scenes.epidemic.profiles import PROFILES, get_profile
from hubtwin.stores.wrapping import Unwrapper

BEAT_S = 0.25
AFTER_FAILURE_S = 5.0  # a folder that cannot be read is not read four times a second
AGAIN_S = 300.0  # nothing has changed, but time passes: a stay that was still ahead is over
_LOG = structlog.get_logger()


class _Outcomes(TypedDict):
    hits: Outcome[Hit]
    counts: Outcome[Count]


class Rung(StrEnum):
    """What the railway lets out. The table of a hub cannot widen it."""

    COUNTS = "counts"
    HITS = "hits"
    PSI = "psi"


@dataclass(frozen=True)
class Setup:
    """What a matcher is told when it starts."""

    hub: HubKey
    folder: Folder
    home: Path
    rung: Rung = Rung.HITS


@dataclass
class Matcher:
    """One matcher. `failed` is the kind or text key of the failure of the last match, empty where it went well."""

    setup: Setup
    held: Held
    clock: Clock
    failed: str = ""
    _done: tuple[object, ...] = ()
    _at_s: float = 0.0
    _wake: threading.Event = field(default_factory=threading.Event)
    _over: bool = False
    _thread: threading.Thread | None = None
    _matching: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Refuse what cannot be done before anything is served. Raises Denied."""
        if self.setup.rung is Rung.PSI:
            raise Denied("matcher.no_psi")
        self.unwrapper = Unwrapper(self.setup.home)
        self.in_force = InForce(self.held, self.setup.hub)

    def take(self, sealed: bytes) -> tuple[RiskTable, bool]:
        """Put a table in force; return it and whether it is new. Raises Malformed or Denied, and keeps the one before.

        It is on the disk when this returns; the match follows on the matcher's own thread.
        """
        return self._taken(*self.in_force.take(sealed, self._now_min()))

    def take_change(self, sealed: bytes) -> tuple[RiskTable, bool]:
        """Put the next table in force by what has changed, as `take`. Raises Denied (`matcher.other_base`) where the
        whole table is needed.
        """
        return self._taken(*self.in_force.take_change(sealed, self._now_min()))

    def _taken(self, table: RiskTable, new: bool) -> tuple[RiskTable, bool]:
        if new:
            told = {"version": table.version, "areas": len(table.areas), "valid_until_min": table.valid_until_min}
            _LOG.info("table_taken", **told)
            self._wake.set()
        return table, new

    def match(self) -> int:
        """Match what lies in the folder against the table in force; return how many hits are new.

        Without a table nothing is read. Raises Denied for a table that is stale meanwhile, Retry for a folder that
        cannot be read.
        """
        with self._matching:
            now, table, began = self.clock(), self.in_force.find(), time.perf_counter()
            if table is None:
                return 0
            now_min = epoch_minute(now)
            if is_stale(table, now_min):
                raise Denied("matcher.stale", minutes=now_min - table.valid_until_min)
            who = self.setup.folder.read(now, self._wanted(table, now), {area.area_code for area in table.areas})
            found = find_hits(who, table, self.setup.folder, now_min)
            keys = {key.epoch: key for key in table.keys}
            hits, unnamed = name_hits(
                found, who, self.setup.folder.timetable, lambda epoch: self._unwrap(keys.get(epoch)), now_min
            )
            told = {"hits": len(hits), "without_key": unnamed, "refused": dict(who.refused)}
            outcomes = self._outcomes(table, hits, count_hits(found, now_min))
            new = self.held.save_match(table.version, told, now_min, **outcomes)
            _LOG.info("matched", version=table.version, new=new, ms=round((time.perf_counter() - began) * 1000), **told)
        return new

    def _outcomes(self, table: RiskTable, hits: list[Hit], counts: list[Count]) -> _Outcomes:
        """Return what of a match is kept. A hit whose key the hub no longer gives can be named no more, which does not
        withdraw it; a table without areas and keys ends the matching.
        """
        if not table.areas and not table.keys:
            return {"hits": Outcome([], None), "counts": Outcome([], None)}
        named = {key.epoch for key in table.keys}
        every = Outcome(counts, lambda _trip, _day: True)
        if self.setup.rung is not Rung.HITS:
            return {"hits": Outcome([], None), "counts": every}
        return {"hits": Outcome(hits, lambda trip, day: epoch_of_run(trip, day) in named), "counts": every}

    def list_traced(self, sealed: bytes) -> dict[str, object]:
        """Return who travelled along with the cases of a sealed question. Raises Malformed, Denied, Absent (plan).

        "traced" is False where the plan says not to trace: that is an answer. At the rung of counts the answer is a
        number, under five of them "<5".
        """
        now, now_min = self.clock(), self._now_min()
        query = open_query(sealed, self.setup.hub, now_min)
        plan = get_profile(PROFILES, query.pathogen_id, query.on)
        _refuse_undecided(plan, query.decided_by)
        answer: dict[str, object] = {"query_id": query.query_id, "pathogen_id": plan.pathogen_id, "traced": False}
        if plan.traces_cotravellers:
            if query.key.epoch != epoch_of_run(query.trip_id, query.service_date):
                raise Denied("matcher.key_of_other_epoch")
            key = self._unwrap(query.key)
            assert key is not None
            run = (query.trip_id, query.service_date)
            who = self.setup.folder.read(now, lambda trip, day, _: (trip, day) == run, ())
            contacts, aboard = trace_along(who, self.setup.folder, query.cases, plan, key)
            answer |= {"traced": True, "cases_aboard": aboard, "persons": show_count(len(contacts))}
            if self.setup.rung is Rung.HITS:
                made = any(booking.synthetic for booking in who.bookings)
                answer |= {"persons": len(contacts), "contacts": [asdict(c) for c in contacts], "synthetic": made}
        told = {name: value for name, value in answer.items() if name != "contacts"}
        self.held.note_query(query, told, now_min)
        _LOG.info("cotravel_answered", trip=query.trip_id, traced=answer["traced"])
        return answer

    def status(self) -> dict[str, object]:
        """Return what may be known of a matcher: numbers, versions and times."""
        now_min, table = self._now_min(), self.in_force.find()
        told: dict[str, object] = {"hub_id": self.setup.hub.hub_id, "rung": self.setup.rung.value, "now_min": now_min}
        told |= {"wrapping_key": self.unwrapper.public_hex, "error": self.failed, "match": self.held.find_match()}
        told |= {"table": None, "hits_kept": self.held.count_kept()}
        if table is not None:
            told["table"] = {
                "version": table.version,
                "made_min": table.made_min,
                "age_min": now_min - table.made_min,
                "valid_until_min": table.valid_until_min,
                "stale": is_stale(table, now_min),
                "areas": len(table.areas),
                "status": table.status.value,
            }
        return told

    def find_marks(self) -> str:
        """Return the status of the table in force, which every answer carries."""
        table = self.in_force.find()
        return Status.ACTUAL.value if table is None else table.status.value

    def start(self) -> None:
        """Begin to match, in a thread of its own."""
        self._thread = threading.Thread(target=self._run, name="matcher", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End after the match under way."""
        self._over = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()

    def beat(self) -> bool:
        """Match if the table, the files or the time ask for it; return whether it did. Raises as `match` does."""
        version = self.held.find_version()
        if version is None:
            return False
        state = (version, self.setup.folder.seal())
        if state == self._done and time.monotonic() - self._at_s < AGAIN_S:
            return False
        self.match()
        self._done, self._at_s = state, time.monotonic()
        return True

    def _run(self) -> None:
        while not self._over:
            try:
                self.beat()
                self.failed = ""
            except HubError as error:
                self._note(error.key)
            except Exception as error:  # noqa: BLE001 - the next beat tries again; the text may hold a person
                self._note(type(error).__name__)
            self._wake.wait(AFTER_FAILURE_S if self.failed else BEAT_S)
            self._wake.clear()

    def _note(self, problem: str) -> None:
        if problem != self.failed:
            _LOG.error("match_failed", reason=problem)
        self.failed = problem

    def _wanted(self, table: RiskTable, now: datetime) -> Wanted:
        """Return which bookings are matched: to the hub, on runs that are not over for long."""
        here, since = wants(table, self.setup.folder.timetable), now.date() - timedelta(days=KEPT_D)
        return lambda trip, day, seq: day >= since and here(trip, day, seq)

    def _unwrap(self, key: WrappedKey | None) -> bytes | None:
        return None if key is None else self.unwrapper.unwrap(key.sealed, key_label(self.setup.hub.hub_id, key.epoch))

    def _now_min(self) -> int:
        return epoch_minute(self.clock())


def _refuse_undecided(plan: Pathogen, decided_by: str) -> None:
    """Raise Denied where a plan traces only on a named officer's decision and nobody is named."""
    if plan.cotravel.by_decision.value and not decided_by.strip():
        raise Denied("matcher.nobody_decided", pathogen=plan.pathogen_id)
