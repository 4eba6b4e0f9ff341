"""Increments equal the whole: publish, withdraw, publish again with an end, new stays, in any order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hubtwin.base.errors import Malformed
from hubtwin.rules.linkage import collide, index_stays, rank_persons, trace_area
from hubtwin.rules.linkage_collider import Change, Collider
from hubtwin.rules.linkage_risk import index_risk

AREAS = st.integers(0, 3)
STARTS = st.integers(-30, 30)
LENGTHS = st.integers(1, 30)
STAY = st.tuples(AREAS, st.integers(0, 5), STARTS, LENGTHS)
BASE = [(0, 0, -5, 9), (0, 1, 3, 4), (1, 0, 0, 30), (2, 2, -20, 5), (1, 3, 7, 1), (0, 1, -25, 30)]


def _columns(stays: list[tuple[int, int, int, int]]) -> np.ndarray[Any, Any]:
    table = np.array(stays, np.int64).reshape(-1, 4)
    table[:, 3] += table[:, 2]
    return table.T


class Increments(RuleBasedStateMachine):
    """Random sequences beside a model that starts from nothing after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.collider = Collider(index_stays(*_columns(BASE)))
        self.stays = list(BASE)
        self.intervals: dict[int, tuple[int, int, int, int]] = {}
        self.exposed: set[int] = set()

    def _full(self) -> Any:
        table = np.array(list(self.intervals.values()), np.int64).reshape(-1, 4)
        return index_stays(*_columns(self.stays)), index_risk(*table.T, interval=list(self.intervals) or None)

    def _check(self, change: Change) -> None:
        now = set(rank_persons(*self._full()).person.tolist())
        assert change.entered.tolist() == sorted(now - self.exposed)
        assert change.left.tolist() == sorted(self.exposed - now)
        self.exposed = now

    @rule(name=st.integers(0, 6), area=AREAS, start=STARTS, length=LENGTHS, level=st.integers(1, 3))
    def publish(self, name: int, area: int, start: int, length: int, level: int) -> None:
        self.intervals[name] = (area, start, start + length, level)
        self._check(self.collider.publish(index_risk([area], [start], [start + length], [level], interval=[name])))

    @rule(names=st.lists(st.integers(0, 6), max_size=3))
    def withdraw(self, names: list[int]) -> None:
        for name in names:
            self.intervals.pop(name, None)
        self._check(self.collider.withdraw(names))

    @rule(stays=st.lists(STAY, max_size=4), again=st.booleans())
    def add(self, stays: list[tuple[int, int, int, int]], again: bool) -> None:
        area, person, t_in, t_out = _columns(stays)
        stay_id = len(self.stays) + np.arange(len(stays))
        self.stays += stays
        self._check(self.collider.add(area, person, t_in, t_out, stay_id=stay_id))
        if again:
            assert all(not len(one) for one in self.collider.add(area, person, t_in, t_out, stay_id=stay_id))

    @invariant()
    def the_whole_is_the_same(self) -> None:
        stays, risk = self._full()
        full, held = rank_persons(stays, risk), self.collider.list_persons()
        for name in full._fields:
            assert getattr(full, name).tolist() == getattr(held, name).tolist()
        listed = self.collider.list_exposed()
        assert sorted(listed.stay_id.tolist()) == sorted(collide(stays, risk).stay_id.tolist())
        assert [self.collider.is_exposed(p) for p in range(-1, 8)] == [p in self.exposed for p in range(-1, 8)]
        assert self.collider.risk().interval.tolist() == risk.interval.tolist()


TestIncrements = Increments.TestCase
TestIncrements.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)


def test_publishing_touches_only_its_own_area() -> None:
    stays = index_stays(*_columns(BASE))
    collider = Collider(stays)
    collider.publish(index_risk([0], [-50], [50], interval=[1]))
    before = {key: id(found) for key, found in collider._found.items()}
    change = collider.publish(index_risk([1], [0], [10], interval=[2]))
    assert {key: id(found) for key, found in collider._found.items() if key in before} == before
    assert change.entered.tolist() == sorted(set(trace_area(stays, 1, 0, 10).tolist()) - {0, 1})


def test_bad_stays_are_refused_and_change_nothing() -> None:
    collider = Collider(index_stays(*_columns(BASE)))
    collider.publish(index_risk([0], [-50], [50]))
    for columns in (([0], [0], [5], [5], [9]), ([0], [0, 1], [5], [6], [9]), ([0], [-1], [5], [6], [9])):
        with pytest.raises(Malformed):
            collider.add(*columns[:4], stay_id=columns[4])
    change = collider.add([0], [9], [5], [6], stay_id=[9])
    assert change.entered.tolist() == [9]
