"""A broker on this machine's loopback for the demo, drills and tests; it never listens beyond it.

It is amqtt, in a thread of its own. It keeps sessions in memory and forgets what was sent and not acknowledged when
a connection ends: a hub in operation uses a broker that does not, such as mosquitto.
"""

import asyncio
import hmac
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from secrets import token_hex
from types import TracebackType
from typing import Any

import aiomqtt
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

from hubtwin.connectors.common.mqtt import QOS

_START_S = 10.0
_UNDER_WAY = 10  # messages that are published before the first of them is acknowledged
# A slow machine filled the terminal of the demo with acknowledgements that came late; the page says which sources are.
logging.getLogger("amqtt").setLevel(logging.CRITICAL)


class OneUser(BaseAuthPlugin):  # type: ignore[misc] # amqtt says nothing of its types
    """Lets one user in, with one password."""

    @dataclass
    class Config:
        """The user and the password."""

        user: str = ""
        password: str = ""

    async def authenticate(self, *, session: Session) -> bool:
        """Return whether the credentials are those of the user."""
        given = f"{session.username}\0{session.password}".encode()
        return hmac.compare_digest(given, f"{self.config.user}\0{self.config.password}".encode())


class LocalBroker:
    """Runs a broker at a free port of 127.0.0.1 while used as a context manager; `stop` and `start` are faults."""

    def __init__(self, user: str = "hubtwin", password: str | None = None) -> None:
        """Prepare a broker for one user; a password is made up where none is given."""
        self.user, self.password = user, password or token_hex(16)
        self._port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broker: Broker | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Return the address to connect to; the same after a restart."""
        return f"mqtt://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start, without any session."""
        ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(ready,), daemon=True)
        self._thread.start()
        if not ready.wait(_START_S):
            raise TimeoutError("the broker did not start")

    def stop(self) -> None:
        """Stop: connections break off, sessions are gone."""
        if self._loop is None or self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_START_S)
        self._loop = self._thread = self._broker = None

    def publish(self, messages: Iterable[tuple[str, bytes]]) -> int:
        """Publish (topic, payload) pairs in order, each acknowledged by the broker; return how many."""
        return asyncio.run(self._publish(messages))

    def __enter__(self) -> "LocalBroker":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self, ready: threading.Event) -> None:
        asyncio.run(self._live(ready))

    async def _live(self, ready: threading.Event) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self._loop.set_exception_handler(without_timeouts)
        login = {"user": self.user, "password": self.password}
        self._broker = Broker(
            BrokerConfig(
                listeners={"default": ListenerConfig(bind=f"127.0.0.1:{self._port}")},
                plugins={f"{OneUser.__module__}.{OneUser.__name__}": login},
            )
        )
        await self._broker.start()
        self._port = self._broker._servers["default"].instance.sockets[0].getsockname()[1]
        ready.set()
        await self._over.wait()
        await self._broker.shutdown()

    async def _publish(self, messages: Iterable[tuple[str, bytes]]) -> int:
        count = 0
        async with aiomqtt.Client("127.0.0.1", self._port, username=self.user, password=self.password) as client:
            for some in _chunks(messages):
                await asyncio.gather(*(client.publish(topic, payload, qos=QOS) for topic, payload in some))
                count += len(some)
        return count


def without_timeouts(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tell of an error that nobody took, as asyncio does, but not of an acknowledgement that came too late."""
    if not isinstance(context.get("exception"), TimeoutError):
        loop.default_exception_handler(context)


def _chunks(messages: Iterable[tuple[str, bytes]]) -> Iterator[list[tuple[str, bytes]]]:
    """Yield the messages in groups that are under way together."""
    given = iter(messages)
    while some := list(islice(given, _UNDER_WAY)):
        yield some
