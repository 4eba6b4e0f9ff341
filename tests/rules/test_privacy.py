"""Pseudonyms: one spelling a person, one name an epoch, and links across a rollover."""

import hashlib
import hmac
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Denied
from hubtwin.datasets.health import RISK_SNAPSHOTS
from hubtwin.datasets.people import BOOKINGS, STAYS
from hubtwin.datasets.transport import RAIL_TRIPS
from hubtwin.model.record import Identity
from hubtwin.rules.privacy import (
    EPOCH_MIN,
    Pseudonym,
    epoch_of,
    moment_min,
    normalise,
    pseudonym,
    pseudonymise,
    show_count,
)

_DAY = 24 * 60


def key_of(epoch: int) -> bytes:
    return hashlib.sha256(f"key {epoch}".encode()).digest()


def make(id_no: str, at_min: int, window_min: int = 14 * _DAY) -> Pseudonym:
    return pseudonymise(Identity("passport", id_no), at_min, key_of=key_of, window_min=window_min)


@pytest.mark.parametrize(
    "written",
    [
        "11010519491231002X",  # the worked example of GB 11643-1999
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        " 110105 19491231 002X ",
        "110105\u200b19491231\u3000002X",
        "110105491231002",
    ],
)
@pytest.mark.parametrize("id_type", ["citizen", "Citizen ", "111", "居民身份证"])
def test_every_spelling_of_a_citizen_number_is_one(written: str, id_type: str) -> None:
    assert normalise(Identity(id_type, written)) == Identity("CITIZEN", "11010519491231002X")


def test_other_documents_keep_their_digits() -> None:
    assert normalise(Identity("passport", "ｅ1234 5678")) == Identity("PASSPORT", "E12345678")
    assert normalise(Identity("passport", "110105491231002")).id_no == "110105491231002"
    assert normalise(Identity("citizen", "12345678901234A")).id_no == "12345678901234A"
    assert normalise(Identity("citizen", "")).id_no == ""


def test_a_pseudonym_is_the_first_half_of_an_hmac_over_type_and_number() -> None:
    expected = hmac.new(b"k" * 32, b"PASSPORT\x1fE1", hashlib.sha256).hexdigest()[:32]
    assert pseudonym(b"k" * 32, Identity("PASSPORT", "E1")) == expected
    assert pseudonym(b"k" * 32, Identity("PASSPORTE", "1")) != expected


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=20), st.text(max_size=20))
def test_normalising_twice_changes_nothing(id_type: str, id_no: str) -> None:
    once = normalise(Identity(id_type, id_no))
    assert normalise(once) == once


@settings(max_examples=80, deadline=None)
@given(
    booked_min=st.integers(20_000_000, 40_000_000),
    back_min=st.integers(0, 60 * _DAY),
    window_min=st.integers(0, 60 * _DAY),
)
def test_a_stay_within_the_window_is_met_across_any_number_of_rollovers(
    booked_min: int, back_min: int, window_min: int
) -> None:
    booking = make("E1", booked_min, window_min)
    stay = make("E1", booked_min - back_min)
    known = {booking.pid, *(earlier.pid for earlier in booking.earlier)}
    if back_min <= window_min:
        assert stay.pid in known
    assert make("E2", booked_min - back_min).pid not in known
    epochs = epoch_of(booked_min) - epoch_of(booked_min - window_min) + 1
    assert len(known) == epochs, "no more pseudonyms than the window needs"


@settings(max_examples=60, deadline=None)
@given(booked_min=st.integers(20_000_000, 40_000_000), window_min=st.integers(0, 60 * _DAY))
def test_a_link_expires_when_no_look_back_reaches_the_earlier_epoch(booked_min: int, window_min: int) -> None:
    for earlier in make("E1", booked_min, window_min).earlier:
        at = earlier.expires_min
        assert at > booked_min
        assert earlier.pid not in {link.pid for link in make("E1", at, window_min).earlier}
        assert epoch_of(at - 1) == epoch_of(at - 1 - window_min) or earlier.pid in {
            link.pid for link in make("E1", at - 1, window_min).earlier
        }


def test_the_same_record_has_the_same_pseudonym_whenever_it_is_imported() -> None:
    values: dict[str, object] = {"trip_id": "T", "service_date": date(2022, 10, 20), "as_of_min": 5, "board_seq": 0}
    assert moment_min(BOOKINGS, values) == moment_min(BOOKINGS, {**values, "as_of_min": 99}) == 19_285 * _DAY
    assert moment_min(STAYS, {"in_min": 77, "out_min": 99}) == 77
    assert moment_min(RISK_SNAPSHOTS, {"updated_min": 3}) == 3
    assert moment_min(RAIL_TRIPS, {"trip_id": "T"}) is None
    assert moment_min(STAYS, {"in_min": None}) is None


def test_epochs_are_28_days() -> None:
    assert EPOCH_MIN == 28 * _DAY
    assert [epoch_of(minute) for minute in (-1, 0, EPOCH_MIN - 1, EPOCH_MIN)] == [-1, 0, 0, 1]


def test_a_destroyed_key_makes_no_pseudonym() -> None:
    with pytest.raises(Denied):
        pseudonymise(Identity("passport", "E1"), 0, key_of=lambda epoch: None, window_min=0)
    found = pseudonymise(
        Identity("passport", "E1"), EPOCH_MIN, key_of=lambda epoch: key_of(1) if epoch == 1 else None, window_min=_DAY
    )
    assert found.earlier == ()


@settings(max_examples=40, deadline=None)
@given(st.permutations([f"{prefix:06d}" for prefix in range(110_101, 110_111)]))
def test_permuting_the_prefixes_of_numbers_changes_no_match(prefixes: list[str]) -> None:
    numbers = [f"{prefix:06d}19900307001" for prefix in range(110_101, 110_111)]
    moved = [prefix + number[6:] for prefix, number in zip(prefixes, numbers, strict=True)]
    for people in (numbers, moved):
        booked = [make(number, EPOCH_MIN + 5) for number in people]
        stayed = [make(number, EPOCH_MIN - 5).pid for number in people]
        matches = [[stay in {link.pid for link in booking.earlier} for stay in stayed] for booking in booked]
        assert matches == [[row == column for column in range(10)] for row in range(10)]


def test_small_counts_are_not_shown() -> None:
    assert [show_count(count) for count in (0, 1, 4, 5, 123)] == ["0", "<5", "<5", "5", "123"]
