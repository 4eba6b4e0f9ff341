"""Commands that give records their colours, say how datasets stand, and look after work orders."""

import getpass
from typing import Any

import click

from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.cli.people import BY, PASSWORDS, asked_of, given_by, shown_moment
from hubtwin.model.colour import Colour
from hubtwin.wiring import load as plugged

OPENED = "hubtwin.wiring.governing:opened_governing"
QUALITY = "hubtwin.web.schemas.quality"


@click.command("govern")
@click.argument("dataset", required=False, metavar="[DATASET]")
@click.option("--all", "every", is_flag=True)
@FORMAT
@click.pass_obj
def govern(desk: Desk, /, dataset: str | None, form: str, *, every: bool) -> None:
    """Give every record of a dataset its colour, or those of all datasets of which rows are held."""
    if (dataset is None) != every:
        raise click.UsageError(text("cli.govern_what", desk.lang))
    with plugged(OPENED)(desk.settings, desk.clock) as governing:
        names = governing.held() if every else [str(dataset)]
        runs = []
        for name in names:
            run = governing.govern(name, getpass.getuser())
            runs.append(run)
            if form != "json":
                _print_run(desk, run)
    if form == "json":
        desk.give([plain_run(run) for run in runs])
    elif not runs:
        desk.out.print(text("cli.govern_nothing", desk.lang))


def plain_run(run: Any) -> dict[str, Any]:
    """Return a run as JSON shows it."""
    names = ("run_id", "dataset", "ended_min", "contract", "rows", "unreadable", "evaluated", "changed", "governed")
    colours = {colour.name.lower(): count for colour, count in run.colours.colours.items()}
    shown = {name: getattr(run, name) for name in names}
    return {**shown, "repaired": run.repaired, "colours": colours, "score": run.colours.score, "skipped": run.skipped}


def _print_run(desk: Desk, run: Any) -> None:
    counts = {name: f"{getattr(run, name):,}" for name in ("rows", "evaluated", "changed", "governed", "repaired")}
    desk.out.print(text("cli.govern_done", desk.lang, dataset=run.dataset, **counts))
    desk.out.print("  " + _colours(desk, run.colours))
    if run.skipped:
        desk.out.print(text("cli.govern_skipped", desk.lang, rules=", ".join(run.skipped)), style="yellow")


def _colours(desk: Desk, told: Any) -> str:
    """Return the colours as words with counts: never a colour alone."""
    parts = [f"{_word(desk, colour)} {told.colours[colour]:,}" for colour in Colour if told.colours.get(colour)]
    return ", ".join(parts)


def _word(desk: Desk, colour: Colour | None) -> str:
    return text(f"model.colour_{colour.name.lower()}", desk.lang) if colour else text("cli.quality_none", desk.lang)


@click.command("quality")
@click.argument("dataset", required=False, metavar="[DATASET]")
@FORMAT
@click.pass_context
def quality(ctx: click.Context, /, dataset: str | None, form: str) -> None:
    """Say how the library stands, or one dataset with all its rules; exit code 1 where nothing was governed yet."""
    desk: Desk = ctx.obj
    with plugged(OPENED)(desk.settings, desk.clock) as governing:
        found = _dataset(desk, governing, dataset, form) if dataset else _library(desk, governing, form)
    if not found:
        desk.say("cli.quality_not_yet")
        ctx.exit(1)


def _library(desk: Desk, governing: Any, form: str) -> bool:
    standings = governing.standings()
    total = governing.total(standings)
    if form == "json":
        rows = [{**plain_run(each.run), "colour": _name(each.colour), "rating": each.rating} for each in standings]
        shown = {"governed": total.governed, "repaired": total.repaired, "score": total.colours.score}
        desk.give({**shown, "datasets": rows})
        return bool(standings)
    table = make_table(desk, "dataset", "library", "colour", "rows", "clean", "rating", "since")
    for each in standings:
        score, run = each.run.colours.score, each.run
        cells = (each.listing.name, each.listing.library, _word(desk, each.colour), f"{run.rows:,}")
        rated = str(each.rating) if each.rating else ""
        table.add_row(*cells, "" if score is None else f"{score:.1%}", rated, shown_moment(desk, run.ended_min))
    if standings:
        desk.out.print(table)
        counts = {"governed": f"{total.governed:,}", "repaired": f"{total.repaired:,}"}
        desk.out.print(text("cli.quality_total", desk.lang, **counts, score=f"{total.colours.score or 0:.1%}"))
        desk.out.print(_colours(desk, total.colours))
    return bool(standings)


def _name(colour: Colour | None) -> str | None:
    return colour.name.lower() if colour else None


def _dataset(desk: Desk, governing: Any, dataset: str, form: str) -> bool:
    standing, book = governing.standing(dataset), governing.book(dataset)
    trend = {each.rule: each for each in governing.trend(dataset)}  # the last run wins
    rules = [(rule, trend.get(rule.name)) for rule in book.rules]
    if form == "json":
        rows = [
            {
                "rule": rule.name,
                "colour": rule.colour.name.lower(),
                "dimension": rule.dimension.value,
                "columns": rule.columns,
                "asks": rule.sentence(desk.lang, book.listing),
                "passed": told.passed if told else None,
                "failed": told.failed if told else None,
            }
            for rule, told in rules
        ]
        run = plain_run(standing.run) if standing else None
        desk.give({"run": run, "rules": rows})
        return True
    table = make_table(desk, "colour", "what", "passed", "failed")
    for rule, told in rules:
        counts = (f"{told.passed:,}", f"{told.failed:,}") if told else ("", "")
        table.add_row(_word(desk, rule.colour), rule.sentence(desk.lang, book.listing), *counts)
    desk.out.print(table)
    if standing:
        _print_run(desk, standing.run)
    return standing is not None


@click.group("orders")
def orders() -> None:
    """Look after work orders: rows that fail a rule, and who is to act."""


@orders.command("list")
@click.option("--dataset", default="", metavar="NAME")
@click.option("--agency", default="", metavar="NAME")
@click.option("--closed", is_flag=True)
@FORMAT
@click.pass_obj
def list_orders(desk: Desk, /, form: str, **told: Any) -> None:
    """Print work orders, what is due first."""
    with plugged(OPENED)(desk.settings, desk.clock) as governing:
        found = governing.orders(**told)
    if form == "json":
        desk.give([plain_order(order) for order in found])
        return
    table = make_table(desk, "order", "rule", "colour", "agency", "failing", "due", "state")
    for order in found:
        state = text(f"cli.order_{order.state.value}", desk.lang)
        if order.is_open and order.up_min is not None:
            state = text("cli.order_up", desk.lang, state=state, at=shown_moment(desk, order.late_min or order.up_min))
        due = shown_moment(desk, order.due_min)
        table.add_row(
            order.order_id, order.rule, _word(desk, order.colour), order.agency, f"{order.failing:,}", due, state
        )
    desk.out.print(table if found else text("cli.orders_none", desk.lang))


def plain_order(order: Any) -> dict[str, Any]:
    """Return a work order as JSON shows it."""
    names = ("order_id", "dataset", "rule", "agency", "role", "failing", "opened_min", "due_min", "reason", "reopened")
    late = ("late_min", "up_min", "answered_min", "answered_by")
    shown = {name: getattr(order, name) for name in (*names, *late)}
    return {**shown, "colour": order.colour.name.lower(), "state": order.state.value, "escalated": order.escalated}


@orders.command("answer")
@click.argument("order_id", metavar="ORDER")
@click.option("--answer", type=click.Choice(["fixed", "disputed"]), required=True)
@click.option("--reason", default="", metavar="TEXT")
@FORMAT
@BY
@PASSWORDS
@click.pass_obj
def answer_order(desk: Desk, /, *, form: str, by: str, password_stdin: bool, **told: Any) -> None:
    """Answer a work order of the own agency: what was wrong is mended, or it is no fault, and why."""
    asked = asked_of(QUALITY, "AnswerOrder", told)
    with given_by(desk, by, from_stdin=password_stdin) as given:
        done = given.core.quality.answer(given.people[0], asked)
    if form == "json":
        desk.give(done)
        return
    state = text(f"cli.order_{done.state}", desk.lang)
    desk.out.print(text("cli.orders_answered", desk.lang, order=done.order_id, state=state, agency=done.agency))


@orders.command("escalate")
@click.pass_obj
def escalate(desk: Desk, /) -> None:
    """Escalate what is overdue, as a running hub does every minute."""
    with plugged(OPENED)(desk.settings, desk.clock) as governing:
        late = governing.escalate()
    desk.out.print(text("cli.orders_escalated", desk.lang, count=len(late)))
