"""Small vectorised draws that bookings and stays share."""

import numpy as np

from hubtwin.sim.recipe import Bools, Floats, Ints


def stream(seed: int, name: str) -> np.random.Generator:
    """Return a generator of its own for each part of the simulation: a change in one part leaves the others alone."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))


def share_out(total: int, weights: Floats, limits: Ints) -> Ints:
    """Return whole numbers in proportion to `weights`, none over its limit, that add up to `total`.

    Where the limits add up to less, they are returned: the caller shows the difference.
    """
    if total >= int(limits[weights > 0].sum()):
        return np.where(weights > 0, limits, 0)
    low, high = 0.0, float((limits[weights > 0] / weights[weights > 0]).max())
    for _ in range(100):  # bisection on the factor; 100 halvings exhaust a double
        factor = (low + high) / 2
        if np.minimum(weights * factor, limits).sum() < total:
            low = factor
        else:
            high = factor
    shares = np.minimum(weights * low, limits)
    whole = np.floor(shares).astype(np.int64)
    while missing := total - int(whole.sum()):  # once, unless weights differ by more than a double can tell
        rest = np.where((whole < limits) & (weights > 0), shares - whole, -np.inf)
        order = np.argsort(-rest, kind="stable")
        whole[order[: min(missing, int((rest > -np.inf).sum()))]] += 1
    return whole


def cut_groups(rng: np.random.Generator, totals: Ints, sizes: list[float]) -> Ints:
    """Return the group of each of `totals.sum()` persons, numbered from 0; a group never spans two units.

    `sizes` are the chances of 1, 2, ... persons; the last group of a unit may be cut short.
    """
    persons = int(totals.sum())
    if persons == 0:
        return np.zeros(0, dtype=np.int64)
    chances = np.array(sizes) / sum(sizes)
    ends = np.cumsum(rng.choice(len(sizes), size=persons, p=chances) + 1)
    starts = np.zeros(persons, dtype=np.int64)
    starts[ends[ends < persons]] = 1
    units = np.concatenate([[0], np.cumsum(totals)[:-1]])
    starts[units[totals > 0]] = 1
    return np.cumsum(starts) - 1


def pick(rng: np.random.Generator, unit: Ints, first: Ints, weights: Floats) -> Ints:
    """Return for each entry of `unit` a place in [first[u], first[u + 1]), drawn by `weights` there.

    Every unit that is drawn from needs a positive weight.
    """
    sums = np.concatenate([[0.0], np.cumsum(weights)])
    base = sums[first[:-1]]
    total = sums[first[1:]] - base
    target = base[unit] + rng.random(len(unit)) * total[unit]
    found = np.searchsorted(sums, target, side="right") - 1
    return _on_weight(found, weights, unit, first)


def _on_weight(found: Ints, weights: Floats, unit: Ints, first: Ints) -> Ints:
    """Move the rare draw that rounding put on a weightless place to the next weighted one of the same unit."""
    wrong: Bools = (found < first[unit]) | (found >= first[unit + 1])
    inside = np.clip(found, first[unit], first[unit + 1] - 1)
    wrong |= weights[inside] <= 0
    for entry in np.flatnonzero(wrong):
        span = weights[first[unit[entry]] : first[unit[entry] + 1]]
        inside[entry] = first[unit[entry]] + int(np.argmax(span > 0))
    return inside.astype(np.int64)
