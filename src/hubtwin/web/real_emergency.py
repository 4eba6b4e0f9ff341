"""What pages ask of the declared event at a hub at work: what is in force, its end, and what became of its data."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from hubtwin.base.clock import at_service_minute, epoch_minute
from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.flow.guard import find_emergency
from hubtwin.model.agency import Person
from hubtwin.model.emergency import Emergency
from hubtwin.model.record import Marks, Provenance
from hubtwin.rules.permission import may
from hubtwin.stores.ending import certificate_text, find_certificate
from hubtwin.web import shown
from hubtwin.web.schemas import hub as h
from hubtwin.web.schemas.asked import Declare
from hubtwin.wiring.ending import data_of, destroy_standing, end_and_destroy, list_standing, why_kept
from hubtwin.wiring.works import Works


class RealEmergency:
    """The declared event of one scene. `diseases` are those that it may be declared about."""

    def __init__(self, works: Works, diseases: Sequence[h.Disease], scene: str) -> None:
        """Create it; nothing is read before somebody asks."""
        self.works, self._diseases, self._scene = works, diseases, scene

    def emergency(self) -> h.EmergencyReply:
        """Return the event in force, else the last one, with what became of its data."""
        now_min = epoch_minute(self.works.clock())
        found = self.works.ledger.list_emergencies()
        if not found:
            return h.EmergencyReply(None, self._diseases)
        chosen = next((each for each in reversed(found) if each.in_force(now_min)), found[-1])
        view, kept = self._view(chosen), None
        if view.data == "standing":
            kept = why_kept(self.works, chosen)
        return h.EmergencyReply(
            view,
            self._diseases,
            certificate=self._certificate(chosen) if view.data == "destroyed" else None,
            kept_because=None if kept is None else h.Words(kept.message("zh"), kept.message("en")),
            standing=[self._view(each) for each in list_standing(self.works) if each != chosen],
        )

    def declare(self, who: Person, asked: Declare) -> h.EmergencyReply:
        """Declare an event until the end of a day of the hub."""
        if asked.disease not in {each.disease for each in self._diseases}:
            raise Absent("web.no_disease", disease=asked.disease)
        zone, now_min = self.works.settings.hub.zone, epoch_minute(self.works.clock())
        ends = at_service_minute(date.fromisoformat(asked.ends_on) + timedelta(days=1), 0, zone)
        said = Declaration(
            *(self._scene, asked.disease, asked.legal_basis, who.user_id, now_min, epoch_minute(ends)),
            marks=self._marks(),
        )
        declare_emergency(self.works.ledger, said, partial(may, who))
        return self.emergency()

    def end_emergency(self, who: Person, reason: str, second: Person) -> h.EmergencyReply:
        """End the event in force on two people's word, and destroy its data unless something keeps them."""
        standing = find_emergency(self.works.ledger, self._scene, epoch_minute(self.works.clock()))
        if standing is None:
            raise Denied("flow.no_emergency", scene=self._scene)
        end_and_destroy(self.works, standing, by=who.user_id, second=second.user_id, reason=reason)
        return self.emergency()

    def destroy_data(self, who: Person, emergency_id: str, reason: str, second: Person) -> h.EmergencyReply:
        """Destroy the data of an event that is over, on two people's word. Raises Denied where something keeps them."""
        done = destroy_standing(self.works, emergency_id, by=who.user_id, second=second.user_id, reason=reason)
        if done.kept_because is not None:
            raise Denied(done.kept_because.key, **done.kept_because.values)
        return self.emergency()

    def _view(self, found: Emergency) -> h.EmergencyView:
        view = shown.emergency(found, epoch_minute(self.works.clock()))
        return replace(view, data=data_of(self.works, found))

    def _certificate(self, found: Emergency) -> h.Words | None:
        sealed = find_certificate(self.works.access.database, found.emergency_id)
        if sealed is None:
            return None
        try:
            return h.Words(*(certificate_text(sealed, self.works.access.audit.public_hex, x) for x in ("zh", "en")))
        except Malformed as error:  # altered: the page says so
            return h.Words(error.message("zh"), error.message("en"))

    def _marks(self) -> Marks:
        made = self.works.mode != "live"
        provenance = Provenance.SYNTHETIC if made else Provenance.REAL
        return Marks(self.works.store.status, provenance, replayed=self.works.mode == "replay")
