"""Judge: a scene looks at its tables; what it finds is stored once by key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubtwin.model.finding import Finding
from hubtwin.ports import Scene, Store, Tables


@dataclass(frozen=True)
class Judged:
    """All findings, most urgent first, and how many of them were new to the store."""

    findings: Sequence[Finding]
    new: int


def judge(scene: Scene, tables: Tables, params: Mapping[str, Any], now: datetime, store: Store | None = None) -> Judged:
    """Let `scene` judge `tables` at `now` with its own parameters overlaid by `params`.

    With a store the findings are saved; doing so twice stores them once.
    """
    findings = scene.judge(tables, {**scene.params, **params}, now)
    return Judged(findings, store.save_findings(findings) if store else 0)
