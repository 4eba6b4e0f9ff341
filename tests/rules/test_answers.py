"""What a partner may answer, and when."""

from dataclasses import replace
from itertools import product

import pytest

from hubtwin.base.errors import Denied, Malformed
from hubtwin.model.partner import Answer, Said
from hubtwin.rules.answers import MAX_NOTE, is_repeated, late_min, list_next, refuse_answer

AT = 27_770_460
RIGHT = {
    (None, Said.RECEIVED),
    (None, Said.ACCEPTED),
    (None, Said.REFUSED),
    (Said.RECEIVED, Said.ACCEPTED),
    (Said.RECEIVED, Said.REFUSED),
    (Said.ACCEPTED, Said.ACCEPTED),
    (Said.ACCEPTED, Said.REFUSED),
    (Said.ACCEPTED, Said.DONE),
    (Said.REFUSED, Said.ACCEPTED),
}


def _answer(said: Said, **told: object) -> Answer:
    return replace(Answer("police", "m1", "c1", said, AT, "link", "desk", "why"), **told)  # type: ignore[arg-type]


@pytest.mark.parametrize(("before", "said"), list(product((None, *Said), Said)))
def test_only_what_the_table_has_may_follow(before: Said | None, said: Said) -> None:
    known = None if before is None else _answer(before)
    if (before, said) in RIGHT:
        refuse_answer(known, _answer(said))
        assert said in list_next(known)
    else:
        with pytest.raises(Denied) as refused:
            refuse_answer(known, _answer(said))
        assert refused.value.key.startswith("rules.answer_")
        assert said not in list_next(known)


def test_a_refusal_needs_a_reason_and_only_an_acceptance_a_minute() -> None:
    with pytest.raises(Malformed, match="Say why"):
        refuse_answer(None, _answer(Said.REFUSED, note="  "))
    with pytest.raises(Malformed):
        refuse_answer(None, _answer(Said.RECEIVED, expected_min=AT + 5))
    for off in (-61, 7 * 24 * 60 + 1):
        with pytest.raises(Malformed):
            refuse_answer(None, _answer(Said.ACCEPTED, expected_min=AT + off))
    refuse_answer(None, _answer(Said.ACCEPTED, expected_min=AT + 25))
    with pytest.raises(Malformed):
        refuse_answer(None, _answer(Said.ACCEPTED, note="x" * (MAX_NOTE + 1)))


def test_the_same_words_are_the_same_answer_whenever_they_come() -> None:
    first = _answer(Said.ACCEPTED, expected_min=AT + 25)
    assert is_repeated(first, replace(first, at_min=AT + 3, through="wire"))
    assert not is_repeated(first, replace(first, expected_min=AT + 26))
    assert not is_repeated(None, first)


def test_how_late_an_answer_is() -> None:
    assert late_min(AT, None, 20, AT + 20) == 0
    assert late_min(AT, None, 20, AT + 33) == 13
    assert late_min(AT, AT + 19, 20, AT + 500) == 0
    assert late_min(AT, AT + 25, 20, AT + 500) == 5
