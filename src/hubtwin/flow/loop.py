"""The loop: one turn of a scene, from its tables to orders; everything may run twice, and a turn that was cut short
is finished by the next one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import HubError, Retry
from hubtwin.base.ids import stable_key
from hubtwin.flow.dispatch import dispatch, list_orders
from hubtwin.flow.emergency import propose_overflow
from hubtwin.flow.guard import find_emergency
from hubtwin.flow.judge import judge
from hubtwin.flow.timers import Clocks, tick
from hubtwin.flow.warn import open_cases, raise_alerts
from hubtwin.model.alert import Alert
from hubtwin.model.case import Case
from hubtwin.model.event import EventKind, Timer
from hubtwin.model.finding import Finding, Flagged
from hubtwin.model.task import Task
from hubtwin.ports import Ledger, Scene, Store, Tables

Staff = Mapping[str, Mapping[str, Any]]
Overloads = Sequence[Mapping[str, Any]]
_FAILURES = (HubError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True)
class Wheel:
    """What turns the loop of a scene: its judgement, its clocks, who plans and who says which persons are flagged.

    `plan(findings, now_min)` gives the staff plan by finding key and the exits that will overflow.
    """

    scene: Scene
    clocks: Clocks
    params: Mapping[str, Any] = field(default_factory=dict)
    plan: Callable[[Sequence[Finding], int], tuple[Staff, Overloads]] = lambda findings, now_min: ({}, ())
    flagged: Callable[[Sequence[Finding], int], Sequence[Flagged]] = lambda findings, now_min: ()
    sensed: Callable[[Finding], int] | None = None


@dataclass(frozen=True)
class Turn:
    """What one turn did. `off` says that no emergency is in force; `failed` that the scene could not judge."""

    findings: Sequence[Finding] = ()
    alerts: Sequence[Alert] = ()
    cases: Sequence[Case] = ()
    tasks: Sequence[Task] = ()
    fired: Sequence[Timer] = ()
    off: bool = False
    failed: bool = False


def turn(
    ledger: Ledger,
    wheel: Wheel,
    tables: Callable[[], Tables],
    now: datetime,
    store: Store | None = None,
    *,
    judges: bool = True,
) -> Turn:
    """Turn the loop once at `now`: clocks first, then judge, warn, dispatch, and open cases.

    `tables` is asked only where an emergency is in force; without `judges` only clocks run and persons are flagged. A
    scene that fails stops nobody else: its failure is an event, once an hour for the same cause, and who passed the
    gates is flagged although the trains could not be judged. Raises Retry of the ledger.
    """
    now_min, scene = epoch_minute(now), wheel.scene.name
    clocks_min = wheel.clocks.clocks_min
    done = Turn(fired=tick(ledger, now_min, wheel.clocks))
    if find_emergency(ledger, scene, now_min) is None:
        return replace(done, off=True)
    try:
        if judges:
            findings = judge(wheel.scene, tables(), wheel.params, now, store).findings
            staff, overloads = wheel.plan(findings, now_min)
            alerts = raise_alerts(ledger, findings, clocks_min, scene=scene, now_min=now_min, sensed=wheel.sensed)
            tasks = dispatch(ledger, list_orders(findings, staff), clocks_min, scene=scene, now_min=now_min)
            tasks += propose_overflow(ledger, overloads, clocks_min, scene=scene, now_min=now_min)
            done = replace(done, findings=findings, alerts=alerts, tasks=tasks)
    except _FAILURES as error:
        done = _failed(ledger, wheel, done, now_min, error)
    try:
        flagged = wheel.flagged(done.findings, now_min)
        return replace(done, cases=open_cases(ledger, flagged, clocks_min, scene=scene, now_min=now_min))
    except _FAILURES as error:
        return _failed(ledger, wheel, done, now_min, error)


def _failed(ledger: Ledger, wheel: Wheel, done: Turn, now_min: int, error: Exception) -> Turn:
    if isinstance(error, Retry):
        raise error
    _write_failure(ledger, wheel.scene.name, now_min, error)
    return replace(done, failed=True)


def _write_failure(ledger: Ledger, scene: str, now_min: int, error: Exception) -> None:
    """Write down that a scene failed; what exactly is named by its kind and key, never by its text."""
    cause = error.key if isinstance(error, HubError) else type(error).__name__
    with ledger.unit(now_min) as unit:
        if unit.once(stable_key("scene failed", scene, cause, now_min // 60), cause):
            unit.append(EventKind.SCENE_FAILED, scene, {"scene": scene, "cause": cause}, scene)
