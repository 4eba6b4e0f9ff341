"""A town in a thread of its own: the browser's driver has an event loop in the test's thread, and so has the broker."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hubtwin.settings import find_data_dir
from hubtwin.web.edge import Options
from hubtwin.web.start import find_ui
from tests.walk.town import town
from tests.web.served import Served, serving


class Apart:
    """The town, every call of which runs in its own thread."""

    def __init__(self, made: Any, run: Callable[..., Any]) -> None:
        """Take the town and what runs a call."""
        self.made, self._run = made, run

    def __getattr__(self, name: str) -> Any:
        """Return what belongs to the town; a method of it runs in its thread."""
        found = getattr(self.made, name)
        return partial(self._run, found) if callable(found) else found


@contextmanager
def served_town(folder: Path, more: str = "", named: Mapping[str, str] | None = None) -> Iterator[tuple[Any, Served]]:
    """Serve the pages of a town whose train is counted."""
    ui = find_ui(find_data_dir())
    assert ui is not None, "the pages are not built: make ui"
    with ThreadPoolExecutor(1) as thread, ExitStack() as stack:

        def run(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
            return thread.submit(work, *given, **named).result()

        made = Apart(run(stack.enter_context, town(folder, more=more, named=named)), run)
        made.tell_counts(40)
        made.step(0)
        with serving(made.desk, Options(ui=ui)) as served:
            yield made, served
        run(stack.close)
