"""Run the application on a socket until somebody ends it."""

import asyncio
import logging
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn
from fastapi import FastAPI

from hubtwin.web.edge import Edge

SEND_BYTES = 64 * 1024  # what the kernel holds for a slow page; more would only be older
DEAD_MS = 60_000  # a peer that acknowledges nothing for so long has gone
GRACE_S = 5


def _without_trace(record: logging.LogRecord) -> bool:
    """Leave out what the server would write of a bug: the message of an error may hold a value of a person."""
    if record.exc_info:
        kind = record.exc_info[0]
        record.msg, record.args = "%s (%s)", (record.getMessage().strip(), kind.__name__ if kind else "?")
        record.exc_info = record.exc_text = None  # where it was is in our own line, `bug`
    return True


class Server(uvicorn.Server):
    """A server that tells its live pages to go before it waits for them."""

    def __init__(self, config: uvicorn.Config, edge: Edge) -> None:
        """Create it over the application's edge."""
        super().__init__(config)
        self._edge = edge
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def stop(self) -> None:
        """End every live page, then the server; may be called from any thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._edge.feed.close, "stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Obey a signal; the second one does not wait."""
        super().handle_exit(sig, frame)
        self.stop()


def make_server(app: FastAPI, *, cert: Path | None = None, key: Path | None = None) -> Server:
    """Return a server for an application; with a certificate it speaks TLS only."""
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,  # the guard writes one line without addresses
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
        ssl_certfile=cert,
        ssl_keyfile=key,
    )
    logging.getLogger("uvicorn.error").addFilter(_without_trace)  # once, however often it is added
    return Server(config, app.state.edge)


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, or asyncio leaves Nagle on: +40 ms
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    if sys.platform == "linux":
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_MS)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError:
        sock.close()
        raise
    return sock
