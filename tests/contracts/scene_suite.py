"""What every scene promises, as checks that can be run on a scene or on a mutant of it.

A check raises AssertionError. `Case` is a scene with stories: rows by dataset, the parameters of a hub, a moment.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import narwhals as nw

from hubtwin.library.query import collect
from hubtwin.model.finding import Finding
from hubtwin.model.record import Provenance
from hubtwin.ports import Scene, Tables
from tests.engines.frames import ENGINES

Story = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Case:
    """A scene under test. `later` are rows that become known only after `now`; `expected` are the subjects found."""

    scene: Scene
    story: Story
    later: Story
    params: dict[str, Any]
    now: datetime
    expected: tuple[str, ...]
    make: Callable[[str, Story], Tables]

    def judge(self, story: Story, engine: str = "polars", **params: Any) -> Sequence[Finding]:
        return self.scene.judge(self.make(engine, story), {**self.params, **params}, self.now)


def nothing_is_found_in_empty_tables(case: Case) -> None:
    assert list(case.judge({})) == []


def the_golden_story_is_told(case: Case) -> None:
    assert tuple(f.subject for f in case.judge(case.story)) == case.expected


def every_engine_gives_the_same_answer(case: Case) -> None:
    answers = [list(case.judge(case.story, engine)) for engine in ENGINES]
    assert all(_close(answer, answers[0]) for answer in answers)


def the_order_of_rows_changes_nothing(case: Case) -> None:
    turned = {name: rows[::-1] for name, rows in case.story.items()}
    assert _close(list(case.judge(turned)), list(case.judge(case.story)))


def the_same_question_has_the_same_answer(case: Case) -> None:
    assert _close(list(case.judge(case.story)), list(case.judge(case.story)))


def a_key_is_found_once(case: Case) -> None:
    keys = [f.key for f in case.judge(case.story)]
    assert len(keys) == len(set(keys))


def what_comes_later_is_not_known(case: Case) -> None:
    both = {name: case.story.get(name, []) + case.later.get(name, []) for name in {*case.story, *case.later}}
    assert any(case.later.values())
    assert _close(list(case.judge(both)), list(case.judge(case.story)))


def synthetic_input_makes_synthetic_output(case: Case) -> None:
    made = {name: [{**row, "provenance": "synthetic"} for row in rows] for name, rows in case.story.items()}
    assert {f.marks.provenance for f in case.judge(made)} == {Provenance.SYNTHETIC}
    assert {f.marks.provenance for f in case.judge(case.story)} == {Provenance.REAL}


def the_thresholds_used_are_stored(case: Case) -> None:
    for found in case.judge(case.story):
        assert {name: found.params.get(name) for name in case.scene.params} == dict(case.scene.params)


def a_finding_names_its_scene_moment_and_evidence(case: Case) -> None:
    for found in case.judge(case.story):
        assert found.scene == case.scene.name
        assert found.found_min * 60 == int(case.now.timestamp()) // 60 * 60
        assert found.evidence
        assert found.score >= 0


def what_is_near_decides(case: Case) -> None:
    for engine in ENGINES:
        near = case.scene.narrow(case.make(engine, case.story), case.params, case.now)
        assert set(near) == set(case.make(engine, case.story))
        assert _close(list(case.scene.judge(near, case.params, case.now)), list(case.judge(case.story, engine)))


def new_rows_are_narrowed_by_themselves(case: Case) -> None:
    assert set(case.scene.grow) <= set(case.scene.needs)
    whole = case.scene.narrow(case.make("polars", case.story), case.params, case.now)
    for name in case.scene.grow:
        rows = case.story.get(name, [])
        first = case.make("polars", {**case.story, name: rows[: len(rows) // 2]})
        news = case.make("polars", {name: rows[len(rows) // 2 :]})[name]
        held = case.scene.narrow(first, case.params, case.now)
        merged = case.scene.narrow({**held, name: nw.concat([held[name], news])}, case.params, case.now)
        assert _sorted(merged[name]) == _sorted(whole[name]), name


def _sorted(frame: nw.LazyFrame[Any]) -> list[str]:
    return sorted(repr(row) for row in collect(frame).to_pylist())


def nobody_is_flagged_where_nobody_passed(case: Case) -> None:
    tables = {**case.make("polars", case.story), **case.make("polars", {name: [] for name in case.scene.watches})}
    assert set(case.scene.watches) <= set(tables)
    assert list(case.scene.flag(tables, case.params, case.now)) == []


CHECKS = (
    new_rows_are_narrowed_by_themselves,
    nobody_is_flagged_where_nobody_passed,
    nothing_is_found_in_empty_tables,
    the_golden_story_is_told,
    the_order_of_rows_changes_nothing,
    the_same_question_has_the_same_answer,
    a_key_is_found_once,
    what_comes_later_is_not_known,
    synthetic_input_makes_synthetic_output,
    the_thresholds_used_are_stored,
    a_finding_names_its_scene_moment_and_evidence,
    every_engine_gives_the_same_answer,  # the slow ones last: a mutant that fails before need not wait for them
    what_is_near_decides,
)


def _close(one: list[Finding], other: list[Finding]) -> bool:
    """Equal, but for the last digits of a score: engines add in different orders."""
    return [(f.key, f.subject, f.evidence, f.marks, round(f.score, 9)) for f in one] == [
        (f.key, f.subject, f.evidence, f.marks, round(f.score, 9)) for f in other
    ]
