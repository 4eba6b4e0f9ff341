"""Grants and legal holds from the command line, for an operator without the page. The rules are those of the page."""

from typing import Any

import click
from pydantic import ValidationError

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, SECOND, given_by, revoke_command, shown_moment
from hubtwin.model.grant import LONGEST_GRANT_MIN, VAULT, Purpose
from hubtwin.wiring import load

SCHEMAS = "hubtwin.web.schemas.access"


@click.group("grant")
def grant() -> None:
    """Who may read what about persons."""


@grant.command("issue")
@click.argument("grantee")
@click.option("--dataset", default=VAULT, show_default=True)
@click.option("--column", "columns", multiple=True, required=True)
@click.option(
    "--purpose", "purposes", type=click.Choice([each.value for each in Purpose]), multiple=True, required=True
)
@click.option("--scene", default="epidemic", show_default=True)
@click.option("--days", type=click.IntRange(1, LONGEST_GRANT_MIN // 1440), required=True)
@click.option("--reason", required=True)
@click.option("--emergency", default=None)
@BY
@SECOND
@PASSWORDS
@click.pass_obj
def issue(desk: Desk, /, by: str, second: str, password_stdin: bool, emergency: str | None, **told: Any) -> None:
    """Give a grant on two people's word."""
    with given_by(desk, by, second, from_stdin=password_stdin) as given:
        who, other = given.people
        proof = {"user": second, "password": given.passwords[1]}
        asked = _asked("IssueGrant", {**told, "emergency_id": emergency, "second": proof})
        made = given.core.access.issue_grant(who, asked, other)
    until = shown_moment(desk, made.until_min)
    desk.out.print(text("cli.grant_made", desk.lang, grant=made.grant_id, grantee=made.grantee, until=until))


@grant.command("list")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def list_grants(desk: Desk, /, by: str, password_stdin: bool, form: str) -> None:
    """Print live and past grants."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.access.grants(given.people[0]).grants
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "grant", "grantee", "dataset", "fields", "purposes", "until", "state")
    for each in found:
        state = "glass" if each.glass and each.live else "live" if each.live else "over"
        fields = ", ".join(getattr(field.name, desk.lang) for field in each.columns)
        table.add_row(
            *(each.grant_id, each.grantee, getattr(each.dataset_name, desk.lang), fields, ", ".join(each.purposes)),
            *(shown_moment(desk, each.until_min), text(f"cli.grant_{state}", desk.lang)),
        )
    desk.out.print(table if found else text("cli.grants_none", desk.lang))


grant.add_command(
    revoke_command("GRANT", "cli.grant_revoked", lambda core, who, name: core.access.revoke_grant(who, name))
)


@click.group("hold")
def hold() -> None:
    """Legal holds: nothing of an event is destroyed while one stands."""


@hold.command("set")
@click.argument("emergency", metavar="EVENT")
@click.option("--reason", required=True)
@BY
@PASSWORDS
@click.pass_obj
def set_hold(desk: Desk, /, emergency: str, reason: str, by: str, password_stdin: bool) -> None:
    """Set a hold on an event."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        asked = _asked("SetHold", {"emergency_id": emergency, "reason": reason})
        made = given.core.access.set_hold(given.people[0], asked).holds[-1]
    desk.out.print(text("cli.hold_set", desk.lang, hold=made.hold_id, emergency=emergency))


@hold.command("lift")
@click.argument("hold_id", metavar="HOLD")
@BY
@PASSWORDS
@click.pass_obj
def lift_hold(desk: Desk, /, hold_id: str, by: str, password_stdin: bool) -> None:
    """Lift a hold."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        given.core.access.lift_hold(given.people[0], hold_id)
    desk.out.print(text("cli.hold_lifted", desk.lang, hold=hold_id))


@hold.command("list")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def list_holds(desk: Desk, /, by: str, password_stdin: bool, form: str) -> None:
    """Print the holds that stand, and the events that one can be set on."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.access.holds(given.people[0])
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "hold", "event", "reason", "by", "since")
    for each in found.holds:
        table.add_row(each.hold_id, each.emergency_id, each.reason, each.set_by, shown_moment(desk, each.set_min))
    desk.out.print(table if found.holds else text("cli.holds_none", desk.lang))
    events = make_table(desk, "event", "disease", "since", "until")
    for event in found.emergencies:
        begins, ends = (shown_moment(desk, at_min) for at_min in (event.begins_min, event.ends_min))
        events.add_row(event.emergency_id, event.disease, begins, ends)
    if found.emergencies:
        desk.out.print(text("cli.holds_events", desk.lang), style="bold")
        desk.out.print(events)


def _asked(name: str, told: dict[str, Any]) -> Any:
    """Return a request as the interface knows it. Raises Malformed, naming what is wrong and repeating no value."""
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}
    try:
        return load(f"{SCHEMAS}:{name}").model_validate(plain)
    except ValidationError as error:
        names = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_input=False)})
        raise Malformed("cli.not_as_asked", names=", ".join(names)) from None
