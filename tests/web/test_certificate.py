"""The hub's own certificate: made once, kept private, renewed in time, and what a browser needs is in it."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hubtwin.web.certificate import ensure_certificate

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_it_is_made_once_and_its_key_is_for_nobody_else(tmp_path: Path) -> None:
    cert, key, seal = ensure_certificate(tmp_path / "tls", "127.0.0.1", NOW)
    assert key.stat().st_mode & 0o077 == 0
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    again = ensure_certificate(tmp_path / "tls", "127.0.0.1", NOW + timedelta(days=300))
    assert again == (cert, key, seal)


def test_it_is_made_anew_before_it_ends_for_another_host_and_where_it_is_damaged(tmp_path: Path) -> None:
    cert, _, first = ensure_certificate(tmp_path, "127.0.0.1", NOW)
    assert ensure_certificate(tmp_path, "hub.example", NOW)[2] != first
    second = ensure_certificate(tmp_path, "hub.example", NOW)[2]
    assert ensure_certificate(tmp_path, "hub.example", NOW + timedelta(days=380))[2] != second
    cert.write_text("nothing")
    assert len(ensure_certificate(tmp_path, "hub.example", NOW)[2].split(":")) == 32
