"""Citizen numbers, other documents, telephones, administrative codes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubtwin.rules.documents import citizen_check, citizen_fault, is_area, is_other_document, is_phone, tidy_phone


def test_the_example_of_the_standard_has_its_check_character() -> None:
    assert citizen_check("11010519491231002") == "X"  # GB 11643-1999, appendix
    assert citizen_fault("11010519491231002X") == ""
    assert citizen_fault("440524188001010014") == ""


@given(st.integers(0, 10**9), st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_found(serial: int, place: int, more: int) -> None:
    body = f"99{serial % 10_000:04d}19900101{serial % 1000:03d}"
    number = body + citizen_check(body)
    assert citizen_fault(number) == ""
    wrong = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]
    assert citizen_fault(wrong) != ""


@given(st.integers(0, 10**9), st.integers(0, 15))
def test_two_digits_that_changed_places_are_found(serial: int, place: int) -> None:
    body = f"99{serial % 10_000:04d}19900101{serial % 1000:03d}"
    number = body + citizen_check(body)
    turned = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert (citizen_fault(turned) == "") is (turned == number)


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        ("", "form"),
        ("11010519491231002x", "form"),
        ("11010519491331002X", "birth"),
        ("１１010519491231002X", "form"),
        ("110105194912310021", "check"),
        ("110105490101002", "form"),
        (f"110105187912310{citizen_check('11010518791231000')}00", "birth"),
    ],
)
def test_what_is_wrong_is_said(number: str, fault: str) -> None:
    assert citizen_fault(number) == fault


def test_other_numbers() -> None:
    assert is_other_document("E12345678")
    assert is_other_document("H0123456(7)")
    assert not is_other_document("e1")
    for good in ("13800000000", "0571-88888888", "057188888888", "+85212345678"):
        assert is_phone(good), good
    for bad in ("12800000000", "1380000000", "88888888", "+8613800000000", "1380000000０", ""):
        assert not is_phone(bad), bad
    assert tidy_phone("+86 138-0000-0000") == "13800000000"
    assert tidy_phone("（0571）8888 8888") == "057188888888"
    assert tidy_phone("0571-88888888") == "0571-88888888"


def test_administrative_codes() -> None:
    assert is_area("330102000", 9)
    assert is_area("330102004001", 12)
    assert not is_area("330102", 9)
    assert not is_area("990102000", 12)
    assert not is_area("180102000", 9)
    assert not is_area("33010200a", 9)
