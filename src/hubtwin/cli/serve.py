"""The command that serves the page and its interface."""

import errno
import socket
import ssl
from contextlib import closing
from pathlib import Path

import click

from hubtwin.base.clock import system_clock
from hubtwin.base.errors import Malformed, Retry
from hubtwin.base.text import text
from hubtwin.cli.alone import alone, lock_of
from hubtwin.cli.desk import Desk
from hubtwin.model.record import Status
from hubtwin.wiring import load

TLS_FOLDER = "tls"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8710, show_default=True)
@click.option("--tls-cert", type=_FILE, default=None)
@click.option("--tls-key", type=_FILE, default=None)
@click.option("--tls-self-signed", "own", is_flag=True)
@click.pass_obj
def serve(desk: Desk, /, host: str, port: int, *, tls_cert: Path | None, tls_key: Path | None, own: bool) -> None:
    """Serve until Ctrl-C."""
    _refuse_bad_tls(tls_cert, tls_key)
    if own and tls_cert is None:
        ensure = load("hubtwin.web.certificate:ensure_certificate")
        tls_cert, tls_key, seal = ensure(desk.settings.home / TLS_FOLDER, host, system_clock())
        desk.say("cli.serve_own_tls", seal=seal)
    transports = load("hubtwin.wiring.sources:make_transports")(desk.settings)
    opened = load("hubtwin.web.start:open_desk")
    with (
        closing(take_port(host, port)) as sock,
        alone(lock_of(desk.settings), "cli.serve_runs"),
        opened(desk.settings, clock=desk.clock, real_clock=system_clock) as core,
        load("hubtwin.wiring.recording:recorded")(core.works, transports) as kept,
    ):
        running = load("hubtwin.wiring.running:make_running")(core.works, kept)
        if not transports:
            actual = desk.settings.status is Status.ACTUAL
            desk.say("cli.serve_no_sources" if actual else "cli.serve_exercise")
        running.start()
        try:
            matchers = "hubtwin.wiring.matchers"
            with load(f"{matchers}:publishing")(running.works), load(f"{matchers}:asking")(running.works) as seen:
                shown = load("hubtwin.web.start:desk_of")(seen)
                run_server(desk, shown, host, sock, cert=tls_cert, key=tls_key)
        finally:
            running.stop()


def take_port(host: str, port: int) -> socket.socket:
    """Return a listening socket, taken before anything is prepared. Raises Retry where another program has it."""
    try:
        found: socket.socket = load("hubtwin.web.server:listen")(host, port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Retry("cli.port_taken", host=host, port=port) from error
    return found


def run_server(
    desk: Desk, core: object, host: str, sock: socket.socket, *, cert: Path | None = None, key: Path | None = None
) -> None:
    """Serve a `web.desk.Desk` on a socket of `take_port` until a signal ends it."""
    ui = load("hubtwin.web.start:find_ui")(desk.settings.data_dir)
    options = load("hubtwin.web.edge:Options")(tls=cert is not None, ui=ui, map_origin=desk.settings.map.origin)
    shown = f"[{host}]" if ":" in host else host
    scheme = "http" if cert is None else "https"
    if ui is None:
        desk.say("cli.serve_no_ui")
    if cert is None and host not in LOOPBACK:
        desk.say("cli.serve_open", host=host)
    desk.out.print(text("cli.serving", desk.lang, url=f"{scheme}://{shown}:{sock.getsockname()[1]}/"))
    desk.out.file.flush()
    server = load("hubtwin.web.server:make_server")(load("hubtwin.web.app:build")(core, options), cert=cert, key=key)
    server.run([sock])


def _refuse_bad_tls(cert: Path | None, key: Path | None) -> None:
    """Raise Malformed before anything is opened."""
    if (cert is None) != (key is None):
        raise Malformed("cli.serve_half_tls")
    if cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except (ssl.SSLError, ValueError) as error:
        raise Malformed("cli.serve_bad_tls", problem=str(error)) from error
