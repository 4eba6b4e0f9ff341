"""The command `serve`: a real process that serves, speaks TLS, and ends on a signal."""

import fcntl
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import click
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hubtwin.base.errors import Malformed, Retry
from hubtwin.cli.demo import REPLAY_HOME, demo
from hubtwin.cli.desk import Desk
from hubtwin.cli.serve import serve, take_port
from hubtwin.settings import load_settings

RUN = (
    "import sys; from pathlib import Path; from hubtwin.cli.desk import Desk; from hubtwin.cli.serve import serve;"
    "from hubtwin.settings import load_settings;"
    "serve.main(sys.argv[2:], obj=Desk(load_settings(home=Path(sys.argv[1]), lang='en'), 'en'), standalone_mode=False)"
)


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Give a running server and its address."""
    command = [sys.executable, "-c", RUN, str(home), "--port", "0", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "COLUMNS": "200"}) as child:
        try:
            assert child.stdout is not None
            lines = iter(child.stdout.readline, "")
            found = next((told for line in lines if (told := re.search(r"https?://127\S+", line))), None)
            assert found is not None, "it ended without saying where it serves"
            yield child, found[0]
        finally:
            child.kill()


def certificate(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate of its own for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hub")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*private))
    return cert_file, key_file


def wait_for(url: str, verify: ssl.SSLContext | bool = True) -> httpx.Response:
    """Return the first answer of an address."""
    for _ in range(200):
        try:
            return httpx.get(url, verify=verify, timeout=60)  # it listens before it answers
        except httpx.ConnectError:
            time.sleep(0.05)
    raise AssertionError("nobody answers")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_and_ends_at_once(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (child, url):
        assert url.startswith("http://127.0.0.1:")
        assert "hub_" in wait_for(f"{url}api/v1/openapi.json").text
        began = time.monotonic()
        child.send_signal(number)
        child.wait(15)
        assert time.monotonic() - began < 8


def test_with_a_certificate_it_speaks_tls_only(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with running(tmp_path / "home", "--tls-cert", str(cert), "--tls-key", str(key)) as (_, url):
        trusting = ssl.create_default_context(cafile=str(cert))
        answer = wait_for(f"{url}api/v1/me", trusting)
        assert url.startswith("https://")
        assert answer.status_code == 401
        assert "max-age" in answer.headers["strict-transport-security"]
        with pytest.raises(httpx.HTTPError):
            httpx.get(url.replace("https", "http"))


def test_half_a_certificate_and_a_wrong_one_are_refused_before_anything_is_opened(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a key")
    desk = Desk(load_settings(home=tmp_path / "home", environ={}), "en")
    for arguments, why in (
        (["--tls-cert", str(cert)], "cli.serve_half_tls"),
        (["--tls-cert", str(cert), "--tls-key", str(wrong)], "cli.serve_bad_tls"),
        (["--tls-cert", str(key), "--tls-key", str(key)], "cli.serve_bad_tls"),
    ):
        with pytest.raises(Malformed) as refused:
            serve.main(arguments, obj=desk, standalone_mode=False)
        assert refused.value.key == why
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", [serve, demo])
def test_a_port_that_is_taken_is_named_before_anything_is_prepared(tmp_path: Path, command: click.Command) -> None:
    with closing(take_port("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        desk = Desk(load_settings(home=tmp_path / "home", environ={}), "en")
        with pytest.raises(Retry, match=port) as refused:
            command.main(["--port", port], obj=desk, standalone_mode=False)
        assert refused.value.key == "cli.port_taken"
    assert not (tmp_path / "home").exists()


def test_a_second_demonstration_leaves_the_first_its_data(tmp_path: Path) -> None:
    kept = tmp_path / "replay" / "hangzhou-east" / "kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    with (tmp_path / "replay.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Retry) as refused:
            demo.main(["--port", "0"], obj=Desk(load_settings(home=tmp_path, environ={}), "en"), standalone_mode=False)
    assert refused.value.key == "cli.demo_runs"
    assert kept.exists()


def test_a_second_loop_on_one_home_is_refused(tmp_path: Path) -> None:
    desk = Desk(load_settings(home=tmp_path, environ={}), "en")
    with running(tmp_path):
        with pytest.raises(Retry) as refused:
            serve.main(["--port", "0"], obj=desk, standalone_mode=False)
        assert refused.value.key == "cli.serve_runs"
    with running(tmp_path / REPLAY_HOME), pytest.raises(Retry) as removed:
        demo.main(["--port", "0"], obj=desk, standalone_mode=False)
    assert removed.value.key == "cli.serve_runs"
