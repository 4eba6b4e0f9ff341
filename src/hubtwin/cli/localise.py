"""Click in two languages: help texts, headings and usage errors from texts.toml, chosen before parsing."""

import re
from collections.abc import Iterable

import click
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from hubtwin.base.text import catalogue, text

_PAPER = Console()  # rich wraps for a console; which one makes no difference here
_WORD = re.compile(r"[A-Z]{3,}(?: RANGE)?")  # click's names for what is to be filled in: OPTIONS, DIR, TEXT
_EXTRA = re.compile(r"\[[^\]]*\]$")  # click's remarks behind a help text: [default: 20; x>=0], [required]


class LocalFormatter(click.HelpFormatter):
    """Click's formatter with headings in the language of the run."""

    lang = "en"

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line under a heading in the language of the run."""
        super().write_usage(prog, self._fill(args), text("cli.usage", self.lang) + " ")

    def write_heading(self, heading: str) -> None:
        """Write a section heading, translated where it is one of click's own."""
        known = {"Options": "cli.options", "Commands": "cli.commands"}
        super().write_heading(text(known[heading], self.lang) if heading in known else heading)

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write options or commands, click's own words in the language of the run, in columns of terminal cells.

        Click counts characters; a Chinese one takes two cells.
        """
        told = [(self._fill(term), _EXTRA.sub(self._remark, meaning)) for term, meaning in rows]
        column = min(max(cell_len(term) for term, _ in told), col_max) + col_spacing
        width = max(self.width - self.current_indent - column, 10)
        indent = " " * self.current_indent
        for term, meaning in told:
            lines = [line.plain.rstrip() for line in Text(meaning).wrap(_PAPER, width)] or [""]
            beside = lines.pop(0) if cell_len(term) <= column - col_spacing else ""
            self.write(f"{indent}{set_cell_size(term, column) if beside else term}{beside}\n")
            self.write("".join(f"{indent}{' ' * column}{line}\n" for line in lines))

    def _fill(self, words: str) -> str:
        def translate(word: re.Match[str]) -> str:
            key = f"cli.word_{word[0].removesuffix(' RANGE').lower()}"
            return text(key, self.lang) if key in catalogue() else word[0]

        return _WORD.sub(translate, words)

    def _remark(self, remark: re.Match[str]) -> str:
        plain = remark[0].replace("required", text("cli.required", self.lang))
        return plain.replace("default: ", text("cli.default", self.lang))


class ChineseFormatter(LocalFormatter):
    """The same in Chinese."""

    lang = "zh"


class LocalContext(click.Context):
    """A context whose help pages are English."""

    formatter_class = LocalFormatter


class ChineseContext(click.Context):
    """A context whose help pages are Chinese."""

    formatter_class = ChineseFormatter


def localise(command: click.Command, lang: str, path: str = "") -> None:
    """Set help texts of `command`, its parameters and sub-commands, from keys cli.help.<path>.<parameter>."""
    command.context_class = ChineseContext if lang == "zh" else LocalContext
    name = path or "hubtwin"
    command.help = text(f"cli.help.{name}", lang)
    command.short_help = command.help.split("\n")[0]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            own = f"cli.help.{name}.{parameter.name}"
            parameter.help = text(own if own in catalogue() else f"cli.help.any.{parameter.name}", lang)
    help_option = command.get_help_option(command.context_class(command))
    if help_option is not None:
        help_option.help = text("cli.help.any.help", lang)
    if isinstance(command, click.Group):
        for child, sub in command.commands.items():
            localise(sub, lang, f"{path}.{child}" if path else child)


def explain(error: click.ClickException, lang: str) -> str:
    """Return what is wrong with a command line, in `lang`, ending with what to do."""
    command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "hubtwin"
    return f"{_problem(error, lang)} {text('cli.try_help', lang, command=command)}"


def _problem(error: click.ClickException, lang: str) -> str:
    match error:
        case click.NoSuchOption():
            found = text("cli.no_such_option", lang, option=error.option_name)
        case click.NoSuchCommand():
            found = text("cli.no_such_command", lang, name=error.command_name)
        case click.BadOptionUsage():
            found = text("cli.bad_option_usage", lang, option=error.option_name)
        case click.MissingParameter():
            found = text("cli.missing", lang, name=_shown(error.param))
        case click.BadParameter():
            name = error.param_hint or _shown(error.param)
            found = text("cli.bad_value", lang, name=name, problem=_refusal(error, lang))
        case click.UsageError(message="Missing command."):
            found = text("cli.missing_command", lang)
        case click.UsageError() if error.message.startswith("Got unexpected extra argument"):
            found = text("cli.extra_argument", lang, values=error.message.partition("(")[2].rstrip(")"))
        case _:
            found = text("cli.wrong_usage", lang, problem=error.format_message())
    return found


def _refusal(error: click.BadParameter, lang: str) -> str:
    """Return why a value is refused: by the type of its parameter where click would say it in English."""
    kind = error.param.type if error.param else None
    if isinstance(kind, click.Choice):
        return text("cli.not_a_choice", lang, choices=", ".join(map(str, kind.choices)))
    if isinstance(kind, click.IntRange | click.FloatRange):
        key = "cli.not_at_least" if kind.max is None else "cli.not_between"
        return text(key, lang, min=kind.min, max=kind.max)
    if isinstance(kind, click.Path):
        return text("cli.no_such_path", lang)
    return error.message


def _shown(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return "?"
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(_NO_CONTEXT)


_NO_CONTEXT = click.Context(click.Command("hubtwin"))
