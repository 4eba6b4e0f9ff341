"""What a matcher takes: what its hub signed, fresh, for it; and nothing that was bent, cut or made up."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Denied, HubError, Malformed
from hubtwin.matcher.table import HubKey, open_query, open_table
from hubtwin.model.record import Status
from hubtwin.model.risk_table import (
    CotravelQuery,
    WrappedKey,
    key_label,
    read_query,
    read_table,
)
from hubtwin.stores.signing import Signer, canonical
from hubtwin.stores.wrapping import Unwrapper, wrap
from tests.matcher.town import DAY, HUB, NIGHT_MIN, sealed, table_of


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer(tmp_path_factory.mktemp("stranger"))


def query(**told: Any) -> CotravelQuery:
    made: dict[str, Any] = {
        "hub_id": HUB,
        "status": Status.ACTUAL,
        "query_id": "q1",
        "made_min": NIGHT_MIN,
        "trip_id": "T1",
        "service_date": DAY.world.hub_date,
        "cases": ("0" * 32,),
        "pathogen_id": "covid-19-9th",
        "on": DAY.world.hub_date,
        "decided_by": "",
        "key": WrappedKey(1, "00"),
    }
    return CotravelQuery(**{**made, **told})


def refused(content: bytes, signer: Signer, now_min: int = NIGHT_MIN, hub: str = HUB) -> str:
    with pytest.raises(HubError) as caught:
        open_table(content, HubKey(hub, signer.public_hex), now_min)
    return caught.value.key


def test_a_table_comes_back_as_it_was(signer: Signer) -> None:
    table = table_of(keys=(WrappedKey(689, "ab"),))
    assert open_table(sealed(signer, table.body()), HubKey(HUB, signer.public_hex), NIGHT_MIN) == table
    assert read_table(json.loads(canonical(table.body()))) == table
    asked = query()
    assert open_query(sealed(signer, asked.body()), HubKey(HUB, signer.public_hex), NIGHT_MIN) == asked
    assert read_query(json.loads(canonical(asked.body()))) == asked


def test_what_is_not_signed_by_the_hub_is_refused(signer: Signer, stranger: Signer) -> None:
    table = table_of()
    good = json.loads(sealed(signer, table.body()))
    assert refused(sealed(stranger, table.body()), signer) == "matcher.other_key"
    forged = {**json.loads(sealed(stranger, table.body())), "public_key": signer.public_hex}
    assert refused(json.dumps(forged).encode(), signer) == "matcher.altered"
    bare = {"body": table.body()}
    assert refused(json.dumps(bare).encode(), signer) == "matcher.unsigned"
    assert refused(json.dumps({**good, "signature": None}).encode(), signer) == "matcher.unsigned"
    assert refused(json.dumps({**good, "signature": ""}).encode(), signer) == "matcher.altered"
    later = {**good["body"], "valid_until_min": good["body"]["valid_until_min"] + 1}
    assert refused(json.dumps({**good, "body": later}).encode(), signer) == "matcher.altered"
    assert refused(json.dumps({**good, "more": 1}).encode(), signer) == "matcher.unreadable"


def test_what_is_stale_early_or_for_somebody_else_is_refused(signer: Signer) -> None:
    content = sealed(signer, table_of().body())
    assert refused(content, signer, NIGHT_MIN + 600) == "matcher.stale"
    assert refused(content, signer, NIGHT_MIN - 11) == "matcher.from_the_future"
    assert refused(content, signer, hub="other") == "matcher.other_hub"


def test_a_question_is_no_table_and_an_old_question_is_no_question(signer: Signer) -> None:
    hub = HubKey(HUB, signer.public_hex)
    assert refused(sealed(signer, query().body()), signer) == "model.table_broken"
    content = sealed(signer, query().body())
    for now_min, reason in ((NIGHT_MIN + 11, "matcher.stale"), (NIGHT_MIN - 11, "matcher.from_the_future")):
        with pytest.raises(Denied) as caught:
            open_query(content, hub, now_min)
        assert caught.value.key == reason
    with pytest.raises(Denied):
        open_query(sealed(signer, query(hub_id="other").body()), hub, NIGHT_MIN)
    with pytest.raises(Malformed):
        open_query(sealed(signer, table_of().body()), hub, NIGHT_MIN)


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("hub_id", ""),
        ("hub_id", "\ud800"),
        ("status", "Maybe"),
        ("version", 0),
        ("version", True),
        ("version", 1.0),
        ("made_min", -1),
        ("valid_until_min", 0),
        ("stations", "HUB"),
        ("stations", [""]),
        ("rule", {}),
        ("rule", {"lookback_d": 14, "min_stay_h": float("nan"), "precision": "county", "levels": []}),
        ("rule", {"lookback_d": 10_000, "min_stay_h": 0, "precision": "county", "levels": []}),
        ("rule", {"lookback_d": 14, "min_stay_h": 0, "precision": "house", "levels": []}),
        ("keys", [{"epoch": 1, "sealed": "xyz"}]),
        ("areas", [["a"]]),
        ("areas", [["a", "high", "99", None, "x", "street", 10, 9, True]]),
        ("areas", [["a", "top", "99", None, "x", "street", 10, None, True]]),
        ("areas", [["a", "high", "99", None, "x", "street", 10, None, "true"]]),
        ("areas", {"a": 1}),
    ],
)
def test_a_broken_entry_is_named(entry: str, value: object) -> None:
    with pytest.raises(Malformed) as caught:
        read_table({**table_of().body(), entry: value})
    assert caught.value.key == "model.table_broken"
    assert str(caught.value.values["entry"]).startswith(entry)


@pytest.mark.parametrize("entry", ["version", "areas", "rule"])
def test_a_missing_and_an_unknown_entry_are_refused(entry: str) -> None:
    body = table_of().body()
    del body[entry]
    with pytest.raises(Malformed):
        read_table(body)
    with pytest.raises(Malformed):
        read_table({**table_of().body(), f"{entry}s": 1})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_parser_raises_nothing_but_malformed(data: st.DataObject) -> None:
    body: dict[str, Any] = replace(table_of(), areas=table_of().areas[:2]).body()
    place = data.draw(st.sampled_from(sorted(body)))
    target: Any = body
    while isinstance(target[place], dict | list) and target[place] and data.draw(st.booleans()):
        target = target[place]
        keys = sorted(target) if isinstance(target, dict) else range(len(target))
        place = data.draw(st.sampled_from(list(keys)))
    target[place] = data.draw(JSON)
    for read in (read_table, read_query):
        try:
            read(body)
        except Malformed as error:
            assert error.message("zh")  # noqa: PT017 - the sentence can be made of whatever stood there


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_bytes_that_were_bent_or_cut_never_become_a_table(signer: Signer, data: st.DataObject) -> None:
    content = bytearray(sealed(signer, replace(table_of(), areas=()).body()))
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:place]
    else:
        content[place : place + 1] = data.draw(st.binary(max_size=4))
    hub = HubKey(HUB, signer.public_hex)
    try:
        found = open_table(bytes(content), hub, NIGHT_MIN)
    except (Malformed, Denied):
        return
    assert found == replace(table_of(), areas=())  # only white space was changed


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b'{"body":' * 5_000))
def test_any_bytes_are_refused_without_another_error(content: bytes) -> None:
    with pytest.raises((Malformed, Denied)):
        open_table(content, HubKey(HUB, "00" * 32), NIGHT_MIN)


def test_a_key_opens_for_its_receiver_under_its_label_only(tmp_path: Path) -> None:
    ours, theirs = Unwrapper(tmp_path / "a"), Unwrapper(tmp_path / "b")
    key, label = bytes(range(32)), key_label(HUB, 689)
    wrapped = wrap(key, ours.public_hex, label)
    assert ours.unwrap(wrapped, label) == key == Unwrapper(tmp_path / "a").unwrap(wrapped, label)
    assert wrap(key, ours.public_hex, label) != wrapped
    for other, content, words in (
        (theirs, wrapped, label),
        (ours, wrapped, key_label(HUB, 690)),
        (ours, wrapped[:-2] + "00", label),
        (ours, "00", label),
        (ours, "xy", label),
        (ours, "00" * 80, label),
    ):
        with pytest.raises(Denied):
            other.unwrap(content, words)
    for wrong in ("", "zz", "00" * 31):
        with pytest.raises(Malformed):
            wrap(key, wrong, label)


def test_a_receiving_key_that_others_can_read_or_that_is_cut_is_refused(tmp_path: Path) -> None:
    Unwrapper(tmp_path)
    file = tmp_path / "wrapping.key"
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    with pytest.raises(Denied):
        Unwrapper(tmp_path)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(Denied):
        Unwrapper(tmp_path)
