"""Who gives a command: each person proves it by the own password, at the terminal or line by line on standard input.

A password is never an option or a variable of the environment: others on the machine can read those.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click
from pydantic import ValidationError

from hubtwin.base.clock import from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.desk import Desk
from hubtwin.model.agency import Person
from hubtwin.wiring import load

PASSWORDS = click.option("--password-stdin", is_flag=True)
BY = click.option("--by", required=True, metavar="USER")
SECOND = click.option("--second", required=True, metavar="USER")


@dataclass(frozen=True)
class Given:
    """A hub that is open for the people who proved who they are, in the order in which they were named, and their
    passwords. `core` is the `web.real.RealDesk` of the hub."""

    core: Any
    people: tuple[Person, ...]
    passwords: tuple[str, ...]


@contextmanager
def given_by(desk: Desk, *users: str, from_stdin: bool) -> Iterator[Given]:
    """Open the hub once everybody named has proved who they are. Raises Denied, Malformed (one person twice)."""
    if len(set(users)) < len(users):
        raise Malformed("web.same_person")
    passwords = tuple(_read(desk, user, from_stdin) for user in users)
    with load("hubtwin.web.start:open_desk")(desk.settings, clock=desk.clock, real_clock=desk.clock) as core:
        people = tuple(core.vouch(user, password) for user, password in zip(users, passwords, strict=True))
        yield Given(core, people, passwords)


def revoke_command(metavar: str, said: str, end: Callable[[Any, Person, str], object]) -> click.Command:
    """Return the command that ends what somebody was given: `end(core, who, id)`; `said` is the text it ends with."""

    @click.command("revoke")
    @click.argument("ended", metavar=metavar)
    @BY
    @PASSWORDS
    @click.pass_obj
    def revoke(desk: Desk, /, ended: str, by: str, password_stdin: bool) -> None:
        """End it; that binds at the next question."""
        with given_by(desk, by, from_stdin=password_stdin) as given:
            end(given.core, given.people[0], ended)
        desk.out.print(text(said, desk.lang, **{metavar.lower(): ended}))

    return revoke


def shown_moment(desk: Desk, at_min: int) -> str:
    """Return an epoch minute on the clock of the hub."""
    at: datetime = from_epoch_minute(at_min).astimezone(desk.settings.hub.zone)
    return f"{at:%Y-%m-%d %H:%M}"


def asked_of(schemas: str, name: str, told: Mapping[str, Any]) -> Any:
    """Return a request as the interface knows it. Raises Malformed, naming what is wrong and repeating no value."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
    try:
        return load(f"{schemas}:{name}").model_validate(plain)
    except ValidationError as error:
        names = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise Malformed("cli.not_as_asked", names=", ".join(names)) from None


def _read(desk: Desk, user: str, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\n")
    entered: str = click.prompt(text("cli.password_of", desk.lang, user=user), hide_input=True, err=True)
    return entered
