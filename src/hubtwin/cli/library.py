"""Commands about the library: what it lists, how a dataset is described, how it is searched."""

from typing import Any

import click

from hubtwin.base.clock import DAY_MIN, epoch_minute, from_epoch_minute
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT, make_table
from hubtwin.cli.desk import Desk
from hubtwin.wiring import load

OPEN = "hubtwin.wiring.library:open_catalogue"
HELD = "hubtwin.wiring.library:held_of"


@click.group("library")
def library() -> None:
    """Look after the library of the hub and its district."""


@library.command("list")
@click.option("--library", "of_library", default="", metavar="NAME")
@click.option("--sharing", type=click.Choice(["unconditional", "restricted", "not_shared"]), default=None)
@click.option("--grade", type=click.Choice(["L1", "L2", "L3", "L4"]), default=None)
@FORMAT
@click.pass_obj
def list_library(desk: Desk, /, of_library: str, form: str, **told: Any) -> None:
    """Print what is listed."""
    _list(desk, "", form, library=of_library, **told)


@library.command("search")
@click.argument("words", nargs=-1, required=True)
@click.option("--library", "of_library", default="", metavar="NAME")
@click.option("--sharing", type=click.Choice(["unconditional", "restricted", "not_shared"]), default=None)
@click.option("--grade", type=click.Choice(["L1", "L2", "L3", "L4"]), default=None)
@FORMAT
@click.pass_context
def search(ctx: click.Context, /, words: tuple[str, ...], of_library: str, form: str, **told: Any) -> None:
    """Search the catalogue; exit code 1 where nothing is found."""
    if not _list(ctx.obj, " ".join(words), form, library=of_library, **told):
        ctx.exit(1)


def _list(desk: Desk, asked: str, form: str, **told: Any) -> int:
    """Print what is found and return how much it is."""
    narrow = load("hubtwin.library.search:narrow")
    catalogue = load(OPEN)(desk.settings)
    held = load(HELD)(desk.settings, desk.clock)
    hits = load("hubtwin.library.search:SearchIndex")(catalogue).search(asked, narrow(**told))
    fresh, now_min = load("hubtwin.library.lineage:freshness"), epoch_minute(desk.clock())
    if form == "json":
        rows = [{**_plain(hit.listing, held), "score": round(hit.score, 3), "where": hit.where} for hit in hits]
        desk.give(rows)
        return len(hits)
    table = make_table(desk, "dataset", "title", "library", "owner", "sharing", "grade", "rows", "fresh")
    for hit in hits:
        one = hit.listing
        part, title = held.get(one.name), one.dataset.zh if desk.lang == "zh" else one.dataset.en
        state = text(f"cli.library_{fresh(one, part, now_min)}", desk.lang)
        cells = (one.name, title, one.library, one.owner, text(f"cli.library_{one.sharing}", desk.lang))
        table.add_row(*cells, one.dataset.grade.name, f"{part.rows:,}" if part else "", state)
    if hits:
        desk.out.print(table)
    desk.out.print(text("cli.library_counted", desk.lang, count=len(hits), all=len(catalogue.listings)), style="dim")
    return len(hits)


def _plain(one: Any, held: Any) -> dict[str, Any]:
    part = held.get(one.name)
    return {
        "name": one.name,
        "title": {"zh": one.dataset.zh, "en": one.dataset.en},
        **{name: getattr(one, name) for name in ("library", "owner", "steward", "sharing", "contract", "purposes")},
        "grade": one.dataset.grade.name,
        "rows": part.rows if part else 0,
        "updated": from_epoch_minute(part.updated_min).isoformat() if part else None,
    }


@library.command("show")
@click.argument("name", metavar="DATASET")
@FORMAT
@click.pass_obj
def show(desk: Desk, /, name: str, form: str) -> None:
    """Print a dataset with all that is said of it."""
    catalogue = load(OPEN)(desk.settings)
    one = catalogue.get(name)
    held = load(HELD)(desk.settings, desk.clock)
    lineage = {
        "parents": one.parents,
        "children": load("hubtwin.library.lineage:list_children")(catalogue, name),
        "referring": load("hubtwin.library.lineage:list_referring")(catalogue, name),
    }
    if form == "json":
        columns = [_plain_column(column, one.trait(column.name)) for column in one.dataset.columns]
        told = {"about": one.about, "update_every_min": one.update_every_min, "retain_days": one.retain_days}
        rest = {"key": one.dataset.key, "columns": columns, "digest": one.digest}
        desk.give({**_plain(one, held), **told, **lineage, **rest})
        return
    _print_head(desk, catalogue, one, held.get(name))
    _print_columns(desk, one)
    for kind in ("parents", "children", "referring"):
        if lineage[kind]:
            names = ", ".join(lineage[kind])
            desk.out.print(text(f"cli.library_{kind}", desk.lang, names=names))


def _plain_column(column: Any, trait: Any) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "title": {"zh": column.zh, "en": column.en},
        "grade": column.grade.name,
        **{name: getattr(trait, name) for name in ("element", "reason", "source", "graded_by", "mask", "required")},
        **{name: getattr(trait, name) or None for name in ("refers_to", "same_as")},
    }


def _print_head(desk: Desk, catalogue: Any, one: Any, part: Any) -> None:
    lang = desk.lang
    agencies = {each.agency_id: getattr(each, lang) for each in catalogue.agencies}
    desk.out.print(f"{one.name}  {one.dataset.zh if lang == 'zh' else one.dataset.en}", style="bold")
    desk.out.print(one.about[lang])
    state = load("hubtwin.library.lineage:freshness")(one, part, epoch_minute(desk.clock()))
    told = {
        "library": catalogue.library_by_name[one.library].title[lang],
        "owner": agencies.get(one.owner, one.owner),
        "steward": agencies.get(one.steward, one.steward) or "-",
        "sharing": text(f"cli.library_{one.sharing}", lang),
        "grade": one.dataset.grade.name,
        "contract": one.contract or "-",
        "every": _span(lang, one.update_every_min),
        "fresh": text(f"cli.library_{state}", lang),
        "kept": _span(lang, (one.retain_days or 0) * DAY_MIN),
        "purposes": ", ".join(f"{catalogue.purposes[each][lang]} ({each})" for each in one.purposes) or "-",
    }
    desk.out.print(text("cli.library_head", lang, **told))
    if one.lowered is not None:
        why = {"by": one.lowered.by, "on": one.lowered.on, "reason": one.lowered.reason[lang]}
        desk.out.print(text("cli.library_lowered", lang, **why))


def _span(lang: str, minutes: int | None) -> str:
    """Return minutes as people say them: whole days as days."""
    if not minutes:
        return text("cli.library_no_span", lang)
    if minutes % DAY_MIN == 0:
        return text("cli.library_days", lang, count=minutes // DAY_MIN)
    return text("cli.library_minutes", lang, count=minutes)


def _print_columns(desk: Desk, one: Any) -> None:
    table = make_table(desk, "name_of", "type", "title", "grade", "why", "mask", "refers")
    for column in one.dataset.columns:
        trait = one.trait(column.name)
        mark = "*" if column.name in one.dataset.key else "!" if trait.required else ""
        title = column.zh if desk.lang == "zh" else column.en
        cells = (column.name + mark, column.type, title, column.grade.name, trait.reason.get(desk.lang, ""))
        table.add_row(*cells, trait.mask, trait.refers_to or trait.same_as)
    desk.out.print(table)
    desk.out.print(text("cli.library_marks", desk.lang), style="dim")
