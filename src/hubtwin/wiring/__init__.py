"""The only package that knows concrete plug-ins; entry points call it, nothing below does."""

from hubtwin.wiring.days import SIMULATED, bring_in_day, simulate_day, simulate_into
from hubtwin.wiring.feeds import (
    ImportJob,
    find_gazetteer,
    import_files,
    known_trains,
    prepare,
    preview_files,
    release_freeze,
)
from hubtwin.wiring.lists import Ask, Warned, WarningList, warn
from hubtwin.wiring.plugs import CONNECTORS, SCENES, get_connector, load, open_store

__all__ = [
    "CONNECTORS",
    "SCENES",
    "SIMULATED",
    "Ask",
    "ImportJob",
    "Warned",
    "WarningList",
    "bring_in_day",
    "find_gazetteer",
    "get_connector",
    "import_files",
    "known_trains",
    "load",
    "open_store",
    "prepare",
    "preview_files",
    "release_freeze",
    "simulate_day",
    "simulate_into",
    "warn",
]
