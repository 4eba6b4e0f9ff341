"""Commands about partners: who they are, the key that they are told, what is in the books, whether the log holds."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Absent, Malformed
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.model.message import Peer
from hubtwin.model.partner import Way
from hubtwin.wiring import SCENES, load
from hubtwin.wiring.plugs import directory_of

OUT = ("waiting", "handed", "arrived", "refused")


@click.group("partner")
def partner() -> None:
    """Look after the partners of hub.toml."""


@partner.command("key")
@click.pass_obj
def key(desk: Desk, /) -> None:
    """Print what partners enter about this hub."""
    hub = desk.settings.hub
    signer = load("hubtwin.stores.signing:Signer")(directory_of(desk.settings))
    desk.out.print(text("cli.partner_key", desk.lang, hub=hub.hub_id, public_key=signer.public_hex))


@partner.command("list")
@FORMAT
@click.pass_obj
def list_partners(desk: Desk, /, form: str) -> None:
    """Print who the partners are, what is agreed, and how many messages went which way."""
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        found = [_line(desk, wire, told.partner) for told in desk.settings.partners.values()]
    if form == "json":
        desk.give(found)
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
    _require(desk, name)
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        entries = wire.list_entries(name)
    problems = load("hubtwin.rules.message_log:verify")(entries, desk.settings.hub.hub_id, name)
    for problem in problems:
        desk.out.print(problem.message(desk.lang), style="red")
    if problems:
        ctx.exit(1)
    desk.out.print(text("cli.partner_log_whole", desk.lang, entries=f"{len(entries):,}", partner=name))


@partner.command("refused")
@FORMAT
@click.pass_obj
def list_refused(desk: Desk, /, form: str) -> None:
    """Print what partners refused and nobody has dealt with."""
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        found = wire.list_to_mend()
    if form == "json":
        desk.give(found)
    elif not found:
        desk.say("cli.partner_none_refused")
    else:
        table = make_table(desk, "partner", "message", "subject", "reason", "holds_up")
        for one in found:
            holds = text("cli.no" if one.placed else "cli.yes", desk.lang)
            table.add_row(one.partner, one.id, one.subject, text(one.reason, desk.lang), holds)
        desk.out.print(table)


@partner.command("void")
@click.argument("name", metavar="PARTNER")
@click.argument("message_id", metavar="MESSAGE")
@click.option("--synthetic", is_flag=True)
@click.pass_obj
def void(desk: Desk, /, name: str, message_id: str, *, synthetic: bool) -> None:
    """Say, signed, that a message which a partner refused will not come."""
    marks = desk.marks(synthetic=synthetic)
    with load("hubtwin.wiring.partners:opened_wire")(desk.settings, desk.clock()) as wire:
        partners = load("hubtwin.wiring.partners:partners_of")(desk.settings, wire)
        sender = load("hubtwin.wiring.partners:make_sender")(partners, {})
        sender.void(name, message_id, epoch_minute(desk.clock()), marks)
    desk.out.print(text("cli.partner_voided", desk.lang, message=message_id, partner=name))


@partner.command("desk-key")
@click.argument("name", metavar="PARTNER")
@click.pass_obj
def desk_key(desk: Desk, /, name: str) -> None:
    """Print the key of the desk that reads in the sheets of a partner."""
    with _sheet_desk(desk, name) as reading:
        key = reading.books.signing.public_hex
    desk.out.print(text("cli.partner_desk_key", desk.lang, partner=name, public_key=key))


@partner.command("read-in")
@click.argument("name", metavar="PARTNER")
@click.pass_obj
def read_in(desk: Desk, /, name: str) -> None:
    """Read in the sheets that a partner has filled in."""
    profiles = load(next(iter(SCENES.values()))).disclosures.profiles
    folder = desk.settings.partners[name].folder if name in desk.settings.partners else None
    with _sheet_desk(desk, name) as reading:
        found = reading.read_in(folder, list(profiles.values()), desk.clock())
    if not found:
        desk.say("cli.partner_no_sheets", folder=folder)
    for sheet in found:
        told = {"file": sheet.name, "taken": sheet.taken, "refused": sheet.refused, "broken": sheet.broken}
        desk.out.print(text("cli.partner_sheet", desk.lang, **told))


@contextmanager
def _sheet_desk(desk: Desk, name: str) -> Iterator[Any]:
    """Open the desk for the sheets of a partner. Raises Absent, Malformed where it has no sheets."""
    _require(desk, name)
    if desk.settings.partners[name].partner.way is not Way.SHEETS:
        raise Malformed("cli.partner_not_sheets", partner=name)
    hub, home = desk.settings.hub, desk.settings.home
    signer = load("hubtwin.stores.signing:Signer")(directory_of(desk.settings))
    peer = Peer(hub.hub_id, (signer.public_hex,))
    at_min = epoch_minute(desk.clock())
    opened = load("hubtwin.wiring.collecting:open_desk")(
        home, name, peer, hub.zone, desk.settings.status, at_min=at_min
    )
    try:
        yield opened
    finally:
        opened.books.wire.close()


def _require(desk: Desk, name: str) -> None:
    """Raise Absent for a partner that hub.toml does not name."""
    if name not in desk.settings.partners:
        raise Absent("cli.no_partner", partner=name, known=", ".join(sorted(desk.settings.partners)) or "-")
