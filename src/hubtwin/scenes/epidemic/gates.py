"""Who of those that passed the gates is flagged, by the exit rules in force; which exits are full.

The machine flags, nobody is stopped by it: a flag opens a case, and a named person decides. Why is said in words of
both languages and by the rule of the versioned table, so that it can be checked and appealed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import narwhals as nw

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.library.query import collect
from hubtwin.model.finding import Flagged
from hubtwin.model.place import Exit
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Tables
from hubtwin.rules.screening import GROUNDS, LEVELS, Decision, Passage, Risk, choose_table, decide
from hubtwin.rules.told_areas import join_told
from hubtwin.scenes.epidemic.exit_rules import EXIT_RULES
from hubtwin.scenes.epidemic.persons import standing

READS = ("gate_screenings", "risk_areas", "told_areas", "risk_hits", "rail_calls", "rail_stations")
NEW = "gate_screenings"  # of this table only rows that nobody has looked at are needed
Row = Mapping[str, Any]


def flag(tables: Tables, params: Mapping[str, Any], now: datetime) -> list[Flagged]:
    """Return whom the exit rules flag of the rows of GATE_SCREENINGS in `tables`, in order of time.

    What is listed where is as known at `now`; the rules are those in force at the passage. `params`: `stations` and
    `levels`. Raises Absent where no table of exit rules is in force.
    """
    now_min = epoch_minute(now)
    (risk, told), hits = _read_risk(tables, params, now_min), _read_hits(tables, now_min)
    station = params["stations"][0]
    found = []
    for row in _candidates(tables[NEW], risk, hits):
        table = choose_table(EXIT_RULES, station, row["at_min"])
        passage = Passage(**{name: row[name] for name in Passage.__dataclass_fields__})
        decision = decide(passage, table, risk, {pid: hit["level"] for pid, hit in hits.items()})
        if decision.flag:
            hit = hits.get(row["pid"])
            train = "" if hit is None else f"{_train(tables, params, hit)} {hit['service_date'].isoformat()}"
            shown = _shown(row, decision, hit, told.get(row["origin_area"], ""))
            found.append(Flagged(row["pid"], train, _ref(row), shown, _marks(row), row["at_min"]))
    return found


def list_full_exits(
    lanes: Iterable[Row], exits: Sequence[Exit], wait_min: float, now_min: int
) -> list[dict[str, object]]:
    """Return the exits at which people wait longer than `wait_min` now, as `flow.emergency` reads them.

    `lanes` are rows of LANE_COUNTS of the last minutes; of each lane the newest counts. The wait of an exit is its
    waiting persons over what its lanes let through a minute; desks count as waiting, not as capacity.
    """
    newest: dict[tuple[str, int], Row] = {}
    for row in lanes:
        key = (row["exit_id"], row["lane"])
        if key not in newest or newest[key]["minute_min"] < row["minute_min"]:
            newest[key] = row
    waiting: defaultdict[str, int] = defaultdict(int)
    for (exit_id, _), row in newest.items():
        waiting[exit_id] += row["waiting"]
    full = []
    for place in exits:
        capacity = place.lanes * place.lane_capacity_per_min
        if waiting[place.exit_id] > wait_min * capacity:
            until = now_min + round(waiting[place.exit_id] / capacity)
            told = {"exit": place.exit_id, "from_min": now_min, "until_min": until, "lead_min": 0}
            full.append({**told, "capacity_per_min": capacity, "longest_queue": waiting[place.exit_id], "sensed": True})
    return full


def _candidates(passages: nw.LazyFrame[Any], risk: Risk, hits: Mapping[str, Row]) -> list[dict[str, Any]]:
    """Return the rows that a rule could flag at all: everything else has no ground (`rules.screening.GROUNDS`)."""
    listed = [code for code, level in risk.listed.items() if level in LEVELS[:2]]
    coldest = min(table.fever_c for table in EXIT_RULES)
    wanted = (
        nw.col("origin_area").is_in(listed)
        | nw.col("health_code").is_in(sorted(GROUNDS[1]))
        | nw.col("itinerary_code").is_in(sorted(GROUNDS[2]))
        | (nw.col("temperature_c") >= coldest)
        | nw.col("pid").is_in(list(hits))
    )
    return [dict(row) for row in collect(passages.filter(wanted).sort("at_min", "gate_id", "pid")).to_pylist()]


def _read_risk(tables: Tables, params: Mapping[str, Any], now_min: int) -> tuple[Risk, dict[str, str]]:
    """Return the level of each county that is listed, and who told it where that is a partner and not the list."""
    standing = join_told(tables).filter(
        nw.col("level").is_in(list(params["levels"])),
        ~nw.col("area_code").is_null(),
        nw.col("first_seen_min") <= now_min,
        nw.col("gone_by_min").is_null() | (nw.col("gone_by_min") > now_min),
    )
    listed: dict[str, str] = {}
    told: dict[str, str] = {}
    found = collect(standing.select("area_code", "level", "told_by").unique()).to_pylist()
    for row in sorted(found, key=lambda row: (LEVELS.index(row["level"]), row["told_by"])):
        if row["area_code"] not in listed:
            listed[row["area_code"]] = row["level"]
            if row["told_by"]:
                told[row["area_code"]] = row["told_by"]
    stations = tables["rail_stations"].filter(nw.col("station_id") == params["stations"][0]).select("area_code")
    home = [row["area_code"] for row in collect(stations).to_pylist()]
    return Risk(listed, home[0] if home and home[0] else ""), told


def _read_hits(tables: Tables, now_min: int) -> dict[str, Row]:
    """Return pseudonym -> its newest hit that stands. Gate row and hit meet as long as both lie in one key epoch."""
    known = standing(tables["risk_hits"], now_min).sort("as_of_min", "trip_id")
    return {row["pid"]: row for row in collect(known).to_pylist()}


def _train(tables: Tables, params: Mapping[str, Any], hit: Row) -> str:
    """Return the number under which the train of a hit arrives; asked for the few who are flagged."""
    at_hub = tables["rail_calls"].filter(
        nw.col("station_id").is_in(list(params["stations"])), nw.col("trip_id") == hit["trip_id"]
    )
    codes = collect(at_hub.select("seq", "code").sort("seq")).to_pylist()
    return codes[-1]["code"] if codes else "?"


def _ref(row: Row) -> str:
    return f"gate {row['gate_id']} {from_epoch_minute(row['at_min']):%Y-%m-%dT%H:%MZ}"


def _shown(row: Row, decision: Decision, hit: Row | None, told_by: str) -> dict[str, object]:
    shown = {
        "exit_id": row["exit_id"],
        "gate_id": row["gate_id"],
        "lane": row["lane"],
        "at_min": row["at_min"],
        "desk": row["desk"],
        "document_kind": row["document_kind"],
        "origin": decision.origin,
        "rule_id": decision.rule_id,
        "version": decision.version,
        "station": decision.station,
        "measures": list(decision.measures),
        "reasons_zh": [reason.message("zh") for reason in decision.reasons],
        "reasons_en": [reason.message("en") for reason in decision.reasons],
        "level": None if hit is None else hit["level"],
    }
    return {**shown, "told_by": told_by} if told_by else shown


def _marks(row: Row) -> Marks:
    return Marks(Status(row["status"]), Provenance(row["provenance"]), row["replayed"])
