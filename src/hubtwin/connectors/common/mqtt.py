"""Transport that gathers the messages of an MQTT broker into pages: one message a line, at least once (QoS 1).

A message is acknowledged only after its page has been committed, that is when the next page is asked for; the
session is kept by the broker under `client_id`, so whatever was not acknowledged comes again, also after kill -9. The
cursor counts the messages and holds the seals of the last REMEMBERED ones: a message that the broker marks as sent
again and that was already committed is left out. Asynchronous code stays inside this module.

What a broker must do: keep sessions (`clean session` off), and let more than a page be under way
(mosquitto: `max_inflight_messages 1000`, default 20).
"""

import asyncio
import re
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiomqtt
from paho.mqtt.client import MQTTMessage
from paho.mqtt.reasoncodes import ReasonCode

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.connectors.common.tls import trusting
from hubtwin.model.record import UNMARKED, Marks
from hubtwin.ports import Page

PAGE_MESSAGES = 500
REMEMBERED = 2 * PAGE_MESSAGES
QUIET_S = 0.05  # a page ends when nothing has come for so long
MAX_PAGES = 1000  # of one poll: a source that never stops must not starve the others
QOS = 1
_SEAL_CHARS = 8
_CURSOR = re.compile(r"(\d{1,15}):((?:[0-9a-f]{8})*)")
_PORTS = {"mqtt": 1883, "mqtts": 8883}
_REFUSED = 0x80
_UNAVAILABLE = {3, 136, 137, 151}  # CONNACK codes (3.1.1 and 5) that pass: server unavailable, busy, quota
_LINE_END = re.compile(rb"[\r\n]")
T = TypeVar("T")


@dataclass(frozen=True)
class MqttTransport:
    """Polls one broker: connects, takes what there is for `topics`, and stops when nothing came for `listen_s`.

    A page ends when nothing has come for `quiet_s`. `address` is mqtt://host:port or mqtts://host:port; `client_id`
    names the session that the broker keeps and must be of this source alone. `password` is in no error, page name or
    representation. `timeout_s` bounds every answer that is waited for.
    """

    address: str
    topics: tuple[str, ...]
    client_id: str
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    listen_s: float = 1.0
    timeout_s: float = 10.0
    ca_file: Path | None = None
    marks: Marks = UNMARKED
    page_messages: int = PAGE_MESSAGES
    quiet_s: float = QUIET_S

    def pages(self, cursor: str | None) -> Iterator[Page]:
        """Yield pages of messages, at most MAX_PAGES; asking for the next one acknowledges the last one.

        Raises Retry (unreachable, silent, broken off: what had come is yielded first), Denied (credentials, topic,
        address) or Malformed (a cursor that is none).
        """
        link = _Link(self, *_read_cursor(cursor, public_broker(self.address)))
        try:
            link.open()
            for _ in range(MAX_PAGES):
                page = link.next_page()
                if page is None:
                    return
                yield page
                link.acknowledge()
        finally:
            link.close()


def public_broker(address: str) -> str:
    """Return scheme, host and port of an address. Raises Denied where it is none."""
    try:
        parts = urlsplit(address)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
        known = parts.scheme in _PORTS
    except (ValueError, KeyError):
        raise Denied("connectors.common.mqtt_bad_address", source="?") from None
    if not known or not parts.hostname or parts.username or parts.path.strip("/"):
        raise Denied("connectors.common.mqtt_bad_address", source=f"{parts.scheme}://{parts.hostname or '?'}")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _read_cursor(cursor: str | None, source: str) -> tuple[int, deque[str]]:
    """Return how many messages were committed, and the seals of the last ones."""
    found = _CURSOR.fullmatch(cursor or "0:")
    if found is None:
        raise Malformed("connectors.common.mqtt_bad_cursor", source=source)
    seals = (found[2][start : start + _SEAL_CHARS] for start in range(0, len(found[2]), _SEAL_CHARS))
    return int(found[1]), deque(seals, maxlen=REMEMBERED)


class _Link:
    """One connection with its own event loop, which runs only while a page is waited for."""

    def __init__(self, how: MqttTransport, count: int, seals: deque[str]) -> None:
        self._how, self._count, self._seals = how, count, seals
        self._source = public_broker(how.address)
        self._runner = asyncio.Runner()
        self._client: aiomqtt.Client | None = None
        self._came: deque[MQTTMessage] = deque()
        self._under_way: dict[int, MQTTMessage] = {}  # by packet identifier, as long as it is not acknowledged
        self._news = asyncio.Event()
        self._held: list[MQTTMessage] = []
        self._broken: str | None = None
        self._asked: asyncio.Future[Any]

    def open(self) -> None:
        """Connect and subscribe. Raises Retry or Denied."""
        self._run(self._open())

    def next_page(self) -> Page | None:
        """Return what came, None when nothing did. Raises Retry where the connection is gone and nothing is held."""
        while True:
            self._run(self._gather())
            fresh = self._take()
            if fresh:
                return self._page(fresh)
            if self._broken:
                raise Retry("connectors.common.mqtt_broken_off", source=self._source, problem=self._broken)
            if not self._held:
                return None
            self.acknowledge()  # a page of repeats only: they are committed already

    def acknowledge(self) -> None:
        """Acknowledge the messages of the last page, which the caller has committed."""
        if self._client is not None and not self._broken:
            for message in self._held:
                self._under_way.pop(message.mid, None)
                self._client._client.ack(message.mid, message.qos)
        self._held = []

    def close(self) -> None:
        """Leave the broker; the session stays there. A connection that is broken already is left as it is."""
        try:
            self._run(self._close())
        finally:
            self._runner.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    async def _open(self) -> None:
        how, parts = self._how, urlsplit(self._source)
        secure = trusting(how.ca_file) if parts.scheme == "mqtts" else None
        self._client = client = aiomqtt.Client(
            parts.hostname or "",
            parts.port or 0,
            username=how.user,
            password=how.password,
            identifier=how.client_id,
            clean_session=False,
            timeout=how.timeout_s,
            tls_context=secure,
        )
        # aiomqtt acknowledges on arrival and forgets the DUP flag: its paho client is told otherwise
        client._client.connect_timeout = how.timeout_s
        client._client.manual_ack_set(True)
        client._client.on_message = lambda _client, _data, message: self._arrived(message)
        try:
            await client.__aenter__()
        except aiomqtt.MqttError as problem:
            raise self._translated(problem) from None
        # not waited for: a broker may first want acknowledged what it kept for the session
        self._asked = asyncio.ensure_future(client.subscribe([(topic, QOS) for topic in how.topics]))

    def _arrived(self, message: MQTTMessage) -> None:
        earlier = self._under_way.get(message.mid)
        if message.dup and earlier is not None and _seal(earlier) == _seal(message):
            return  # sent again before we have acknowledged it: one acknowledgement will do for both
        self._under_way[message.mid] = message
        self._came.append(message)
        self._news.set()

    async def _gather(self) -> None:
        """Wait for messages: until a page is full, or nothing came for a moment, or the connection is gone."""
        assert self._client is not None
        gone = self._client._disconnected
        while len(self._came) < self._how.page_messages and not gone.done():
            patience = self._how.quiet_s if self._came else self._how.listen_s if self._asked.done() else None
            self._news.clear()
            waiting = asyncio.ensure_future(self._news.wait())
            events: list[asyncio.Future[Any]] = [waiting, gone]
            if not self._asked.done():
                events.append(self._asked)
            done, _ = await asyncio.wait(events, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            self._check_answer()
            if not done:
                return
        if gone.done():
            self._broken = type(gone.exception()).__name__ if gone.exception() else "closed"

    def _check_answer(self) -> None:
        """Raise Denied where the broker refused a topic, Retry where it did not answer."""
        if not self._asked.done():
            return
        problem = self._asked.exception()
        if isinstance(problem, aiomqtt.MqttError):
            raise self._translated(problem)
        for topic, code in zip(self._how.topics, self._asked.result(), strict=False):
            if (code.value if isinstance(code, ReasonCode) else code) >= _REFUSED:
                raise Denied("connectors.common.mqtt_not_subscribed", source=self._source, topic=topic)

    def _take(self) -> list[MQTTMessage]:
        """Hold the next messages; return those of them that were not committed before."""
        count = min(len(self._came), self._how.page_messages)
        taken = [self._came.popleft() for _ in range(count)]
        self._held += taken
        known = set(self._seals)
        return [m for m in taken if not ((m.dup or m.retain) and _seal(m) in known)]

    def _page(self, fresh: list[MQTTMessage]) -> Page:
        first = self._count + 1
        self._count += len(fresh)
        self._seals.extend(_seal(message) for message in fresh)
        body = b"".join(_LINE_END.sub(b" ", bytes(message.payload)) + b"\n" for message in fresh)
        name = f"{self._source}/{','.join(self._how.topics)}#{first}"
        return Page(name, iter((body,)), f"{self._count}:{''.join(self._seals)}", self._how.marks)

    async def _close(self) -> None:
        if self._client is None:
            return
        with suppress(aiomqtt.MqttError):  # whether the broker hears of it or not, what counts was acknowledged
            if self._client._connected.done() and not self._client._connected.exception() and not self._broken:
                await self._client.__aexit__(None, None, None)
        self._client._client.disconnect()  # closes the socket also where the broker never answered
        await asyncio.sleep(0)

    def _translated(self, problem: aiomqtt.MqttError) -> Retry | Denied:
        """Return Denied for an answer that says no, Retry for none. Only the kind is kept of what the library says."""
        code = problem.rc if isinstance(problem, aiomqtt.MqttCodeError) else None
        number = code.value if isinstance(code, ReasonCode) else code
        if isinstance(number, int) and isinstance(problem, aiomqtt.exceptions.MqttConnectError):
            if number not in _UNAVAILABLE:
                return Denied("connectors.common.mqtt_denied", source=self._source, problem=f"CONNACK {number}")
            return Retry("connectors.common.mqtt_unreachable", source=self._source, problem=f"CONNACK {number}")
        return Retry("connectors.common.mqtt_unreachable", source=self._source, problem=type(problem).__name__)


def _seal(message: MQTTMessage) -> str:
    """Return eight hex digits for a topic and payload; two of 1,000 messages share one once in 8,600 pages."""
    digest = blake2b(message.topic.encode() + b"\0" + bytes(message.payload), digest_size=_SEAL_CHARS // 2)
    return digest.hexdigest()
