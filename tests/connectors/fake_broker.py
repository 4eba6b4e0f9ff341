"""A strict little MQTT 3.1.1 broker for tests: it keeps sessions, sends again what was not acknowledged with DUP set,
and misbehaves on request. QoS 1 outward only.
"""

import socket
import struct
import threading
from contextlib import suppress
from types import TracebackType

CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, DISCONNECT = 1, 2, 3, 4, 8, 9, 12, 14


class FakeBroker:
    """Serves one client after the other on 127.0.0.1. `queue` holds (topic, payload) that nobody acknowledged yet.

    `code`: CONNACK return code; `topic_code`: SUBACK return code; `silent`: takes the connection and never answers;
    `drop_after`: closes the connection after so many messages; `retain`: sets the RETAIN flag.
    """

    def __init__(self, *messages: tuple[str, bytes]) -> None:
        self.queue = list(messages)
        self.sent: set[int] = set()
        self.acknowledged: list[bytes] = []
        self.acked_at_close: list[int] = []
        self.code, self.topic_code, self.silent, self.retain = 0, 1, False, False
        self.drop_after: int | None = None
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._socket.settimeout(0.05)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._over = threading.Event()

    @property
    def address(self) -> str:
        return f"mqtt://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> "FakeBroker":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._socket.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                client, _ = self._socket.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            client.settimeout(3)
            with client:
                with suppress(OSError, EOFError):
                    self._serve(client)
                self.acked_at_close.append(len(self.acknowledged))

    def _serve(self, client: socket.socket) -> None:
        under_way: dict[int, tuple[str, bytes]] = {}
        while True:
            kind, body = _read(client)
            if kind == CONNECT:
                if self.silent:
                    self._over.wait(3)
                    return
                client.sendall(_packet(CONNACK, bytes([0, self.code])))
                if self.code:
                    return
            elif kind == SUBSCRIBE:
                client.sendall(_packet(SUBACK, body[:2] + bytes([self.topic_code])))
                for number, (topic, payload) in enumerate(list(self.queue), start=1):
                    under_way[number] = (topic, payload)
                    flags = 2 | (8 if id(payload) in self.sent else 0) | (1 if self.retain else 0)
                    self.sent.add(id(payload))
                    head = struct.pack("!H", len(topic)) + topic.encode() + struct.pack("!H", number)
                    client.sendall(_packet(PUBLISH, head + payload, flags))
                    if self.drop_after is not None and number >= self.drop_after:
                        return
            elif kind == PUBACK:
                done = under_way.pop(struct.unpack("!H", body)[0])
                self.queue.remove(done)
                self.acknowledged.append(done[1])
            elif kind == PINGREQ:
                client.sendall(bytes([0xD0, 0]))
            elif kind == DISCONNECT:
                return


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    length, size = b"", len(body)
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (128 if size else 0)])
        if not size:
            return bytes([kind << 4 | flags]) + length + body


def _read(client: socket.socket) -> tuple[int, bytes]:
    kind = _exactly(client, 1)[0] >> 4
    size, shift = 0, 0
    while True:
        digit = _exactly(client, 1)[0]
        size |= (digit & 127) << shift
        shift += 7
        if not digit & 128:
            return kind, _exactly(client, size)


def _exactly(client: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = client.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found
