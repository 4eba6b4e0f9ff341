"""Shared fixtures; nothing here knows a scene or a source."""

import os
from collections.abc import Iterator

import pytest
import structlog
from argon2 import Parameters, Type
from hypothesis import HealthCheck, settings

from hubtwin.stores import accounts
from tests.cluster import Cluster, running_cluster
from tests.databases import EmbeddedEngine, Engine, PostgresEngine

# How long an example takes says how busy the machine is. Where it decides on a change, examples are the same each time.
settings.register_profile(
    "suite", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("suite")
CHEAP = Parameters(Type.ID, 19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(autouse=True, scope="session")
def _passwords_are_hashed_fast() -> Iterator[None]:
    """Hash passwords under small parameters: hubs with a dozen accounts are made by the hundred, at a second each.

    `tests/stores/test_accounts.py` holds the parameters of the product.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(accounts, "PARAMETERS", CHEAP)
        yield


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what a test configured of the logs: a command that ran in this process may have switched them off."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """Give the PostgreSQL of this process, started when the first test asks for it."""
    with running_cluster() as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Give a database of accounts, grants and the audit: the same test runs on both."""
    if request.param == "sqlite":
        yield EmbeddedEngine()
        return
    made = PostgresEngine(request.getfixturevalue("cluster"))
    yield made
    made.end()
