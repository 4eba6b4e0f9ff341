"""Shared fixtures; nothing here knows a scene or a source."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Undo what a test configured of the logs: a command that ran in this process may have switched them off."""
    yield
    structlog.reset_defaults()
