"""How an item of a basket moves, and what no application may say."""

from dataclasses import replace
from itertools import product

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.basket import (
    COMMANDS,
    ENDED,
    MOST_ITEMS,
    MOVES,
    READABLE,
    Ask,
    Basket,
    BasketItem,
    BasketKind,
    Form,
    ItemState,
    advance,
    narrower,
    refuse_bad_form,
    refuse_same,
)
from hubtwin.model.sharing import Lane, Rows

ITEM = BasketItem("d", "owner", frozenset({"a"}), Rows(True), 1, Lane.AUTOMATIC)
FORM = Form("k", "agency:x", "p", "law", 0, 1440, (Ask("d", frozenset({"a"})),))
BASKET = Basket("b", "anna", "x", FORM, (ITEM,), 0)


def test_a_move_outside_the_table_is_refused() -> None:
    for state, command in product(ItemState, COMMANDS):
        item = replace(ITEM, state=state)
        if (state, command) in MOVES:
            assert advance(item, command).state is MOVES[state, command]
        else:
            with pytest.raises(Denied):
                advance(item, command)


def test_nothing_is_active_that_was_not_probed_and_what_has_ended_stays_ended() -> None:
    assert {state for (state, _), target in MOVES.items() if target is ItemState.ACTIVE} == {ItemState.PROBED}
    assert {state for (state, _), target in MOVES.items() if target is ItemState.PROBED} == {ItemState.PROVISIONING}
    assert not {state for state, _ in MOVES} & ENDED
    assert not READABLE & ENDED


@pytest.mark.parametrize(
    "wrong",
    [
        replace(FORM, key=" "),
        replace(FORM, purpose=""),
        replace(FORM, legal_basis=""),
        replace(FORM, delivery=frozenset()),
        replace(FORM, asks=()),
        replace(FORM, asks=FORM.asks * 2),
        replace(FORM, asks=(Ask("d", frozenset()),)),
        replace(FORM, asks=tuple(Ask(f"d{n}", frozenset({"a"})) for n in range(10_000))),
        replace(FORM, until_min=0),
        replace(FORM, until_min=366 * 1440),
        replace(FORM, kind=BasketKind.EMERGENCY),
    ],
)
def test_a_form_that_says_too_little_or_too_much_is_refused(wrong: Form) -> None:
    with pytest.raises(Malformed):
        refuse_bad_form(wrong)


def test_a_basket_as_large_as_it_may_be_is_taken() -> None:
    refuse_bad_form(replace(FORM, asks=tuple(Ask(f"d{n}", frozenset({"a"})) for n in range(MOST_ITEMS))))


def test_nobody_decides_for_themselves_or_twice() -> None:
    refuse_same(BASKET, ITEM, "owner-person")
    with pytest.raises(Denied):
        refuse_same(BASKET, ITEM, "anna")
    with pytest.raises(Denied):
        refuse_same(replace(BASKET, form=replace(FORM, grantee="user:bob")), ITEM, "bob")
    with pytest.raises(Denied):
        refuse_same(BASKET, replace(ITEM, first_by="carl"), "carl")


def test_what_is_given_is_narrower_than_what_was_asked() -> None:
    one, two = Rows(column="s", values=frozenset({"1"})), Rows(column="s", values=frozenset({"1", "2"}))
    assert narrower(one, two)
    assert narrower(two, Rows(True))
    assert not narrower(two, one)
    assert not narrower(Rows(True), two)
    assert not narrower(one, Rows(column="t", values=frozenset({"1"})))
    assert not narrower(Rows(), two)
    assert not narrower(one, Rows())
