"""What a test sets a railway up with: its place, its program, the certificates of both sides."""

import sys
from pathlib import Path

from hubtwin.base.clock import system_clock
from hubtwin.connectors.common.tls import ClientCert
from hubtwin.web.certificate import ensure_certificate
from hubtwin.wiring.railway import HOST, Post, take_free_port
from tests.matcher.hubside import HUB_TOML, Hub


def post(base: Path, hub: Hub) -> Post:
    """Return where a matcher of a small hub is set up."""
    base.mkdir(parents=True, exist_ok=True)
    toml = base / "hub.toml"
    toml.write_text(HUB_TOML, encoding="utf-8")
    ours, theirs = (
        ClientCert(*ensure_certificate(base / name, HOST, system_clock())[:2]) for name in ("ours", "theirs")
    )
    program = (sys.executable, "-c", "from hubtwin.cli import main; main()", "--hub", str(toml), "--log", "info")
    return Post(base / "railway", program, hub.signer.public_hex, ours, theirs, take_free_port())
