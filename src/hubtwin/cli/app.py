"""The command `hubtwin`: its options, its commands, and how it ends."""

import os
import sys
from pathlib import Path

import click
import structlog

from hubtwin import __version__
from hubtwin.base.errors import HubError
from hubtwin.base.text import text
from hubtwin.cli.data import import_group, list_datasets, list_quarantine, release, simulate
from hubtwin.cli.desk import Desk
from hubtwin.cli.keep import backup, check, restore
from hubtwin.cli.localise import explain, localise
from hubtwin.cli.warn import collide, demo, list_pathogens
from hubtwin.settings import find_lang, load_settings

LEVELS = {"debug": 10, "info": 20, "warning": 30}


def build(lang: str) -> click.Group:
    """Return the command tree with help texts in `lang`."""

    @click.group(no_args_is_help=True)
    @click.version_option(__version__, prog_name="hubtwin")
    @click.option("--hub", metavar="HUB")
    @click.option("--home", type=click.Path(path_type=Path), metavar="DIR")
    @click.option("--lang", type=click.Choice(["zh", "en"]), default=lang, expose_value=True)
    @click.option("--log", type=click.Choice(list(LEVELS)), default="warning")
    @click.pass_context
    def hubtwin(ctx: click.Context, hub: str | None, home: Path | None, lang: str, log: str) -> None:
        set_up_logs(log)
        ctx.obj = Desk(load_settings(hub, home, lang), lang)

    commands = (
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
    )
    for command in commands:
        hubtwin.add_command(command)
    localise(hubtwin, lang)
    return hubtwin


def set_up_logs(level: str) -> None:
    """Write logs as JSON lines to standard error. No value of a person or a secret is ever passed to a logger."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def run(arguments: list[str]) -> int:
    """Run the command line; return its exit code: 0 done, 1 the data or the call were refused, 2 wrong usage."""
    lang = _asked_lang(arguments)
    try:
        build(lang).main(arguments, prog_name="hubtwin", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.ClickException as error:
        click.echo(explain(error, lang), err=True)
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo(text("cli.interrupted", lang), err=True)
        return 130
    except HubError as error:
        click.echo(error.message(lang), err=True)
        return 1
    return 0


def main() -> None:
    """Run and end the process at once.

    DuckDB's binding reports types that another library keeps at module level as leaked when the interpreter
    shuts down; nobody on duty should read that, and nothing is left to do: every store is closed by then.
    """
    code = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _asked_lang(arguments: list[str]) -> str:
    """Return the language before parsing: help texts need it."""
    for index, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.partition("=")[2]
        if argument == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
    return find_lang(os.environ)
