"""The command that destroys the rows of one person in the library."""

import sys

import click

from hubtwin.base.text import text
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, SECOND, given_by
from hubtwin.wiring import load


@click.command("forget")
@click.option("--element", default="citizen_id", show_default=True)
@click.option("--reason", required=True)
@BY
@SECOND
@PASSWORDS
@click.pass_obj
def forget(desk: Desk, /, element: str, reason: str, *, by: str, second: str, password_stdin: bool) -> None:
    """Destroy all rows of a person on two people's word; print the signed report."""
    with given_by(desk, by, second, from_stdin=password_stdin) as given:
        value = _value(desk, element, from_stdin=password_stdin)
        steward, officer = given.people
        destroy = load("hubtwin.wiring.library_keeping:forget_person")
        sealed = destroy(given.core.works, element, value, by=steward, second=officer, reason=reason)
    desk.out.file.write(sealed + "\n")
    desk.say("cli.library_forgotten", element=element)


def _value(desk: Desk, element: str, *, from_stdin: bool) -> str:
    """Return whom it is about: never an option, which others on the machine can read."""
    if from_stdin:
        return sys.stdin.readline().strip()
    entered: str = click.prompt(text("cli.library_forget_whom", desk.lang, element=element), hide_input=True, err=True)
    return entered
