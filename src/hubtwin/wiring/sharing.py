"""Verified facts on their way out: each move of a case by a named person, told to whom the scene says it is told.

It follows the events of the loop. How far it has come is noted with the messages in one transaction, so that a kill
neither loses a fact nor tells one twice. What may not be told now is held and said so (`DisclosureHeld`).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import structlog

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.ids import stable_key
from hubtwin.channels.parcels import TYPE, nothing_stands, parcels_of
from hubtwin.channels.send import Parcel, Sender
from hubtwin.library.grants import Desk
from hubtwin.library.sharing import identify, note_disclosed, partner_grantee
from hubtwin.model.case import Case
from hubtwin.model.event import Event, EventKind, Message
from hubtwin.model.partner import Partner
from hubtwin.ports import Scene
from hubtwin.rules.disclosure import Profile
from hubtwin.rules.routing import Office, offices_on
from hubtwin.wiring.facts import facts_of, is_destroyed
from hubtwin.wiring.works import Works

PAGE = 500  # events that one transaction tells of
MOVES = (EventKind.CASE_MOVED, EventKind.CASE_CLOSED)
NO_OFFICE = "channels.no_office"
_LOG = structlog.get_logger()


@dataclass
class Sharing:
    """Tells the partners of one scene; one thread calls it. `send` writes into the books, `pump` of it sends."""

    works: Works
    scene: Scene
    partners: Mapping[str, Partner]
    send: Sender
    _desk: Desk = field(init=False)
    _looked_min: int = -1
    _allowed: object = None  # agreements and grants as they were when what is held was looked at last

    def __post_init__(self) -> None:
        """Prepare; nothing is read yet."""
        access = self.works.access
        self._desk = Desk(access.grants, access.audit, lambda: epoch_minute(access.clock()))

    def __call__(self, now: datetime) -> None:
        """Tell what has happened since. Raises Retry where the books or the ledger cannot be written."""
        ledger, books = self.works.ledger, self.send.books
        after = books.followed()
        if after is None:  # partners are told what happens from now on, not what was before they were there
            self.send.stage((), up_to=ledger.last_seq())
            return
        if self.partners and epoch_minute(now) != self._looked_min:
            self._looked_min = epoch_minute(now)
            self._tell_held(now)
        while events := ledger.list_events(after, kinds=MOVES, limit=PAGE):
            after = events[-1].seq
            pairs = [pair for event in events for pair in self._tell(event, now)] if self.partners else ()
            self.send.stage(pairs, up_to=after)

    def _tell_held(self, now: datetime) -> None:
        """Tell what was held, once an agreement or a grant allows it: the newest fact of each case, under each profile,
        unless something newer was told meanwhile."""
        allowed = self._list_allowed(now)
        if allowed == self._allowed:
            return
        self._allowed = allowed
        newest: dict[tuple[str, str], Event] = {}
        for held in self.works.ledger.list_events(kinds=(EventKind.DISCLOSURE_HELD,)):
            newest[held.subject, str(held.payload["profile"])] = held
        for (_, profile), held in newest.items():
            (event,) = self.works.ledger.list_events(int(str(held.payload["of"])) - 1, limit=1)
            self.send.stage(self._tell(event, now, (profile,), stands=partial(self._was_told_later, event)))

    def _list_allowed(self, now: datetime) -> object:
        """Return everything on which it depends who may be told: agreements in force, and live grants of partners."""
        day, at_min = now.astimezone(self.works.settings.hub.zone).date(), self._desk.now_min()
        grants = (one for name in self.partners for one in self._desk.book.list_grants(partner_grantee(name)))
        agreed = frozenset(
            (name, one) for name, told in self.partners.items() for one in told.agreements if one.is_in_force(day)
        )
        return agreed, frozenset(one.grant_id for one in grants if one.is_live(at_min))

    def _was_told_later(self, event: Event, office: Office) -> bool:
        moves = self.works.ledger.list_events(event.seq - 1, kinds=MOVES, subject=event.subject)
        with self.send.books.unit() as unit:
            return any(unit.has_outgoing(office.partner, self._key(move, office.profile)) for move in moves)

    def _tell(
        self,
        event: Event,
        now: datetime,
        only: Sequence[str] | None = None,
        *,
        stands: Callable[[Office], bool] = nothing_stands,
    ) -> Sequence[tuple[Message, Parcel]]:
        """Return what partners are told of a move, under all profiles that the scene names or some of them."""
        profiles = only or self.scene.disclosures.told.get(str(event.payload.get("command")), ())
        case = self.works.ledger.find_case(event.subject)
        if event.scene != self.scene.name or not profiles or case is None or (only and is_destroyed(self.works, case)):
            return ()
        facts = facts_of(self.works, self.scene, case, event)
        offices = offices_on(self.partners.values(), now.astimezone(self.works.settings.hub.zone).date())
        try:
            told = parcels_of(
                *(facts, profiles, self.scene.disclosures, offices),
                identify=partial(self._identify, case),
                stands=stands,
            )
        except Malformed as error:  # a destination that is no code: nobody can be told, and somebody must know
            self._hold(event, ((profile, "", error.key) for profile in profiles))
            return ()
        held = [(office.profile, office.partner, why) for office, why in told.held]
        self._hold(event, [*held, *((profile, "", NO_OFFICE) for profile in told.nobody)])
        pairs = [
            (Message(self._key(event, each.type.removeprefix(TYPE)), "moves", {}, event.at_min), each)
            for each in told.parcels
        ]
        for message, parcel in pairs:
            note_disclosed(
                self._desk, parcel.partner, case.case_id, parcel.dataschema, parcel.data, message_id=message.key
            )
        return pairs

    def _identify(self, case: Case, office: Office, profile: Profile) -> Mapping[str, Any]:
        return identify(
            *(self._desk, office, profile),
            scene=case.scene,
            about=case.case_id,
            pid=case.pid,
            reveal=self.works.access.vault.reveal,
        )

    def _key(self, event: Event, profile: str) -> str:
        """Return the key of a message about a move; who is told under two profiles gets two.

        That of an anonymous message hangs on the secret of the hub: who knows the case cannot find it by its key.
        """
        key = stable_key("told", event.subject, event.payload.get("version"), profile)
        known = self.scene.disclosures.profiles.get(profile)
        if known is None or known.personal:
            return key
        return sha256(self.send.signing(f"anonymous {key}".encode()).signature.encode()).hexdigest()[:32]

    def _hold(self, event: Event, held: Any) -> None:
        """Write down who was not told, once."""
        for profile, partner, why in held:
            key = stable_key("held", event.seq, profile, partner, why)  # another reason is told as well
            with self.works.ledger.unit(event.at_min) as unit:
                if unit.once(key, why):
                    told = {"case": event.subject, "of": event.seq, "profile": profile, "partner": partner, "why": why}
                    unit.append(EventKind.DISCLOSURE_HELD, event.subject, told, event.scene)
                    _LOG.warning("disclosure_held", case=event.subject, profile=profile, reason=why)
