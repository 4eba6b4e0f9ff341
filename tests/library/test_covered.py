"""No sequence of applications, decisions, ends, suspensions and revocations shows anybody a cell that nothing covers.

The model knows nothing of shares: it remembers in plain sets what was given to whom by the words of the rules, until
when, and what was taken away again. What a grantee can read must be exactly that.
"""

import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hubtwin.base.errors import HubError
from hubtwin.library.applying import submit
from hubtwin.library.basket_clock import sweep
from hubtwin.library.deciding import (
    Decision,
    agree_items,
    authorise,
    decide_items,
    renew_share,
    resume_share,
    review_share,
    revoke_share,
    sign_template,
    take_emergency,
    withdraw_basket,
    withdraw_template,
)
from hubtwin.model.basket import WAITING, Basket
from hubtwin.model.sharing import Lane, Rows, Share
from hubtwin.rules.basket_moves import Given
from tests.library.baskets_kit import (
    AUTHORITY,
    COMMANDER,
    DATA,
    DAY,
    FIRST,
    GUARD,
    LIAISON,
    OTHER_OWNER,
    OTHER_STREET,
    OWNER,
    PEOPLE,
    SECOND,
    STEWARD,
    TEMPLATE,
    Cell,
    Reader,
    Town,
    ask,
    form,
    urgent,
    with_column,
)

NAMES = ("shops", "benches", "residents", "meals", "secrets")
COLUMNS = [
    frozenset(each.split()) for each in ("no", "no street", "no kind", "street kind", "no phone", "no street health")
]
OWN = {"street-1": {"1", "2"}, "street-2": {"3"}, "civil-affairs": set[str](), "command": set[str]()}
GRANTEES = ("agency:street-1", "agency:street-2", "agency:civil-affairs", "user:lin", "agency:command", "user:wang")
ASKERS = (LIAISON, OTHER_STREET, STEWARD)
DECIDERS = (OWNER, OWNER, OTHER_OWNER, OTHER_OWNER, AUTHORITY, GUARD, LIAISON)
TWO = Rows(column="street", values=frozenset({FIRST, SECOND}))
ROWS = (None, None, None, Rows(True), Rows(True), TWO, Rows())


@dataclass
class Remembered:
    """What the model remembers of one item that was given."""

    grantee: str
    cells: set[Cell]
    until_min: int
    shape: int
    on: bool = True


class Sharing(RuleBasedStateMachine):
    """A district whose people do anything in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.town = Town(self.directory)
        self.shapes = dict.fromkeys(NAMES, 0)
        self.given: dict[tuple[str, str], Remembered] = {}
        self.baskets: list[str] = []
        self.count = 0

    def teardown(self) -> None:
        self.town.database.close()
        shutil.rmtree(self.directory)

    def _learn(self, basket: Basket) -> None:
        """Remember what is active now and was not before, in the words of the form and of the decision."""
        for item in basket.items:
            key = basket.basket_id, item.dataset
            if item.active_ms is None or key in self.given:
                continue
            rows = {number for number, row in DATA.items() if item.rows.everything or row["street"] in item.rows.values}
            asked = next(each for each in basket.form.asks if each.dataset == item.dataset)
            assert item.columns <= asked.columns
            assert rows <= (OWN[basket.agency] if asked.rows is None and item.dataset != "benches" else {"1", "2", "3"})
            assert "health" not in item.columns or item.counts_only
            assert item.dataset != "secrets"
            assert item.decided_by not in {basket.applicant, item.first_by}
            cells = set() if item.counts_only else {(item.dataset, n, c) for n in rows for c in item.columns}
            until = item.until_min or basket.form.until_min
            self.given[key] = Remembered(basket.form.grantee, cells, until, self.shapes[item.dataset])

    @initialize(who=st.sampled_from(ASKERS[:2]))
    def apply_for_what_is_given(self, who: object) -> None:
        own: list[tuple[str, frozenset[str], Rows | None, bool]] = [
            (name, COLUMNS[1], None, False) for name in ("shops", "benches", "residents", "meals")
        ]
        self.apply(who, own, 30)

    @rule(
        who=st.sampled_from(ASKERS),
        wanted=st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.sampled_from(COLUMNS),
                st.sampled_from(ROWS),
                st.sampled_from([False, False, False, True]),
            ),
            min_size=2,
            max_size=5,
            unique_by=lambda each: each[0],
        ),
        days=st.sampled_from([1, 30, 200]),
    )
    def any_application(
        self, who: object, wanted: list[tuple[str, frozenset[str], Rows | None, bool]], days: int
    ) -> None:
        self.apply(who, wanted, days)

    def apply(self, who: object, wanted: list[tuple[str, frozenset[str], Rows | None, bool]], days: int) -> None:
        self.count += 1
        asks = [ask(name, *columns, rows=rows, counts_only=counts) for name, columns, rows, counts in wanted]
        sent = form(*asks, key=str(self.count), grantee=f"agency:{who.agency}", days=days, now_min=self.town.now_min)  # type: ignore[attr-defined]
        try:
            basket = submit(self.town.applying, who, sent)  # type: ignore[arg-type]
        except HubError:
            return
        self.baskets.append(basket.basket_id)
        self._learn(basket)

    @precondition(lambda self: self.baskets)
    @rule(
        who=st.sampled_from(DECIDERS),
        what=st.sampled_from(["give", "give", "give", "less", "less", "agree", "agree", "key", "refuse", "withdraw"]),
        which=st.integers(0, 9),
    )
    def decide(self, who: object, what: str, which: int) -> None:
        found = [self.town.book.get(name) for name in self.baskets]
        waiting = [(basket, item) for basket in found for item in basket.items if item.state in WAITING]
        if not waiting:
            return
        basket, one = waiting[which % len(waiting)]
        applicant = PEOPLE[basket.applicant]
        less = Given(columns=frozenset(sorted(one.columns)[:1]), until_min=basket.form.from_min + 1)
        decision = {
            "give": Decision(one.dataset, True),
            "less": Decision(one.dataset, True, less),
            "refuse": Decision(one.dataset, False, reason="no"),
        }.get(what)
        try:
            if decision is not None:
                done = decide_items(self.town.applying, who, basket.basket_id, [decision], applicant)  # type: ignore[arg-type]
            elif what == "agree":
                done = agree_items(self.town.applying, who, basket.basket_id, [one.dataset], applicant)  # type: ignore[arg-type]
            elif what == "key":
                done = authorise(self.town.applying, who, basket.basket_id, applicant)  # type: ignore[arg-type]
            else:
                done = withdraw_basket(self.town.applying, applicant, basket.basket_id)
        except HubError:
            return
        assert who != applicant or what == "withdraw"
        self._learn(done)

    @rule(name=st.sampled_from(NAMES), minutes=st.sampled_from([60, DAY - 60, DAY]), own=st.booleans())
    def take_in_an_emergency(self, name: str, minutes: int, *, own: bool) -> None:
        self.count += 1
        made = urgent(ask(name, "no", "phone", rows=Rows(True)), key=str(self.count), minutes=minutes)
        now_min = self.town.now_min
        grantee = "user:wang" if own else "agency:command"
        sent = replace(made, grantee=grantee, from_min=now_min, until_min=now_min + minutes)
        try:
            basket = take_emergency(self.town.applying, COMMANDER, sent)
        except HubError:
            return
        self.baskets.append(basket.basket_id)
        self._learn(basket)

    @rule(which=st.integers(0, 3), justified=st.booleans())
    def review(self, which: int, *, justified: bool) -> None:
        waiting = self.town.book.list_unreviewed()
        if not waiting:
            return
        share = waiting[which % len(waiting)]
        review_share(self.town.applying, GUARD, share.share_id, justified=justified, note="seen")
        if not justified:
            self.given[share.basket_id, share.dataset].on = False

    @rule(kind=st.sampled_from(["sign", "withdraw"]), alone=st.booleans())
    def template(self, kind: str, alone: bool) -> None:
        if kind == "sign":
            until_min = self.town.now_min + 30 * DAY
            sign_template(
                self.town.applying, OWNER, replace(TEMPLATE, template_id="t", alone=alone, until_min=until_min)
            )
        elif self.town.book.list_templates():
            withdraw_template(self.town.applying, OWNER, "t")

    @precondition(lambda self: self.given)
    @rule(
        what=st.sampled_from(["revoke", "suspend", "resume", "resume", "renew"]),
        who=st.sampled_from([OWNER, OTHER_OWNER, AUTHORITY]),
        which=st.integers(0, 9),
    )
    def end(self, what: str, who: object, which: int) -> None:
        key = sorted(self.given)[which % len(self.given)]
        given = self.given[key]
        share_id = self.town.book.get(key[0]).get_item(key[1]).share_id
        try:
            if what == "revoke":
                revoke_share(self.town.applying, who, share_id)  # type: ignore[arg-type]
                given.on = False
            elif what == "suspend":
                self.town.book.suspend(share_id, "looked_at")
                given.on = False
            elif what == "resume":
                resume_share(self.town.applying, who, share_id)  # type: ignore[arg-type]
                given.on = True
            else:
                self.count += 1
                applicant = PEOPLE[self.town.book.get(key[0]).applicant]
                basket = renew_share(self.town.applying, applicant, share_id, minutes=DAY, key=str(self.count))
                self.baskets.append(basket.basket_id)
                self._learn(basket)
        except HubError:
            return

    @precondition(lambda self: len(self.given) > 2)
    @rule(name=st.sampled_from(NAMES))
    def change_shape(self, name: str) -> None:
        if self.shapes[name] == 0:
            self.town.change_shape(name, with_column)
            self.shapes[name] = 1

    @rule(minutes=st.sampled_from([1, 60, DAY - 1, DAY, 8 * DAY, 29 * DAY]))
    def wait(self, minutes: int) -> None:
        self.town.wait(minutes=minutes)

    @rule()
    def look_at_the_clock(self) -> None:
        sweep(self.town.applying, self.town.book)
        for (_, dataset), given in self.given.items():
            if given.shape != self.shapes[dataset]:
                given.on = False

    def _all_live(self, grantee: str) -> list[Share]:
        """Return what is live of everything that ever was, by the word of the share alone."""
        mine = [share for share in self.town.book.list_all_shares() if share.grantee == grantee]
        digests = {name: self.town.catalogue.get(name).digest for name in NAMES}
        return [share for share in mine if share.is_live(self.town.now_min, digests[share.dataset])]

    @invariant()
    def everybody_sees_what_was_given_and_nothing_else(self) -> None:
        for grantee in GRANTEES:
            seen: set[Cell] = set()
            live = self.town.live(grantee)
            assert {share.share_id for share in live} == {each.share_id for each in self._all_live(grantee)}
            for share in live:
                if share.count_floor is None:
                    seen.update(Reader(self.town).read(share, sorted(share.columns)))
            now_min = self.town.now_min
            covered = [
                given.cells
                for (_, dataset), given in self.given.items()
                if given.grantee == grantee and given.on and now_min < given.until_min
                if given.shape == self.shapes[dataset]
            ]
            assert seen == set().union(*covered)

    @invariant()
    def nobody_reads_in_emergencies_for_longer_than_one_lasts_without_a_review(self) -> None:
        taken = self.town.book.list_unreviewed_of("agency:command", COMMANDER.user_id)
        live = [share for share in taken if share.is_live(self.town.now_min, share.digest)]
        first = min((share.from_min for share in taken), default=self.town.now_min)
        assert all(share.until_min <= first + self.town.applying.limits.emergency_min for share in live)
        assert all(share.lane is Lane.EMERGENCY for share in taken)


TestSharing = Sharing.TestCase
TestSharing.settings = settings(
    max_examples=6, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
