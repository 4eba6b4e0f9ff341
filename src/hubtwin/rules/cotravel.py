"""Who travelled along with a case: by shared segment of the run, carriage, seat and order.

Two passengers are together only between the later boarding and the earlier alighting: a seat changes hands on the
way. The minutes together run from the departure where the later one boarded to the arrival where the earlier one
alighted. Who boards at the call where the other alights was never together with that person.

A train carries about 1,300 passengers and a case sits in one seat at a time: each ride of a case is compared with
all rides of the run at once (NumPy); the plain double loop is the oracle in the tests.

A carriage or seat that nobody told cannot clear anybody: such a pair is a contact with `certain = False`.
Published attack rates rank contacts; they never exclude one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt

from hubtwin.base.clock import DAY_MIN
from hubtwin.base.errors import Absent
from hubtwin.model.pathogen import Cotravel, Pathogen, Scope, Tier, Weights
from hubtwin.rules.seats import Layout, infer_layout

Flags = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
UNKNOWN = -1
RESIDUAL_AIR = "residual_air"


@dataclass(frozen=True, slots=True)
class Ride:
    """One booking of a run: who, on which order, where seated, from which call to which."""

    pid: str
    order_ref: str
    board_seq: int
    alight_seq: int
    carriage: int | None = None
    seat_row: int | None = None
    seat_letter: str | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    """A passenger whom a case concerns, and why.

    `relations` are the clauses of the rule that hold (values of `Scope`, or residual_air); `shared_min` minutes
    together aboard, between the calls `from_seq` and `until_seq` (of the longest stretch; None where they were
    never together); `position` is adjacent, same_row, other_rows, same_carriage, elsewhere (another carriage),
    unknown, turnover (the seat of the case, later) or apart (not together).
    `weight_pct` is a published attack rate in percent plus its growth per hour; 0 where none was published.
    """

    case_pid: str
    pid: str
    relations: tuple[str, ...]
    same_order: bool
    certain: bool
    shared_min: int
    from_seq: int | None
    until_seq: int | None
    position: str
    weight_pct: float


@dataclass(frozen=True)
class Run:
    """A train run: its rides, the minutes of its calls by seq (arrival, departure), and the layout by carriage.

    Any clock will do as long as all minutes share it. A call without arrival or departure takes the other one.
    Carriages without a layout get the one that the letters in use there demand.
    """

    rides: Sequence[Ride]
    calls: Mapping[int, tuple[int | None, int | None]]
    layouts: Mapping[int, Layout]


def list_rides(bookings: nw.LazyFrame[Any]) -> list[Ride]:
    """Return the rides of BOOKINGS of one run, without the cancelled ones, in a fixed order."""
    columns = ["pid", "order_ref", "board_seq", "alight_seq", "carriage", "seat_row", "seat_letter"]
    rows = bookings.filter(nw.col("state") != "cancelled").select(*columns).unique().collect("pyarrow")
    rides = [Ride(**row) for row in rows.to_native().to_pylist()]
    return sorted(rides, key=lambda ride: (ride.pid, ride.board_seq, str(ride)))


def infectious_window(pathogen: Pathogen, anchor_min: int, until_min: int) -> tuple[int, int]:
    """Return [from, until) in epoch minutes in which a case was infectious.

    `anchor_min` is the moment that the profile counts from (onset, rash or sampling); where the profile sets no
    end, the window ends at `until_min`, when the case was isolated or now.
    """
    start = anchor_min - round(pathogen.infectious_before_d.value * DAY_MIN)
    after = pathogen.infectious_after_d.value
    end = until_min if after is None else min(until_min, anchor_min + round(after * DAY_MIN))
    return start, end


def trace(run: Run, cases: Collection[str], rule: Cotravel, *, residual_air_min: int = 0) -> list[Contact]:
    """Return the contacts of each case, most urgent first.

    Companions on the same order come first, then by weight, minutes together and pseudonym. A case is nobody's
    contact. A rule with scope `none` gives an empty list. Raises Absent where a ride names a call that the run
    does not have, or one without any time.
    """
    if any(tier.scope.value is Scope.NONE for tier in rule.tiers) or not run.rides:
        return []
    load = _load(run)
    pieces: dict[tuple[str, str], list[Contact]] = {}
    for index, ride in enumerate(run.rides):
        if ride.pid in cases:
            for contact in _of_ride(load, index, rule, residual_air_min):
                if contact.pid not in cases:
                    pieces.setdefault((ride.pid, contact.pid), []).append(contact)
    found = [_fold(piece) for piece in pieces.values()]
    return sorted(found, key=lambda c: (not c.same_order, -c.weight_pct, -c.shared_min, c.pid, c.case_pid))


@dataclass(frozen=True)
class _Load:
    """The rides of a run as columns; UNKNOWN where nobody told."""

    rides: Sequence[Ride]
    layouts: Mapping[int, Layout]
    board: Ints
    alight: Ints
    from_min: Ints
    until_min: Ints
    carriage: Ints
    row: Ints
    letter: npt.NDArray[np.str_]
    order: npt.NDArray[np.str_]


@dataclass(frozen=True)
class _Pairs:
    """One ride of a case against all rides: what holds for sure, and what can only not be ruled out."""

    together: Flags
    shared_min: Ints
    rows_apart: Ints
    bays_apart: Ints
    same_carriage: Flags
    seats: dict[bool, Ints]  # seats apart by `across_aisle`, a large number where not neighbours at all
    no_carriage: Flags
    no_row: Flags
    no_seat: Flags


_FAR = 1_000


def _load(run: Run) -> _Load:
    rides = run.rides
    letters: dict[int, set[str]] = {}
    for ride in rides:
        if ride.carriage is not None:
            letters.setdefault(ride.carriage, set()).update(ride.seat_letter or "")
    layouts = {car: run.layouts.get(car) or infer_layout(used) for car, used in letters.items()}

    def minute(seq: int, first: int) -> int:
        times = run.calls.get(seq, (None, None))
        known = times[first] if times[first] is not None else times[1 - first]
        if known is None:
            raise Absent("rules.cotravel_no_call", seq=seq, known=", ".join(map(str, sorted(run.calls))))
        return known

    def ints(values: list[int | None]) -> Ints:
        return np.array([UNKNOWN if value is None else value for value in values], dtype=np.int64)

    return _Load(
        rides=rides,
        layouts=layouts,
        board=ints([r.board_seq for r in rides]),
        alight=ints([r.alight_seq for r in rides]),
        from_min=ints([minute(r.board_seq, 1) for r in rides]),
        until_min=ints([minute(r.alight_seq, 0) for r in rides]),
        carriage=ints([r.carriage for r in rides]),
        row=ints([r.seat_row for r in rides]),
        letter=np.array([r.seat_letter or "" for r in rides], dtype=np.str_),
        order=np.array([r.order_ref for r in rides], dtype=np.str_),
    )


def _pairs(load: _Load, case: int) -> _Pairs:
    ride = load.rides[case]
    layout = load.layouts.get(ride.carriage) if ride.carriage is not None else None
    together = np.minimum(load.alight, ride.alight_seq) > np.maximum(load.board, ride.board_seq)
    shared = np.minimum(load.until_min, load.until_min[case]) - np.maximum(load.from_min, load.from_min[case])
    no_row = (load.row == UNKNOWN) | (ride.seat_row is None)
    seats = "".join(layout.blocks) if layout else ""
    no_letter = ~np.isin(load.letter, list(seats)) | (ride.seat_letter is None or ride.seat_letter not in seats)
    per_bay = layout.bay_rows if layout else 1
    return _Pairs(
        together=together,
        shared_min=np.where(together, np.maximum(shared, 0), 0).astype(np.int64),
        rows_apart=np.abs(load.row - load.row[case]),
        bays_apart=np.abs((load.row - 1) // per_bay - (load.row[case] - 1) // per_bay),
        same_carriage=(load.carriage == load.carriage[case]) & (load.carriage != UNKNOWN),
        seats={across: _seats_apart(load.letter, ride.seat_letter, layout, across) for across in (False, True)},
        no_carriage=(load.carriage == UNKNOWN) | (ride.carriage is None),
        no_row=no_row,
        no_seat=no_row | no_letter,
    )


def _seats_apart(letters: npt.NDArray[np.str_], own: str | None, layout: Layout | None, across: bool) -> Ints:
    """Return seats apart per ride as `rules.seats.seats_apart` does, _FAR instead of None."""
    apart = np.full(len(letters), _FAR, dtype=np.int64)
    if layout is None or own is None or own not in layout.position:
        return apart
    for letter, place in layout.position.items():
        if across or layout.block[letter] == layout.block[own]:
            apart[letters == letter] = abs(place - layout.position[own])
    return apart


def _matches(load: _Load, case: int, pairs: _Pairs, tier: Tier) -> tuple[Flags, Flags]:
    """Return for each ride whether a clause holds, and whether it can only not be ruled out."""
    scope, reach = tier.scope.value, tier.reach
    enough = pairs.together & (pairs.shared_min >= tier.min_shared_min.value)
    nobody = np.zeros(len(load.rides), dtype=np.bool_)
    if scope is Scope.ORDER:
        # companions are together off the train too: without a shortest time their segments need not overlap
        same = (load.order == load.order[case]) & (load.order != "")
        return same & (enough | (tier.min_shared_min.value == 0)), nobody
    if scope is Scope.TRAIN:
        return enough, nobody
    if scope is Scope.TURNOVER:
        later = load.board >= load.alight[case]
        same_seat = (pairs.rows_apart == 0) & (load.letter == load.letter[case]) & ~pairs.no_row & (load.letter != "")
        return later & pairs.same_carriage & same_seat, nobody
    here, unknown = _near(pairs, scope, reach, tier.across_aisle)
    sure = enough & pairs.same_carriage & here & ~unknown
    return sure, enough & (pairs.no_carriage | (pairs.same_carriage & here & unknown))


def _near(pairs: _Pairs, scope: Scope, reach: int, across: bool) -> tuple[Flags, Flags]:
    """Return which rides are near enough inside a carriage, and for which of them that is not known."""
    if scope is Scope.CARRIAGE:
        return np.ones_like(pairs.together), np.zeros_like(pairs.together)
    if scope is Scope.ROWS:
        return (pairs.rows_apart <= reach) | pairs.no_row, pairs.no_row
    if scope is Scope.BAY:
        return (pairs.bays_apart <= reach) | pairs.no_row, pairs.no_row
    rows = reach if scope is Scope.AROUND else 0
    near = (pairs.rows_apart <= rows) & (pairs.seats[across] <= reach)
    maybe = pairs.no_seat & ((pairs.rows_apart <= rows) | pairs.no_row)
    return near | maybe, maybe


def _of_ride(load: _Load, case: int, rule: Cotravel, residual_air_min: int) -> list[Contact]:
    """Return the contacts of one ride of a case, one for each other ride that any clause concerns."""
    pairs = _pairs(load, case)
    clauses = [(tier.scope.value.value, *_matches(load, case, pairs, tier)) for tier in rule.tiers]
    if residual_air_min > 0:
        gap_min = load.from_min - load.until_min[case]
        after = (load.board >= load.alight[case]) & (gap_min >= 0) & (gap_min <= residual_air_min)
        clauses.append((RESIDUAL_AIR, after & pairs.same_carriage, after & pairs.no_carriage))
    concerned = np.logical_or.reduce([sure | maybe for _, sure, maybe in clauses])
    own = load.rides[case].pid
    contacts = []
    for other in np.flatnonzero(concerned).tolist():
        if load.rides[other].pid == own:
            continue
        relations = tuple(sorted({name for name, sure, maybe in clauses if sure[other] or maybe[other]}))
        position = _position(pairs, other, relations, rule.weights)
        shared_min = int(pairs.shared_min[other])
        together = bool(pairs.together[other])
        contacts.append(
            Contact(
                case_pid=own,
                pid=load.rides[other].pid,
                relations=relations,
                same_order=bool(load.order[other] == load.order[case]) and bool(load.order[case]),
                certain=any(bool(sure[other]) for _, sure, _ in clauses),
                shared_min=shared_min,
                from_seq=int(max(load.board[case], load.board[other])) if together else None,
                until_seq=int(min(load.alight[case], load.alight[other])) if together else None,
                position=position,
                weight_pct=weigh_position(rule.weights, position, shared_min),
            )
        )
    return contacts


def _position(pairs: _Pairs, other: int, relations: tuple[str, ...], weights: Weights | None) -> str:
    """Return how near two rides were, in the classes of the published attack rates."""
    if not pairs.together[other]:
        return "turnover" if Scope.TURNOVER.value in relations else "apart"
    if pairs.no_carriage[other]:
        return "unknown"
    if not pairs.same_carriage[other]:
        return "elsewhere"
    if pairs.no_row[other]:
        return "unknown"
    if pairs.rows_apart[other] == 0:
        return "adjacent" if pairs.seats[False][other] <= 1 else "same_row"
    reach = weights.other_rows_reach.value if weights else 0
    return "other_rows" if pairs.rows_apart[other] <= reach else "same_carriage"


def weigh_position(weights: Weights | None, position: str, shared_min: int) -> float:
    """Return the published attack rate of a position plus its growth with the hours together, in percent.

    The published rate is a mean over rides of 0 to 8 hours; adding the growth on top of it is our way to rank a
    longer ride above a shorter one, not an estimate of a probability. 0 where nothing was published.
    """
    if weights is None:
        return 0.0
    hours = shared_min / 60
    return {
        "adjacent": weights.adjacent.value + weights.per_hour_adjacent.value * hours,
        "same_row": weights.same_row.value + weights.per_hour.value * hours,
        "other_rows": weights.other_rows.value + weights.per_hour.value * hours,
        "turnover": weights.turnover.value,
    }.get(position, 0.0)


def _fold(pieces: Sequence[Contact]) -> Contact:
    """Return one contact for all pairs of rides of the same two persons, whatever their order."""
    longest = max(pieces, key=lambda c: (c.shared_min, -(c.from_seq or 0), -(c.until_seq or 0)))
    nearest = max(pieces, key=lambda c: (c.weight_pct, c.shared_min, c.position))
    return replace(
        longest,
        relations=tuple(sorted({name for piece in pieces for name in piece.relations})),
        same_order=any(piece.same_order for piece in pieces),
        certain=any(piece.certain for piece in pieces),
        shared_min=sum(piece.shared_min for piece in pieces),
        position=nearest.position,
        weight_pct=nearest.weight_pct,
    )
