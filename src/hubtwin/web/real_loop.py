"""What pages ask of one case and of overflow at a hub at work: steps, proposals, appeals, orders to let people go."""

from collections.abc import Callable
from functools import partial

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.emergency import begin_overflow, end_overflow
from hubtwin.flow.handle import decide_appeal, handle_case, lodge_appeal
from hubtwin.model.agency import Person
from hubtwin.model.case import Case, CaseCommand, Evidence
from hubtwin.model.event import Event, Filed
from hubtwin.model.record import Identity
from hubtwin.model.verified import DESTINATION
from hubtwin.rules.permission import is_allowed, may
from hubtwin.rules.privacy import epoch_of, normalise, pseudonym
from hubtwin.rules.routing import covering
from hubtwin.rules.steps import trace_steps
from hubtwin.web import shown, shown_loop
from hubtwin.web.schemas import loop as lo
from hubtwin.web.schemas.asked import BeginOverflow, DecideAppeal, MoveCase, PersonIn
from hubtwin.wiring.works import Works

SCANS = ("report", "report_at_desk")  # moves with which a document is read


class RealLoop:
    """One case in full, its moves and its appeals; overflow. `board` gives the board after a change."""

    def __init__(self, works: Works, scene: str, board: Callable[[], lo.Board]) -> None:
        """Create it; `scene` is what overflow is begun for."""
        self.works, self._scene, self._board = works, scene, board

    def case(self, who: Person, case_id: str) -> lo.CaseReply:
        """Return a case with its history, steps, appeals and the moves of a person."""
        ledger, clocks_min = self.works.ledger, self.works.clocks_min
        case = ledger.get_case(case_id)
        may(who, "case.read", scene=case.scene)
        events, filed = ledger.list_events(subject=case_id), ledger.list_evidence(case_id)
        times = ledger.list_times(subject=case.train) if case.train else ()
        appeals, told = self._appeals(who, case, filed)
        return lo.CaseReply(
            case=shown.case_row(case),
            timeline=[shown.happened(event) for event in sorted([*events, *told], key=lambda event: event.seq)],
            evidence=[shown.evidence(piece) for piece in filed],
            moves=shown.case_moves(case, clocks_min, lambda action: is_allowed(who, action, scene=case.scene)),
            times=shown.times(times[0] if times else None),
            steps=[shown_loop.step(row) for row in trace_steps(events, filed)],
            proposals=shown_loop.proposals(case, filed),
            appeals=appeals,
        )

    def move_case(self, who: Person, case_id: str, asked: MoveCase) -> lo.CaseReply:
        """Move a case on."""
        pieces = [Evidence(each.kind, each.ref, each.values) for each in asked.evidence]
        for piece in pieces:
            if piece.values.get(DESTINATION):
                covering(str(piece.values[DESTINATION]))  # nobody could be told of a person who goes nowhere
        command = CaseCommand(case_id, asked.command, who.user_id, self._now_min(), pieces, asked.expects)
        if asked.person is not None:
            self._refuse_other(who, command, asked.person)
        key = None if asked.key is None else f"{who.user_id} {asked.key}"  # two senders may use the same name
        moved = handle_case(self.works.ledger, command, self.works.clocks_min, partial(may, who), key=key)
        if asked.person is not None and moved.is_open:  # what a kill parts here is done when the command comes again
            self._take_in(who, moved, asked.person)
        return self.case(who, case_id)

    def _refuse_other(self, who: Person, asked: CaseCommand, told: PersonIn) -> None:
        """Raise Denied where a scan read somebody else than the person of the case, Malformed where none is read."""
        case_id, access = asked.case_id, self.works.access
        case = self.works.ledger.get_case(case_id)
        may(who, f"case.{asked.command}", scene=case.scene)
        if asked.command not in SCANS:
            raise Malformed("web.no_scan", command=asked.command)
        flagged = [filed.at_min for filed in self.works.ledger.list_evidence(case_id)[:1]]
        document = normalise(Identity(told.id_type, told.id_no))
        epochs = {epoch_of(minute) for minute in (*flagged, case.opened_min)}
        keys = [key for key in map(access.vault.find_epoch_key, epochs) if key is not None]
        if case.pid not in {pseudonym(key, document) for key in keys}:
            access.audit.append("OtherPersonScanned", who.user_id, {"case": case_id})
            raise Denied("web.other_person")

    def _take_in(self, who: Person, case: Case, told: PersonIn) -> None:
        """Seal what a scan read of the person of a case. Only after its move: one that is refused changes nothing."""
        access = self.works.access
        fields = {name: value for name, value in told.model_dump().items() if value}
        access.audit.append(
            "PersonScanned", who.user_id, {"case": case.case_id, "pid": case.pid, "fields": sorted(fields)}
        )
        access.vault.remember(case.pid, fields)

    def lodge_appeal(self, who: Person, case_id: str, ground: str) -> lo.CaseReply:
        """Take in an appeal."""
        lodge_appeal(
            *(self.works.ledger, case_id, self.works.clocks_min, partial(may, who)),
            by=who.user_id,
            ground=ground,
            at_min=self._now_min(),
        )
        return self.case(who, case_id)

    def decide_appeal(self, who: Person, appeal_id: str, asked: DecideAppeal) -> lo.CaseReply:
        """Decide an appeal; the decision is filed with the case under the id of the appeal."""
        found = self.works.ledger.find_appeal(appeal_id)
        if found is None:
            raise Absent("web.no_appeal", appeal_id=appeal_id)
        values = {shown_loop.OF_APPEAL: appeal_id} | ({"note": asked.note} if asked.note else {})
        decide_appeal(
            *(self.works.ledger, appeal_id, self.works.clocks_min, partial(may, who)),
            by=who.user_id,
            upheld=asked.upheld,
            evidence=Evidence("appeal", asked.ref, values),
            at_min=self._now_min(),
        )
        return self.case(who, found.case_id)

    def begin_overflow(self, who: Person, asked: BeginOverflow) -> lo.Board:
        """Begin overflow at an exit of the hub; a hub that describes no exits takes any place."""
        exits = {each.exit_id for each in self.works.settings.hub.exits}
        if exits and asked.place not in exits:
            raise Absent("web.no_exit", place=asked.place, exits=", ".join(sorted(exits)))
        begin_overflow(
            *(self.works.ledger, asked.place, self.works.clocks_min, partial(may, who)),
            scene=self._scene,
            by=who.user_id,
            reason=asked.reason,
            at_min=self._now_min(),
        )
        return self._board()

    def end_overflow(self, who: Person, overflow_id: str) -> lo.Board:
        """End overflow at an exit."""
        end_overflow(self.works.ledger, overflow_id, partial(may, who), by=who.user_id, at_min=self._now_min())
        return self._board()

    def _appeals(self, who: Person, case: Case, filed: list[Filed]) -> tuple[list[lo.AppealView], list[Event]]:
        """Return the appeals of a case and their events."""
        ledger, entitled = self.works.ledger, is_allowed(who, "case.correct", scene=case.scene)
        found = ledger.list_appeals(case.case_id)
        events = [event for each in found for event in ledger.list_events(subject=each.appeal_id)]
        return [
            shown_loop.appeal(each, filed, may_decide=entitled and each.lodged_by != who.user_id) for each in found
        ], events

    def _now_min(self) -> int:
        return epoch_minute(self.works.clock())
