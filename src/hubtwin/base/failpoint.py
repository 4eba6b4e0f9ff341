"""Named places where a test may stop the process, so that "killed between these two steps" can be tried.

Nothing in the product arms them: a test hands in what shall happen, and until then a failpoint does nothing.
"""

from collections.abc import Callable

_armed: list[Callable[[str], None]] = []


def arm(action: Callable[[str], None]) -> None:
    """Call `action(name)` at every failpoint from now on."""
    _armed[:] = [action]


def disarm() -> None:
    """Make failpoints do nothing again."""
    _armed.clear()


def failpoint(name: str) -> None:
    """Mark the place `name` between two steps whose order matters."""
    for action in _armed:
        action(name)
