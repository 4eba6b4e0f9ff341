"""What was changed between an application and the word on it: masks, grades, templates, columns, clocks."""

from dataclasses import replace

import pytest

from hubtwin.base.errors import Denied
from hubtwin.datasets.listing import Listing, Sharing, Trait
from hubtwin.datasets.table import Grade
from hubtwin.library.applying import check, submit
from hubtwin.library.basket_clock import Swept, sweep
from hubtwin.library.deciding import (
    Decision,
    agree_items,
    authorise,
    decide_items,
    resume_share,
    review_share,
    revoke_share,
    sign_template,
    take_emergency,
)
from hubtwin.model.basket import Ask, BasketKind, ItemState, advance
from hubtwin.model.sharing import Lane, Rows
from hubtwin.rules.basket_moves import Changed, Given
from hubtwin.web.shown_baskets import state_of
from tests.library.baskets_kit import (
    AUTHORITY,
    CATALOGUE,
    COMMANDER,
    FIRST,
    GUARD,
    LIAISON,
    OFFICER,
    OTHER_OWNER,
    OWNER,
    TEMPLATE,
    Town,
    ask,
    form,
    urgent,
)

S = ItemState


def with_grade(one: Listing, column: str, grade: Grade, mask: str = "") -> Listing:
    columns = tuple(replace(each, grade=grade) if each.name == column else each for each in one.dataset.columns)
    traits = {**one.traits, column: Trait(mask=mask)}
    return replace(one, dataset=replace(one.dataset, columns=columns), traits=traits)


def without(one: Listing, column: str) -> Listing:
    left = tuple(each for each in one.dataset.columns if each.name != column)
    return replace(one, dataset=replace(one.dataset, columns=left))


def test_an_owner_gives_with_the_masks_of_the_day_of_the_decision(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "kind", "phone")))
    assert basket.items[0].masks == (("phone", "keep_ends_3_4"),)
    town.change_shape("residents", lambda one: with_grade(one, "kind", Grade.L3, "keep_first_6"))
    done = decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", give=True)], LIAISON)
    (share,) = town.live("agency:street-1")
    assert share.masks == (("kind", "keep_first_6"), ("phone", "keep_ends_3_4"))
    assert done.items[0].grade == 3
    assert share.masks == done.items[0].masks


def test_a_mask_that_is_gone_meanwhile_stays_and_the_owner_s_own_word_stands(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "no", "phone")))
    town.change_shape("residents", lambda one: with_grade(one, "phone", Grade.L2))
    decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", give=True)], LIAISON)
    (share,) = town.live("agency:street-1")
    assert share.masks == (("phone", "keep_ends_3_4"),)
    again = submit(town.applying, LIAISON, form(ask("residents", "no", "phone"), key="again"))
    own = Given(masks=(("phone", "hidden"),))
    decide_items(town.applying, OWNER, again.basket_id, [Decision("residents", True, own)], LIAISON)
    assert [each.masks for each in town.book.shares_of(again.basket_id)] == [(("phone", "hidden"),)]


def test_a_second_person_does_not_agree_to_more_than_the_owner_saw(town: Town) -> None:
    told = {"grantee": "scene:epidemic", "kind": BasketKind.OPERATIONAL, "reason": "tracing"}
    wanted = form(ask("residents", "no", "kind", "phone", rows=Rows(True)), **told)  # type: ignore[arg-type]
    basket = submit(town.applying, OFFICER, wanted)
    less = Decision("residents", True, Given(columns=frozenset({"no", "kind"})))
    half = decide_items(town.applying, OWNER, basket.basket_id, [less], OFFICER)
    assert (half.items[0].state, half.items[0].grade) == (S.AGREED, 2)  # of what is given, not of what was asked
    before = town.catalogue
    town.change_shape("residents", lambda one: with_grade(one, "kind", Grade.L3, "keep_first_6"))
    with pytest.raises(Denied):
        agree_items(town.applying, GUARD, basket.basket_id, ["residents"], OFFICER)
    assert town.live("scene:epidemic") == []
    town.catalogue = before
    agree_items(town.applying, GUARD, basket.basket_id, ["residents"], OFFICER)
    assert len(town.live("scene:epidemic")) == 1


def test_what_is_not_shared_any_more_is_not_read_any_more(town: Town) -> None:
    submit(town.applying, LIAISON, form(ask("shops"), ask("benches")))
    town.change_shape("shops", lambda one: replace(one, sharing=Sharing.NOT_SHARED))
    assert [share.dataset for share in town.live("agency:street-1")] == ["benches"]  # at once, told or not
    assert sweep(town.applying, town.book).suspended == 1
    share = next(each for each in town.book.list_all_shares() if each.dataset == "shops")
    with pytest.raises(Denied):
        resume_share(town.applying, OTHER_OWNER, share.share_id)
    town.change_shape("shops", lambda one: replace(one, sharing=Sharing.RESTRICTED))
    assert [each.dataset for each in town.live("agency:street-1")] == ["benches"]  # not by itself
    resume_share(town.applying, OTHER_OWNER, share.share_id)
    assert len(town.live("agency:street-1")) == 2


def test_grants_of_shared_datasets_hold_whatever_their_condition() -> None:
    one = CATALOGUE.get("shops")
    assert replace(one, sharing=Sharing.RESTRICTED).digest == one.digest
    assert one.digest == "52613f59134cd3fd81479160573c68fd"  # what was given by an earlier version goes on


def test_what_was_told_to_be_over_stays_so_though_the_clock_was_wrong(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("shops"), ask("benches")))
    town.wait(days=3650)
    assert sweep(town.applying, town.book).aged == 1
    town.wait(days=-3650)
    assert town.live("agency:street-1") == []
    assert sweep(town.applying, town.book) == Swept()
    shares = town.book.shares_of(basket.basket_id)
    assert {state_of(each, town.catalogue.get(each.dataset), town.now_min) for each in shares} == {"over"}
    before = town.kinds()
    revoke_share(town.applying, AUTHORITY, shares[0].share_id)  # it is over: nothing is left to be ended
    assert town.kinds() == before
    again = submit(town.applying, LIAISON, form(ask("shops"), key="again"))
    assert again.items[0].state is S.ACTIVE, "its end was nobody's word"


def test_what_a_wrong_clock_left_readable_is_ended_by_its_owner(town: Town) -> None:
    """As an earlier version left it: the item says that it is over, the share does not."""
    basket = submit(town.applying, LIAISON, form(ask("shops")))
    town.book.change(basket.basket_id, lambda now, _: Changed(now.with_items([advance(now.items[0], "expire")])))
    (share,) = town.live("agency:street-1")
    done = revoke_share(town.applying, OTHER_OWNER, share.share_id)
    assert (town.live("agency:street-1"), done.items[0].state) == ([], S.EXPIRED)
    revoke_share(town.applying, OTHER_OWNER, share.share_id)
    assert town.kinds().count("ShareRevoked") == 1
    assert submit(town.applying, LIAISON, form(ask("shops"), key="again")).items[0].state is S.SUBMITTED


def test_an_emergency_that_a_wrong_clock_ended_is_over_and_reviewed(town: Town) -> None:
    taken = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True))))
    town.wait(days=2)
    sweep(town.applying, town.book)
    town.wait(days=-2)
    with pytest.raises(Denied, match=taken.items[0].share_id):
        take_emergency(town.applying, COMMANDER, urgent(ask("shops", "no", rows=Rows(True)), key="two", minutes=60))
    review_share(town.applying, GUARD, taken.items[0].share_id, justified=False, note="no flood")
    assert town.live("agency:command") == []


def test_a_template_over_a_column_that_is_gone_speaks_no_more_and_stops_nobody(town: Town) -> None:
    more = replace(TEMPLATE, alone=False, masks=(*TEMPLATE.masks, ("kind", "keep_first_1")))
    sign_template(town.applying, OWNER, more)
    wanted = form(ask("residents", "no", "phone"), ask("meals", "no", "phone"))
    basket = submit(town.applying, LIAISON, wanted)
    assert basket.items[0].lane is Lane.TEMPLATE
    town.change_shape("residents", lambda one: without(one, "kind"))
    later = submit(town.applying, LIAISON, replace(wanted, key="later"))
    assert later.items[0].lane is Lane.OWNER
    done = decide_items(town.applying, OWNER, later.basket_id, [Decision("residents", give=True)], LIAISON)
    assert done.items[0].state is S.ACTIVE
    key = authorise(town.applying, AUTHORITY, basket.basket_id, LIAISON)
    assert [item.state for item in key.items] == [S.SUBMITTED, S.SUBMITTED]
    taken = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True))))
    assert taken.items[0].state is S.ACTIVE


def test_an_item_whose_column_is_gone_holds_up_no_other(town: Town) -> None:
    sign_template(town.applying, OWNER, replace(TEMPLATE, alone=False))
    basket = submit(town.applying, LIAISON, form(ask("meals", "no", "kind"), ask("residents", "no", "phone")))
    town.change_shape("meals", lambda one: without(one, "kind"))
    done = authorise(town.applying, AUTHORITY, basket.basket_id, LIAISON)
    assert [item.state for item in done.items] == [S.SUBMITTED, S.ACTIVE]


def test_what_its_owner_agreed_to_is_not_refused_by_another_agency(town: Town) -> None:
    basket = submit(town.applying, LIAISON, form(ask("residents", "health", counts_only=True)))
    decide_items(town.applying, OWNER, basket.basket_id, [Decision("residents", give=True)], LIAISON)
    no = [Decision("residents", give=False, reason="not so")]
    for who in (OTHER_OWNER, AUTHORITY):
        with pytest.raises(Denied, match="public-security"):
            decide_items(town.applying, who, basket.basket_id, no, LIAISON)
    assert town.book.get(basket.basket_id).items[0].state is S.AGREED
    colleague = replace(OWNER, user_id="colleague")  # of the agency that owns it
    assert decide_items(town.applying, colleague, basket.basket_id, no, LIAISON).items[0].state is S.REFUSED
    again = submit(town.applying, LIAISON, form(ask("residents", "health", counts_only=True), key="again"))
    decide_items(town.applying, OWNER, again.basket_id, [Decision("residents", give=True)], LIAISON)
    town.wait(days=8)
    assert sweep(town.applying, town.book).escalated == 1
    assert decide_items(town.applying, AUTHORITY, again.basket_id, no, LIAISON).items[0].state is S.REFUSED


def test_what_was_revoked_is_free_again_only_where_its_owner_gave_it_anew(town: Town) -> None:
    both = ask("shops", "no", "street", "kind", rows=Rows(True))
    first = submit(town.applying, LIAISON, form(both, key="first"))
    decide_items(town.applying, OTHER_OWNER, first.basket_id, [Decision("shops", give=True)], LIAISON)
    revoke_share(town.applying, GUARD, town.book.get(first.basket_id).items[0].share_id)

    def lane_after(one: Ask, given: Given, key: str) -> Lane:
        basket = submit(town.applying, LIAISON, form(one, key=key))
        decide_items(town.applying, OTHER_OWNER, basket.basket_id, [Decision("shops", True, given)], LIAISON)
        if one.columns == {"health"}:
            agree_items(town.applying, GUARD, basket.basket_id, ["shops"], LIAISON)
        return check(town.applying, LIAISON, form(ask("shops"), key="look"))[0].item.lane

    counts = ask("shops", "health", counts_only=True, rows=Rows(True))
    assert lane_after(counts, Given(), "counts") is Lane.OWNER
    assert lane_after(replace(both, counts_only=True), Given(), "counts of them") is Lane.OWNER
    assert lane_after(both, Given(columns=frozenset({"no", "street"})), "columns") is Lane.OWNER
    own_street = Rows(column="street", values=frozenset({FIRST}))
    assert lane_after(both, Given(rows=own_street), "rows") is Lane.OWNER
    assert lane_after(both, Given(masks=(("kind", "hidden"),)), "masked") is Lane.OWNER
    town.change_shape("shops", lambda one: without(one, "kind"))  # nobody can give that any more
    assert lane_after(ask("shops", "no", "street", rows=Rows(True)), Given(), "all") is Lane.AUTOMATIC
