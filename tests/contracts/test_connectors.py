"""Every source passes the connector kit."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubtwin.base.errors import Malformed
from hubtwin.model.record import Quarantined, Row
from hubtwin.ports import Page
from tests.contracts.connector_kit import PURE_CHECKS, Check, Source, check_clock_eight_hours_wrong, read
from tests.contracts.connector_sources import SOURCES
from tests.contracts.connector_wire import WIRE_CHECKS

each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


@each_source
@pytest.mark.parametrize("check", PURE_CHECKS + WIRE_CHECKS, ids=lambda check: check.__name__)
def test_a_source_keeps_its_contract(check: Check, source: Source) -> None:
    if check is check_clock_eight_hours_wrong and source.clock_ahead is None:
        pytest.skip(f"not applicable: {source.name} declares that its format does not say when it was made")
    check(source)


@each_source
def test_a_command_sent_twice_executes_once(source: Source) -> None:
    if source.commands is None:
        pytest.skip(f"not applicable: {source.name} declares that it takes no commands")


def _pieces(source: Source) -> st.SearchStrategy[bytes]:
    """Bytes that look somewhat like a page: pieces of good pages among arbitrary ones."""
    pieces = [page[start : start + 30] for page in source.pages for start in range(0, min(len(page), 1200), 30)]
    return st.lists(st.one_of(st.sampled_from(pieces), st.binary(max_size=12)), max_size=30).map(b"".join)


@each_source
@given(data=st.data())
@settings(max_examples=120, deadline=None)
def test_reading_is_total_on_arbitrary_bytes(source: Source, data: st.DataObject) -> None:
    page = data.draw(st.one_of(st.binary(max_size=400), _pieces(source)))
    try:
        items = read(source, page, size=data.draw(st.sampled_from((1, 13, 1 << 20))))
    except Malformed:
        return
    assert all(isinstance(item, Row | Quarantined) for item in items)


@each_source
def test_reading_is_lazy(source: Source) -> None:
    """Nothing is read before the first row is asked for."""

    def chunks() -> Iterator[bytes]:
        raise AssertionError("read too early")
        yield b""

    source.connector.read(Page("lazy", chunks(), "1"), source.context)
