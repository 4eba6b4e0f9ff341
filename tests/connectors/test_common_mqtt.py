"""The MQTT transport: against a strict fake that sends again, and against a real broker in process."""

import asyncio
import logging
import time
from collections.abc import Generator
from dataclasses import replace
from typing import cast

import pytest

from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.connectors.common.broker import LocalBroker, without_timeouts
from hubtwin.connectors.common.mqtt import MqttTransport, public_broker
from hubtwin.model.record import Marks, Provenance, Row, Status
from hubtwin.ports import Page
from tests.connectors.fake_broker import FakeBroker
from tests.contracts.connector_kit import Source, expected, rows_of
from tests.contracts.source_gate_screening import SOURCE as GATES
from tests.contracts.source_lane_counters import SOURCE as LANES

SECRET = "swordfish-77"
ONE, TWO, THREE = (("t/1", b'{"n": 1}'), ("t/1", b'{"n": 2}'), ("t/2", b'{"n": 3}'))
both = pytest.mark.parametrize("source", [GATES, LANES], ids=lambda source: source.name)


def transport(address: str, **changes: object) -> MqttTransport:
    base = MqttTransport(address, ("t/+",), "hub-reader", "hubtwin", SECRET, quiet_s=0.5, listen_s=0.5, timeout_s=10)
    return replace(base, **changes)  # type: ignore[arg-type]


def poll(how: MqttTransport, cursor: str | None = None) -> tuple[list[bytes], str | None]:
    """Return the messages of one poll, each page committed, and the last cursor."""
    found: list[bytes] = []
    for page in how.pages(cursor):
        found += b"".join(page.chunks).splitlines()
        cursor = page.cursor
    return found, cursor


def test_messages_come_in_order_and_are_acknowledged_after_the_next_page_was_asked_for() -> None:
    with FakeBroker(ONE, TWO, THREE) as broker:
        pages = cast("Generator[Page]", transport(broker.address, page_messages=2).pages(None))
        first = next(pages)
        time.sleep(0.1)
        assert broker.acknowledged == []
        assert b"".join(first.chunks).splitlines() == [ONE[1], TWO[1]]
        second = next(pages)
        assert list(second.chunks) == [THREE[1] + b"\n"]
        assert list(pages) == []
        _wait_until(lambda: broker.queue == [])
    assert (first.name, second.name) == (f"{broker_name(first)}#1", f"{broker_name(first)}#3")


def broker_name(page: Page) -> str:
    return page.name.rpartition("#")[0]


def test_what_was_not_committed_comes_again() -> None:
    with FakeBroker(ONE, TWO) as broker:
        pages = cast("Generator[Page]", transport(broker.address).pages(None))
        next(pages)
        pages.close()  # as if the process had been killed before the commit
        assert len(broker.queue) == 2
        assert poll(transport(broker.address))[0] == [ONE[1], TWO[1]]
        _wait_until(lambda: broker.queue == [])


def test_what_was_committed_and_not_acknowledged_is_left_out_when_it_comes_again() -> None:
    with FakeBroker(ONE, TWO) as broker:
        pages = cast("Generator[Page]", transport(broker.address).pages(None))
        cursor = next(pages).cursor
        pages.close()  # as if killed between commit and acknowledgement
        broker.queue.append(THREE)
        found, cursor_after = poll(transport(broker.address), cursor)
        assert found == [THREE[1]]
        assert cursor_after is not None
        assert cursor_after.startswith("3:")
        _wait_until(lambda: broker.queue == [])


def test_a_page_of_nothing_but_repeats_is_acknowledged_and_is_no_page() -> None:
    with FakeBroker(ONE, TWO) as broker:
        pages = cast("Generator[Page]", transport(broker.address).pages(None))
        cursor = next(pages).cursor
        pages.close()
        assert poll(transport(broker.address), cursor) == ([], cursor)
        _wait_until(lambda: broker.queue == [])


def test_the_same_message_published_twice_is_two_messages() -> None:
    with FakeBroker(ONE, (ONE[0], bytes(bytearray(ONE[1])))) as broker:
        assert poll(transport(broker.address))[0] == [ONE[1], ONE[1]]


def test_a_retained_message_is_taken_once() -> None:
    with FakeBroker(ONE) as broker:
        broker.retain = True
        found, cursor = poll(transport(broker.address))
        assert found == [ONE[1]]
        _wait_until(lambda: broker.queue == [])
        broker.queue.append((ONE[0], bytes(bytearray(ONE[1]))))  # the broker keeps it for whoever subscribes
        assert poll(transport(broker.address), cursor)[0] == []


def test_a_connection_that_breaks_off_gives_what_had_come_and_then_retry() -> None:
    with FakeBroker(ONE, TWO, THREE) as broker:
        broker.drop_after = 2
        pages = transport(broker.address).pages(None)
        page = next(pages)
        assert b"".join(page.chunks).splitlines() == [ONE[1], TWO[1]]
        with pytest.raises(Retry, match="broke off"):
            next(pages)
        broker.drop_after = None
        assert poll(transport(broker.address), page.cursor)[0] == [THREE[1]]


@pytest.mark.parametrize(("code", "error"), [(2, Denied), (3, Retry), (4, Denied), (5, Denied)])
def test_a_broker_that_says_no_is_denied_and_one_that_is_unavailable_is_retry(code: int, error: type[HubError]) -> None:
    with FakeBroker() as broker:
        broker.code = code
        with pytest.raises(error) as problem:
            poll(transport(broker.address))
    assert SECRET not in f"{problem.value!r} {problem.value} {problem.value.values}"


def test_a_topic_that_may_not_be_read_is_denied_by_name() -> None:
    with FakeBroker() as broker:
        broker.topic_code = 0x80
        with pytest.raises(Denied, match=r"t/\+"):
            poll(transport(broker.address))


def test_a_silent_broker_is_retry_after_the_timeout() -> None:
    with FakeBroker() as broker:
        broker.silent = True
        begin = time.monotonic()
        with pytest.raises(Retry):
            poll(transport(broker.address, timeout_s=0.3))
        assert time.monotonic() - begin < 3


def test_nobody_listening_is_retry() -> None:
    with FakeBroker() as broker:
        address = broker.address
    with pytest.raises(Retry, match="cannot be reached"):
        poll(transport(address))


@pytest.mark.parametrize("address", ["http://h:1", "mqtt://", "mqtt://u:p@h:1", "mqtt://h:99999", "mqtt://h/path", ""])
def test_an_address_of_another_form_is_denied_and_shows_no_password(address: str) -> None:
    with pytest.raises(Denied) as problem:
        poll(transport(address))
    assert "u:p" not in str(problem.value)


def test_an_address_without_port_has_that_of_its_scheme() -> None:
    assert public_broker("mqtt://h") == "mqtt://h:1883"
    assert public_broker("mqtts://h") == "mqtts://h:8883"


@pytest.mark.parametrize("cursor", ["x", "1", "1:abc", "-1:", "1:ABCDEF01", "1:0123456"])
def test_a_damaged_cursor_is_malformed(cursor: str) -> None:
    with pytest.raises(Malformed, match="cursor"):
        poll(transport("mqtt://127.0.0.1:1"), cursor)


def test_a_message_of_several_lines_stays_one_line_of_its_page() -> None:
    with FakeBroker(("t/1", b'{\r\n "n": 1\n}')) as broker:
        assert poll(transport(broker.address))[0] == [b'{   "n": 1 }']


def test_the_password_is_in_no_representation() -> None:
    assert SECRET not in repr(transport("mqtt://h"))


def test_the_cursor_remembers_a_bounded_number_of_messages() -> None:
    messages = [("t/1", b'{"n": %d}' % number) for number in range(1300)]
    with FakeBroker(*messages) as broker:
        found, cursor = poll(transport(broker.address))
    assert found == [payload for _, payload in messages]
    assert cursor is not None
    assert cursor.startswith("1300:")
    assert len(cursor) == len("1300:") + 8 * 1000


def _wait_until(holds: object) -> None:
    assert callable(holds)
    for _ in range(1_000):
        if holds():
            return
        time.sleep(0.02)
    raise AssertionError("it never came true")


# ------------------------------------------------------------------------------------------- a real broker


def real(broker: LocalBroker, source: Source, **changes: object) -> MqttTransport:
    return transport(broker.address, topics=(f"kit/{source.name}",), password=broker.password, **changes)


def publish(broker: LocalBroker, source: Source, *numbers: int) -> None:
    broker.publish((f"kit/{source.name}", line) for number in numbers for line in source.pages[number].splitlines())


def rows(how: MqttTransport, source: Source, cursor: str | None = None) -> tuple[list[Row], str | None]:
    items = []
    for page in how.pages(cursor):
        items += list(source.connector.read(page, source.context))
        cursor = page.cursor
    return rows_of(items), cursor


@both
def test_a_real_broker_gives_every_row_in_order_and_nothing_twice(source: Source) -> None:
    with LocalBroker() as broker:
        assert rows(real(broker, source), source) == ([], None)  # the session begins
        publish(broker, source, 0)
        found, cursor = rows(real(broker, source), source)
        assert found == expected(source, 0)
        publish(broker, source, 1)
        again, later = rows(real(broker, source), source, cursor)
        assert again == expected(source, 1)
        assert rows(real(broker, source), source, later)[0] == []


@both
def test_messages_that_come_while_the_hub_listens_are_gathered_page_by_page(source: Source) -> None:
    with LocalBroker() as broker:
        pages = real(broker, source, listen_s=1.0, page_messages=2).pages(None)
        rows(real(broker, source), source)
        publish(broker, source, 0, 1)
        count = sum(len(numbers) for numbers in source.rows)
        found: list[Row] = []
        while len(found) < count:
            found += rows_of(source.connector.read(next(pages), source.context))
        assert found == expected(source, 0, 1)
        cast("Generator[Page]", pages).close()


@both
def test_wrong_credentials_are_denied_by_a_real_broker(source: Source) -> None:
    with LocalBroker() as broker:
        for changes in ({"password": "wrong-77"}, {"user": "nobody"}, {"user": None, "password": None}):
            with pytest.raises(Denied) as problem:
                rows(replace(real(broker, source), **changes), source)
            assert "wrong-77" not in f"{problem.value!r} {problem.value}"


def test_a_real_broker_that_goes_away_is_retry_and_everything_goes_on_once_it_is_back() -> None:
    with LocalBroker() as broker:
        rows(real(broker, GATES), GATES)
        publish(broker, GATES, 0)
        found, cursor = rows(real(broker, GATES), GATES)
        broker.stop()
        with pytest.raises(Retry):
            rows(real(broker, GATES), GATES, cursor)
        broker.start()
        rows(real(broker, GATES), GATES, cursor)
        publish(broker, GATES, 1)
        assert found + rows(real(broker, GATES), GATES, cursor)[0] == expected(GATES, 0, 1)


def test_garbage_and_a_burst_cost_no_more_than_their_messages() -> None:
    with LocalBroker() as broker:
        rows(real(broker, LANES), LANES)
        lines = LANES.pages[0].splitlines()
        broker.publish(("kit/lane_counters", payload) for _ in range(10) for payload in (b"\x00\xff{", *lines, b""))
        kept, bad = 0, 0
        for page in real(broker, LANES, page_messages=50, marks=Marks(Status.EXERCISE)).pages(None):
            items = list(LANES.connector.read(page, LANES.context))
            kept += sum(isinstance(item, Row) for item in items)
            bad += sum(not isinstance(item, Row) for item in items)
            assert page.marks == Marks(Status.EXERCISE)
            assert all(item.marks.provenance is Provenance.SYNTHETIC for item in items if isinstance(item, Row))
        assert (kept, bad) == (3, 10 * 5 - 3)  # the repeats are counted, not stored


def test_what_came_too_late_is_not_told_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    loop = asyncio.new_event_loop()
    loop.default_exception_handler = lambda context: told.append(context["message"])  # type: ignore[method-assign]
    try:
        without_timeouts(loop, {"message": "late", "exception": TimeoutError("PUBACK")})
        without_timeouts(loop, {"message": "broken", "exception": ValueError("x")})
    finally:
        loop.close()
    logging.getLogger("amqtt.mqtt.protocol.handler").warning("Received PUBACK for unknown pending message Id: '1'")
    assert told == ["broken"]
    assert "PUBACK" not in capfd.readouterr().err
