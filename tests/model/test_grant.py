"""Grants, look-ups and the word of a second person, as records."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.grant import (
    GLASS_MIN,
    LONGEST_GRANT_MIN,
    VAULT,
    Grant,
    LookUp,
    Purpose,
    Word,
    agree,
    find_cover,
    refuse_bad_grant,
    use,
)

GRANT = Grant(
    *("g1", "ann", VAULT, frozenset({"name", "phone"}), frozenset({Purpose.TRACE}), "epidemic"),
    *(100, 200, "owner", "security", "tracing of contacts"),
)
ASKED = LookUp("ann", "epidemic", Purpose.TRACE, VAULT, ("name",), "case-1")


def test_a_live_grant_covers_what_it_names() -> None:
    assert find_cover([GRANT], ASKED, 100) is GRANT
    assert find_cover([GRANT], replace(ASKED, columns=("phone", "name")), 199) is GRANT


@pytest.mark.parametrize(
    "asked",
    [
        replace(ASKED, by="bob"),
        replace(ASKED, scene="fire"),
        replace(ASKED, purpose=Purpose.REPORT),
        replace(ASKED, dataset="stays"),
        replace(ASKED, columns=("name", "id_no")),
    ],
)
def test_a_grant_covers_nothing_that_it_does_not_name(asked: LookUp) -> None:
    with pytest.raises(Denied):
        find_cover([GRANT], asked, 150)


@given(st.integers(0, 400), st.none() | st.integers(0, 400))
def test_a_grant_holds_from_its_first_minute_until_before_its_last_unless_revoked(at: int, revoked: int | None) -> None:
    grant = replace(GRANT, revoked_min=revoked)
    assert grant.is_live(at) == (revoked is None and at in range(100, 200))
    if not grant.is_live(at):
        with pytest.raises(Denied):
            find_cover([grant], ASKED, at)


@pytest.mark.parametrize("asked", [replace(ASKED, about=" "), replace(ASKED, columns=())])
def test_a_question_that_does_not_say_what_and_about_whom_is_refused(asked: LookUp) -> None:
    with pytest.raises(Malformed):
        find_cover([GRANT], asked, 150)


def test_no_grant_at_all_denies() -> None:
    with pytest.raises(Denied):
        find_cover([], ASKED, 150)


def test_what_was_given_is_used_before_what_was_taken() -> None:
    taken = replace(GRANT, grant_id="a0", glass=True)
    assert find_cover([taken, GRANT], ASKED, 150) is GRANT
    assert find_cover([taken], ASKED, 150) is taken


@pytest.mark.parametrize(
    "grant",
    [
        replace(GRANT, columns=frozenset()),
        replace(GRANT, purposes=frozenset()),
        replace(GRANT, reason=" "),
        replace(GRANT, until_min=100),
        replace(GRANT, until_min=101 + LONGEST_GRANT_MIN),
        replace(GRANT, scene=""),
    ],
)
def test_a_grant_that_says_too_little_or_lasts_too_long_is_refused(grant: Grant) -> None:
    refuse_bad_grant(GRANT)
    with pytest.raises(Malformed):
        refuse_bad_grant(grant)


@pytest.mark.parametrize(("issued", "approved"), [("ann", "x"), ("x", "ann"), ("x", "x"), ("x", ""), ("", "x")])
def test_a_grant_takes_two_people_and_neither_is_who_receives_it(issued: str, approved: str) -> None:
    with pytest.raises(Denied):
        refuse_bad_grant(replace(GRANT, issued_by=issued, approved_by=approved))


def _word() -> Word:
    return Word("w", "unmask", "d1", "ann", 100, GLASS_MIN, "train D1")


def test_a_word_is_given_by_another_in_time_and_used_once_by_who_asked() -> None:
    given_word = agree(_word(), "bob", 114)
    used = use(given_word, "unmask", "d1", "ann", 114)
    assert (used.agreed_by, used.used_min) == ("bob", 114)
    with pytest.raises(Denied):
        use(used, "unmask", "d1", "ann", 114)


def test_nobody_agrees_with_themselves_too_late_or_twice() -> None:
    for by, at in (("ann", 101), ("bob", 115)):
        with pytest.raises(Denied):
            agree(_word(), by, at)
    with pytest.raises(Denied):
        agree(agree(_word(), "bob", 101), "eve", 102)


@pytest.mark.parametrize(
    ("kind", "digest", "by", "at"),
    [
        ("end", "d1", "ann", 102),
        ("unmask", "d2", "ann", 102),
        ("unmask", "d1", "bob", 102),
        ("unmask", "d1", "ann", 115),
    ],
)
def test_a_word_is_good_for_nothing_else_for_nobody_else_and_not_for_long(
    kind: str, digest: str, by: str, at: int
) -> None:
    with pytest.raises(Denied):
        use(agree(_word(), "bob", 101), kind, digest, by, at)
    with pytest.raises(Denied):
        use(_word(), "unmask", "d1", "ann", 101)
