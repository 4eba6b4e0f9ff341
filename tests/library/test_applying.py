"""From the basket to the active share: lanes, keys, owners, two persons, clocks, emergencies, and what may not be."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.library.applying import NO_PROBE, check, submit
from hubtwin.library.basket_clock import Swept, sweep
from hubtwin.library.deciding import (
    Decision,
    agree_items,
    authorise,
    decide_items,
    may_decide,
    renew_share,
    resume_share,
    review_share,
    revoke_share,
    sign_template,
    take_emergency,
    waits_for,
    withdraw_basket,
    withdraw_template,
)
from hubtwin.model.basket import BasketKind, ItemState
from hubtwin.model.sharing import Lane, ProbeResult, Rows, Share
from hubtwin.rules.basket_moves import Given
from tests.library.baskets_kit import (
    AUDITOR,
    AUTHORITY,
    COMMANDER,
    DAY,
    FIRST,
    GUARD,
    LIAISON,
    NOW_MIN,
    OFFICER,
    OTHER_OWNER,
    OTHER_STREET,
    OWNER,
    STEWARD,
    TEMPLATE,
    Reader,
    Town,
    ask,
    form,
    urgent,
    with_column,
)

S = ItemState
OWN = Rows(column="street", values=frozenset({FIRST}))


def states(basket: object) -> dict[str, ItemState]:
    return {item.dataset: item.state for item in basket.items}  # type: ignore[attr-defined]


def test_a_basket_is_checked_without_a_trace_and_every_lane_says_why(town: Town) -> None:
    wanted = form(ask("shops"), ask("benches"), ask("residents", "no", "phone"), ask("secrets"), ask("meals", "health"))
    found = {each.item.dataset: each for each in check(town.applying, LIAISON, wanted)}
    assert {name: each.item.lane for name, each in found.items()} == {
        "shops": Lane.AUTOMATIC,
        "benches": Lane.AUTOMATIC,
        "residents": Lane.OWNER,
        "secrets": Lane.REFUSED,
        "meals": Lane.REFUSED,
    }
    assert found["shops"].item.rows == OWN
    assert found["benches"].item.rows.everything
    said = {each.lane: each.reasons for each in found["residents"].item.said}
    assert said[Lane.OWNER] == ()
    assert set(said[Lane.AUTOMATIC]) == {"not_unconditional", "above_l2"}
    assert found["residents"].item.masks == (("phone", "keep_ends_3_4"),)
    assert all("not_shared" in each.reasons for each in found["secrets"].item.said)
    assert "l4_never_as_rows" in {reason for each in found["meals"].item.said for reason in each.reasons}
    assert town.kinds() == []


def test_what_needs_nobody_is_active_at_once_and_the_rest_waits_for_its_owner(town: Town) -> None:
    basket = submit(
        town.applying, LIAISON, form(ask("shops"), ask("benches"), ask("residents", "no", "phone"), ask("secrets"))
    )
    assert states(basket) == {"shops": S.ACTIVE, "benches": S.ACTIVE, "residents": S.SUBMITTED, "secrets": S.REFUSED}
    assert basket.state == "partial"
    assert town.probes == 2
    assert sorted(share.dataset for share in town.live("agency:street-1")) == ["benches", "shops"]
    assert waits_for(basket.get_item("residents")) == "owner"
    assert town.kinds() == [
        "BasketSubmitted",
        "ItemApproved",
        "ItemApproved",
        "ItemRefused",
        "ShareActive",
        "ShareActive",
    ]
    assert not town.audit.verify().problems


def test_sending_it_twice_is_one_application(town: Town) -> None:
    first = submit(town.applying, LIAISON, form(ask("shops")))
    town.wait(minutes=3)
    again = submit(town.applying, LIAISON, form(ask("shops"), now_min=town.now_min))
    assert again == first
    assert town.kinds().count("BasketSubmitted") == 1
    with pytest.raises(Denied):
        submit(town.applying, LIAISON, form(ask("benches")))
    other = submit(town.applying, OTHER_STREET, form(ask("shops"), grantee="agency:street-2"))
    assert other.basket_id != first.basket_id


def test_without_a_probe_nothing_becomes_active(town: Town) -> None:
    blind = town.with_probe(None)
    basket = submit(blind, LIAISON, form(ask("shops")))
    assert (basket.items[0].state, basket.items[0].probe_why) == (S.PROVISIONING, NO_PROBE)
    assert town.live("agency:street-1") == []
    assert sweep(blind, town.book) == Swept()
    assert town.kinds().count("ShareProbeFailed") == 1  # told once, tried again each time
    assert sweep(town.applying, town.book).activated == 1
    assert len(town.live("agency:street-1")) == 1


@pytest.mark.parametrize(
    "result",
    [ProbeResult(True, True, False, "leak"), ProbeResult(True, False, True, "x"), ProbeResult(False, True, True, "x")],
)
def test_a_probe_must_see_what_is_permitted_answered_and_what_is_not_refused(town: Town, result: ProbeResult) -> None:
    basket = submit(town.with_probe(lambda _: result), LIAISON, form(ask("shops")))
    assert basket.items[0].state is S.PROVISIONING
    assert town.live("agency:street-1") == []


def test_a_probe_that_cannot_say_is_tried_again(town: Town) -> None:
    def broken(_: Share) -> ProbeResult:
        raise Absent("datasets.not_listed", dataset="shops")

    basket = submit(town.with_probe(broken), LIAISON, form(ask("shops")))
    assert basket.items[0].probe_why == "datasets.not_listed"
    assert sweep(town.applying, town.book).activated == 1


def test_what_was_revoked_while_it_was_probed_stays_revoked(town: Town) -> None:
    def slow(share: Share) -> ProbeResult:
        town.book.revoke(share.share_id, "xu")
        return ProbeResult(True, True, True)

    basket = submit(town.with_probe(slow), LIAISON, form(ask("shops")))
    assert basket.items[0].state is S.REVOKED
    assert town.live("agency:street-1") == []


def test_one_key_activates_what_the_rules_allow_and_leaves_the_rest(town: Town) -> None:
    sign_template(town.applying, OWNER, replace(TEMPLATE, alone=False))
    wanted = form(ask("residents", "no", "street", "phone"), ask("meals", "no", "phone"))
    basket = submit(town.applying, LIAISON, wanted)
    assert [waits_for(item) for item in basket.items] == ["authority", "owner"]
    town.wait(minutes=5)
    done = authorise(town.applying, AUTHORITY, basket.basket_id, LIAISON)
    assert states(done) == {"residents": S.ACTIVE, "meals": S.SUBMITTED}
    assert (done.authorised_by, done.items[0].decided_by) == ("shen", "shen")
    (share,) = town.live("agency:street-1")
    assert (share.masks, share.rows, share.lane) == ((("phone", "keep_ends_3_4"),), OWN, Lane.TEMPLATE)


def test_a_template_that_stands_alone_needs_nobody(town: Town) -> None:
    template = sign_template(town.applying, OWNER, TEMPLATE)
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone")))
    assert basket.items[0].state is S.ACTIVE
    assert basket.items[0].template_id == template.template_id
    withdraw_template(town.applying, OWNER, template.template_id)
    later = submit(town.applying, LIAISON, form(ask("residents", "no", "phone"), key="2"))
    assert (later.items[0].lane, later.items[0].state) == (Lane.OWNER, S.SUBMITTED)


@pytest.mark.parametrize(
    "change",
    [
        {"rows": Rows(True)},
        {"columns": frozenset({"no", "kind"}), "days": 61},
        {"purpose": "statistics"},
        {"columns": frozenset({"no", "health"})},
    ],
)
def test_what_a_template_does_not_say_goes_to_the_owner(town: Town, change: dict[str, object]) -> None:
    sign_template(town.applying, OWNER, TEMPLATE)
    one = replace(ask("residents", "no", "phone"), **{k: v for k, v in change.items() if k in ("rows", "columns")})  # type: ignore[arg-type]
    rest = {k: v for k, v in change.items() if k in ("days", "purpose")}
    lane = submit(town.applying, LIAISON, form(one, **rest)).items[0].lane  # type: ignore[arg-type]
    assert lane is (Lane.REFUSED if "health" in one.columns else Lane.OWNER)


def test_who_signed_a_template_does_not_apply_under_it(town: Town) -> None:
    both = replace(OWNER, roles=OWNER.roles | STEWARD.roles)
    wide = replace(TEMPLATE, kinds=frozenset({both.agency_kind}), rows=Rows(True))
    sign_template(town.applying, both, wide)
    wanted = form(ask("residents", "no", "phone", rows=Rows(True)), grantee="agency:public-security")
    assert submit(town.applying, both, wanted).items[0].lane is Lane.OWNER
    colleague = replace(both, user_id="colleague")
    assert submit(town.applying, colleague, wanted).items[0].lane is Lane.TEMPLATE


def test_an_owner_gives_less_than_was_asked_never_more(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "kind", "phone")))
    wider = Given(columns=frozenset({"no", "health"}))
    no_mask = Given(masks=(("phone", "no_such_mask"),))
    for wrong in (
        wider,
        no_mask,
        Given(rows=Rows(True)),
        Given(until_min=NOW_MIN + 31 * DAY),
        Given(columns=frozenset()),
    ):
        with pytest.raises(Malformed):
            decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True, wrong)], LIAISON)
    less = Given(columns=frozenset({"no", "kind"}), until_min=NOW_MIN + 7 * DAY)
    decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True, less)], LIAISON)
    (share,) = town.live("agency:street-1")
    assert (share.columns, share.until_min, share.masks) == (frozenset({"no", "kind"}), NOW_MIN + 7 * DAY, ())
    town.wait(days=7)
    assert town.live("agency:street-1") == []


def test_a_refusal_has_a_reason_and_only_the_owner_decides(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone")))
    no = Decision("residents", False, reason="not your task")
    with pytest.raises(Malformed):
        decide_items(town.applying, OWNER, basket.basket_id, [replace(no, reason=" ")], LIAISON)
    for who in (OTHER_OWNER, AUTHORITY, LIAISON, GUARD):
        with pytest.raises(Denied):
            decide_items(town.applying, who, basket.basket_id, [no], LIAISON)
    assert states(decide_items(town.applying, OWNER, basket.basket_id, [no], LIAISON)) == {"residents": S.REFUSED}
    with pytest.raises(Denied):
        decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], LIAISON)


def test_nobody_decides_on_what_they_applied_for(town: Town) -> None:
    both = replace(OWNER, roles=OWNER.roles | STEWARD.roles)
    basket = submit(
        town.applying, both, form(ask("residents", "no", "phone", rows=Rows(True)), grantee="agency:public-security")
    )
    with pytest.raises(Denied):
        decide_items(town.applying, both, basket.basket_id, [Decision("residents", True)], both)
    key = replace(AUTHORITY, roles=AUTHORITY.roles | {*STEWARD.roles})
    own = submit(town.applying, key, form(ask("shops", rows=Rows(True)), grantee="agency:data", days=200))
    with pytest.raises(Denied):
        authorise(town.applying, key, own.basket_id, key)
    colleague = replace(both, user_id="colleague")
    assert states(decide_items(town.applying, colleague, basket.basket_id, [Decision("residents", True)], both)) == {
        "residents": S.ACTIVE
    }


def test_l4_leaves_as_counts_on_two_persons_word_and_never_as_rows(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "health", counts_only=True)))
    assert basket.items[0].lane is Lane.AGGREGATE
    with pytest.raises(Denied):  # the owner first
        agree_items(town.applying, GUARD, basket.basket_id, ["residents"], LIAISON)
    half = decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], LIAISON)
    assert (states(half), waits_for(half.items[0])) == ({"residents": S.AGREED}, "security_officer")
    assert town.live("agency:street-1") == []
    double = replace(OWNER, roles=GUARD.roles, agency=GUARD.agency, agency_kind=GUARD.agency_kind)
    with pytest.raises(Denied):  # the same person under another hat
        agree_items(town.applying, double, basket.basket_id, ["residents"], LIAISON)
    agree_items(town.applying, GUARD, basket.basket_id, ["residents"], LIAISON)
    (share,) = town.live("agency:street-1")
    assert share.count_floor == 10
    assert share.issued_by == "wu"


def test_counts_of_rows_that_are_chosen_by_who_they_are_do_not_leave(town: Town) -> None:
    named = Rows(column="phone", values=frozenset(f"p{number}" for number in range(10)))
    basket = submit(town.applying, LIAISON, form(ask("residents", "health", counts_only=True, rows=named)))
    (item,) = basket.items
    assert (item.state, item.lane) == (S.REFUSED, Lane.REFUSED)
    assert any("counts_of_chosen" in said.reasons for said in item.said)
    streets = Rows(column="street", values=frozenset({FIRST}))
    plain = submit(town.applying, LIAISON, form(ask("residents", "health", counts_only=True, rows=streets), key="s"))
    assert plain.items[0].lane is Lane.AGGREGATE


def test_a_scene_reads_on_its_own_legal_basis_apart_from_sharing(town: Town) -> None:
    told = {"grantee": "scene:epidemic", "kind": BasketKind.OPERATIONAL, "reason": "tracing"}
    one = ask("residents", "no", "phone", rows=Rows(True))
    basket = submit(town.applying, OFFICER, form(one, **told))  # type: ignore[arg-type]
    assert basket.items[0].lane is Lane.OPERATIONAL
    decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], OFFICER)
    agree_items(town.applying, GUARD, basket.basket_id, ["residents"], OFFICER)
    (share,) = town.live("scene:epidemic")
    assert (share.lane, share.masks) == (Lane.OPERATIONAL, ())
    with pytest.raises(Denied):  # a scene does not apply for sharing
        submit(town.applying, OFFICER, form(one, key="2", grantee="scene:epidemic"))
    with pytest.raises(Denied):  # nor for another scene
        submit(town.applying, OFFICER, form(one, key="3", **{**told, "grantee": "scene:fire"}))  # type: ignore[arg-type]


def test_nobody_applies_for_somebody_else(town: Town) -> None:
    for grantee in ("agency:street-2", "user:tang", "scene:epidemic", "partner:p"):
        with pytest.raises(Denied):
            submit(town.applying, LIAISON, form(ask("shops"), grantee=grantee))
    for grantee in ("street-1", "team:x", "agency:"):
        with pytest.raises(Malformed):
            submit(town.applying, LIAISON, form(ask("shops"), grantee=grantee))
    for who in (OWNER, AUTHORITY, GUARD, AUDITOR):
        with pytest.raises(Denied):
            submit(town.applying, who, form(ask("shops")))


def test_an_empty_or_missing_filter_of_rows_denies(town: Town) -> None:
    department = form(ask("shops"), grantee="agency:civil-affairs")  # of no street, and names no rows
    for who, wanted in ((STEWARD, department), (LIAISON, form(ask("shops", rows=Rows())))):
        basket = submit(town.applying, who, wanted)
        assert (basket.items[0].state, basket.items[0].note.count("no_rows")) == (S.REFUSED, 1)
    everything = submit(
        town.applying, STEWARD, form(ask("shops", rows=Rows(True)), key="2", grantee="agency:civil-affairs")
    )
    assert everything.items[0].state is S.ACTIVE


def test_an_end_and_a_revocation_bind_at_the_next_look(town: Town) -> None:
    submit(town.applying, LIAISON, form(ask("shops"), ask("benches")))
    first, second = town.live("agency:street-1")
    assert Reader(town).read(first, ["no"])
    owner = OTHER_OWNER if first.dataset == "shops" else OWNER
    with pytest.raises(Denied):
        revoke_share(town.applying, LIAISON, first.share_id)
    with pytest.raises(Denied):
        revoke_share(town.applying, OWNER if owner is OTHER_OWNER else OTHER_OWNER, first.share_id)
    revoke_share(town.applying, owner, first.share_id)
    revoke_share(town.applying, AUTHORITY, first.share_id)
    assert town.live("agency:street-1") == [second]
    with pytest.raises(Denied):
        Reader(town).read(town.book.get_share(first.share_id), ["no"])
    town.wait(days=3650)  # a clock that jumps
    assert town.live("agency:street-1") == []
    assert town.kinds().count("ShareRevoked") == 1
    assert sweep(town.applying, town.book).aged == 1
    assert sweep(town.applying, town.book) == Swept()
    assert states(town.book.get(first.basket_id))[second.dataset] is S.EXPIRED


def test_decisions_at_the_same_time_are_taken_one_after_the_other(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone")))
    others = [replace(OWNER, user_id=f"owner-{n}") for n in range(8)]

    def decide(who: object) -> str:
        try:
            decide_items(town.applying, who, basket.basket_id, [Decision("residents", True)], LIAISON)  # type: ignore[arg-type]
        except Denied:
            return "late"
        return "done"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(decide, others)) == ["done", *["late"] * 7]
        (share,) = town.live("agency:street-1")
        list(pool.map(lambda who: revoke_share(town.applying, who, share.share_id), others))
    assert town.kinds().count("ItemApproved") == town.kinds().count("ShareRevoked") == 1
    assert not town.audit.verify().problems


def test_a_schema_that_changes_under_a_share_suspends_it_and_widens_nothing(town: Town) -> None:
    submit(town.applying, LIAISON, form(ask("shops"), ask("benches")))
    before = town.catalogue
    town.change_shape("shops", with_column)
    assert [share.dataset for share in town.live("agency:street-1")] == ["benches"]  # at once, told or not
    assert sweep(town.applying, town.book).suspended == 1
    share = next(each for each in town.book.list_all_shares() if each.dataset == "shops")
    assert share.suspended_why == "other_shape"
    with pytest.raises(Denied):
        resume_share(town.applying, OTHER_OWNER, share.share_id)
    town.catalogue = before
    assert [each.dataset for each in town.live("agency:street-1")] == ["benches"]  # not by itself
    probes = town.probes
    resume_share(town.applying, OTHER_OWNER, share.share_id)
    assert town.probes == probes + 1
    assert len(town.live("agency:street-1")) == 2
    town.change_shape("shops", with_column)
    fresh = renew_share(town.applying, LIAISON, share.share_id, minutes=DAY, key="again")
    assert fresh.items[0].state is S.ACTIVE


def test_a_dataset_that_changed_before_the_decision_is_given_as_it_is_now(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone")))
    town.change_shape("residents", lambda one: replace(one, sharing=type(one.sharing)("not_shared")))
    with pytest.raises(Denied):
        decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], LIAISON)
    assert town.live("agency:street-1") == []


def test_an_emergency_that_was_not_justified_ends_with_its_review(town: Town) -> None:
    basket = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True))))
    (share,) = town.live("agency:command")
    reviewed = review_share(town.applying, GUARD, share.share_id, justified=False, note="shops would have done")
    assert (town.live("agency:command"), reviewed.items[0].state) == ([], S.REVOKED)
    ended = town.book.get_share(share.share_id)
    assert (ended.revoked_by, ended.reviewed_by, basket.items[0].state) == (GUARD.user_id, GUARD.user_id, S.ACTIVE)


def test_what_was_revoked_is_not_taken_again_without_its_owner(town: Town) -> None:
    """A street could apply once more, under its own name or a person's, and read again a second after."""
    submit(town.applying, LIAISON, form(ask("shops")))
    (share,) = town.live("agency:street-1")
    revoke_share(town.applying, GUARD, share.share_id)
    again = [form(ask("shops"), key="k2"), replace(form(ask("shops"), key="k3"), grantee=f"user:{LIAISON.user_id}")]
    baskets = [submit(town.applying, LIAISON, each) for each in again]
    baskets.append(renew_share(town.applying, LIAISON, share.share_id, minutes=DAY, key="k4"))
    for basket in baskets:
        assert (basket.items[0].lane, basket.items[0].state) == (Lane.OWNER, S.SUBMITTED)
        authorise(town.applying, AUTHORITY, basket.basket_id, LIAISON)
    assert town.live("agency:street-1") == []
    assert submit(town.applying, OTHER_STREET, form(ask("shops"), grantee="agency:street-2")).items[0].state is S.ACTIVE
    decide_items(town.applying, OTHER_OWNER, baskets[0].basket_id, [Decision("shops", give=True)], LIAISON)
    assert submit(town.applying, LIAISON, form(ask("shops"), key="k5")).items[0].state is S.ACTIVE


def test_a_share_is_renewed_by_its_agency_through_the_lanes_of_today(town: Town) -> None:
    submit(town.applying, LIAISON, form(ask("shops")))
    (share,) = town.live("agency:street-1")
    town.wait(days=25)
    with pytest.raises(Denied):
        renew_share(town.applying, OTHER_STREET, share.share_id, minutes=DAY, key="r")
    renewed = renew_share(town.applying, LIAISON, share.share_id, minutes=30 * DAY, key="r")
    assert renewed.items[0].state is S.ACTIVE
    town.wait(days=10)
    assert [each.basket_id for each in town.live("agency:street-1")] == [renewed.basket_id]
    town.change_shape("shops", lambda one: replace(one, purposes=()))
    assert renew_share(town.applying, LIAISON, share.share_id, minutes=DAY, key="r2").items[0].state is S.SUBMITTED


def test_what_waits_can_be_withdrawn_by_its_applicant(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("shops"), ask("residents", "no", "phone")))
    with pytest.raises(Denied):
        withdraw_basket(town.applying, OTHER_STREET, basket.basket_id)
    assert states(withdraw_basket(town.applying, LIAISON, basket.basket_id)) == {
        "shops": S.ACTIVE,
        "residents": S.WITHDRAWN,
    }
    with pytest.raises(Denied):
        withdraw_basket(town.applying, LIAISON, basket.basket_id)


def test_a_clock_that_runs_out_goes_up_and_the_authority_may_decide(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone"), ask("meals", "no", "phone")))
    five, ten = (basket.get_item(name).due_min for name in ("residents", "meals"))
    assert five is not None
    assert ten is not None
    assert (five - NOW_MIN, ten - NOW_MIN) == ((8 * 24 - 10) * 60, (15 * 24 - 10) * 60)  # weekends do not count
    yes = [Decision("residents", True)]
    town.wait(days=7)
    assert sweep(town.applying, town.book) == Swept()
    with pytest.raises(Denied):
        decide_items(town.applying, AUTHORITY, basket.basket_id, yes, LIAISON)
    town.wait(days=1)
    assert sweep(town.applying, town.book).escalated == 1
    assert sweep(town.applying, town.book) == Swept()
    late = town.book.get(basket.basket_id).get_item("residents")
    assert (late.level, waits_for(late), may_decide(AUTHORITY, late), may_decide(OWNER, late)) == (
        1,
        "authority",
        True,
        True,
    )
    town.wait(days=5)  # nobody moves: an alarm, and no clock any more
    assert sweep(town.applying, town.book).escalated == 1
    assert town.book.get(basket.basket_id).get_item("residents").due_min == basket.form.until_min
    assert [kind for kind in town.kinds() if kind.startswith("Item")] == ["ItemEscalated", "ItemOverdue"]
    done = decide_items(town.applying, AUTHORITY, basket.basket_id, yes, LIAISON)
    assert states(done)["residents"] is S.ACTIVE


def test_the_authority_gives_its_own_agency_nothing_in_the_place_of_an_owner(town: Town) -> None:
    colleague = replace(STEWARD, agency=AUTHORITY.agency, agency_kind=AUTHORITY.agency_kind)
    basket = submit(town.applying, colleague, form(ask("residents", "no", rows=Rows(True)), grantee="agency:data"))
    town.wait(days=8)
    assert sweep(town.applying, town.book).escalated == 1
    with pytest.raises(Denied):
        decide_items(town.applying, AUTHORITY, basket.basket_id, [Decision("residents", True)], colleague)
    done = decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], colleague)
    assert states(done)["residents"] is S.ACTIVE


def test_what_nobody_decided_before_its_time_was_over_lapses(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone"), days=1))
    assert basket.items[0].due_min == basket.form.until_min
    town.wait(days=1)
    with pytest.raises(Denied):
        decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", True)], LIAISON)
    assert sweep(town.applying, town.book).escalated == 1
    assert states(town.book.get(basket.basket_id)) == {"residents": S.EXPIRED}
    assert sweep(town.applying, town.book) == Swept()
    assert town.kinds()[-1] == "ItemLapsed"


def test_an_emergency_ends_by_itself_and_somebody_else_reviews_it(town: Town) -> None:
    one = ask("residents", "no", "phone", rows=Rows(True))
    with pytest.raises(Denied):
        take_emergency(town.applying, LIAISON, replace(urgent(one), grantee="agency:street-1"))
    with pytest.raises(Malformed):
        take_emergency(town.applying, COMMANDER, urgent(one, minutes=DAY + 1))
    with pytest.raises(Malformed):
        take_emergency(town.applying, COMMANDER, replace(urgent(one), reason=""))
    refused = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "health", rows=Rows(True)), key="l4"))
    assert refused.items[0].state is S.REFUSED
    basket = take_emergency(town.applying, COMMANDER, urgent(one))
    (share,) = town.live("agency:command")
    assert (basket.items[0].state, share.lane, share.masks) == (S.ACTIVE, Lane.EMERGENCY, ())
    both = replace(GUARD, user_id=COMMANDER.user_id)
    with pytest.raises(Denied):
        review_share(town.applying, both, share.share_id, justified=True, note="fine")
    with pytest.raises(Denied):
        renew_share(town.applying, COMMANDER, share.share_id, minutes=60, key="more")
    town.wait(days=1)
    assert town.live("agency:command") == []
    assert sweep(town.applying, town.book).alarmed == 1
    assert sweep(town.applying, town.book).alarmed == 0
    assert [each.share_id for each in town.book.list_unreviewed()] == [share.share_id]
    with pytest.raises(Malformed):
        review_share(town.applying, GUARD, share.share_id, justified=False, note=" ")
    review_share(town.applying, GUARD, share.share_id, justified=False, note="shops would have done")
    assert town.book.list_unreviewed() == []
    with pytest.raises(Denied):
        review_share(town.applying, AUDITOR, share.share_id, justified=True, note="again")


def test_templates_say_for_whom_and_leave_nothing_sensitive_open(town: Town) -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"columns": frozenset()},
        {"columns": frozenset({"nothing"})},
        {"purposes": frozenset()},
        {"kinds": frozenset()},
        {"masks": ()},
        {"masks": (("phone", "clear"),)},
        {"masks": (("phone", "no_such_mask"),)},
        {"columns": frozenset({"health"})},
        {"max_days": 0},
        {"until_min": NOW_MIN},
        {"until_min": NOW_MIN + 366 * DAY},
        {"own_street": False},
    )
    for wrong in wrongs:
        with pytest.raises(Malformed):
            sign_template(town.applying, OWNER, replace(TEMPLATE, **wrong))
    for who in (OTHER_OWNER, AUTHORITY, LIAISON):
        with pytest.raises(Denied):
            sign_template(town.applying, who, TEMPLATE)
    signed = sign_template(town.applying, OWNER, TEMPLATE)
    with pytest.raises(Denied):
        withdraw_template(town.applying, OTHER_OWNER, signed.template_id)


def test_a_basket_of_ten_thousand_items_is_refused_before_anything_is_read(town: Town) -> None:
    many = form(*(ask(f"d{n}") for n in range(10_000)))
    with pytest.raises(Malformed, match="at most 500"):
        submit(town.applying, LIAISON, many)
    assert town.kinds() == []
