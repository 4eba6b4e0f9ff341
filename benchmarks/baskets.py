"""Applying and authorising: a package of 30 datasets, decisions a second, how soon a revocation binds, the audit of it.

    python -m benchmarks.baskets [--packages 100] [--grants 5000]

The hub is the shipped one with its district; every commit is forced to the disk and every share is probed by questions
on the real path. Decisions are asked beside one policy a grant in Cedar and a dictionary, in the same run.
Targets: a package p95 under 1 s; 10,000 decisions a second; a revocation within 1 s; 150,000 audit rows
verified a second.
"""

import argparse
import shutil
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

import cedarpy

from benchmarks.common import SCRATCH, machine_header, measure
from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.base.errors import HubError
from hubtwin.datasets.listing import Listing, Sharing
from hubtwin.library.applying import Applying, submit
from hubtwin.library.asking import AskDesk, Asked, ask
from hubtwin.library.deciding import revoke_share, sign_template
from hubtwin.library.policy import Policies, shipped_policies
from hubtwin.model.agency import ROLE_AGENCIES, AgencyKind, Person, Role
from hubtwin.model.basket import Ask, Basket, Form, Template
from hubtwin.model.sharing import Delivery, Lane, ProbeResult, Rows, Share
from hubtwin.rules.basket_moves import Changed
from hubtwin.settings import load_settings
from hubtwin.wiring.applied import applying_of
from hubtwin.wiring.applying import open_baskets
from hubtwin.wiring.asked import Asking
from hubtwin.wiring.works import Works, open_works

DATASETS = 30
PURPOSE, BASIS = "statistics", "public_data_regulation"
WHO = Person("lin", "lin", "civil-affairs", AgencyKind.DEPARTMENT, frozenset({Role.AGENCY_LIAISON}), frozenset())
GUARD = Person("wu", "wu", "data", AgencyKind.DATA, frozenset({Role.SECURITY_OFFICER}), frozenset())
ALL = Rows(everything=True)


class Rate(NamedTuple):
    """How often a second, and a second of CPU: on a machine that others use only the second one compares."""

    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall:,.0f} ({self.cpu:,.0f} a CPU second)"


@contextmanager
def opened() -> Iterator[Works]:
    """Open a fresh hub with the shipped district."""
    home = SCRATCH / "baskets"
    shutil.rmtree(home, ignore_errors=True)
    settings = replace(load_settings("hangzhou-east", home), district="shangcheng")
    with open_works(settings, clock=system_clock, real_clock=system_clock, clocks_min={}) as works:
        yield works
    shutil.rmtree(home, ignore_errors=True)


def open_columns(listing: Listing) -> frozenset[str]:
    """Return the columns graded L1 and L2."""
    return frozenset(column.name for column in listing.dataset.columns if column.grade <= 2)


def choose_listings(works: Works) -> list[Listing]:
    """Return 30 datasets of different owners: first those that are unconditional; the others need templates."""
    assert works.library is not None
    kinds = {each.agency_id: each.kind for each in works.library.catalogue().agencies}
    fit = [
        one
        for one in works.library.catalogue().listings
        if one.sharing is not Sharing.NOT_SHARED
        and open_columns(one)
        and kinds[one.owner] in ROLE_AGENCIES[Role.DATA_OWNER]
        and not one.library.startswith("street_")
    ]
    fit.sort(key=lambda one: (one.sharing is not Sharing.UNCONDITIONAL or PURPOSE not in one.purposes, one.name))
    return fit[:DATASETS]


def sign_all(works: Works, applying: Applying, listings: Sequence[Listing]) -> int:
    """Let the owner of each dataset sign a template for departments; return how many datasets need it."""
    assert works.library is not None
    kinds = {each.agency_id: each.kind for each in works.library.catalogue().agencies}
    for one in listings:
        owner = Person(f"o-{one.owner}", "o", one.owner, kinds[one.owner], frozenset({Role.DATA_OWNER}), frozenset())
        template = Template(
            *("", one.owner, one.name, open_columns(one), (), frozenset({PURPOSE}), frozenset()),
            *(frozenset({AgencyKind.DEPARTMENT}), 90, applying.now_min() + 60 * 1440),
            rows=ALL,
        )
        sign_template(applying, owner, template)
    return sum(one.sharing is not Sharing.UNCONDITIONAL or PURPOSE not in one.purposes for one in listings)


def fill(works: Works, listings: Sequence[Listing]) -> None:
    """Put a row of each dataset of the district on its shelf, so that a probe opens a file."""
    assert works.library is not None
    for one in listings:
        if one.library != "hub":
            column = next(column.name for column in one.dataset.columns if column.type == "string")
            works.library.rows.add_row(one, {column: "1"}, key=f"row of {one.name}", source="benchmark")


def packages(works: Works, count: int) -> tuple[Basket, Applying]:
    """Send packages in and print how long each took until all of it was active."""
    applying, probing = applying_of(works), list[float]()
    prober = applying.probe
    assert prober is not None

    def probe(share: Share) -> ProbeResult:
        began = time.perf_counter()
        try:
            return prober(share)
        finally:
            probing.append(time.perf_counter() - began)

    applying = replace(applying, probe=probe)
    listings = choose_listings(works)
    fill(works, listings)
    under = sign_all(works, applying, listings)
    asks = tuple(Ask(one.name, open_columns(one), ALL) for one in listings)
    took, probed, cpu, baskets = [], [], [], list[Basket]()
    for number in range(count):
        now_min = applying.now_min()
        form = Form(str(number), f"agency:{WHO.agency}", PURPOSE, BASIS, now_min, now_min + 30 * 1440, asks)
        probing.clear()
        basket, used = measure(partial(submit, applying, WHO, form))
        assert {item.state.value for item in basket.items} == {"active"}, basket.items
        baskets.append(basket)
        took.append(used.wall_s * 1000)
        probed.append(sum(probing) * 1000)
        cpu.append(used.cpu_s * 1000)
    rest = sorted(whole - part for whole, part in zip(took, probed, strict=True))
    plain = len(listings) - under
    print(f"package of {len(listings)} datasets ({plain} unconditional, {under} under templates), {count} times:")
    print(f"  decided, granted, probed, audited: {spread(took)}, CPU {statistics.median(cpu):.0f} ms")
    print(f"  of it {len(probing)} probes: {spread(probed)}; decisions, grants and audit on disk: {spread(rest)}")
    return baskets[-1], applying


def spread(taken_ms: Sequence[float]) -> str:
    """Return median and 95th percentile in words."""
    ordered = sorted(taken_ms)
    return f"p50 {statistics.median(ordered):.0f} ms, p95 {ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]:.0f} ms"


def grants_of(count: int, digest: str) -> list[Share]:
    """Return live shares of 500 agencies in 400 datasets."""
    return [
        Share(
            *(f"s{n:06d}", "b", f"agency:a{n % 500}", f"d{n % 400}", frozenset({"id", "name", "kind"}), (), ALL),
            purpose=PURPOSE,
            legal_basis=BASIS,
            delivery=frozenset({Delivery.QUERY}),
            lane=Lane.OWNER,
            digest=digest,
            from_min=0,
            until_min=10_000,
            issued_by="o",
            probed_min=1,
        )
        for n in range(count)
    ]


def rate(work: Callable[[int], object], least_s: float = 1.5) -> Rate:
    """Return how often a second something can be done, asked for with different numbers."""
    done, began, cpu = 0, time.perf_counter(), time.thread_time()
    while (passed := time.perf_counter() - began) < least_s:
        for _ in range(20):
            work(done)
            done += 1
    return Rate(done / passed, done / (time.thread_time() - cpu))


def one_policy_a_grant(shares: Sequence[Share]) -> Callable[[int], bool]:
    """Return decisions of Cedar with a policy for each grant, in the same words."""
    names = {share.share_id: ", ".join(f'"{name}"' for name in sorted(share.columns)) for share in shares}
    text = "\n".join(
        f'permit (principal == Person::"{s.grantee}", action == Action::"read", resource == Dataset::"{s.dataset}")'
        f' when {{ context.purpose == "{s.purpose}" && context.nowMin >= {s.from_min} && context.nowMin < {s.until_min}'
        f" && [{names[s.share_id]}].containsAll(context.columns) }};"
        for s in shares
    )
    policies, entities = cedarpy.PolicySet.from_str(text), cedarpy.Entities.from_json_str("[]")

    def decide(number: int) -> bool:
        share = shares[number % len(shares)]
        request = {
            "principal": {"type": "Person", "id": share.grantee},
            "action": {"type": "Action", "id": "read"},
            "resource": {"type": "Dataset", "id": share.dataset},
            "context": {"purpose": PURPOSE, "nowMin": 5, "columns": ["id", "name"]},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return decide


def decisions(works: Works, count: int) -> Rate:
    """Print decisions a second with so many live grants, four ways; return that of the product."""
    policies: Policies = shipped_policies()
    shares = grants_of(count, "shape")
    by_key: dict[tuple[str, str], list[Share]] = {}
    for share in shares:
        by_key.setdefault((share.grantee, share.dataset), []).append(share)

    def ask_policies(number: int) -> None:
        wanted = shares[number * 7 % count]
        found = by_key[wanted.grantee, wanted.dataset]
        allowed = [
            not policies.say_read(each, (wanted.grantee,), PURPOSE, ("id", "name"), now_min=5, digest="shape")
            for each in found[:1]
        ]
        assert allowed == [True]

    def ask_dictionary(number: int) -> None:
        wanted = shares[number * 7 % count]
        found = by_key[wanted.grantee, wanted.dataset]
        assert found[0].is_live(5, "shape")
        assert {"id", "name"} <= found[0].columns
        assert found[0].purpose == PURPOSE

    book = open_baskets(works.access)
    now_min = epoch_minute(datetime.now(UTC))
    stored = [replace(each, from_min=now_min - 1, until_min=now_min + 90 * 1440) for each in shares]
    form = Form("all", "agency:a0", PURPOSE, BASIS, now_min, now_min + 1440, (Ask("d0", frozenset({"id"})),))
    book.submit(Basket("b", "bench", "a0", form, (), 0), stored)

    def ask_rows(number: int) -> None:
        assert book.list_shares(shares[number * 7 % count].grantee)

    product = rate(ask_policies)
    print(f"decisions a second with {count:,} live grants, which are rows found by grantee and dataset:")
    print(f"  the shipped policies, parsed once: {product}")
    print(f"  a dictionary without policies: {rate(ask_dictionary)}")
    print(f"  one policy a grant in Cedar: {rate(one_policy_a_grant(shares))}")
    print(f"  live shares of a grantee read from the rows on disk, ten each: {rate(ask_rows)}")
    book.change("b", lambda basket, _: Changed(basket))
    return product


def revocation(works: Works, basket: Basket, applying: Applying, times: int = 20) -> float:
    """Print how soon a revocation binds on a desk that goes on asking; return the slowest in milliseconds."""
    desk: AskDesk = Asking(works)()
    slowest = []
    for item in basket.items[:times]:
        listing = applying.catalogue().get(item.dataset)
        column = sorted(open_columns(listing))[0]
        others = [s for s in works_shares(works, item.dataset) if s.share_id != item.share_id]
        for other in others:
            revoke_share(applying, GUARD, other.share_id)
        question = Asked(WHO, (f"agency:{WHO.agency}",), PURPOSE, f'SELECT "{column}" FROM "{item.dataset}" LIMIT 1')
        ask(desk, question)
        refused, begun = threading.Event(), threading.Event()

        def go_on(
            question: Asked = question, refused: threading.Event = refused, begun: threading.Event = begun
        ) -> None:
            while not refused.is_set():
                try:
                    ask(desk, question)
                    begun.set()
                except HubError:
                    refused.set()

        thread = threading.Thread(target=go_on)
        thread.start()
        begun.wait()
        began = time.perf_counter()
        revoke_share(applying, GUARD, item.share_id)
        refused.wait()
        slowest.append((time.perf_counter() - began) * 1000)
        thread.join()
    print(f"revocation, from the click to the first refused question of a desk that goes on asking: {spread(slowest)}")
    return max(slowest)


def works_shares(works: Works, dataset: str) -> list[Share]:
    """Return the shares of a dataset that stand."""
    return [each for each in open_baskets(works.access).list_all_shares(dataset=dataset) if each.revoked_min is None]


def main() -> None:
    """Measure, print, and fail below the targets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages", type=int, default=100)
    parser.add_argument("--grants", type=int, default=5_000)
    asked = parser.parse_args()
    print(machine_header(("cedarpy", "duckdb", "sqlglot")))
    with opened() as works:
        basket, applying = packages(works, asked.packages)
        product = decisions(works, asked.grants)
        slowest = revocation(works, basket, applying)
        audit = works.access.audit
        found, used = measure(audit.verify)
        assert not found.problems
        verified = Rate(found.rows / used.wall_s, found.rows / used.cpu_s)
        print(f"audit of all of it verified, {found.rows:,} rows: {verified} rows a second")
    assert slowest < 1000, "a revocation took longer than a second"
    assert product.cpu >= 10_000, "fewer than 10,000 decisions a CPU second"


if __name__ == "__main__":
    main()
