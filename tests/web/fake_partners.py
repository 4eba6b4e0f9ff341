"""The part of the fake desk about partners: one partner, one message, one link, in memory."""

from dataclasses import dataclass, field

from hubtwin.base.errors import Absent, Malformed
from hubtwin.model.agency import Person
from hubtwin.model.partner import Answer, Level, Said, Way
from hubtwin.rules.answers import list_next, refuse_answer
from hubtwin.rules.permission import may
from hubtwin.web.schemas import partners as p
from hubtwin.web.schemas.hub import Words

NOW_MIN = 27_770_460
BOTH = Words("市疾控", "City health")
TOKEN = "t" * 43
SCENE = "epidemic"


@dataclass
class FakePartners:
    """`web.desk.PartnersDesk` in memory. The agency of the fake people is the partner."""

    partner_id: str = "agency-health"
    said: list[Answer] = field(default_factory=list)

    def partners(self, who: Person) -> p.PartnersReply:
        return p.PartnersReply(NOW_MIN, [self._row()])

    def partner(self, who: Person, partner_id: str) -> p.PartnerReply:
        self._may_read(who, partner_id)
        agreement = p.AgreementView(
            *("H-1", "care", "law", "2022-01-01", "2022-12-31", 72, "in_force", "health", BOTH, [self._field()], []),
        )
        given = p.GivenDay("2022-10-20", "health", BOTH, 1, 0, 1)
        came = p.ReceivedRow("r1", "hubtwin.trace", "applied", None, NOW_MIN, 2)
        return p.PartnerReply(
            *(NOW_MIN, NOW_MIN, self._row(), p.ContactView("desk", "0571", "24 h"), 20, [agreement], [given]),
            messages=[self._message()],
            received=[came],
            used=[p.UsedRow("r1", "hubtwin.trace", 2, NOW_MIN)],
            refused=[p.RefusedRow(True, None, BOTH, 3, None)],
            left_out=False,
            may_link=True,
        )

    def verify(self, who: Person, partner_id: str) -> p.LogCheck:
        self._may_read(who, partner_id)
        return p.LogCheck(NOW_MIN, True, 2, 1, 2, [])

    def issue_link(self, who: Person, partner_id: str, message_id: str, asked: p.IssueLink) -> p.NewLink:
        may(who, "partner.link", scene=SCENE)
        self._known(partner_id, message_id)
        return p.NewLink(f"/liaison/{TOKEN}", self._link())

    def revoke_link(self, who: Person, link_id: str) -> p.LinkView:
        may(who, "partner.link", scene=SCENE)
        if link_id != "link-1":
            raise Absent("stores.no_link", link=link_id)
        return self._link()

    def case_told(self, who: Person, case_id: str) -> p.CaseToldReply:
        may(who, "case.read", scene=SCENE)
        if not case_id.startswith("case-"):
            raise Absent("stores.no_case", case_id=case_id)
        held = p.HeldRow(None, BOTH, BOTH, NOW_MIN)
        return p.CaseToldReply([p.CaseToldRow(BOTH, self._message())], [held], may_link=True)

    def letters(self, who: Person) -> p.LettersReply:
        self._own(who)
        return p.LettersReply(NOW_MIN, BOTH, 20, [self._message()])

    def letter(self, who: Person, message_id: str) -> p.LetterReply:
        self._own(who)
        self._known(self.partner_id, message_id)
        return self._letter()

    def answer(self, who: Person, message_id: str, asked: p.SayAnswer) -> p.LetterReply:
        self._own(who)
        self._known(self.partner_id, message_id)
        return self._take(asked, "page")

    def open_link(self, token: str) -> p.LetterReply:
        if token != TOKEN:
            raise Absent("wiring.link_unknown")
        return self._letter()

    def answer_link(self, token: str, asked: p.SayAnswer, through: str) -> p.LetterReply:
        self.open_link(token)
        return self._take(asked, through)

    def _take(self, asked: p.SayAnswer, through: str) -> p.LetterReply:
        if asked.said not in [said.value for said in Said]:
            raise Malformed("web.no_such_answer", said=asked.said)
        told = Answer(self.partner_id, "m1", "case-1", Said(asked.said), NOW_MIN, through, asked.by, asked.note)
        refuse_answer(self.said[-1] if self.said else None, told)
        self.said.append(told)
        return self._letter()

    def _own(self, who: Person) -> None:
        may(who, "partner.answer", scene=SCENE, agency=who.agency)

    def _may_read(self, who: Person, partner_id: str) -> None:
        may(who, "partner.read", scene=SCENE, agency=partner_id)
        if partner_id != self.partner_id:
            raise Absent("wiring.no_partner", partner=partner_id)

    def _known(self, partner_id: str, message_id: str) -> None:
        if (partner_id, message_id) != (self.partner_id, "m1"):
            raise Absent("wiring.no_message", message=message_id, partner=partner_id)

    def _row(self) -> p.PartnerRow:
        channel = p.ChannelView(Way.PAGE, "page", 1, None, None, None)
        return p.PartnerRow(self.partner_id, BOTH, Level.CITY, 1, 1, 1, 0, 3, "in_force", 72, channel)

    def _field(self) -> p.FieldName:
        return p.FieldName("case", BOTH, False)

    def _message(self) -> p.MessageRow:
        return p.MessageRow(
            *("m1", self.partner_id, "case-1", "health", BOTH, [self._field()], NOW_MIN, "waiting", False, None, True),
            due_min=NOW_MIN + 20,
            late_min=0,
            answers=self._answers(),
            links=[self._link()],
        )

    def _answers(self) -> list[p.AnswerView]:
        return [
            p.AnswerView(one.said, one.at_min, one.by, one.note, one.expected_min, one.through) for one in self.said
        ]

    def _link(self) -> p.LinkView:
        return p.LinkView("link-1", "m1", "li", NOW_MIN, NOW_MIN + 480, True, None, 0, None)

    def _letter(self) -> p.LetterReply:
        return p.LetterReply(
            *("m1", BOTH, None, BOTH, "health", BOTH, "care", "law", "2022-12-31", NOW_MIN, "2022-10-20 09:00"),
            status="Actual",
            synthetic=True,
            replayed=True,
            gone=False,
            facts=[p.Fact("case", 0, BOTH, BOTH)],
            answers=self._answers(),
            answerable=list_next(self.said[-1] if self.said else None),
            expires_min=NOW_MIN + 480,
            expires="2022-10-20 17:00",
            zone="Asia/Shanghai",
        )
