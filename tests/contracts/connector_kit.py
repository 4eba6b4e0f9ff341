"""The conformance kit of connectors: every source passes the same checks.

A source adds itself with one frozen `Source` in `connector_sources`. A check is a function of a source that raises
AssertionError, so that the seeded mutants can be run through the same functions (`failing_checks`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from hubtwin.base.errors import HubError, Malformed
from hubtwin.base.text import catalogue, text
from hubtwin.datasets.all import DATASETS
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Connector, Page, ReadContext
from hubtwin.rules.quality import check as quality_problems

PAGE_NAME = "kit.page"
Items = list[Row | Quarantined]


@dataclass(frozen=True)
class Bad:
    """A page with one thing wrong, and what must come of it.

    Either the whole page is `refused` (Malformed), or exactly `kept` of the rows that the page holds come through and
    at least `quarantined` do not. The rows kept must be rows of the good pages, unless `new` says that this page holds
    others. `says` must stand in the English sentence of the refusal or of a reason.
    """

    page: bytes
    refused: bool = False
    kept: int = 0
    quarantined: int = 1
    says: tuple[str, ...] = ()
    new: bool = False


@dataclass(frozen=True)
class Source:
    """What the kit must know of a source: good pages with the rows they mean, and how its format goes wrong.

    `personal` are texts of the pages that may appear in no quarantined row and no error. `clock_ahead` is
    None for a format that does not say when it was made, `commands` for a source that takes none; these two checks
    are then skipped by name.
    """

    name: str
    connector: Connector
    context: ReadContext
    pages: tuple[bytes, ...]
    rows: tuple[tuple[Row, ...], ...]
    garbage: Bad
    half_frame: Bad
    unknown_enum: Bad
    added_field: Bad
    removed_field: Bad
    clock_ahead: Bad | None
    more: Mapping[str, Bad]
    garbler: Callable[[bytes], bytes]
    personal: tuple[str, ...] = ()
    commands: None = None


Check = Callable[[Source], None]


def read(source: Source, data: bytes, name: str = PAGE_NAME, size: int = 1 << 20) -> Items:
    """Return everything that a page of `data`, cut into chunks of `size` bytes, gives. Raises Malformed."""
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    return list(source.connector.read(Page(name, chunks, "1"), source.context))


def rows_of(items: Iterable[Row | Quarantined]) -> list[Row]:
    """Return the rows without their locators, which are the connector's own words."""
    return [replace(item, locator="") for item in items if isinstance(item, Row)]


def expected(source: Source, *numbers: int) -> list[Row]:
    """Return what the pages of these numbers mean, in order."""
    return [replace(row, locator="") for number in numbers for row in source.rows[number]]


def check_good_pages_give_their_rows(source: Source) -> None:
    """Every good page gives exactly the rows it means, in input order, with its marks, and nothing else."""
    for number, page in enumerate(source.pages):
        items = read(source, page)
        assert rows_of(items) == expected(source, number), f"page {number}"
        assert len(items) == len(source.rows[number]), f"page {number} quarantines"


def check_rows_fit_their_datasets(source: Source) -> None:
    """A row is of a dataset that the manifest declares, fits it, and says where it stood."""
    declared = source.connector.manifest.datasets
    for page in source.pages:
        rows = [item for item in read(source, page) if isinstance(item, Row)]
        for row in rows:
            assert row.dataset in declared, row.dataset
            assert not quality_problems(DATASETS[row.dataset], row.values), row
        locators = {row.locator for row in rows}
        assert "" not in locators, "a row without locator"
        assert len(locators) > 1 or len(rows) < 2, "all rows at one place"


def check_reading_twice_gives_the_same(source: Source) -> None:
    """Reading has no memory: again, out of order, and two pages at the same time give the same."""
    first = [read(source, page) for page in source.pages]
    backwards = [read(source, page) for page in reversed(source.pages)][::-1]
    assert first == backwards
    assert [rows_of(items) for items in backwards] == [expected(source, number) for number in range(len(first))]
    for one, other in zip(source.pages, source.pages[1:] + source.pages[:1], strict=True):
        mixed = list(zip_longest(_lazily(source, one), _lazily(source, other)))
        assert [item for item, _ in mixed if item is not None] == read(source, one)
        assert [item for _, item in mixed if item is not None] == read(source, other)


def check_chunks_may_be_cut_anywhere(source: Source) -> None:
    """The pieces in which bytes arrive have no meaning."""
    for page in source.pages:
        whole = read(source, page)
        assert all(read(source, page, size=size) == whole for size in (1, 7, 4096))


def check_a_page_name_is_only_a_name(source: Source) -> None:
    """What a page is called changes no row."""
    for number, page in enumerate(source.pages):
        assert rows_of(read(source, page, "another.name")) == expected(source, number)


def check_garbage_between_frames(source: Source) -> None:
    """Bytes that mean nothing cost no more than their frame, or the page is refused with a reason."""
    _check_bad(source, source.garbage)


def check_half_a_frame(source: Source) -> None:
    """A page that ends early keeps what is whole; at any cut it is still an answer and no exception."""
    _check_bad(source, source.half_frame)
    for page in source.pages:
        for end in range(0, len(page), max(1, len(page) // 40)):
            _answer(source, page[:end])


def check_unknown_enumeration_value(source: Source) -> None:
    """A value that no list knows is quarantined; it is no default."""
    _check_bad(source, source.unknown_enum)


def check_added_field(source: Source) -> None:
    """A field that nobody agreed on is refused by name, unless the format itself lets it pass."""
    _check_bad(source, source.added_field)


def check_removed_field(source: Source) -> None:
    """A field that is missing is refused by name or quarantined."""
    _check_bad(source, source.removed_field)


def check_clock_eight_hours_wrong(source: Source) -> None:
    """What comes from the future is refused against `now` of the context, not against the machine's clock."""
    if source.clock_ahead:
        _check_bad(source, source.clock_ahead)


def check_what_else_goes_wrong(source: Source) -> None:
    """The source's own list of bad pages."""
    for bad in source.more.values():
        _check_bad(source, bad)


def check_damaged_pages_raise_nothing_else(source: Source) -> None:
    """Bytes flipped, cut out and doubled by a seeded generator give rows, quarantined rows or Malformed."""
    chance = np.random.default_rng(20221020)
    for page in source.pages:
        for _ in range(40):
            _answer(source, damaged(page, chance))


def check_quarantine_speaks(source: Source) -> None:
    """Every reason has its sentence in both languages, whole, a locator, and nothing personal."""
    for bad in _all_bad(source):
        for item in _answer(source, bad.page):
            if isinstance(item, Row):
                continue
            reason, values = (item.reason, item.values) if isinstance(item, Quarantined) else (item.key, item.values)
            assert set(catalogue().get(reason, {})) == {"zh", "en"}, f"no text {reason}"
            for lang in ("zh", "en"):
                assert "{" not in text(reason, lang, **values), f"{reason} in {lang} lacks a value"
            if isinstance(item, Quarantined):
                assert item.locator, "a quarantined row without locator"
            shown = repr(item) if isinstance(item, Quarantined) else f"{item.values} {item}"
            assert not any(secret in shown for secret in source.personal), "personal text is shown"


PURE_CHECKS: tuple[Check, ...] = (
    check_good_pages_give_their_rows,
    check_rows_fit_their_datasets,
    check_reading_twice_gives_the_same,
    check_chunks_may_be_cut_anywhere,
    check_a_page_name_is_only_a_name,
    check_garbage_between_frames,
    check_half_a_frame,
    check_unknown_enumeration_value,
    check_added_field,
    check_removed_field,
    check_clock_eight_hours_wrong,
    check_what_else_goes_wrong,
    check_damaged_pages_raise_nothing_else,
    check_quarantine_speaks,
)
# What a connector that breaks its contract may raise; anything else is a fault of the kit.
_BROKEN = (AssertionError, ArithmeticError, AttributeError, HubError, LookupError, RuntimeError, TypeError, ValueError)


def failing_checks(source: Source, checks: Iterable[Check] = PURE_CHECKS) -> list[str]:
    """Return the names of the checks that a source does not pass."""
    failed = []
    for check in checks:
        try:
            check(source)
        except _BROKEN:
            failed.append(check.__name__)
    return failed


def damaged(page: bytes, chance: np.random.Generator) -> bytes:
    """Return the page with one to three seeded damages: a byte changed, a piece cut out, a piece doubled."""
    data = bytearray(page)
    for _ in range(int(chance.integers(1, 4))):
        start = int(chance.integers(0, max(1, len(data))))
        end = start + int(chance.integers(1, 24))
        kind = int(chance.integers(0, 3))
        if kind == 0:
            data[start : start + 1] = bytes([int(chance.integers(0, 256))])
        elif kind == 1:
            del data[start:end]
        else:
            data[start:start] = data[start:end]
    return bytes(data)


def _check_bad(source: Source, bad: Bad) -> None:
    answer = _answer(source, bad.page)
    refusals = [item for item in answer if isinstance(item, Malformed)]
    assert bool(refusals) == bad.refused, f"refused: {refusals}"
    sentences = [str(refusal) for refusal in refusals]
    if not bad.refused:
        quarantined = [item for item in answer if isinstance(item, Quarantined)]
        sentences += [text(item.reason, "en", **item.values) for item in quarantined]
        kept = [replace(item, locator="") for item in answer if isinstance(item, Row)]
        assert len(kept) == bad.kept, answer
        assert bad.new or all(row in expected(source, *range(len(source.pages))) for row in kept), "a row nobody sent"
        assert len(quarantined) >= bad.quarantined, "nothing quarantined"
    assert all(any(word in sentence for sentence in sentences) for word in bad.says), sentences


def _answer(source: Source, data: bytes) -> list[Row | Quarantined | Malformed]:
    """Return what a page gives, or its refusal; any other exception is a broken contract and goes through."""
    try:
        return [*read(source, data)]
    except Malformed as refusal:
        return [refusal]


def _all_bad(source: Source) -> list[Bad]:
    named = (source.garbage, source.half_frame, source.unknown_enum, source.added_field, source.removed_field)
    return [*named, *([source.clock_ahead] if source.clock_ahead else []), *source.more.values()]


def _lazily(source: Source, data: bytes) -> Iterator[Row | Quarantined]:
    return source.connector.read(Page(PAGE_NAME, iter((data,)), "1"), source.context)
