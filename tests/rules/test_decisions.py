"""Every dataset that a source feeds carries a decision, or says why none; each decision has its text."""

import json
from pathlib import Path

import pytest

from hubtwin.datasets.all import DATASETS
from hubtwin.rules.decisions import ALONE, DECISIONS, list_decisions
from hubtwin.wiring.plugs import CONNECTORS, get_connector

TEXTS = Path(__file__).parents[2] / "ui" / "src" / "i18n"


def test_every_dataset_of_a_source_stands_in_the_table_once_and_no_other() -> None:
    fed = {name for kind in CONNECTORS for name in get_connector(kind).manifest.datasets}
    told = set().union(*DECISIONS.values())
    assert fed - told == set(ALONE)
    assert told | set(ALONE) <= set(DATASETS)
    assert not told & set(ALONE)
    assert all(ALONE.values())


def test_decisions_are_named_once_in_the_order_of_the_table() -> None:
    assert list_decisions(["lane_counts", "zone_counts"]) == ["crowd_control", "overflow"]
    assert list_decisions(["rail_stations", "nothing"]) == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_every_decision_has_its_text_and_no_text_lacks_its_decision(lang: str) -> None:
    texts = json.loads((TEXTS / lang / "map.json").read_text(encoding="utf-8"))["decision"]
    assert set(texts) == set(DECISIONS)
