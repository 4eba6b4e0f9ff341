"""What the tests of applying and deciding share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Engine
from tests.library.baskets_kit import Town, town_at


@pytest.fixture
def town(tmp_path: Path, engine: Engine) -> Iterator[Town]:
    """Give the town of the kit, on either database."""
    with town_at(tmp_path, engine) as found:
        yield found
