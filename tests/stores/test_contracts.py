"""Published contracts: each version once, with the audit row that tells of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent, Denied
from hubtwin.stores.access_rows import AccessRows
from hubtwin.stores.audit import Audit
from hubtwin.stores.contracts import Contracts
from hubtwin.stores.signing import Signer
from tests.databases import Engine

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path, engine: Engine) -> Iterator[AccessRows]:
    opened = engine.open(tmp_path, 1)
    yield opened
    opened.close()


@pytest.fixture
def audit(database: AccessRows, tmp_path: Path) -> Audit:
    return Audit(database, Signer(tmp_path), clock=lambda: NOW)


@pytest.fixture
def contracts(database: AccessRows, audit: Audit) -> Contracts:
    return Contracts(database, audit, clock=lambda: NOW)


def test_a_version_is_published_once_and_told(contracts: Contracts, audit: Audit) -> None:
    first = contracts.publish("cars", "1.0.0", "一", by="steward", changes=3)
    assert contracts.publish("cars", "1.0.0", "一", by="another", changes=3) == first
    with pytest.raises(Denied, match=r"1\.0\.0"):
        contracts.publish("cars", "1.0.0", "二", by="steward", changes=3)
    stamp = contracts.stamp()
    contracts.publish("cars", "1.1.0", "二", by="steward", changes=1)
    assert contracts.stamp() != stamp
    assert [each.version for each in contracts.list_versions("cars")] == ["1.0.0", "1.1.0"]
    assert contracts.texts() == {"cars": ("一".encode(), "二".encode())}
    assert contracts.get("cars", "1.1.0") == "二"
    with pytest.raises(Absent):
        contracts.get("cars", "2.0.0")
    told = [entry for entry in audit.list_newest(10)[::-1] if entry.kind == "ContractPublished"]
    assert [(entry.by, entry.payload["version"], entry.payload["changes"]) for entry in told] == [
        ("steward", "1.0.0", 3),
        ("steward", "1.1.0", 1),
    ]
    assert not audit.verify().problems


def test_a_publication_that_cannot_be_told_is_none(contracts: Contracts, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(Audit, "append_in", fails)
    with pytest.raises(OSError):  # noqa: PT011 - no message
        contracts.publish("cars", "1.0.0", "x", by="steward", changes=1)
    assert contracts.stamp() == ()
