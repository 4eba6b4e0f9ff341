"""Every channel passes the whole suite."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.contracts.channel_pairs import PAIRS
from tests.contracts.channel_suite import CHECKS, Opener


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_channel_keeps_its_contract(name: str, check: Callable[[Opener, Path], None], tmp_path: Path) -> None:
    check(PAIRS[name], tmp_path)
