"""Every store passes the suite of stores."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.ports import Store
from hubtwin.stores.embedded import EmbeddedStore
from tests.contracts.store_suite import CHECKS, HUB, Opener


@pytest.fixture
def embedded() -> Iterator[Opener]:
    opened: list[EmbeddedStore] = []

    def open_store(path: Path) -> Store:
        store = EmbeddedStore.open(path, HUB, clock=lambda: datetime(2022, 10, 20, 1, tzinfo=UTC), threads=1)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        store.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_embedded_store_keeps_the_contract(
    check: Callable[[Opener, Path], None], embedded: Opener, tmp_path: Path
) -> None:
    check(embedded, tmp_path)
