"""How a list of warned trains looks: a table for people, JSON and CSV for programs."""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hubtwin.base.clock import from_epoch_minute, local
from hubtwin.base.text import printable, text
from hubtwin.cli.desk import dump_json
from hubtwin.model.finding import Finding
from hubtwin.model.record import Provenance
from hubtwin.wiring import Warned

_MOMENTS = frozenset(
    {
        *("scheduled_min", "expected_min", "due_min", "arrive_min", "depart_min", "newest_min"),  # of a finding
        *("leave_min", "on_post_min", "from_min", "until_min"),  # of the staff plan
        *("first_min", "last_min", "updated_min", "frozen_from_min"),  # of the feed
    }
)
TABLE_WIDTH = 110  # columns of a terminal; below, a table would break every cell
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def show_table(console: Console, warned: Sequence[Warned], zone: ZoneInfo, *, lang: str, limit: int) -> None:
    """Print the ranked list; `limit` 0 shows all. The words of the header are those of the station."""
    shown = warned[:limit] if limit else warned
    if console.width < TABLE_WIDTH:
        _show_stacked(console, shown, zone, lang)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold", expand=False)
        for name, justify in _COLUMNS:
            table.add_column(text(f"cli.column_{name}", lang), justify="right" if justify else "left", overflow="fold")
        for rank, item in enumerate(shown, 1):
            style = "bold" if item.finding.evidence["key_train"] else ""
            table.add_row(*_cells(rank, item, zone, lang), style=style)
        console.print(table)
    if len(shown) < len(warned):
        console.print(text("cli.more", lang, count=len(warned) - len(shown)), style="dim")


def _show_stacked(console: Console, shown: Sequence[Warned], zone: ZoneInfo, lang: str) -> None:
    """Print a train as three lines, for terminals too narrow for the table: train and persons, evidence, staff."""
    for rank, item in enumerate(shown, 1):
        _, train, expected, lead, persons, level, evidence, complete, staff = _cells(rank, item, zone, lang)
        style = "bold" if item.finding.evidence["key_train"] else ""
        console.print(
            Text(f"{rank:>2} {train}  {expected}  {lead}  ").append(level).append(f"  {persons}"), style=style
        )
        console.print(Text(f"     {evidence}"))
        console.print(Text(f"     {complete}  {staff}"))


def show_json(warned: Sequence[Warned], context: Mapping[str, Any]) -> str:
    """Return the list as one JSON document: `context` (hub, now, notes) and `trains`, times in ISO 8601 UTC.

    An epoch minute `x_min` of a finding or a plan becomes the moment `x`; durations keep their name.
    """
    trains = [{**_plain(w.finding), "staff": w.staff} for w in warned]
    return dump_json(_dated({**context, "trains": trains}))


def _dated(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name.removesuffix("_min") if name in _MOMENTS else name: from_epoch_minute(told).isoformat()
            if name in _MOMENTS and told is not None
            else _dated(told)
            for name, told in value.items()
        }
    return [_dated(each) for each in value] if isinstance(value, list | tuple) else value


def show_csv(warned: Sequence[Warned], zone: ZoneInfo, lang: str) -> str:
    """Return the list as CSV, one row a train, header in English names; formulas are defused for spreadsheets."""
    out = io.StringIO()
    rows = [_flat(rank, w, zone, lang) for rank, w in enumerate(warned, 1)]
    writer = csv.DictWriter(out, fieldnames=list(_flat_names()), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: defuse(v) for k, v in row.items()} for row in rows)
    return out.getvalue()


def defuse(value: Any) -> Any:
    """Return a text that no spreadsheet takes for a formula and no terminal obeys; numbers stay as they are."""
    if not isinstance(value, str):
        return value
    return f"'{printable(value)}" if value.startswith(_FORMULA) else printable(value)


def clock_time(minute: int, zone: ZoneInfo, day: datetime | None = None) -> str:
    """Return an epoch minute as local HH:MM, with the date before it where that is not the day of `day`."""
    moment = local(from_epoch_minute(minute), zone)
    same_day = day is None or moment.date() == day.astimezone(zone).date()
    return f"{moment:%H:%M}" if same_day else f"{moment:%m-%d %H:%M}"


_COLUMNS = (
    ("rank", True),
    ("train", False),
    ("expected", False),
    ("lead", True),
    ("persons", True),
    ("level", False),
    ("evidence", False),
    ("complete", False),
    ("staff", False),
)


def _cells(rank: int, item: Warned, zone: ZoneInfo, lang: str) -> list[Text | str]:
    found = dict[str, Any](item.finding.evidence)
    key = "★ " if found["key_train"] else "  "
    level = Text(text(f"cli.level_{found['level']}", lang), style="red" if found["level"] == "high" else "yellow")
    return [
        str(rank),
        key + found["train"],
        _expected(found, zone, lang),
        text("cli.minutes", lang, count=found["lead_min"]),
        _persons(found["persons"], lang),
        level,
        _evidence(found, zone, lang),
        _completeness(found, lang),
        _staff(item, zone, lang),
    ]


def _expected(found: Mapping[str, Any], zone: ZoneInfo, lang: str) -> str:
    late = found["expected_min"] - found["scheduled_min"]
    shown = clock_time(found["expected_min"], zone)
    return shown if late == 0 else shown + " " + text("cli.late" if late > 0 else "cli.early", lang, count=abs(late))


def _persons(persons: Mapping[str, Any], lang: str) -> str:
    none = text("cli.no_data", lang)
    pair = " / ".join(none if persons[k] is None else str(persons[k]) for k in ("booked", "boarded"))
    above = persons["exposed"] if persons["rung"] == "manifest" else _hits(persons)
    return pair if above is None else f"{pair} → {above}"


def _hits(persons: Mapping[str, Any]) -> int | str | None:
    """Return how many a matcher found: a range where the railway said no more."""
    most: int | None = persons["hits"]
    return f"{persons['hits_least']}–{most}" if persons.get("hits_least") else most


def _evidence(found: Mapping[str, Any], zone: ZoneInfo, lang: str) -> str:
    calls = sorted(found["calls"], key=lambda c: (-c["high_areas"], -c["areas"]))
    if not calls:
        return text("cli.evidence_persons", lang)
    top = calls[0]
    levels = (("high", top["high_areas"]), ("medium", top["areas"] - top["high_areas"]))
    counts = " ".join(f"{text(f'cli.level_{name}', lang)} {count}" for name, count in levels if count)
    newest = clock_time(top["newest_min"], zone, local(from_epoch_minute(found["expected_min"]), zone))
    approx = "" if top["area_basis"] == "given" else "≈"
    place = {"station": top["station"], "county": top["county"], "approx": approx}
    shown = text("cli.evidence", lang, **place, counts=counts, newest=newest)
    if top["areas_since"]:
        shown += text("cli.evidence_since", lang, count=top["areas_since"])
    if top.get("told_by"):
        shown += text("cli.evidence_told", lang, count=top["told_areas"], partners=", ".join(top["told_by"]))
    if top["with_exception"]:
        shown += text("cli.evidence_except", lang, count=top["with_exception"])
    return shown if len(calls) == 1 else shown + text("cli.evidence_more", lang, count=len(calls) - 1)


def _completeness(found: Mapping[str, Any], lang: str) -> str:
    lists = found["lists"]
    now = lists["now"]
    stage = text(f"cli.stage_{lists['stage']}", lang)
    to_board = text("cli.no_data", lang) if now["to_board"] is None else now["to_board"]
    return text("cli.complete", lang, stage=stage, calls=now["calls"], of=now["of_calls"], to_board=to_board)


def _staff(item: Warned, zone: ZoneInfo, lang: str) -> str:
    if item.staff is None:
        return ""
    if not item.staff["team"]:
        return text("cli.staff_none", lang, reason=text(f"cli.unmet_{item.staff['reason']}", lang))
    return text(
        "cli.staff",
        lang,
        team=_teams(item.staff["team"], lang),
        platform=item.staff["platform"],
        exit=item.staff["exit"],
        leave=clock_time(item.staff["leave_min"], zone),
    )


def _teams(teams: Sequence[str], lang: str) -> str:
    if len(teams) == 1:
        return teams[0]
    return text("cli.teams_more", lang, team=teams[0], count=len(teams) - (0 if lang == "zh" else 1))


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "key": finding.key,
        "score": round(finding.score, 3),
        "synthetic": finding.marks.provenance is Provenance.SYNTHETIC,
        **finding.evidence,
    }


def _flat_names() -> tuple[str, ...]:
    return (
        "rank", "train", "service_date", "key_train", "level", "scheduled", "expected", "lead_min", "score", "rung",
        "booked", "boarded", "hits", "exposed", "stage", "calls_left", "of_calls", "to_board", "first_list_calls",
        "evidence", "team", "platform", "exit", "leave", "synthetic",
    )  # fmt: skip


def _flat(rank: int, item: Warned, zone: ZoneInfo, lang: str) -> dict[str, Any]:
    found, staff = dict[str, Any](item.finding.evidence), item.staff or {}
    persons, lists = found["persons"], found["lists"]
    stamp = [local(from_epoch_minute(found[k]), zone).isoformat() for k in ("scheduled_min", "expected_min")]
    leave = staff.get("leave_min")
    values = (
        rank, found["train"], found["service_date"], found["key_train"], found["level"], *stamp, found["lead_min"],
        round(item.finding.score, 3), persons["rung"], persons["booked"], persons["boarded"], _hits(persons),
        persons["exposed"], lists["stage"], lists["now"]["calls"], lists["now"]["of_calls"], lists["now"]["to_board"],
        lists["first"]["calls"], _evidence(found, zone, lang), " ".join(staff.get("team", ())), staff.get("platform"),
        staff.get("exit"), None if leave is None else local(from_epoch_minute(leave), zone).isoformat(),
        item.finding.marks.provenance is Provenance.SYNTHETIC,
    )  # fmt: skip
    return dict(zip(_flat_names(), values, strict=True))
