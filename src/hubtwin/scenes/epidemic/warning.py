"""From the calls of one run to one finding: persons, level, the two lists and their completeness."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubtwin.base.ids import stable_key
from hubtwin.model.finding import Finding
from hubtwin.model.record import Marks, Provenance

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """An arriving run: its arrival, its upstream calls in order, and the persons that the upper rungs found.

    `persons` may hold `hits` and `exposed` (numbers of persons), the `rung` to go by and whether they are
    `synthetic`; it is empty at the rung of counts. `marks` are those of the trains themselves.
    """

    train: Record
    calls: Sequence[Record]
    persons: Record
    marks: Marks


def assess(run: Run, params: Mapping[str, Any], now_min: int) -> Finding | None:
    """Return the finding of a run, or None where no call lies in an active area and no person was found."""
    at_risk = [call for call in run.calls if call["areas"]]
    found = max(run.persons.get("hits") or 0, run.persons.get("exposed") or 0)
    if not at_risk and not found:
        return None
    concerned = count_persons(run, at_risk, now_min)
    lists = describe_lists(run, int(params["lead_min"]), now_min)
    evidence: dict[str, Any] = {
        "trip_id": run.train["trip_id"],
        "service_date": run.train["service_date"].isoformat(),
        "train": run.train["code"],
        "hub_station": run.train["hub_station"],
        "platform": run.train["platform"],
        "scheduled_min": run.train["scheduled_min"],
        "expected_min": run.train["expected_min"],
        "lead_min": run.train["expected_min"] - now_min,
        "level": "high" if any(call["high_areas"] for call in at_risk) else "medium" if at_risk else "none",
        "persons": concerned,
        "key_train": is_key_train(at_risk, concerned, params["key_persons"]),
        "lists": lists,
        "calls": [describe_call(call, params.get("area_names", {})) for call in at_risk],
    }
    subject = f"{run.train['code']} {run.train['service_date'].isoformat()}"
    return Finding(
        key=stable_key("epidemic", run.train["trip_id"], run.train["service_date"], lists["stage"], evidence),
        scene="epidemic",
        kind="train_warning",
        subject=subject,
        found_min=now_min,
        score=score_run(run, at_risk, concerned),
        evidence=evidence,
        params={name: value for name, value in params.items() if name not in ("stations", "area_names")},
        marks=Marks(run.marks.status, Provenance.SYNTHETIC if _is_synthetic(run, at_risk) else Provenance.REAL),
    )


def count_persons(run: Run, at_risk: Sequence[Record], now_min: int) -> dict[str, Any]:
    """Return the persons concerned: booked and boarded at calls in areas, still to board, hits, exposed.

    None is "nobody told us"; it is never shown as zero. `boarded` counts departed calls only. With `hits_least` hits
    are a range, of which `hits` (and `concerned`) is the upper end.
    """
    booked = _total(call["booked"] for call in at_risk)
    boarded = _total(call["boarded"] for call in at_risk if call["depart_min"] <= now_min)
    to_board = _total(call["booked"] for call in at_risk if call["depart_min"] > now_min)
    rung = run.persons.get("rung") or ("counts" if booked is not None else "none")
    best = run.persons.get("exposed") if rung == "manifest" else run.persons.get("hits") if rung == "hits" else booked
    counted = {
        "rung": rung,
        "concerned": best,
        "booked": booked,
        "boarded": boarded,
        "to_board": to_board,
        "hits": run.persons.get("hits"),
        "exposed": run.persons.get("exposed"),
    }
    return {**counted, "hits_least": run.persons["hits_least"]} if "hits_least" in run.persons else counted


def describe_lists(run: Run, lead_min: int, now_min: int) -> dict[str, Any]:
    """Return the two lists of a run: when each is due, which share of the upstream calls and persons it covers.

    `stage` is what can be issued at `now_min`: preview, first (T - lead_min reached, somebody may still board) or
    final (the last upstream call has been left). Lateness moves both clocks, since all times are expected times.
    """
    first_due = run.train["expected_min"] - lead_min
    final_due = max(call["depart_min"] for call in run.calls)
    stage = "final" if now_min >= final_due else "first" if now_min >= first_due else "preview"
    return {
        "stage": stage,
        "now": _coverage(run, now_min),
        "first": {"due_min": first_due, **_coverage(run, first_due)},
        "final": {"due_min": final_due, **_coverage(run, final_due)},
    }


def is_key_train(at_risk: Sequence[Record], concerned: Mapping[str, Any], key_persons: Mapping[str, int]) -> bool:
    """Return whether this is a key train: many persons concerned, by the level of the areas where they board.

    `key_persons` is level -> persons. Persons of a high-level call count for every level below it too. Where
    nobody told how many are aboard, a high-level area alone makes a key train: unknown is not zero.
    """
    high = [call for call in at_risk if call["high_areas"]]
    if concerned["rung"] in ("hits", "manifest"):
        return bool(at_risk) and (concerned["concerned"] or 0) >= key_persons["high" if high else "medium"]
    at_high, at_any = _total(call["booked"] for call in high), _total(call["booked"] for call in at_risk)
    if at_high is None:
        return True
    return at_high >= key_persons["high"] or (at_any or 0) >= key_persons["medium"]


def score_run(run: Run, at_risk: Sequence[Record], concerned: Mapping[str, Any]) -> float:
    """Return persons concerned x level x freshness, summed over the calls; an unknown number counts as one.

    With hits or exposures it is the sum over persons, each by the level and freshness of the own evidence.
    """
    if concerned["rung"] in ("hits", "manifest"):
        return float(run.persons["weight"])
    return sum(float(call["weight"]) * (1 if call["booked"] is None else call["booked"]) for call in at_risk)


def describe_call(call: Record, area_names: Mapping[str, str]) -> dict[str, Any]:
    """Return the evidence of one call: where, when, which areas, how sure the place is, how many persons.

    `areas` were listed when the train called or since; `areas_since` of them after it had left. The county is named
    by its code where `area_names` knows it, else in the words of the list. `told_areas` of them were told by partners;
    `told_by` names these, of more than two the first and the last by name.
    """
    told = {call.get("told_first"), call.get("told_last")} - {None}
    shown = {
        "station": call["name"] or call["station_id"],
        "station_id": call["station_id"],
        "area_code": call["area_code"],
        "area_basis": call["area_basis"],
        "county": area_names.get(call["area_code"], call["county"]),
        "arrive_min": call["arrive_min"],
        "depart_min": call["depart_min"],
        "areas": call["areas"],
        "high_areas": call["high_areas"],
        "areas_since": call["areas_since"],
        "with_exception": call["with_exception"],
        "county_only": call["county_only"],
        "newest_min": call["newest_min"],
        "booked": call["booked"],
        "boarded": call["boarded"],
    }
    return {**shown, "told_areas": call["told_areas"], "told_by": sorted(told)} if told else shown


def _coverage(run: Run, at_min: int) -> dict[str, Any]:
    """Return how much of a run has boarded by `at_min`: calls left, of how many; persons still to board."""
    left = sum(call["depart_min"] <= at_min for call in run.calls)
    return {
        "calls": left,
        "of_calls": len(run.calls),
        "completeness": left / len(run.calls),
        "to_board": _total(call["booked"] for call in run.calls if call["depart_min"] > at_min),
    }


def _total(numbers: Any) -> int | None:
    """Return the sum of what is known: None where something was asked for and nothing is known."""
    asked = list(numbers)
    known = [number for number in asked if number is not None]
    return sum(known) if known or not asked else None


def _is_synthetic(run: Run, at_risk: Sequence[Record]) -> bool:
    persons = bool(run.persons.get("synthetic"))
    made = run.marks.provenance is Provenance.SYNTHETIC
    return made or persons or any(call["area_synthetic"] or call["count_synthetic"] for call in at_risk)
