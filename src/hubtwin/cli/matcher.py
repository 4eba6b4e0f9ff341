"""The matcher from the command line: the process beside a railway's manifests, its state, the keys of both sides."""

import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from hubtwin.base.clock import Clock, PacedClock, epoch_minute, from_epoch_minute, local
from hubtwin.base.errors import Malformed
from hubtwin.base.text import text
from hubtwin.cli.data import FORMAT
from hubtwin.cli.desk import Desk, MomentType
from hubtwin.wiring import load
from hubtwin.wiring.plugs import directory_of

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
_ANY = click.Path(path_type=Path, exists=True)
HOME = click.option("--home", type=click.Path(path_type=Path, file_okay=False), default=None, metavar="DIR")
HEX_DIGITS = 64


@click.group("matcher")
def matcher() -> None:
    """Match beside a railway's manifests."""


@matcher.command("serve")
@HOME
@click.option("--hub-key", required=True)
@click.option("--manifests", type=_FOLDER, required=True, metavar="DIR")
@click.option("--timetable", type=_ANY, multiple=True, metavar="FILES")
@click.option("--station-areas", type=_FILE, default=None)
@click.option("--rung", type=click.Choice(["counts", "hits", "psi"]), default="hits", show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8720, show_default=True)
@click.option("--tls-cert", type=_FILE, default=None)
@click.option("--tls-key", type=_FILE, default=None)
@click.option("--client-ca", type=_FILE, default=None)
@click.option("--insecure-loopback", "plain", is_flag=True)
@click.option("--replay", type=MomentType(), default=None, metavar="TIME")
@click.option("--pace", type=click.IntRange(0, 3600), default=1, show_default=True)
@click.option("--follow", is_flag=True)
@click.pass_obj
def serve(desk: Desk, /, **told: Any) -> None:
    """Serve until Ctrl-C."""
    tls = _read_tls(told)
    clock = _clock(desk, told)
    home = told["home"] or desk.settings.home / "matcher"
    setup = _setup(desk, told, home, clock)
    held = load("hubtwin.matcher.held:Held")(home, epoch_minute(clock()))
    try:
        made = load("hubtwin.matcher.engine:Matcher")(setup, held, clock)
        server = load("hubtwin.matcher.server:make_server")(load("hubtwin.matcher.server:build")(made), tls)
        sock = load("hubtwin.matcher.server:listen")(told["host"], told["port"], tls=tls is not None)
        try:
            _say_where(desk, sock.getsockname()[:2], made.unwrapper.public_hex, tls=tls is not None)
            made.start()
            if told["follow"]:
                _follow(clock, server)
            server.run([sock])
        finally:
            made.stop()
            sock.close()
    finally:
        held.close()


@matcher.command("status")
@click.argument("address")
@click.option("--ca-file", type=_FILE, default=None)
@click.option("--tls-cert", type=_FILE, default=None)
@click.option("--tls-key", type=_FILE, default=None)
@FORMAT
@click.pass_obj
def status(desk: Desk, /, address: str, *, ca_file: Path | None, form: str, **told: Path | None) -> None:
    """Print the state of a matcher."""
    if (told["tls_cert"] is None) != (told["tls_key"] is None):
        raise Malformed("cli.serve_half_tls")
    client = None
    if told["tls_cert"] is not None:
        client = load("hubtwin.connectors.common.tls:ClientCert")(told["tls_cert"], told["tls_key"])
    peer = load("hubtwin.wiring.asking:Peer")("status", address, "", ca_file, client)
    found = load("hubtwin.wiring.asking:fetch_status")(peer)
    if form == "json":
        desk.give(found)
        return
    for line in _lines(desk, found):
        desk.out.print(line)


@matcher.command("key")
@HOME
@click.pass_obj
def key(desk: Desk, /, home: Path | None) -> None:
    """Print the receiving key of the matcher."""
    made = load("hubtwin.stores.wrapping:Unwrapper")(home or desk.settings.home / "matcher")
    desk.out.print(made.public_hex)


@matcher.command("hub-key")
@click.pass_obj
def hub_key(desk: Desk, /) -> None:
    """Print the public key of the hub."""
    settings = desk.settings
    signer = load("hubtwin.stores.signing:Signer")(directory_of(settings))
    desk.out.print(signer.public_hex)


def _read_tls(told: dict[str, Any]) -> Any:
    """Return what mutual TLS needs, None for plain HTTP on loopback. Raises Malformed before anything is opened."""
    files = (told["tls_cert"], told["tls_key"], told["client_ca"])
    if told["plain"]:
        if any(files):
            raise Malformed("cli.matcher_tls_or_plain")
        return None
    if not all(files):
        raise Malformed("cli.matcher_no_tls")
    tls = load("hubtwin.matcher.server:Tls")(*files)
    try:
        load("hubtwin.matcher.server:make_context")(tls)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise Malformed("cli.serve_bad_tls", problem=str(error)) from error
    return tls


def _clock(desk: Desk, told: dict[str, Any]) -> Clock:
    """Return the clock of a matcher: one that is told stands still until it is. Raises Malformed."""
    replay, pace = told["replay"], 0 if told["follow"] else told["pace"]
    if replay is None:
        if told["follow"]:
            raise Malformed("cli.matcher_follows_nothing")
        return desk.clock
    start = replay.replace(tzinfo=desk.settings.hub.zone) if replay.tzinfo is None else replay
    return PacedClock(start.astimezone(UTC), float(pace), desk.clock)


def _follow(clock: Clock, server: Any) -> None:
    """Let standard input say what time it is, a line each time; its end ends the matcher, whoever had held it."""
    assert isinstance(clock, PacedClock), "a replay has one"

    def run() -> None:
        for line in sys.stdin:
            with suppress(ValueError, TypeError):  # half a line, or one without a zone
                clock.jump(datetime.fromisoformat(line.strip()))
        server.should_exit = True

    threading.Thread(target=run, name="follow", daemon=True).start()


def _setup(desk: Desk, told: dict[str, Any], home: Path, clock: Clock) -> Any:
    hub_key, hub, feeds = told["hub_key"].strip().lower(), desk.settings.hub, desk.settings.feeds
    if len(hub_key) != HEX_DIGITS or not set(hub_key) <= set("0123456789abcdef"):
        raise Malformed("cli.matcher_bad_key")
    files = told["timetable"] or feeds.get("timetable") or feeds.get("gtfs") or ()
    areas = told["station_areas"] or next(iter(feeds.get("station_areas", ())), None)
    known = load("hubtwin.matcher.manifests:read_timetable")(tuple(files), hub.zone, clock(), areas)
    folder = load("hubtwin.matcher.manifests:Folder")(told["manifests"], hub.zone, known)
    rung = load("hubtwin.matcher.engine:Rung")(told["rung"])
    whose = load("hubtwin.matcher.table:HubKey")(hub.hub_id, hub_key)
    return load("hubtwin.matcher.engine:Setup")(whose, folder, home, rung)


def _say_where(desk: Desk, where: tuple[str, int], receiving_key: str, *, tls: bool) -> None:
    host = f"[{where[0]}]" if ":" in where[0] else where[0]
    desk.out.print(text("cli.matcher_key", desk.lang, receiving=receiving_key))
    desk.out.print(text("cli.serving", desk.lang, url=f"{'https' if tls else 'http'}://{host}:{where[1]}/"))
    desk.out.file.flush()


def _lines(desk: Desk, found: Any) -> list[str]:
    """Return the state of a matcher in words."""
    lines = [text("cli.matcher_hub", desk.lang, hub=found.get("hub_id"), rung=found.get("rung"))]
    table, match = found.get("table"), found.get("match")
    if not table:
        lines.append(text("cli.matcher_no_table", desk.lang))
    else:
        told = {name: table.get(name) for name in ("version", "areas", "age_min")}
        lines.append(text("cli.matcher_table", desk.lang, until=_at(desk, table.get("valid_until_min")), **told))
        if table.get("stale"):
            lines.append(text("cli.matcher_stale", desk.lang))
    if match:
        refused = sum(match.get("refused", {}).values())
        told = {"hits": match.get("hits"), "refused": refused}
        lines.append(text("cli.matcher_match", desk.lang, at=_at(desk, match.get("at_min")), **told))
        if match.get("without_key"):
            lines.append(text("cli.matcher_without_key", desk.lang, persons=match["without_key"]))
    if found.get("error"):
        lines.append(text("cli.matcher_error", desk.lang, problem=text(str(found["error"]), desk.lang)))
    return lines


def _at(desk: Desk, minute: object) -> str:
    if not isinstance(minute, int):
        return "?"
    return local(from_epoch_minute(minute), desk.settings.hub.zone).strftime("%Y-%m-%d %H:%M")
