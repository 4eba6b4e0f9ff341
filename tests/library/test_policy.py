"""The policies against a plain reading of the rules, their schema, and what happens when one of them fails."""

import re
from dataclasses import replace
from typing import Any

import cedarpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Bug
from hubtwin.base.text import catalogue
from hubtwin.library.policy import FAILED, LANES, READING, SCHEMA, Policies, context_of, shipped_policies
from hubtwin.model.basket import BasketKind, Said
from hubtwin.model.sharing import Delivery, Lane, Rows, Share
from hubtwin.rules.lanes import LANES_OF, Facts, Limits, Seen, choose
from tests.library.lanes_oracle import read_plainly, say_plainly

LIMITS = Limits()
NAMES = st.frozensets(st.sampled_from(["a", "b", "c"]), max_size=3)
SOME = st.sampled_from(["x", "y"])
MINUTES = st.sampled_from([0, 1, 1440, 1441, 90 * 1440, 90 * 1440 + 1, 180 * 1440, 180 * 1440 + 1, 365 * 1440 + 1])
ROLES = ["agency_liaison", "scene_officer", "analyst", "data_steward", "duty_commander", "field_staff"]
SEEN = st.builds(
    Seen,
    template_id=st.just("t"),
    columns=NAMES,
    purposes=st.frozensets(SOME),
    agencies=st.frozensets(SOME),
    kinds=st.frozensets(st.sampled_from(["street", "department"])),
    longest_min=MINUTES,
    until_min=st.sampled_from([99, 100, 101]),
    rows_fit=st.booleans(),
    masked=st.booleans(),
)
FACTS = st.builds(
    Facts,
    dataset=st.just("d"),
    applicant=st.just("p"),
    roles=st.frozensets(st.sampled_from(ROLES), max_size=2),
    agency=SOME,
    agency_kind=st.sampled_from(["street", "department"]),
    sharing=st.sampled_from(["unconditional", "restricted", "not_shared"]),
    grade=st.integers(1, 4),
    scaled=st.booleans(),
    purpose=SOME,
    purposes=st.frozensets(SOME),
    purpose_known=st.booleans(),
    basis_known=st.booleans(),
    minutes=MINUTES,
    now_min=st.just(100),
    columns=NAMES,
    rows_named=st.booleans(),
    wide=st.booleans(),
    counts_only=st.booleans(),
    chosen=st.booleans(),
    scene=st.booleans(),
    own_scene=st.booleans(),
    template=st.none() | SEEN,
    revoked=st.booleans(),
    unreviewed=st.booleans(),
    emergency_since_min=st.sampled_from([0, 1, 60, 1439, 1440, 5000]),
)


@settings(max_examples=300, deadline=None)
@given(FACTS, st.sampled_from(list(BasketKind)))
def test_every_lane_says_what_a_plain_reading_of_the_rules_says(facts: Facts, kind: BasketKind) -> None:
    told = [] if facts.template is None else [facts.template]
    for said in shipped_policies().say(replace(facts, template=None), kind, LIMITS, told):
        assert set(said.reasons) == say_plainly(said.lane, facts, LIMITS), said.lane


@settings(max_examples=200, deadline=None)
@given(
    st.data(),
    NAMES,
    st.frozensets(st.sampled_from(["agency:x", "agency:y", "user:p"])),
    SOME,
    st.sampled_from([9, 10, 19, 20]),
)
def test_reading_is_decided_as_a_share_says_of_itself(
    data: Any, columns: frozenset[str], grantees: frozenset[str], purpose: str, now_min: int
) -> None:
    minute = st.none() | st.just(11)
    share = Share(
        *(
            "s",
            "b",
            "agency:x",
            "d",
            data.draw(NAMES),
            (),
            data.draw(st.sampled_from([Rows(), Rows(True)])),
            "x",
            "law",
        ),
        *(frozenset({Delivery.QUERY}), Lane.OWNER, "shape", 10, 20, "o"),
        probed_min=data.draw(minute),
        suspended_min=data.draw(minute),
        revoked_min=data.draw(minute),
    )
    digest = data.draw(st.sampled_from(["shape", "other"]))
    against = shipped_policies().say_read(share, grantees, purpose, columns, now_min=now_min, digest=digest)
    assert (not against) == read_plainly(share, set(grantees), purpose, set(columns), now_min, digest)


def test_the_policies_are_few_and_fit_their_schema() -> None:
    for file in (LANES, READING):
        policies = file.read_text("utf-8")
        assert cedarpy.validate_policies(policies, SCHEMA.read_text("utf-8")).errors == []
        assert policies.count("\nforbid") < 40
        assert policies.count("\npermit") == 1
        assert policies.count("\nforbid") == policies.count("\n@id")  # each says why


def test_every_reason_is_a_text() -> None:
    ids = set(re.findall(r'@id\("(\w+)"\)', LANES.read_text("utf-8") + READING.read_text("utf-8"))) | {FAILED}
    assert not {name for name in ids if f"library.why_{name}" not in catalogue()}


def test_policies_that_do_not_fit_are_refused() -> None:
    with pytest.raises(Bug):
        Policies("permit (principal, action, resource) when { context.nothing };", "", SCHEMA.read_text("utf-8"))


def test_a_policy_that_cannot_be_evaluated_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cedar passes over a forbidding policy that fails: everything that misses a fact must be denied all the same."""
    good = Facts(
        *("d", "p", frozenset({"agency_liaison"}), "x", "street", "unconditional", 1, False, "x", frozenset({"x"})),
        *(True, True, 1440, 100, frozenset({"a"}), True, False, False, False, False),
    )
    whole = context_of(good, LIMITS)
    for lost in whole:
        missing = {name: value for name, value in whole.items() if name != lost}
        monkeypatch.setattr("hubtwin.library.policy.context_of", lambda *_, missing=missing: missing)
        kinds = (BasketKind.SHARING, BasketKind.EMERGENCY)
        said = [each for kind in kinds for each in shipped_policies().say(good, kind, LIMITS)]
        used = {each for each in said if FAILED in each.reasons}
        assert used or lost in {"agency", "agencyKind", "ownScene", "nowMin"}, lost
        if lost in {"sharing", "grade", "rowsNamed", "minutes", "purpose", "purposes", "columns", "roles", "wide"}:
            assert said[0].reasons == (FAILED,), lost


def test_the_first_open_lane_is_taken_and_none_is_a_refusal() -> None:
    said = [Said(lane, ("x",)) for lane in LANES_OF[BasketKind.SHARING]]
    assert choose(BasketKind.SHARING, said) is Lane.REFUSED
    said[1], said[3] = Said(Lane.TEMPLATE), Said(Lane.OWNER)
    assert choose(BasketKind.SHARING, said) is Lane.TEMPLATE
