"""Click in two languages: help texts, headings and usage errors from texts.toml, chosen before parsing."""

import click

from hubtwin.base.text import catalogue, text


class LocalFormatter(click.HelpFormatter):
    """Click's formatter with headings in the language of the run."""

    lang = "en"

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the usage line under a heading in the language of the run."""
        super().write_usage(prog, args, text("cli.usage", self.lang) + " ")

    def write_heading(self, heading: str) -> None:
        """Write a section heading, translated where it is one of click's own."""
        known = {"Options": "cli.options", "Commands": "cli.commands"}
        super().write_heading(text(known[heading], self.lang) if heading in known else heading)


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
    if isinstance(error, click.NoSuchOption):
        return text("cli.no_such_option", lang, option=error.option_name)
    if isinstance(error, click.MissingParameter):
        return text("cli.missing", lang, name=_shown(error.param))
    if isinstance(error, click.BadParameter):
        return text("cli.bad_value", lang, name=_shown(error.param), problem=error.message)
    return text("cli.wrong_usage", lang, problem=error.format_message())


def _shown(parameter: click.Parameter | None) -> str:
    if parameter is None:
        return "?"
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.make_metavar(_NO_CONTEXT)


_NO_CONTEXT = click.Context(click.Command("hubtwin"))
