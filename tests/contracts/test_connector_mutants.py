"""Connectors that break their contract, each in one way: the kit must find every one of them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice

import pytest

from hubtwin.base.clock import system_clock
from hubtwin.base.errors import Malformed
from hubtwin.model.record import UNMARKED, Quarantined, Row
from hubtwin.ports import Page, ReadContext
from tests.contracts.connector_kit import PURE_CHECKS, Source, failing_checks
from tests.contracts.connector_sources import SOURCES

Items = Iterator[Row | Quarantined]
Read = Callable[[Page, ReadContext], Items]
Mutation = Callable[[Read], Read]


def doubles_a_row(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for number, item in enumerate(read(page, context)):
            yield item
            if number == 1:
                yield item

    return mutant


def drops_the_last_row(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        items = list(read(page, context))
        yield from items[:-1]

    return mutant


def gives_rows_in_another_order(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        yield from reversed(list(read(page, context)))

    return mutant


def loses_the_locator(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            yield replace(item, locator="")

    return mutant


def raises_on_garbage(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            if isinstance(item, Quarantined):
                raise ValueError(item.reason)
            yield item

    return mutant


def ignores_what_it_does_not_know(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        try:
            yield from read(page, context)
        except Malformed:
            return

    return mutant


def swallows_quarantine(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        yield from (item for item in read(page, context) if isinstance(item, Row))

    return mutant


def reads_the_clock(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        yield from read(page, replace(context, now=system_clock()))

    return mutant


def remembers_across_pages(read: Read) -> Read:
    seen: set[str] = set()

    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            if not isinstance(item, Row) or repr(item) not in seen:
                yield item
            seen.add(repr(item))

    return mutant


def mixes_pages_that_are_read_together(read: Read) -> Read:
    held: list[Row | Quarantined] = []

    def mutant(page: Page, context: ReadContext) -> Items:
        held.clear()
        for item in read(page, context):
            held.append(item)
            if len(held) > 1:
                yield held.pop(0)
        yield from held

    return mutant


def swallows_marks(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            yield replace(item, marks=UNMARKED) if isinstance(item, Row) else item

    return mutant


def yields_an_undeclared_dataset(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            yield replace(item, dataset="pseudonym_links") if isinstance(item, Row) else item

    return mutant


def depends_on_the_chunks(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        chunks = list(page.chunks)
        kept = len(chunks) if len(chunks) < 100 else len(chunks) - 20
        yield from read(replace(page, chunks=chunks[:kept]), context)

    return mutant


def depends_on_the_page_name(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        yield from islice(read(page, context), None if page.name.startswith("kit") else 1)

    return mutant


def gives_reasons_without_a_text(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        for item in read(page, context):
            yield replace(item, reason="connectors.no_such_reason") if isinstance(item, Quarantined) else item

    return mutant


def shows_the_whole_line(read: Read) -> Read:
    def mutant(page: Page, context: ReadContext) -> Items:
        data = b"".join(page.chunks)
        for item in read(replace(page, chunks=(data,)), context):
            yield replace(item, raw=data.decode("utf-8", "replace")) if isinstance(item, Quarantined) else item

    return mutant


MUTATIONS: tuple[Mutation, ...] = (
    doubles_a_row,
    drops_the_last_row,
    gives_rows_in_another_order,
    loses_the_locator,
    raises_on_garbage,
    ignores_what_it_does_not_know,
    swallows_quarantine,
    reads_the_clock,
    remembers_across_pages,
    mixes_pages_that_are_read_together,
    swallows_marks,
    yields_an_undeclared_dataset,
    depends_on_the_chunks,
    depends_on_the_page_name,
    gives_reasons_without_a_text,
    shows_the_whole_line,
)
BOOKINGS = next(source for source in SOURCES if source.name == "bookings")  # it can be broken in every way
# What a source cannot do wrong: it has no time of its making, no marks in its rows, no persons.
HARMLESS = {
    "rail_timetable": {reads_the_clock, swallows_marks, shows_the_whole_line},
    "running_information": {swallows_marks, shows_the_whole_line},
    "risk_areas": {shows_the_whole_line},
    "lane_counters": {shows_the_whole_line},
    **{name: {shows_the_whole_line} for name in ("crowd_counters", "onward", "staff_positions", "devices", "weather")},
    "vehicle_positions": {swallows_marks, shows_the_whole_line},
}


def _mutant(source: Source, mutation: Mutation) -> Source:
    return replace(source, connector=replace(source.connector, read=mutation(source.connector.read)))


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_the_kit_finds_a_connector_that(mutation: Mutation, source: Source) -> None:
    if mutation in HARMLESS.get(source.name, ()):
        pytest.skip(f"not applicable: {source.name} cannot do this wrong")
    assert failing_checks(_mutant(source, mutation)), "no check noticed"


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_the_kit_finds_nothing_in_the_connector_itself(source: Source) -> None:
    assert failing_checks(source) == []


def test_every_check_finds_a_mutant_that_others_may_miss() -> None:
    """A check that no mutant fails checks nothing that we know of."""
    found = {name for mutation in MUTATIONS for name in failing_checks(_mutant(BOOKINGS, mutation))}
    assert found == {check.__name__ for check in PURE_CHECKS}
