"""The simulated staff leaves some cases to people, few at a time."""

from dataclasses import replace
from typing import cast

from hubtwin.model.case import Case, CaseState
from hubtwin.ports import Ledger
from hubtwin.wiring.replay import LeftCases


class Cases:
    """The part of a ledger that is asked."""

    def __init__(self, numbers: range) -> None:
        self.known = {case.case_id: case for case in map(numbered, numbers)}

    def get_case(self, case_id: str) -> Case:
        return self.known[case_id]

    def close(self, case: Case) -> None:
        self.known[case.case_id] = replace(case, state=CaseState.CLOSED)


def numbered(number: int) -> Case:
    return Case(f"{number:08x}-1", "epidemic", "event", f"pid {number}", "G1", 0)


def test_few_cases_are_left_at_a_time_and_one_that_is_closed_makes_room() -> None:
    cases = Cases(range(1, 40))
    leaves = LeftCases(cast("Ledger", cases), every=7, open_at_most=2)
    left = [case for case in cases.known.values() if leaves(case)]
    assert [case.case_id for case in left] == ["00000007-1", "0000000e-1"]
    cases.close(left[0])
    later = [numbered(number) for number in range(40, 60)]
    cases.known |= {case.case_id: case for case in later}
    assert [case.case_id for case in later if leaves(case)] == ["0000002a-1"]
    assert leaves(left[0])  # once said it stays said
    assert not leaves(numbered(21))


def test_with_none_to_leave_the_staff_does_everything() -> None:
    cases = Cases(range(20))
    assert not any(LeftCases(cast("Ledger", cases), every=0)(case) for case in cases.known.values())
