"""The half of the connector kit that goes over a real loopback connection: transport and reader together."""

from collections.abc import Generator
from itertools import chain
from typing import cast

from hubtwin.base.errors import HubError, Malformed
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.serve import BURST, Fault, WireServer
from hubtwin.model.record import Marks, Provenance, Status
from hubtwin.ports import Page
from tests.contracts.connector_kit import Check, Items, Source, expected, rows_of

TIMEOUT_S, SILENT_S = 10, 0.3  # of a source that answers; of one that says nothing
TOKEN = "kit-token-7d1f"
Polled = list[tuple[str, Items] | HubError]


def check_refused_connection(source: Source) -> None:
    """Nobody listens, or answers 503: Retry, then everything once it is back."""
    with wire(source) as server:
        for fault in (Fault.REFUSE, Fault.FAIL):
            server.switch(fault)
            assert _names(poll(source, server)) == ["Retry"]
        server.switch(None)
        _assert_all(source, poll(source, server))


def check_wrong_credentials(source: Source) -> None:
    """A wrong or refused token is Denied, and neither token is shown."""
    with wire(source) as server:
        for token in ("wrong-token-99", None):
            (error,) = poll(source, server, token=token)
            assert isinstance(error, HubError)
            assert type(error).__name__ == "Denied"
            assert "wrong-token-99" not in f"{error!r} {error} {error.values}"
        server.switch(Fault.DENY)
        (error,) = poll(source, server)
        assert TOKEN not in f"{error!r} {error}"


def check_half_a_body(source: Source) -> None:
    """A body that breaks off is Retry, whatever could be read of it, and the cursor stays."""
    with wire(source) as server:
        server.switch(Fault.HALF)
        assert _names(poll(source, server))[-1] == "Retry"
        server.switch(None)
        _assert_all(source, poll(source, server))


def check_garbage_on_the_wire(source: Source) -> None:
    """The same garbage over HTTP: nothing but rows, quarantined rows and refused pages, and the next page comes."""
    with wire(source) as server:
        server.switch(Fault.GARBAGE)
        assert len(_by_page(poll(source, server))) == len(source.pages)


def check_burst_duplicates_and_disorder(source: Source) -> None:
    """Ten times the pages, each page twice, last page first: each page gives its own rows every time."""
    count = len(source.pages)
    orders = {
        Fault.BURST: [*range(count)] * BURST,
        Fault.DUPLICATE: [number for number in range(count) for _ in range(2)],
        Fault.DISORDER: [*range(count)][::-1],
    }
    with wire(source) as server:
        for fault, order in orders.items():
            server.switch(fault)
            assert rows_of(_items(poll(source, server))) == expected(source, *order), fault


def check_silence_and_slowness(source: Source) -> None:
    """A source that says nothing is Retry after the timeout, never an empty page; a slow one is read."""
    with wire(source) as server:
        server.switch(Fault.SILENCE)
        assert _names(poll(source, server, timeout_s=SILENT_S)) == ["Retry"]
        server.switch(Fault.SLOW)
        _assert_all(source, poll(source, server))


def check_restart_in_the_middle(source: Source) -> None:
    """After a restart of the source, polling goes on behind the last cursor; nothing is read twice."""
    with wire(source) as server:
        transport = HttpTransport(server.url, TOKEN, timeout_s=TIMEOUT_S)
        pages = cast("Generator[Page]", transport.pages(None))
        first = next(pages)
        seen = list(source.connector.read(first, source.context))
        pages.close()
        server.restart()
        rest = poll(source, server, cursor=first.cursor)
        assert rows_of(chain(seen, _items(rest))) == expected(source, *range(len(source.pages)))
        assert poll(source, server, cursor=str(len(source.pages))) == []


def check_marks_of_the_wire(source: Source) -> None:
    """A drill's pages say that they are one."""
    headers = {"hubtwin-status": "Exercise", "hubtwin-provenance": "synthetic", "hubtwin-replayed": "true"}
    with WireServer(source.pages, headers=headers) as server:
        for page in HttpTransport(server.url, timeout_s=TIMEOUT_S).pages(None):
            assert page.marks == Marks(Status.EXERCISE, Provenance.SYNTHETIC, replayed=True)
            list(source.connector.read(page, source.context))


WIRE_CHECKS: tuple[Check, ...] = (
    check_refused_connection,
    check_wrong_credentials,
    check_half_a_body,
    check_garbage_on_the_wire,
    check_burst_duplicates_and_disorder,
    check_silence_and_slowness,
    check_restart_in_the_middle,
    check_marks_of_the_wire,
)


def wire(source: Source) -> WireServer:
    """Return a server, not yet started, that speaks the good pages of a source."""
    return WireServer(source.pages, token=TOKEN, garbler=source.garbler)


def poll(
    source: Source,
    server: WireServer,
    cursor: str | None = None,
    token: str | None = TOKEN,
    timeout_s: float = TIMEOUT_S,
) -> Polled:
    """Poll once as sensing does: per page its cursor and what it gives; a HubError where a page or the poll failed.

    Retry and Denied end the poll; a refused page (Malformed) does not.
    """
    found: Polled = []
    try:
        for page in HttpTransport(server.url, token, timeout_s=timeout_s).pages(cursor):
            try:
                found.append((page.cursor, list(source.connector.read(page, source.context))))
            except Malformed as refusal:
                found.append(refusal)
    except HubError as problem:
        found.append(problem)
    return found


def _items(polled: Polled) -> Items:
    return [item for answer in polled if isinstance(answer, tuple) for item in answer[1]]


def _by_page(polled: Polled) -> list[tuple[str, Items] | Malformed]:
    return [answer for answer in polled if isinstance(answer, tuple | Malformed)]


def _names(polled: Polled) -> list[str]:
    return [type(answer).__name__ for answer in polled]


def _assert_all(source: Source, polled: Polled) -> None:
    assert rows_of(_items(polled)) == expected(source, *range(len(source.pages)))
