"""What every command is given: settings, where to print, the language; and progress on long work."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from hubtwin.base.clock import Clock, system_clock
from hubtwin.base.text import printable, text
from hubtwin.model.record import Marks, Provenance
from hubtwin.settings import Settings
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring import open_store, prepare

Told = Callable[[Any], None]
FIRST_DAY, LAST_DAY = date(1990, 1, 1), date(2099, 12, 31)  # beyond, epoch minutes leave 32 bits or a slip was made
WIDE = 160  # columns of a table that goes to a file or a pipe


class PlainConsole(Console):
    """A console that prints texts as they are: what came from a source is neither markup nor a terminal command."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text without markup and with control characters shown; `options` as in rich."""
        return super().render_str(printable(text), **{**options, "markup": False, "emoji": False})

    def on_broken_pipe(self) -> None:
        """Let the caller know that nobody reads any more; rich itself would end the process with an error."""
        raise BrokenPipeError


def make_console(*, stderr: bool = False) -> Console:
    """Return a console; one that is not a terminal gets a fixed width, so that a pipe cuts nothing off."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDE
    return PlainConsole(stderr=stderr, width=width, highlight=False, soft_wrap=False, markup=False, emoji=False)


@dataclass
class Desk:
    """The context of a run. `out` is for results, `err` for progress and notes."""

    settings: Settings
    lang: str
    clock: Clock = system_clock
    out: Console = field(default_factory=make_console)
    err: Console = field(default_factory=lambda: make_console(stderr=True))

    def say(self, key: str, **values: object) -> None:
        """Print a note to standard error."""
        self.err.print(text(key, self.lang, **values))

    def give(self, found: object) -> None:
        """Print what a command found as JSON to standard output; records as objects of their fields."""
        self.out.file.write(dump_json(_plain(found)) + "\n")

    def marks(self, *, synthetic: bool) -> Marks:
        """Return the marks of what a command brings in or says."""
        return Marks(self.settings.status, Provenance.SYNTHETIC if synthetic else Provenance.REAL)

    @contextmanager
    def store(self) -> Iterator[EmbeddedStore]:
        """Open the store of the hub."""
        with open_store(self.settings, self.clock) as store:
            yield store

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, Path | None], Told]]:
        """Show a bar for each long step; give a function that begins one and returns its callback."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self.err, disable=not self.err.is_terminal) as bars:

            def begin(kind: str, file: Path | None) -> Told:
                total = file.stat().st_size if file is not None and file.suffix != ".gz" else None
                task = bars.add_task(text(f"cli.step_{kind.replace('-', '_')}", self.lang), total=total, detail="")

                def told(progress: Any) -> None:
                    detail = text(
                        "cli.progress", self.lang, rows=f"{progress.rows:,}", quarantined=f"{progress.quarantined:,}"
                    )
                    bars.update(task, completed=progress.bytes, detail=detail)

                return told

            yield begin

    def moment_or_now(self, told: datetime | None) -> datetime:
        """Return a moment in UTC, a naive one taken as the hub's own time; the present where none was told."""
        if told is None:
            return self.clock()
        return (told.replace(tzinfo=self.settings.hub.zone) if told.tzinfo is None else told).astimezone(UTC)

    def local_moment(self, day: date, clock_time: str) -> datetime:
        """Return a date and a time of day at the hub as a UTC moment. Raises click.BadParameter."""
        try:
            at = datetime.strptime(clock_time, "%H:%M").time() if len(clock_time) == len("HH:MM") else None  # noqa: DTZ007
        except ValueError:
            at = None
        if at is None:
            problem = text("cli.bad_time", self.lang, value=clock_time)
            raise click.BadParameter(problem, param_hint="--at")
        return datetime.combine(day, at, tzinfo=self.settings.hub.zone).astimezone(UTC)


def dump_json(content: Any) -> str:
    """Return indented JSON that no terminal obeys: DEL, C1 and what JSON itself lets pass are escaped as JSON does."""
    return printable(json.dumps(content, ensure_ascii=False, indent=2, default=str))


def _plain(found: Any) -> Any:
    if isinstance(found, list | tuple):
        return [_plain(each) for each in found]
    return asdict(found) if is_dataclass(found) and not isinstance(found, type) else found


def first_use(desk: Desk, store: EmbeddedStore) -> None:
    """Bring in the feeds that hub.toml names when the library is still empty, and say what became of them."""
    with desk.progress() as begin:
        reports = prepare(desk.settings, store, desk.clock(), begin)
    for kind, report in reports:
        kept, quarantined = f"{sum(report.kept.values()):,}", f"{sum(report.quarantined.values()):,}"
        title = text(f"cli.step_{kind.replace('-', '_')}", desk.lang)
        desk.say("cli.first_use", title=title, kept=kept, quarantined=quarantined)


def _usable(day: date) -> date:
    """Return the date if hubtwin can compute with it. Raises ValueError."""
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(day)
    return day


class DayType(click.ParamType[date]):
    """A date such as 2022-10-20."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Return the date. Fails with a text in the language of the run."""
        if isinstance(value, date):
            return value
        try:
            return _usable(date.fromisoformat(str(value)))
        except ValueError:
            lang = ctx.find_root().params.get("lang") if ctx else None
            self.fail(text("cli.bad_date", str(lang or "en"), value=value), param, ctx)


class MomentType(click.ParamType[datetime]):
    """A moment in ISO 8601; naive means the zone of the hub."""

    name = "datetime"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the moment, possibly naive."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
            _usable(moment.date())
            return moment
        except ValueError:
            lang = ctx.find_root().params.get("lang") if ctx else None
            self.fail(text("cli.bad_date", str(lang or "en"), value=value), param, ctx)
