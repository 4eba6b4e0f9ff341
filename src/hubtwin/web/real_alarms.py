"""Who has heard which alarm, and which kinds are shelved, of a hub at work."""

from functools import partial

from hubtwin.base.clock import epoch_minute
from hubtwin.flow.alarms import acknowledge, shelve
from hubtwin.model.agency import Person
from hubtwin.model.event import EventKind
from hubtwin.rules.permission import may, may_somewhere
from hubtwin.web.real_board import RealBoard
from hubtwin.web.schemas import alarms as al
from hubtwin.web.schemas.asked import Acknowledge, ShelveAlarms
from hubtwin.wiring.works import Works


class RealAlarms:
    """What people said about alarms. It is in the ledger, so that every page and the wall know it."""

    def __init__(self, works: Works, board: RealBoard) -> None:
        """Create it; `board` knows which alarms stand."""
        self.works, self._board = works, board

    def answers(self) -> al.AlarmsReply:
        """Return who has heard the alarms that stand, and what is shelved now."""
        ledger, now_min = self.works.ledger, self._now_min()
        heard = []
        for alarm in self._board.list_alarms():
            kinds = (EventKind.ALARM_ACKNOWLEDGED,)
            heard += ledger.list_events(alarm.seq, kinds=kinds, subject=str(alarm.seq), limit=1)
        newest = {each.subject: each for each in ledger.list_events(kinds=(EventKind.ALARM_SHELVED,))}
        shelves = [al.Shelf(**each.payload, at_min=each.at_min) for each in newest.values()]  # type: ignore[arg-type]
        return al.AlarmsReply(
            now_min,
            [al.Heard(int(each.subject), str(each.payload["by"]), each.at_min) for each in heard],
            [each for each in shelves if each.until_min > now_min],
        )

    def acknowledge(self, who: Person, asked: Acknowledge) -> al.AlarmsReply:
        """Write down that a person has heard alarms."""
        acknowledge(self.works.ledger, asked.seqs, partial(_may_hear, who), by=who.user_id, at_min=self._now_min())
        return self.answers()

    def shelve(self, who: Person, asked: ShelveAlarms) -> al.AlarmsReply:
        """Shelve alarms of a kind."""
        shelve(
            *(self.works.ledger, asked.kind, partial(may, who)),
            by=who.user_id,
            reason=asked.reason,
            minutes=asked.minutes,
            at_min=self._now_min(),
        )
        return self.answers()

    def _now_min(self) -> int:
        return epoch_minute(self.works.clock())


def _may_hear(who: Person, action: str, *, scene: str | None = None, team: str | None = None) -> None:
    """Return if a person may answer for an alarm of a scene; one of the whole hub is heard by every officer."""
    if scene:
        may(who, action, scene=scene, team=team)
    else:
        may_somewhere(who, action)
