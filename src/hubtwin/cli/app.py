"""The command `hubtwin`: its options, its commands, and how it ends."""

import gc
import io
import os
import sys
from contextlib import suppress
from pathlib import Path

import click
import structlog

from hubtwin import __version__
from hubtwin.base.errors import HubError
from hubtwin.base.text import printable, text
from hubtwin.cli.account import account
from hubtwin.cli.audit import audit, report
from hubtwin.cli.batch import batch
from hubtwin.cli.data import import_group, list_datasets, list_quarantine, release, simulate
from hubtwin.cli.demo import demo
from hubtwin.cli.desk import Desk
from hubtwin.cli.feed import feed
from hubtwin.cli.grants import grant, hold
from hubtwin.cli.keep import backup, check, repair, restore
from hubtwin.cli.library import library
from hubtwin.cli.library_apply import (
    apply,
    authorise,
    baskets,
    decide,
    late,
    revoke,
    send,
    shares,
    template,
    terms,
    times,
)
from hubtwin.cli.library_contract import contract, dcat
from hubtwin.cli.library_forget import forget
from hubtwin.cli.library_govern import govern, quality
from hubtwin.cli.library_govern import orders as library_orders
from hubtwin.cli.library_load import load, load_folder, loads, preview
from hubtwin.cli.library_load import quarantine as library_quarantine
from hubtwin.cli.library_query import ask, mine
from hubtwin.cli.library_simulate import simulate_registers
from hubtwin.cli.library_zip import load_zip
from hubtwin.cli.localise import explain, localise
from hubtwin.cli.matcher import matcher
from hubtwin.cli.partner import partner
from hubtwin.cli.rows import rows
from hubtwin.cli.serve import serve
from hubtwin.cli.venue import venue
from hubtwin.cli.venue_build import build_venue
from hubtwin.cli.warn import collide, list_pathogens
from hubtwin.settings import as_exercise, find_lang, load_settings

COLLECT = (50_000, 20, 50)  # rows of a batch form no cycles; at the interpreter's 700 an import takes a quarter longer
LEVELS = {"debug": 10, "info": 20, "warning": 30, "off": 50}  # nothing of ours is critical

COMMANDS: tuple[click.Command, ...] = (
    demo,
    collide,
    import_group,
    simulate,
    list_datasets,
    list_quarantine,
    list_pathogens,
    release,
    check,
    backup,
    restore,
    repair,
    serve,
    account,
    grant,
    hold,
    audit,
    report,
    matcher,
    partner,
    batch,
    feed,
    venue,
    library,
    rows,
)


venue.add_command(build_venue)
library.add_command(forget)
for _command in (dcat, contract, simulate_registers):
    library.add_command(_command)
for _command in (preview, load, load_folder, load_zip, loads, library_quarantine, mine, ask):
    library.add_command(_command)
for _command in (govern, quality, library_orders):
    library.add_command(_command)
for _command in (apply, baskets, authorise, decide, shares, revoke, send, template, times, terms, late):
    library.add_command(_command)


def build(lang: str) -> click.Group:
    """Return the command tree with help texts in `lang`."""

    @click.group(no_args_is_help=True)
    @click.version_option(__version__, prog_name="hubtwin")
    @click.option("--hub", metavar="HUB")
    @click.option("--home", type=click.Path(path_type=Path), metavar="DIR")
    @click.option("--lang", type=click.Choice(["zh", "en"]), default=lang, expose_value=True)
    @click.option("--exercise", is_flag=True)
    @click.option("--log", type=click.Choice(list(LEVELS)), default="off", show_default=True)
    @click.pass_context
    def hubtwin(ctx: click.Context, hub: str | None, home: Path | None, lang: str, log: str, *, exercise: bool) -> None:
        set_up_logs(log)
        settings = load_settings(hub, home, lang)
        ctx.obj = Desk(as_exercise(settings) if exercise else settings, lang)

    for command in COMMANDS:
        hubtwin.add_command(command)
    localise(hubtwin, lang)
    return hubtwin


def set_up_logs(level: str) -> None:
    """Write logs as JSON lines to standard error. No value of a person or a secret is ever passed to a logger.

    They are for machines, hence off unless asked for: people are told the same in their language.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: structlog.PrintLogger(
            sys.stderr
        ),  # that of the moment: a progress bar takes its place
    )


def run(arguments: list[str]) -> int:
    """Run the command line; return its exit code: 0 done, 1 the data or the call were refused, 2 wrong usage."""
    lang = _asked_lang(arguments)
    try:
        code = build(lang).main(arguments, prog_name="hubtwin", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        click.echo(printable(explain(error, lang)), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo(text("cli.interrupted", lang), err=True)
        return 130
    except (HubError, OSError) as error:
        return _refused(error, lang)
    return code if isinstance(code, int) else 0  # click hands over the exit code that a command asked for


def _refused(error: HubError | OSError, lang: str) -> int:
    if isinstance(error, BrokenPipeError):  # who reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if isinstance(error, HubError):
        click.echo(printable(error.message(lang)), err=True)
    else:
        problem = error.strerror or str(error)
        click.echo(text("cli.os_error", lang, path=error.filename or "-", problem=problem), err=True)
    return 1


def main() -> None:
    """Run and end the process at once.

    DuckDB's binding reports types that another library keeps at module level as leaked when the interpreter
    shuts down; nobody on duty should read that, and nothing is left to do: every store is closed by then.
    """
    gc.freeze()  # nothing that was imported becomes garbage
    gc.set_threshold(*COLLECT)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who called us: `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open until the process ends
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no Chinese shows escapes, it stops nothing
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):  # the reader has gone; the answer was printed or nobody waits for it
            stream.flush()
    os._exit(code)


def _asked_lang(arguments: list[str]) -> str:
    """Return the language before parsing: help texts need it."""
    for index, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
        if argument == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
    return find_lang(os.environ)
