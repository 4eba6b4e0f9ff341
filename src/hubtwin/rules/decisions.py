"""What nobody should decide by the pages while a source is silent: `decisions.toml` beside this module."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

_TOLD = tomllib.loads(Path(__file__).with_name("decisions.toml").read_text(encoding="utf-8"))
DECISIONS: Mapping[str, frozenset[str]] = {name: frozenset(rests) for name, rests in _TOLD["decisions"].items()}
ALONE: Mapping[str, str] = _TOLD["alone"]  # datasets on which none rests, and why


def list_decisions(datasets: Iterable[str]) -> list[str]:
    """Return the names of the decisions that rest on any of these datasets, in the order of the table."""
    told = frozenset(datasets)
    return [name for name, rests in DECISIONS.items() if rests & told]
