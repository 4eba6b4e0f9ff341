"""The rule of a hub in use: its own limits and clocks, emergencies that do not follow each other without a review."""

import json
from dataclasses import replace

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.base.ids import words_digest
from hubtwin.library.applying import check, submit
from hubtwin.library.basket_clock import sweep
from hubtwin.library.deciding import (
    Decision,
    agree_items,
    decide_items,
    review_share,
    revoke_share,
    sign_template,
    take_emergency,
)
from hubtwin.model.basket import Ask, Form, ItemState
from hubtwin.model.sharing import Lane, Rows
from hubtwin.rules.lanes import Limits
from hubtwin.stores.basket_rows import item_body, read_item, read_share, share_body
from tests.library.baskets_kit import (
    COMMANDER,
    DAY,
    GUARD,
    LIAISON,
    NOW_MIN,
    OFFICER,
    OWNER,
    TEMPLATE,
    Reader,
    Town,
    ask,
    form,
    urgent,
)

S = ItemState


def states(basket: object) -> dict[str, ItemState]:
    return {item.dataset: item.state for item in basket.items}  # type: ignore[attr-defined]


def urgent_at(town: Town, one: Ask, *, key: str = "e", minutes: int = DAY, grantee: str = "agency:command") -> Form:
    made = urgent(one, key=key, minutes=minutes)
    return replace(made, grantee=grantee, from_min=town.now_min, until_min=town.now_min + minutes)


def test_no_emergency_follows_another_that_nobody_has_reviewed(town: Town) -> None:
    first = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True)), minutes=120))
    meals = ask("meals", "no", rows=Rows(True))
    town.wait(minutes=60)
    with pytest.raises(Denied, match="1380") as beyond:  # it would outlast the first by an hour
        take_emergency(town.applying, COMMANDER, urgent_at(town, meals, key="two", minutes=DAY))
    assert "1380" in beyond.value.message("zh")
    second = take_emergency(town.applying, COMMANDER, urgent_at(town, meals, key="two", minutes=DAY - 60))
    assert states(second) == {"meals": S.ACTIVE}
    town.wait(minutes=60)  # the first is over
    shops = ask("shops", "no", rows=Rows(True))
    for who, grantee in ((COMMANDER, "agency:command"), (COMMANDER, "user:wang"), (OFFICER, "agency:health")):
        other = urgent_at(town, shops, key=f"three {grantee}", grantee=grantee)
        if who is OFFICER:  # has taken nothing
            assert states(take_emergency(town.applying, who, other)) == {"shops": S.ACTIVE}
            continue
        with pytest.raises(Denied, match=first.items[0].share_id) as refused:
            take_emergency(town.applying, who, other)
        assert "复核" in refused.value.message("zh")
        said = {reason for lane in submit(town.applying, who, other).items[0].said for reason in lane.reasons}
        assert said == {"unreviewed_emergency", "beyond_first_emergency"}, "no way round it through the basket"
    again = take_emergency(town.applying, COMMANDER, urgent_at(town, meals, key="two", minutes=DAY - 60))
    assert again.basket_id == second.basket_id
    for share in town.book.list_unreviewed_of("agency:command", COMMANDER.user_id):
        review_share(town.applying, GUARD, share.share_id, justified=True, note="flood")
    assert states(take_emergency(town.applying, COMMANDER, urgent_at(town, shops, key="four"))) == {"shops": S.ACTIVE}


def test_one_emergency_more_for_another_grantee_of_the_same_person_counts(town: Town) -> None:
    one = ask("residents", "no", rows=Rows(True))
    ended = take_emergency(town.applying, COMMANDER, urgent(one)).items[0].share_id
    revoke_share(town.applying, GUARD, ended)  # it is over by somebody's word, and was not reviewed
    with pytest.raises(Denied, match=ended):
        take_emergency(town.applying, COMMANDER, urgent_at(town, one, key="more", grantee="user:wang"))


def test_limits_and_clocks_of_a_hub_are_its_own(town: Town) -> None:
    limits = Limits(
        *(10 * DAY, 5 * DAY, 60, 30),
        authority_days=1,
        owner_days=2,
        unpublished_days=3,
        near_end_min=DAY,
        count_floor=50,
    )
    own = town.with_probe(Reader(town).probe, limits)
    long, short = (form(ask("shops"), key=str(days), days=days) for days in (11, 10))
    assert [check(own, LIAISON, each)[0].item.lane for each in (long, short)] == [Lane.OWNER, Lane.AUTOMATIC]
    sign_template(own, OWNER, TEMPLATE)
    wanted = [form(ask("residents", "no", "phone"), key=f"t{days}", days=days) for days in (6, 5)]
    assert [check(own, LIAISON, each)[0].item.lane for each in wanted] == [Lane.OWNER, Lane.TEMPLATE]
    late = submit(own, LIAISON, form(ask("residents", "no", "kind", rows=Rows(True)), ask("meals", "no", "phone")))
    ends = {item.dataset: (item.due_min or 0) - NOW_MIN for item in late.items}
    assert ends == {"residents": (3 * 24 - 10) * 60, "meals": (6 * 24 - 10) * 60}  # Friday and Monday, after Wednesday
    town.wait(days=3)
    assert sweep(own, town.book).escalated == 1
    assert late.basket_id in town.book.list_late((late.get_item("residents").due_min or 0) + 3 * DAY)
    with pytest.raises(Malformed, match="1 hours"):
        take_emergency(own, COMMANDER, urgent(ask("shops", rows=Rows(True)), minutes=61))
    short_one = take_emergency(own, COMMANDER, urgent_at(town, ask("shops", rows=Rows(True)), minutes=60))
    town.wait(minutes=30)
    assert sweep(own, town.book).alarmed == 1
    counts = submit(own, LIAISON, form(ask("residents", "health", counts_only=True), key="c", now_min=town.now_min))
    decide_items(own, OWNER, counts.basket_id, [Decision("residents", True)], LIAISON)
    agree_items(own, GUARD, counts.basket_id, ["residents"], LIAISON)
    assert {share.count_floor for share in town.book.shares_of(counts.basket_id)} == {50}
    assert states(short_one) == {"shops": S.ACTIVE}


def test_the_words_of_a_review_stand_in_the_share_and_not_in_the_audit(town: Town) -> None:
    taken = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True))))
    share_id = taken.items[0].share_id
    review_share(town.applying, GUARD, share_id, justified=False, note=" Zhang San was in no danger ")
    share = town.book.get_share(share_id)
    assert (share.reviewed_by, share.justified, share.review_note) == ("wu", False, "Zhang San was in no danger")
    (told,) = town.audit.list_entries(kind="ShareReviewed")
    assert told.payload["note_sha256"] == words_digest(share.review_note, share_id)
    assert set(told.payload) == {"basket", "share", "justified", "note_sha256"}
    assert not any("Zhang" in str(entry.payload) for entry in town.audit.list_entries())


def test_a_share_that_an_earlier_version_reviewed_is_read(town: Town) -> None:
    taken = take_emergency(town.applying, COMMANDER, urgent(ask("residents", "no", rows=Rows(True))))
    told = json.loads(share_body(town.book.get_share(taken.items[0].share_id)))
    for name in ("justified", "review_note"):
        del told[name]
    read = read_share(json.dumps({**told, "reviewed_min": 5, "reviewed_by": "wu"}))
    assert (read.reviewed_by, read.justified, read.review_note) == ("wu", None, "")
    item = json.loads(item_body(taken.items[0]))
    for name in ("late_min", "up_min"):
        del item[name]
    assert read_item(json.dumps(item)) == taken.items[0]
