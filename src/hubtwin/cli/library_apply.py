"""Applying and authorising from the command line, for an operator without the page. The rules are those of the page."""

import tomllib
from pathlib import Path
from typing import Any

import click

from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, asked_of, given_by, revoke_command, shown_moment
from hubtwin.model.sharing import Delivery
from hubtwin.settings.library import shown_terms
from hubtwin.wiring import load

SCHEMAS = "hubtwin.web.schemas.baskets"
STREET = "own"


@click.command("apply")
@click.option("--dataset", "datasets", multiple=True, required=True, metavar="NAME=COLUMN,COLUMN")
@click.option("--purpose", required=True, metavar="NAME")
@click.option("--basis", "legal_basis", required=True, metavar="NAME")
@click.option("--days", type=click.IntRange(1, 365), default=30, show_default=True)
@click.option("--rows", default=STREET, show_default=True, metavar="own, all, COLUMN=CODE,CODE")
@click.option("--counts-only", is_flag=True)
@click.option("--grantee", default="", metavar="KIND:NAME")
@click.option("--delivery", type=click.Choice([each.value for each in Delivery]), multiple=True, default=("query",))
@click.option("--reason", default="")
@click.option("--key", default="", metavar="TEXT")
@click.option("--check", is_flag=True)
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def apply(desk: Desk, /, by: str, password_stdin: bool, form: str, check: bool, **told: Any) -> None:
    """Apply for datasets in one basket, or only say what every lane would say."""
    _refuse_unknown(desk, told["purpose"], told["legal_basis"])
    rows, counts = _rows(desk, told.pop("rows")), told.pop("counts_only")
    items = [
        {"dataset": name, "columns": columns.split(","), "rows": rows, "counts_only": counts}
        for name, _, columns in (each.partition("=") for each in told.pop("datasets"))
    ]
    key = told.pop("key") or f"{by} {desk.clock().isoformat()}"
    asked = _asked("ApplyIn", {**told, "key": key, "delivery": list(told["delivery"]), "items": items})
    with given_by(desk, by, from_stdin=password_stdin) as given:
        part = given.core.baskets
        found = part.check(given.people[0], asked) if check else part.apply(given.people[0], asked)
    _show_items(desk, found, form)


@click.command("baskets")
@click.option("--which", type=click.Choice(["all", "waiting", "mine"]), default="all", show_default=True)
@click.option("--basket", default="", metavar="BASKET")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def baskets(desk: Desk, /, by: str, password_stdin: bool, form: str, **told: str) -> None:
    """Print applications, or one of them with its items."""
    basket = told["basket"]
    with given_by(desk, by, from_stdin=password_stdin) as given:
        part, who = given.core.baskets, given.people[0]
        found = part.basket(who, basket) if basket else part.baskets(who, told["which"], None, 200)
    if basket:
        _show_items(desk, found, form)
        return
    if form == "json":
        desk.give(found.baskets)
        return
    table = make_table(desk, "basket", "by", "purposes", "state", "items", "due", "until")
    for each in found.baskets:
        due = "" if each.due_min is None else shown_moment(desk, each.due_min)
        state = text(f"cli.basket_{each.state}", desk.lang)
        name = f"{each.applicant} · {getattr(each.agency_name, desk.lang)}"
        cells = (each.basket_id, name, getattr(each.purpose_name, desk.lang), state, str(each.items), due)
        table.add_row(*cells, shown_moment(desk, each.until_min))
    desk.out.print(table if found.baskets else text("cli.baskets_none", desk.lang))


@click.command("authorise")
@click.argument("basket_id", metavar="BASKET")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def authorise(desk: Desk, /, basket_id: str, by: str, password_stdin: bool, form: str) -> None:
    """Turn the data authority's one key."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.baskets.authorise(given.people[0], basket_id)
    _show_items(desk, found, form)


@click.command("decide")
@click.argument("basket_id", metavar="BASKET")
@click.option("--give", multiple=True, metavar="NAME[=COLUMN,COLUMN]")
@click.option("--refuse", multiple=True, metavar="NAME")
@click.option("--agree", multiple=True, metavar="NAME")
@click.option("--days", type=click.IntRange(1, 365), default=None)
@click.option("--reason", default="")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def decide(desk: Desk, /, basket_id: str, by: str, password_stdin: bool, form: str, **told: Any) -> None:
    """Decide items as their owner, or agree as the second person."""
    if not (told["give"] or told["refuse"] or told["agree"]):
        raise click.UsageError(text("cli.decide_what", desk.lang))
    given_items = [
        {"dataset": name, "give": True, "columns": columns.split(",") if columns else None, "days": told["days"]}
        for name, _, columns in (each.partition("=") for each in told["give"])
    ]
    refused = [{"dataset": name, "give": False, "reason": told["reason"]} for name in told["refuse"]]
    with given_by(desk, by, from_stdin=password_stdin) as given:
        part, who, found = given.core.baskets, given.people[0], None
        if given_items or refused:
            found = part.decide(who, basket_id, _asked("DecideIn", {"items": given_items + refused}))
        if told["agree"]:
            found = part.agree(who, basket_id, _asked("AgreeIn", {"datasets": told["agree"]}))
    _show_items(desk, found, form)


@click.command("shares")
@click.option("--dataset", default=None, metavar="NAME")
@click.option("--all", "everything", is_flag=True)
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def shares(desk: Desk, /, by: str, password_stdin: bool, form: str, **told: Any) -> None:
    """Print who was given what."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.baskets.shares(given.people[0], told["dataset"], live=not told["everything"]).shares
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "share", "grantee", "dataset", "fields", "purposes", "until", "state")
    for each in found:
        fields = ", ".join(f"{c.column}*" if c.mask else c.column for c in each.columns)
        cells = (each.share_id, each.grantee, each.dataset, fields, getattr(each.purpose_name, desk.lang))
        table.add_row(*cells, shown_moment(desk, each.until_min), text(f"cli.share_{each.state}", desk.lang))
    desk.out.print(table if found else text("cli.shares_none", desk.lang))


revoke = revoke_command("SHARE", "cli.share_revoked_now", lambda core, who, name: core.baskets.revoke(who, name))


@click.command("send")
@click.argument("share_id", metavar="SHARE")
@BY
@PASSWORDS
@click.pass_obj
def send(desk: Desk, /, share_id: str, by: str, password_stdin: bool) -> None:
    """Let what a partner was given leave through its channel."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        sent = given.core.sendings.send_share(given.people[0], share_id)
    desk.out.print(text("cli.share_sent", desk.lang, batch=sent.batch_id or "-", rows=sent.rows, known=sent.unchanged))


@click.command("template")
@click.option("--sign", type=click.Path(path_type=Path, dir_okay=False, exists=True), default=None)
@click.option("--withdraw", default="", metavar="TEMPLATE")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def template(desk: Desk, /, by: str, password_stdin: bool, form: str, **told: Any) -> None:
    """Print what owners have signed beforehand, sign what a file says, or withdraw one."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        part, who = given.core.baskets, given.people[0]
        if told["sign"] is not None:
            for each in _read_signed(told["sign"]):
                part.sign(who, _asked("TemplateIn", each))
        if told["withdraw"]:
            part.withdraw_template(who, told["withdraw"])
        found = part.templates(who, None).templates
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "template", "dataset", "owner", "fields", "purposes", "until", "state")
    for each in found:
        fields = ", ".join(f"{c.column}*" if c.mask else c.column for c in each.columns)
        state = text("cli.share_live" if each.live else "cli.share_over", desk.lang)
        cells = (each.template_id, each.dataset, each.owner, fields, ", ".join(each.purposes))
        table.add_row(*cells, shown_moment(desk, each.until_min), state)
    desk.out.print(table if found else text("cli.templates_none", desk.lang))


@click.command("times")
@click.option("--days", type=click.IntRange(1, 366), default=90, show_default=True)
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def times(desk: Desk, /, by: str, password_stdin: bool, form: str, days: int) -> None:
    """Print how long it takes from application to active, machine and people apart."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.baskets.times(given.people[0], days)
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "what", "rows", "median", "p95")
    for name in ("whole", "items", "machine", "human"):
        one = getattr(found, name)
        table.add_row(text(f"cli.times_{name}", desk.lang), str(one.count), _time(one.p50_ms), _time(one.p95_ms))
    desk.out.print(table)
    share = "-" if found.automatic_share is None else f"{found.automatic_share:.0%}"
    told = {"baskets": found.baskets, "share": share, "waiting": found.waiting, "late": found.late}
    desk.out.print(text("cli.times_beside", desk.lang, **told))


@click.command("terms")
@FORMAT
@click.pass_obj
def terms(desk: Desk, /, form: str) -> None:
    """Print the rule that the library shares by: how far the lanes go, within what time people decide."""
    told = shown_terms(desk.settings.terms)
    if form == "json":
        desk.give(told)
        return
    table = make_table(desk, "what", "value")
    for name, value in told.items():
        table.add_row(text(f"cli.term_{name}", desk.lang), f"{value:,}")
    desk.out.print(table)


@click.command("late")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def late(desk: Desk, /, by: str, password_stdin: bool, form: str) -> None:
    """Print what is late and has gone up to a person, what is late for longest first."""
    with given_by(desk, by, from_stdin=password_stdin) as given:
        found = given.core.notices.notices(given.people[0]).notices
    if form == "json":
        desk.give(found)
        return
    table = make_table(desk, "what", "dataset", "agency", "since", "state")
    for each in found:
        since = "" if each.since_min is None else shown_moment(desk, each.since_min)
        state = text("cli.late_acts" if each.acts else "cli.late_told", desk.lang, step=each.step)
        table.add_row(text(f"cli.late_{each.kind}", desk.lang), each.dataset, each.agency, since, state)
    desk.out.print(table if found else text("cli.late_none", desk.lang))


def _show_items(desk: Desk, found: Any, form: str) -> None:
    if form == "json":
        desk.give(found)
        return
    if hasattr(found, "basket_id"):
        state = text(f"cli.basket_{found.state}", desk.lang)
        desk.out.print(text("cli.basket_is", desk.lang, basket=found.basket_id, state=state), style="bold")
    table = make_table(desk, "dataset", "grade", "lane", "state", "why")
    for each in found.items:
        closed = min((lane for lane in each.lanes if not lane.open), key=lambda lane: len(lane.reasons), default=None)
        told = [getattr(reason.text, desk.lang) for reason in closed.reasons] if closed else []
        why = each.note or each.probe_why or (" ".join(told) if each.lane != "automatic" else "")
        lane, state = text(f"cli.lane_{each.lane}", desk.lang), text(f"cli.item_{each.state}", desk.lang)
        table.add_row(each.dataset, f"L{each.grade}", lane, state, why)
    desk.out.print(table)


def _refuse_unknown(desk: Desk, purpose: str, legal_basis: str) -> None:
    """Raise Malformed with the names there are: a slip of the pen should not become a refused application."""
    catalogue = load("hubtwin.wiring.library:open_catalogue")(desk.settings)
    if purpose not in catalogue.purposes:
        raise Malformed("cli.apply_purpose", name=purpose, known=", ".join(sorted(catalogue.purposes)))
    if legal_basis not in catalogue.legal_bases:
        raise Malformed("cli.apply_basis", name=legal_basis, known=", ".join(sorted(catalogue.legal_bases)))


def _rows(desk: Desk, said: str) -> dict[str, Any] | None:
    """Return which rows are meant. Raises click.BadParameter."""
    if said == STREET:
        return None
    if said == "all":
        return {"everything": True}
    column, sign, codes = said.partition("=")
    if not sign or not codes:
        raise click.BadParameter(text("cli.apply_rows", desk.lang), param_hint="--rows")
    return {"column": column, "values": codes.split(",")}


def _read_signed(file: Path) -> list[dict[str, Any]]:
    """Return the templates of a file as they are asked for. Raises Malformed."""
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))["templates"]
        return [{**each, "masks": [list(pair) for pair in each.get("masks", {}).items()]} for each in told]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
        raise Malformed("cli.template_unreadable", file=file.name) from error


def _time(took_ms: int | None) -> str:
    if took_ms is None:
        return "-"
    return f"{took_ms} ms" if took_ms < 10_000 else f"{took_ms / 60_000:.1f} min"


def _asked(name: str, told: dict[str, Any]) -> Any:
    return asked_of(SCHEMAS, name, told)
