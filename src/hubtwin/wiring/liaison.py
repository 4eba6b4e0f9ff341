"""Partners answer: by a link without an account, by an account of their own, by API, or over the wire.

An answer is stored first, with its row of the audit; then the ledger gets its event, once by the key of the answer.
What a kill parts is made good by `settle`, which is called every minute and may be called as often as one likes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from hubtwin.base.clock import EPOCH, epoch_minute
from hubtwin.base.errors import Absent, Denied
from hubtwin.base.failpoint import failpoint
from hubtwin.base.ids import stable_key
from hubtwin.model.event import EventKind
from hubtwin.model.message import Envelope
from hubtwin.model.partner import Agreement, Answer, Link, Partner, Said, Way
from hubtwin.rules.answers import LINK_MIN, LONGEST_LINK_MIN, list_next
from hubtwin.rules.retention import Kept
from hubtwin.stores.liaison import KEPT_KIND, item_of, party
from hubtwin.wiring.told import (
    Told,
    day_of,
    find_agreement,
    get_message,
    get_partner,
    liaison_of,
    list_messages,
    read_message,
    wire_of,
)
from hubtwin.wiring.works import Works

_MANY = 1000  # messages of a partner without a channel that one look settles


@dataclass(frozen=True)
class Letter:
    """A message as its partner reads it. `envelope` is None once what it said was destroyed; `answers` oldest first.

    `link` is the link that opened it, None for somebody with an account.
    """

    partner: Partner
    agreement: Agreement
    message: Told
    envelope: Envelope | None
    answers: tuple[Answer, ...]
    link: Link | None = None

    @property
    def next(self) -> tuple[Said, ...]:
        """Return what may be answered now."""
        return list_next(self.answers[-1] if self.answers else None)


def issue_link(
    works: Works, partner_id: str, message_id: str, *, by: str, lasts_min: int = LINK_MIN
) -> tuple[str, Link]:
    """Make a link to one message of one partner; return its token, which is shown once, and the link.

    Raises Absent, Denied where no agreement allows it or the content is gone, Malformed for a time too long.
    """
    message = get_message(works, partner_id, message_id)
    _agreement(works, get_partner(works, partner_id), message, _now_min(works))
    if not message.about.profile:  # a batch for a platform is no page for whoever holds a link
        raise Denied("wiring.no_disclosure")
    if not message.outgoing.readable:
        raise Denied("wiring.message_gone")
    kept = _kept(works, message, _now_min(works))
    return liaison_of(works).issue(partner_id, message_id, by=by, lasts_min=lasts_min, kept=kept)


def find_live_link(works: Works, token: str) -> Link:
    """Return the live link of a token. Raises Absent for one of nobody, Denied for one that is over."""
    link = liaison_of(works).find(token)
    if link is None:
        raise Absent("wiring.link_unknown")
    if link.revoked_min is not None:
        raise Denied("wiring.link_revoked")
    if not link.is_live(epoch_minute(works.access.clock())):
        raise Denied("wiring.link_expired")
    return link


def open_link(works: Works, token: str) -> Letter:
    """Open a link: return its message, and write into the audit that it was opened. Raises as `find_live_link`."""
    link = find_live_link(works, token)
    letter = replace(read_letter(works, link.partner, link.message_id), link=link)
    liaison_of(works).note_opened(link)
    return letter


def open_letter(works: Works, partner_id: str, message_id: str, *, by: str) -> Letter:
    """Open a message for somebody of the partner who has an account, and write that into the audit."""
    letter = read_letter(works, partner_id, message_id)
    works.access.audit.append("MessageOpened", by, {"partner": partner_id, "message": message_id})
    return letter


def read_letter(works: Works, partner_id: str, message_id: str) -> Letter:
    """Return a message as its partner reads it. Raises Absent, Denied where no agreement allows it any more."""
    partner, message = get_partner(works, partner_id), get_message(works, partner_id, message_id)
    agreement = _agreement(works, partner, message, _now_min(works))
    answers = tuple(liaison_of(works).list_answers(partner_id, message_id))
    return Letter(partner, agreement, message, read_message(works, message), answers)


def take_answer(works: Works, answer: Answer, key: str = "") -> Answer:
    """Take in an answer; return it, or the one that stands for it: the same one twice is one.

    `key` names the answer where its sender gave it a name, as a message of the wire has one; without it, one that says
    what the newest says already is the newest. The subject is looked up: a partner may not know the case. Raises Absent
    (no such partner or message), Denied (not now, no agreement any more), Malformed, Retry.
    """
    partner, message = get_partner(works, answer.partner), get_message(works, answer.partner, answer.message_id)
    _agreement(works, partner, message, answer.at_min)
    told = replace(answer, subject=message.about.case_id or answer.subject or message.outgoing.subject)
    store, kept = liaison_of(works), _kept(works, message, answer.at_min)
    before = len(store.list_answers(answer.partner, answer.message_id))
    parts = (key,) if key else (before, told.said, told.expected_min, told.note, told.by)
    stored = store.add(told, stable_key(answer.partner, answer.message_id, *parts), kept)
    failpoint("liaison.answer_stored")
    _tell(works)
    return stored


def settle(works: Works) -> None:
    """Make good what a kill parted, and let go of what nobody can open any more.

    A message to a partner without a channel is settled once it was opened or answered and its last link is over: what
    it says is destroyed then. One that nobody opened goes on waiting, and is late. Raises Retry.
    """
    _tell(works)
    if works.partners is None:
        return
    for partner_id, found in works.settings.partners.items():
        if found.partner.way is Way.PAGE:
            _settle_pages(works, partner_id)


def _settle_pages(works: Works, partner_id: str) -> None:
    store = liaison_of(works)
    links, answers = store.list_links(partner_id), store.list_answers(partner_id)
    touched = {link.message_id for link in links} | {answer.message_id for answer in answers}
    at_ms = int((works.clock() - EPOCH).total_seconds() * 1000)
    for message in list_messages(works, partner_id, _MANY) if touched else ():
        out = message.outgoing
        known = [link for link in links if link.message_id == out.id]
        said = [answer for answer in answers if answer.message_id == out.id]
        if out.readable and out.id in touched and _is_read_out(works, known, said):
            with wire_of(works).unit() as unit:
                unit.settle(partner_id, out.digest, "arrived", "", at_ms)


def _is_read_out(works: Works, links: Sequence[Link], answers: Sequence[Answer]) -> bool:
    """Tell whether a message was read, and nobody can read it by a link any more; an account has a day after the last
    answer."""
    if any(link.is_live(epoch_minute(works.access.clock())) for link in links):
        return False
    if any(link.opened for link in links):
        return True
    return bool(answers) and _now_min(works) >= answers[-1].at_min + LONGEST_LINK_MIN


def _tell(works: Works) -> None:
    """Give the ledger the events of the answers that it may not have, each once by its key."""
    store = liaison_of(works)
    untold = store.list_untold()
    for key, answer in untold:
        payload = _shown(answer)
        with works.ledger.unit(answer.at_min) as unit:
            if unit.once(f"answer {key}", stable_key(*payload.values())):
                case = unit.find_case(answer.subject)
                unit.append(EventKind.PARTNER_ANSWERED, answer.subject, payload, case.scene if case else "")
        failpoint("liaison.answer_told")
    if untold:
        store.mark_told(key for key, _ in untold)


def _shown(answer: Answer) -> Mapping[str, object]:
    """Return what the event tells: the name and the note that a partner gave stay with the answer, which is deleted."""
    told: dict[str, object] = {"partner": answer.partner, "message_id": answer.message_id, "said": answer.said.value}
    told |= {"through": answer.through, "by": party(answer.partner)}
    return told | ({} if answer.expected_min is None else {"expected_min": answer.expected_min})


def _kept(works: Works, message: Told, since_min: int) -> Kept:
    """Return how the register holds links and answers of a message: below the case that it is about."""
    case = works.ledger.find_case(message.about.case_id) if message.about.case_id else None
    out = message.outgoing
    return Kept(
        *(item_of(out.partner, out.id), KEPT_KIND, "", since_min),
        emergency_id=case.emergency_id if case else "",
        parent=case.case_id if case else "",
    )


def _agreement(works: Works, partner: Partner, message: Told, at_min: int) -> Agreement:
    found = find_agreement(partner, message.about.profile, day_of(works, at_min))
    if found is None:
        raise Denied("wiring.agreement_over", partner=partner.partner_id)
    return found


def _now_min(works: Works) -> int:
    return epoch_minute(works.clock())
