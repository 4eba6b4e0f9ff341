"""Partners of a hub at work: what they were told, what came from them, who may see it, and their answers."""

from dataclasses import replace

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.agency import Person
from hubtwin.model.event import Event, EventKind
from hubtwin.model.partner import Answer, Partner, Said, Way
from hubtwin.rules.answers import late_min
from hubtwin.rules.disclosure import Disclosures
from hubtwin.rules.permission import is_allowed, may
from hubtwin.web import shown
from hubtwin.web import shown_partners as sp
from hubtwin.web.schemas import partners as p
from hubtwin.web.schemas.hub import Words
from hubtwin.wiring.liaison import Letter, find_live_link, issue_link, open_letter, open_link, read_letter, take_answer
from hubtwin.wiring.told import (
    MS_MIN,
    Told,
    day_of,
    disclosures,
    get_partner,
    liaison_of,
    list_about,
    list_messages,
    wire_of,
)
from hubtwin.wiring.wire_check import check_log
from hubtwin.wiring.works import Works

LISTED = 500  # messages of a partner that one answer tells
PATH = "/liaison/"


class RealPartners:
    """`web.desk.PartnersDesk` of a hub at work."""

    def __init__(self, works: Works, scene: str, known: Disclosures) -> None:
        """Take an open hub, and the scene whose facts partners are told with all facts that there are."""
        self.works, self._scene, self._known = works, scene, known

    def partners(self, who: Person) -> p.PartnersReply:
        """Return the partners that a person may see, those that need somebody first."""
        rows = [self._row(one) for one in self._visible(who)]
        rows.sort(key=lambda row: (-row.late, row.agreement != "expired", -row.refused, -row.waiting, row.partner_id))
        return p.PartnersReply(self._now_min(), rows)

    def partner(self, who: Person, partner_id: str) -> p.PartnerReply:
        """Return a partner in full."""
        one = self._get(who, partner_id)
        now_min, hub, wire = self._now_min(), self.works.settings.hub, wire_of(self.works)
        messages = self._messages(one, LISTED)
        used = [sp.used(event) for event in self._events(EventKind.PARTNER_DATA_USED, partner_id)]
        day = day_of(self.works, now_min)
        return p.PartnerReply(
            *(now_min, self._real_min(), self._row(one), sp.contact(one.contact), one.answer_min),
            agreements=[sp.agreement(each, day, self._known, self._scene) for each in one.agreements],
            given=sp.given(messages, hub.zone),
            messages=messages,
            received=sp.received(wire.list_incoming(partner_id, LISTED), used),
            used=used,
            refused=[
                *map(sp.not_used, self._events(EventKind.PARTNER_DATA_REFUSED, partner_id)),
                *sp.refused(messages, wire.list_incoming(partner_id, LISTED), wire.count_refusals(partner_id)),
            ],
            left_out=len(messages) == LISTED,
            may_link=is_allowed(who, "partner.link", scene=self._scene),
        )

    def verify(self, who: Person, partner_id: str) -> p.LogCheck:
        """Verify the message log with a partner, and write down who did and what was found."""
        one = self._get(who, partner_id)
        found = check_log(wire_of(self.works), one)
        told = {"partner": partner_id, "rows": found.entries, "problems": [each.key for each in found.problems]}
        self.works.access.audit.append("WireVerified", who.user_id, told)
        words = [Words(each.message("zh"), each.message("en")) for each in found.problems]
        return p.LogCheck(self._now_min(), not words, found.entries, found.heads, found.last_head, words)

    def issue_link(self, who: Person, partner_id: str, message_id: str, asked: p.IssueLink) -> p.NewLink:
        """Make a link to a message."""
        may(who, "partner.link", scene=self._scene)
        token, link = issue_link(self.works, partner_id, message_id, by=who.user_id, lasts_min=asked.lasts_min)
        return p.NewLink(PATH + token, sp.link(link, self._real_min()))

    def revoke_link(self, who: Person, link_id: str) -> p.LinkView:
        """End a link; twice is harmless."""
        may(who, "partner.link", scene=self._scene)
        return sp.link(liaison_of(self.works).revoke(link_id, by=who.user_id), self._real_min())

    def case_told(self, who: Person, case_id: str) -> p.CaseToldReply:
        """Return to whom a case was told, and to whom it could not be."""
        case = self.works.ledger.get_case(case_id)
        may(who, "case.read", scene=case.scene)
        told = [
            p.CaseToldRow(self._name(each.outgoing.partner), self._shown_to(who, case.scene, self._row_of(each)))
            for each in (list_about(self.works, case_id) if self.works.partners else ())
        ]
        held = [
            p.HeldRow(
                self._name(str(event.payload["partner"])) if event.payload.get("partner") else None,
                sp.profile_name(str(event.payload.get("profile", "")), case.scene),
                sp.reason(str(event.payload.get("why", ""))) or Words("-", "-"),
                event.at_min,
            )
            for event in self.works.ledger.list_events(kinds=[EventKind.DISCLOSURE_HELD], subject=case_id)
        ]
        return p.CaseToldReply(told, held, is_allowed(who, "partner.link", scene=case.scene))

    def _shown_to(self, who: Person, scene: str, row: p.MessageRow) -> p.MessageRow:
        """Return a message as somebody may see it: of a partner that is not theirs, that it was told and how far it is,
        but not which fields, who wrote what, and by which links."""
        if is_allowed(who, "partner.read", scene=scene, agency=row.partner_id):
            return row
        answers = [replace(each, by="", note="") for each in row.answers]
        return replace(row, fields=(), answers=answers, links=())

    def letters(self, who: Person) -> p.LettersReply:
        """Return the messages of the own agency."""
        one = self._own(who)
        return p.LettersReply(self._now_min(), shown.named(one.name), one.answer_min, self._messages(one, LISTED))

    def letter(self, who: Person, message_id: str) -> p.LetterReply:
        """Return a message of the own agency with what it says."""
        return self._letter(open_letter(self.works, self._own(who).partner_id, message_id, by=who.user_id))

    def answer(self, who: Person, message_id: str, asked: p.SayAnswer) -> p.LetterReply:
        """Answer a message of the own agency."""
        partner_id = self._own(who).partner_id
        told = replace(self._answer(partner_id, message_id, asked, "page"), by=who.name)
        take_answer(self.works, told, _key(who.user_id, asked.key))
        return self._letter(read_letter(self.works, partner_id, message_id))

    def open_link(self, token: str) -> p.LetterReply:
        """Return the message that a link opens."""
        return self._letter(open_link(self.works, token))

    def answer_link(self, token: str, asked: p.SayAnswer, through: str) -> p.LetterReply:
        """Answer the message that a link opens; `through` is link or api."""
        link = find_live_link(self.works, token)
        told = self._answer(link.partner, link.message_id, asked, through)
        take_answer(self.works, told, _key(link.link_id, asked.key))
        return self._letter(replace(read_letter(self.works, link.partner, link.message_id), link=link))

    def _answer(self, partner_id: str, message_id: str, asked: p.SayAnswer, through: str) -> Answer:
        try:
            said = Said(asked.said)
        except ValueError as error:
            raise Malformed("web.no_such_answer", said=asked.said) from error
        return Answer(
            *(partner_id, message_id, "", said, self._now_min(), through, asked.by, asked.note),
            expected_min=asked.expected_min,
        )

    def _letter(self, one: Letter) -> p.LetterReply:
        settings, message, told = self.works.settings, one.message, one.envelope
        zone, profile, expires = settings.hub.zone, message.about.profile, one.link.expires_min if one.link else None
        scene = self._scene
        return p.LetterReply(
            *(message.outgoing.id, shown.named(settings.hub.name), sp.contact(settings.contact)),
            partner=shown.named(one.partner.name),
            profile=profile,
            profile_name=sp.profile_name(profile, scene),
            purpose=one.agreement.purpose,
            basis=one.agreement.basis,
            until_day=one.agreement.until_day.isoformat(),
            at_min=message.at_min,
            at=sp.moment(message.at_min, zone),
            status=told.marks.status.value if told else self.works.store.status.value,
            synthetic=told is None or shown.is_synthetic(told.marks),
            replayed=told.marks.replayed if told else self.works.mode != "live",
            gone=told is None,
            facts=sp.facts(told.data, zone, self._known, scene) if told else (),
            answers=[sp.answer(each) for each in one.answers],
            answerable=one.next,
            expires_min=expires,
            expires=None if expires is None else sp.moment(expires, zone),
            zone=zone.key,
        )

    def _messages(self, one: Partner, limit: int) -> list[p.MessageRow]:
        """Return messages with their answers and links, each read once."""
        if self.works.partners is None:
            return []
        store, real_min = liaison_of(self.works), self._real_min()
        answers, links = dict[str, list[Answer]](), dict[str, list[p.LinkView]]()
        for said in store.list_answers(one.partner_id):
            answers.setdefault(said.message_id, []).append(said)
        for link in store.list_links(one.partner_id):
            links.setdefault(link.message_id, []).append(sp.link(link, real_min))
        return [
            sp.message(
                *(told, answers.get(told.outgoing.id, ()), links.get(told.outgoing.id, ()), self._known),
                scene=self._scene,
                answer_min=one.answer_min,
                now_min=self._now_min(),
            )
            for told in list_messages(self.works, one.partner_id, limit)
        ]

    def _row_of(self, told: Told) -> p.MessageRow:
        partner_id, message_id = told.outgoing.partner, told.outgoing.id
        store, known = liaison_of(self.works), self.works.settings.partners.get(partner_id)
        return sp.message(
            told,
            store.list_answers(partner_id, message_id),
            [sp.link(link, self._real_min()) for link in store.list_links(partner_id, message_id)],
            self._known,
            scene=self._scene,
            answer_min=known.partner.answer_min if known else 0,
            now_min=self._now_min(),
        )

    def _row(self, one: Partner) -> p.PartnerRow:
        day, wire = day_of(self.works, self._now_min()), wire_of(self.works)
        came, refusals = wire.count_incoming(one.partner_id), wire.count_refusals(one.partner_id)
        went = wire.count_outgoing(one.partner_id)
        waiting = went.get("waiting", 0) + went.get("handed", 0)
        unused = len(self._events(EventKind.PARTNER_DATA_REFUSED, one.partner_id))
        refused = went.get("refused", 0) + came.get("refused", 0) + sum(refusals.values()) + unused
        return p.PartnerRow(
            *(one.partner_id, shown.named(one.name), one.level),
            given=sum(went.values()),
            received=sum(came.values()),
            waiting=waiting,
            late=self._count_late(one),
            refused=refused,
            agreement=sp.agreement_state(one.agreements, day),
            ends_in_days=sp.ends_in_days(one.agreements, day),
            channel=self._channel(one, waiting),
        )

    def _count_late(self, one: Partner) -> int:
        """Return how many of the newest disclosures should have been answered and are not."""
        answered = {said.message_id for said in liaison_of(self.works).list_answers(one.partner_id)}
        asked = disclosures(self.works, one.partner_id)  # to our own answers and batches nobody replies by hand
        sent = [
            out for out in wire_of(self.works).list_outgoing(one.partner_id, LISTED) if (out.partner, out.id) in asked
        ]
        now_min = self._now_min()
        return sum(
            late_min(out.written_ms // MS_MIN, None, one.answer_min, now_min) > 0
            for out in sent
            if out.id not in answered
        )

    def _channel(self, one: Partner, waiting: int) -> p.ChannelView:
        """Return how the way to a partner stands; one without a channel of its own reads on our page."""
        wire, partners = wire_of(self.works), self.works.partners
        failed = partners.failing(one.partner_id) if partners else None
        last_ms = wire.last_arrived_ms(one.partner_id)
        state: p.ChannelState = "waiting" if waiting else "well"
        if one.way is Way.PAGE:
            state, failed = "page", None
        return p.ChannelView(
            *(one.way, "failed" if failed else state, waiting, None if last_ms is None else last_ms // MS_MIN),
            sp.reason(failed[0]) if failed else None,
            epoch_minute(failed[1]) if failed and failed[1] else None,
        )

    def _events(self, kind: EventKind, partner_id: str) -> list[Event]:
        """Return what the loop tells of a partner's data, newest first."""
        events = self.works.ledger.list_events(kinds=[kind])
        return [event for event in reversed(events) if event.payload.get("partner") == partner_id][:LISTED]

    def _visible(self, who: Person) -> list[Partner]:
        found = [told.partner for told in self.works.settings.partners.values()]
        return [one for one in found if is_allowed(who, "partner.read", **self._of(one.partner_id))]

    def _get(self, who: Person, partner_id: str) -> Partner:
        may(who, "partner.read", **self._of(partner_id))
        return get_partner(self.works, partner_id)

    def _own(self, who: Person) -> Partner:
        """Return the partner that the agency of a person is. Raises Denied, Absent."""
        may(who, "partner.answer", **self._of(who.agency))
        if who.agency not in self.works.settings.partners:
            raise Absent("web.agency_no_partner", agency=who.agency)
        return get_partner(self.works, who.agency)

    def _of(self, partner_id: str) -> dict[str, str]:
        return {"scene": self._scene, "agency": partner_id}

    def _name(self, partner_id: str) -> Words:
        found = self.works.settings.partners.get(partner_id)
        return shown.named(found.partner.name) if found else Words(partner_id, partner_id)

    def _now_min(self) -> int:
        return epoch_minute(self.works.clock())

    def _real_min(self) -> int:
        return epoch_minute(self.works.access.clock())


def _key(by: str, key: str | None) -> str:
    """Return the sender's name of an answer so that two senders do not meet."""
    return "" if key is None else f"{by} {key}"
