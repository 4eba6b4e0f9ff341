"""Baskets and shares as rows: what has returned survives a kill, with its audit; many shares are found by an index."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from hubtwin.library.applying import submit
from hubtwin.model.basket import ItemState
from hubtwin.stores.baskets import BasketFilter, Origin
from hubtwin.stores.sqlite import Database
from tests.databases import Engine
from tests.library.baskets_kit import LIAISON, NOW_MIN, OTHER_STREET, STEWARD, Town, ask, form, town_at

ROOT = Path(__file__).parents[2]


def test_what_has_returned_survives_a_kill_and_the_audit_tells_of_all_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.library.baskets_killed", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = [child.stdout.readline().strip() for _ in range(5)]
        child.kill()
    with town_at(tmp_path) as town:
        found = town.book.list_baskets(BasketFilter(limit=10_000))
        assert {basket.form.key for basket in found} >= set(said)
        told = [entry.payload["basket"] for entry in town.audit.list_entries(kind="BasketSubmitted")]
        assert sorted(told) == sorted(basket.basket_id for basket in found)
        active = [b for b in found if b.get_item("shops").state is ItemState.ACTIVE]
        assert len(active) == town.kinds().count("ShareActive") >= len(said)
        assert len(town.live("agency:street-1")) == len(active)
        assert not town.audit.verify().problems


def test_a_grantee_among_five_thousand_shares_is_found_by_an_index(tmp_path: Path) -> None:
    with town_at(tmp_path) as town:
        basket = submit(town.applying, LIAISON, form(ask("shops")))
        (one,) = town.book.shares_of(basket.basket_id)
        many = [replace(one, share_id=f"s{n}", grantee=f"agency:a{n % 500}", basket_id="b") for n in range(5_000)]
        town.book.submit(replace(basket, basket_id="b", applicant="bench"), many)
        assert len(town.book.list_shares("agency:a7")) == 10
        assert len(town.book.list_shares("agency:a7000")) == 0
        sql = "SELECT body FROM library_shares WHERE grantee = ? AND until_min > ? AND revoked_min IS NULL"
        assert isinstance(town.database, Database)
        plan = str(town.database.all(f"EXPLAIN QUERY PLAN {sql}", "agency:a7", NOW_MIN))
        assert "library_shares_by_grantee" in plan
        assert town.book.list_origins()["b"] == Origin("bench", "street-1")


def _send(town: Town, count: int) -> list[str]:
    sent = []
    for number in range(count):
        who, grantee = ((LIAISON, "street-1"), (OTHER_STREET, "street-2"))[number % 2]
        wanted = form(ask("residents", "no", "phone"), key=str(number), grantee=f"agency:{grantee}")
        sent.append(submit(town.applying, who, wanted).basket_id)
        town.wait(seconds=1)
    return sent


def test_baskets_come_in_pages_the_newest_first_and_only_those_that_concern(tmp_path: Path, engine: Engine) -> None:
    with town_at(tmp_path, engine) as town:
        sent = _send(town, 5)
        first = town.book.list_baskets(BasketFilter(limit=3))
        rest = town.book.list_baskets(BasketFilter(limit=3, before=first[-1].basket_id))
        assert [each.basket_id for each in (*first, *rest)] == sent[::-1]
        assert all(each == town.book.get(each.basket_id) for each in first)
        own = town.book.list_baskets(BasketFilter(agency="street-2"))
        assert [each.basket_id for each in own] == [sent[3], sent[1]]
        mine = town.book.list_baskets(BasketFilter(applicant=LIAISON.user_id, limit=2))
        mine += town.book.list_baskets(BasketFilter(applicant=LIAISON.user_id, before=mine[-1].basket_id))
        assert [each.basket_id for each in mine] == [sent[4], sent[2], sent[0]]
        assert all(each == town.book.get(each.basket_id) for each in mine), "with all of their items"
        assert len(town.book.list_baskets(BasketFilter(concerns="public-security", waiting=True))) == 5
        assert town.book.list_baskets(BasketFilter(concerns=STEWARD.agency)) == []
        assert town.book.list_baskets(BasketFilter(since_ms=first[0].submitted_ms)) == first[:1]
