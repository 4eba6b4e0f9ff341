"""What has changed between two tables: applied it gives the table that was signed, or it is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Denied, Malformed
from hubtwin.matcher.force import MOST_CHANGES, InForce
from hubtwin.matcher.held import Held
from hubtwin.matcher.table import HubKey, open_change
from hubtwin.model.risk_table import ListedArea, RiskTable
from hubtwin.model.table_change import NO_AREAS, TableChange, read_change
from hubtwin.stores.signing import Signer, canonical
from hubtwin.wiring.risk_tables import change_between
from tests.matcher.town import HUB, NIGHT_MIN, areas_of, sealed, table_of

AREAS = st.sets(
    st.builds(
        ListedArea,
        area_key=st.sampled_from("abcdefgh"),
        level=st.sampled_from(("high", "low")),
        area_code=st.just("980001"),
        street_code=st.sampled_from((None, "980001001")),
        community=st.sampled_from(("", "模拟小区", 'a","b', "a\x1f")),
        resolution=st.just("county"),
        first_seen_min=st.integers(0, 2),
        gone_by_min=st.sampled_from((None, 5)),
        synthetic=st.booleans(),
    ),
    max_size=12,
)


def made(base: RiskTable, table: RiskTable) -> TableChange:
    """Return the change between two tables, however long it is."""
    before, after = NO_AREAS.changed(base.areas), NO_AREAS.changed(table.areas)
    gone, came = after.since(before)
    return TableChange(replace(table, areas=came), base.version, before.digest, gone, after.digest)


@given(before=AREAS, after=AREAS)
@settings(max_examples=150, deadline=None)
def test_a_change_that_is_applied_gives_the_table_it_leads_to(before: set[ListedArea], after: set[ListedArea]) -> None:
    base, table = table_of(3, areas=tuple(before)), table_of(4, areas=tuple(after))
    change = read_change(json.loads(canonical(made(base, table).body())))
    assert change == made(base, table)
    held = NO_AREAS.changed(before)
    found = change.apply(3, held)
    assert set(found.areas()) == after
    assert found == NO_AREAS.changed(after)
    assert found.digest == NO_AREAS.changed(sorted(after, reverse=True, key=str)).digest


@given(before=AREAS, other=AREAS, after=AREAS)
@settings(max_examples=100, deadline=None)
def test_a_change_never_leads_to_areas_that_nobody_signed(
    before: set[ListedArea], other: set[ListedArea], after: set[ListedArea]
) -> None:
    change = made(table_of(3, areas=tuple(before)), table_of(4, areas=tuple(after)))
    wrong = NO_AREAS.changed(other)
    for version in (2, 3):
        if version == 3 and other == before:
            continue
        with pytest.raises(Denied) as caught:
            change.apply(version, wrong)
        assert caught.value.key == "model.change_from_elsewhere"
    forged = replace(change, base_digest=wrong.digest)
    if other != before and (set(other) | after) != after:
        with pytest.raises(Denied):
            forged.apply(3, wrong)
    with pytest.raises(Denied):
        replace(change, gone=(*change.gone, "0" * 64)).apply(3, NO_AREAS.changed(before))
    with pytest.raises(Denied):
        replace(change, digest="0" * 64).apply(3, NO_AREAS.changed(before))


def test_the_digest_is_of_all_areas_and_each_of_their_cells() -> None:
    area = areas_of()[0]
    others = [area._replace(level="low"), area._replace(gone_by_min=1), area._replace(synthetic=False)]
    digests = {NO_AREAS.changed(some).digest for some in ([], [area], *([each] for each in others))}
    assert len(digests) == 2 + len(others)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("base_version", 0),
        ("base_version", 4),
        ("base_digest", "x"),
        ("gone", ["ab"]),
        ("digest", None),
        ("came", [[]]),
    ],
)
def test_what_is_no_change_is_refused_by_its_entry(entry: str, value: object) -> None:
    body = made(table_of(3), table_of(4, areas=areas_of()[:1])).body()
    with pytest.raises(Malformed) as caught:
        read_change({**body, entry: value})
    assert str(caught.value.values["entry"]).startswith(entry)
    with pytest.raises(Malformed):
        read_change({**body, "more": 1})
    with pytest.raises(Malformed):
        read_change(table_of(4).body())


def test_a_change_is_sent_only_where_it_is_the_shorter_one() -> None:
    areas = NO_AREAS.changed(areas_of())
    fewer = NO_AREAS.changed(areas_of()[:-1])
    assert change_between((1, areas), table_of(2, areas=areas_of()[:-1]), fewer) is not None
    assert change_between((1, areas), table_of(2, areas=()), NO_AREAS) is None
    assert change_between((1, NO_AREAS), table_of(2), areas) is None


def test_a_chain_of_changes_is_opened_again_after_a_start_and_has_an_end(tmp_path: Path) -> None:
    signer, hub_held = Signer(tmp_path / "hub"), Held(tmp_path / "matcher", NIGHT_MIN)
    hub = HubKey(HUB, signer.public_hex)
    force, table = InForce(hub_held, hub), table_of(1)
    force.take(sealed(signer, table.body()), NIGHT_MIN)
    for version in range(2, MOST_CHANGES + 2):
        following = table_of(version, areas=areas_of()[: 1 + version % 4])
        assert force.take_change(sealed(signer, made(table, following).body()), NIGHT_MIN)[1]
        table = following
    again = InForce(hub_held, hub).find()
    assert again is not None
    assert (again.version, set(again.areas)) == (table.version, set(table.areas))
    one_more = sealed(signer, made(table, table_of(table.version + 1)).body())
    for each in (force, InForce(hub_held, hub)):
        with pytest.raises(Denied) as caught:
            each.take_change(one_more, NIGHT_MIN)
        assert caught.value.key == "matcher.other_base"
    force.take(sealed(signer, table_of(table.version + 1).body()), NIGHT_MIN)
    assert hub_held.list_changes() == []
    hub_held.close()


def test_the_same_change_again_is_no_harm_and_an_older_one_is_told_the_version(tmp_path: Path) -> None:
    signer, held = Signer(tmp_path / "hub"), Held(tmp_path / "matcher", NIGHT_MIN)
    hub = HubKey(HUB, signer.public_hex)
    force = InForce(held, hub)
    first, second = table_of(1), table_of(2, areas=areas_of()[:2])
    content = sealed(signer, made(first, second).body())
    with pytest.raises(Denied) as caught:
        force.take_change(content, NIGHT_MIN)
    assert caught.value.key == "matcher.other_base"
    force.take(sealed(signer, first.body()), NIGHT_MIN)
    assert [force.take_change(content, NIGHT_MIN)[1] for _ in range(2)] == [True, False]
    other = sealed(signer, made(first, table_of(2, areas=areas_of()[:3])).body())
    with pytest.raises(Denied) as caught:
        force.take_change(other, NIGHT_MIN)
    assert (caught.value.key, caught.value.values["held"]) == ("matcher.older", 2)
    held.close()


def test_what_is_stale_unsigned_or_of_another_hub_is_no_change(tmp_path: Path) -> None:
    signer, stranger = Signer(tmp_path / "hub"), Signer(tmp_path / "stranger")
    change = made(table_of(1), table_of(2, areas=areas_of()[:2])).body()
    for content, now_min, hub_id, reason in (
        (sealed(signer, change), NIGHT_MIN + 600, HUB, "matcher.stale"),
        (sealed(signer, change), NIGHT_MIN - 11, HUB, "matcher.from_the_future"),
        (sealed(signer, change), NIGHT_MIN, "other", "matcher.other_hub"),
        (sealed(stranger, change), NIGHT_MIN, HUB, "matcher.other_key"),
        (json.dumps({"body": change}).encode(), NIGHT_MIN, HUB, "matcher.unsigned"),
    ):
        with pytest.raises(Denied) as caught:
            open_change(content, HubKey(hub_id, signer.public_hex), now_min)
        assert caught.value.key == reason
