"""The command that makes the accounts of `hubtwin serve`; the first one has to come from somewhere."""

import getpass
import sys

import click

from hubtwin.base.text import text
from hubtwin.cli.desk import Desk
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.wiring import load


@click.command("account")
@click.argument("user")
@click.option("--name", required=True)
@click.option("--role", "roles", type=click.Choice([role.value for role in Role]), multiple=True, required=True)
@click.option("--scene", "scenes", multiple=True, default=("epidemic",), show_default=True)
@click.option("--team", default="")
@click.option("--agency", default="hub-command", show_default=True)
@click.option("--kind", type=click.Choice([kind.value for kind in AgencyKind]), default="command", show_default=True)
@click.option("--password-stdin", is_flag=True)
@click.pass_obj
def account(desk: Desk, /, user: str, name: str, roles: tuple[str, ...], scenes: tuple[str, ...], **told: str) -> None:
    """Make an account; the password is asked for, or read from standard input."""
    password = _read_password(desk, bool(told["password_stdin"]))
    kind = AgencyKind(told["kind"])
    held = frozenset(Role(role) for role in roles)
    person = Person(user, name, told["agency"], kind, held, frozenset(scenes), told["team"], desk.lang)
    with load("hubtwin.web.start:open_desk")(desk.settings, clock=desk.clock, real_clock=desk.clock) as core:
        accounts = core.works.access.accounts
        if told["agency"] not in {known.agency_id for known in accounts.list_agencies()}:
            accounts.add_agency(Agency(told["agency"], kind, told["agency"], told["agency"]))
        accounts.create(person, password, by=getpass.getuser())
    desk.out.print(text("cli.account_made", desk.lang, user=user, roles=", ".join(roles)))


def _read_password(desk: Desk, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    prompt = text("cli.password", desk.lang)
    entered: str = click.prompt(
        prompt, hide_input=True, confirmation_prompt=text("cli.password_again", desk.lang), err=True
    )
    return entered
