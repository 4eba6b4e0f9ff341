"""A line between a browser and a server that can be cut and mended."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Line:
    """Passes bytes on, both ways, while it is whole."""

    def __init__(self, port: int) -> None:
        """Listen on a port of its own; `port` is the server's."""
        self._to, self._whole = port, True
        self._lock, self._open = threading.Lock(), set[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        with self._lock:
            self._whole = False
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Let connections through again."""
        self._whole = True

    def close(self) -> None:
        """End it."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self._to))
                with self._lock:
                    self._open |= {near, far}
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while told := one.recv(65536):
                other.sendall(told)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {one, other}
        one.close()


@contextmanager
def line_to(port: int) -> Iterator[Line]:
    """Give a line to a server."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
