"""Commands about partners: who they are, the key that they are told, what is in the books, whether the log holds."""

from collections.abc import Sequence
from typing import Any

import click

from hubtwin.base.errors import Absent
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.show import dump_json
from hubtwin.stores.embedded import store_directory
from hubtwin.wiring import load

OUT = ("waiting", "handed", "arrived", "refused")


@click.group("partner")
def partner() -> None:
    """Look after the partners of hub.toml."""


@partner.command("key")
@click.pass_obj
def key(desk: Desk, /) -> None:
    """Print what partners enter about this hub."""
    hub = desk.settings.hub
    signer = load("hubtwin.stores.signing:Signer")(store_directory(desk.settings.home, hub.hub_id))
    desk.out.print(text("cli.partner_key", desk.lang, hub=hub.hub_id, public_key=signer.public_hex))


@partner.command("list")
@FORMAT
@click.pass_obj
def list_partners(desk: Desk, /, form: str) -> None:
    """Print who the partners are, what is agreed, and how many messages went which way."""
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        found = [_line(desk, wire, told.partner) for told in desk.settings.partners.values()]
    if form == "json":
        desk.out.file.write(dump_json(found) + "\n")
    elif not found:
        desk.say("cli.partner_none")
    else:
        _print(desk, found)


def _line(desk: Desk, wire: Any, partner: Any) -> dict[str, Any]:
    today = desk.clock().astimezone(desk.settings.hub.zone).date()
    out, into = wire.count_outgoing(partner.partner_id), wire.count_incoming(partner.partner_id)
    until = max((one.until_day for one in partner.agreements if one.is_in_force(today)), default=None)
    return {
        "partner": partner.partner_id,
        "name": partner.name[desk.lang],
        "way": partner.way.value,
        "agreed_until": until.isoformat() if until else None,
        "sent": {state: out.get(state, 0) for state in OUT},
        "received": dict(into),
    }


def _print(desk: Desk, found: Sequence[dict[str, Any]]) -> None:
    table = make_table(desk, "partner", "name", "way", "agreed_until", "sent", "received")
    for one in found:
        sent = ", ".join(
            text(f"cli.partner_{state}", desk.lang, count=one["sent"][state]) for state in OUT if one["sent"][state]
        )
        agreed = one["agreed_until"] or text("cli.partner_not_agreed", desk.lang)
        table.add_row(one["partner"], one["name"], one["way"], agreed, sent or "-", str(sum(one["received"].values())))
    desk.out.print(table)


@partner.command("verify")
@click.argument("name", metavar="PARTNER")
@click.pass_context
def verify(ctx: click.Context, /, name: str) -> None:
    """Walk along the message log with a partner; exit code 1 where it is broken."""
    desk: Desk = ctx.obj
    if name not in desk.settings.partners:
        raise Absent("cli.no_partner", partner=name, known=", ".join(sorted(desk.settings.partners)) or "-")
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        entries = wire.list_entries(name)
    problems = load("hubtwin.rules.message_log:verify")(entries, desk.settings.hub.hub_id, name)
    for problem in problems:
        desk.out.print(problem.message(desk.lang), style="red")
    if problems:
        ctx.exit(1)
    desk.out.print(text("cli.partner_log_whole", desk.lang, entries=f"{len(entries):,}", partner=name))
