"""What the commands about live sources print: the acceptance report and the shadow run, for people, in one language."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hubtwin.base.text import text
from hubtwin.cli.data import make_table
from hubtwin.cli.desk import Desk

SHARES = ("refused_share", "duplicate_share")
COUNTS = (
    *("pages", "repeated_pages", "bytes", "rows", "kept", "refused"),
    *("unknown_values", "duplicates", "repaired", "out_of_order"),
)
FENCE = "```json\n"
MOST_GAPS = 20  # printed; the JSON holds more


def print_report(desk: Desk, sealed: str) -> None:
    """Print a signed acceptance report as tables."""
    body, lang = json.loads(sealed)["body"], desk.lang
    for line in head_of(body, lang):
        desk.out.print(line)
    for title, columns, rows in _tables(body, lang):
        desk.out.print(title, style="bold")
        table = make_table(desk, *columns)
        for row in rows:
            table.add_row(*row)
        desk.out.print(table)
    desk.out.print(_signed(sealed, lang), style="dim")


def make_markdown(sealed: str, lang: str) -> str:
    """Return a signed acceptance report as a Markdown text that can be attached to an agreement."""
    body = json.loads(sealed)["body"]
    head, *others = head_of(body, lang)
    parts = [f"# {head}", *(f"- {line}" for line in others)]
    for title, columns, rows in _tables(body, lang):
        names = [text(f"cli.column_{name}", lang) for name in columns]
        lines = [names, ["---"] * len(names), *rows]
        parts.append("")
        parts.append(f"## {title}\n")
        parts += [f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |" for cells in lines]
    return "\n".join([*parts, "", _signed(sealed, lang), "", f"{FENCE}{sealed}", "```", ""])


def find_sealed(content: str) -> str:
    """Return the signed part of a report that was written as JSON or as Markdown."""
    _, fence, rest = content.partition(FENCE)
    return rest.partition("\n```")[0] if fence else content


def print_shadow(desk: Desk, found: Any, allowed: float) -> None:
    """Print what a shadow run found; `allowed` is the share of rows that may differ."""
    lang = desk.lang
    desk.out.print(text("cli.shadow_head", lang, source=found.source, pages=f"{found.pages:,}"))
    if found.is_listing:
        desk.out.print(text("cli.shadow_listing", lang), style="dim")
    table = make_table(desk, "dataset", "same", "different", "only_here", "only_there", "outside", "differing")
    for each in found.datasets:
        counts = (each.same, each.different, each.only_here, each.only_there, each.outside)
        differing = ", ".join(f"{name} {count:,}" for name, count in sorted(each.columns.items()))
        table.add_row(each.dataset, *(f"{count:,}" for count in counts), differing)
    desk.out.print(table)
    if found.quarantined:
        reasons = make_table(desk, "why", "here", "in_hub")
        for reason, (here, there) in found.quarantined.items():
            reasons.add_row(name_of(reason, lang), f"{here:,}", f"{there:,}")
        desk.out.print(reasons)
    for each in found.datasets:
        for example in each.examples:
            kind = text(f"cli.column_{example['kind']}", lang)
            told = ", ".join(f"{name}={value}" for name, value in example.items() if name != "kind")
            desk.out.print(f"  {kind}: {each.dataset} {told}")
    key = "cli.shadow_as_agreed" if found.share <= allowed else "cli.shadow_differs"
    desk.out.print(text(key, lang, share=f"{found.share:.2%}", allowed=f"{allowed:.2%}"))


def name_of(reason: str, lang: str) -> str:
    """Return a reason in words, without the values that a count does not have."""
    told = text(reason, lang)
    return f"{reason}: {_without_values(told)}" if told != reason else reason


def head_of(body: Mapping[str, Any], lang: str) -> Iterator[str]:
    """Yield the lines above the tables: of what, of when, the verdict, whom to ring."""
    title = {"title": body["title"][lang], "source": body["source"], "hub": body["hub_id"]}
    yield text("cli.accept_title", lang, **title)
    yield text("cli.accept_time", lang, begin=body["from"], end=body["until"])
    yield text("cli.accept_seen", lang, first=body["first_seen"] or "-", last=body["last_seen"] or "-")
    yield text("cli.accept_verdict", lang, verdict=text(f"cli.verdict_{body['verdict']}", lang))
    if body["synthetic"]:
        yield text("cli.accept_synthetic", lang)
    if body["contact"]:
        told = body["contact"]
        yield text(
            "cli.accept_contact", lang, office=told["office"][lang], phone=told["phone"], hours=told["hours"] or "-"
        )
    gaps = body["gaps"]
    if gaps["unasked_s"]:
        yield text("cli.accept_unasked", lang, minutes=f"{gaps['unasked_s'] // 60:,}")


def _tables(body: Mapping[str, Any], lang: str) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """Yield (title, column keys, rows of cells) of each table."""
    yield (
        text("cli.accept_agreed", lang),
        ("line", "agreed", "measured", "verdict"),
        [_line(line, lang) for line in body["lines"]],
    )
    counts = [(text(f"cli.count_{name}", lang), _number(body["counts"][name], lang)) for name in COUNTS]
    yield text("cli.accept_counts", lang), ("line", "number"), counts
    if body["delays"]:
        names = ("p50_min", "p95_min", "max_min", "least_min", "ahead")
        delays = [(text(f"cli.delay_{name}", lang), f"{body['delays'][name]:,}") for name in names]
        yield text("cli.accept_delays", lang), ("line", "number"), delays
    if body["recording_notes"]:
        notes = [(text(f"cli.note_{what}", lang), f"{count:,}") for what, count in body["recording_notes"].items()]
        yield text("cli.accept_notes", lang), ("line", "number"), notes
    for name in ("refused", "failures"):
        if body[name]:
            reasons = [(name_of(reason, lang), f"{count:,}") for reason, count in body[name].items()]
            yield text(f"cli.accept_{name}", lang), ("why", "number"), reasons
    gaps = [
        (gap["begin"], gap["end"], f"{gap['seconds'] // 60:,}", text(f"cli.gap_{gap['why']}", lang))
        for gap in body["gaps"]["list"]
    ]
    if gaps:
        more = sum(body["gaps"][why] for why in ("silent", "maintenance", "unasked")) - len(gaps[:MOST_GAPS])
        title = text("cli.accept_gaps", lang)
        title += f" ({text('cli.more_rows', lang, count=more)})" if more else ""
        yield title, ("begins", "ends", "minutes", "why"), gaps[:MOST_GAPS]
    if body["maintenance"]:
        yield text("cli.accept_maintenance", lang), ("begins", "ends"), [tuple(pair) for pair in body["maintenance"]]
    yield text("cli.accept_per_day", lang), ("day", "rows"), [(day, f"{n:,}") for day, n in body["per_day"].items()]
    yield text("cli.accept_per_hour", lang), ("hour", "rows"), [(at, f"{n:,}") for at, n in body["per_hour"].items()]


def _line(line: Mapping[str, Any], lang: str) -> Sequence[str]:
    cells = [_figure(line["name"], line[side]) for side in ("agreed", "measured")]
    return (text(f"cli.line_{line['name']}", lang), *cells, text(f"cli.verdict_{line['verdict']}", lang))


def _figure(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2%}" if name in SHARES else f"{value:,.0f}"


def _number(value: int | None, lang: str) -> str:
    return text("cli.verdict_not_measured", lang) if value is None else f"{value:,}"


def _signed(sealed: str, lang: str) -> str:
    told = json.loads(sealed)
    at = told["body"]["made_at"]
    return text("cli.accept_signed", lang, at=at, public_key=told["public_key"], signature=told["signature"])


def _without_values(sentence: str) -> str:
    """Return a sentence whose values nobody filled in with dots in their places."""
    parts = sentence.replace("{", "\0{").split("\0")
    return "".join("…" + part.partition("}")[2] if part.startswith("{") else part for part in parts)
