"""The built page: what is cached for ever, what is asked for again, and that no path leads elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from hubtwin.web.edge import Options
from tests.web.fake_desk import FakeDesk
from tests.web.served import serving

PACKED = bytes.fromhex(
    "1b1b25f88dc33816bc39db8512e4e27c420f9a42daba5ae28df5c4852142863900dafac29e0f8812"
)  # brotli of asset


@pytest.fixture
def client(tmp_path: Path) -> Iterator[httpx.Client]:
    dist = tmp_path / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<!doctype html><title>hub</title>")
    (dist / "assets" / "app-1a2b.js").write_text("export const x = 1\n" * 500)
    for name, age_s in (("packed-3c4d", 0), ("edited-5e6f", 60)):
        file, packed = dist / "assets" / f"{name}.js", dist / "assets" / f"{name}.js.br"
        file.write_text("export const x = 1\n" * 500)
        packed.write_bytes(PACKED)
        os.utime(packed, (0, file.stat().st_mtime - age_s))
    (dist / "icon.svg").write_text("<svg/>")
    (dist / "sw.js").write_text("self.onfetch = null")
    (dist / "manifest.zh.webmanifest").write_text("{}")
    (tmp_path / "secret.txt").write_text("secret")
    (dist / "link.txt").symlink_to(tmp_path / "secret.txt")
    with serving(FakeDesk(), Options(ui=dist)) as served, served.client() as found:
        yield found


def test_the_page_is_asked_for_again_and_its_assets_are_kept_for_ever(client: httpx.Client) -> None:
    index = client.get("/")
    assert index.text.startswith("<!doctype html>")
    assert index.headers["cache-control"] == "no-cache"
    assert index.headers["content-type"].startswith("text/html")
    asset = client.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    assert asset.headers["content-encoding"] == "gzip"
    assert asset.text.startswith("export const x")


@pytest.mark.parametrize(("takes", "got"), [("gzip, br", "br"), ("gzip, br;q=0", "gzip"), ("identity", None)])
def test_a_file_that_the_build_has_packed_is_sent_packed_to_who_takes_it(
    takes: str, got: str | None, client: httpx.Client
) -> None:
    answer = client.get("/assets/packed-3c4d.js", headers={"accept-encoding": takes})
    assert answer.headers.get("content-encoding") == got
    assert client.get("/assets/packed-3c4d.js.br").json()["key"] == "web.no_page"


def test_a_packed_file_that_is_older_than_its_own_is_not_sent(client: httpx.Client) -> None:
    answer = client.get("/assets/edited-5e6f.js", headers={"accept-encoding": "br"})
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("export const x")


def test_the_worker_and_the_manifest_of_the_phone_are_asked_for_again_and_say_what_they_are(
    client: httpx.Client,
) -> None:
    worker, manifest = client.get("/sw.js"), client.get("/manifest.zh.webmanifest")
    assert [answer.headers["cache-control"] for answer in (worker, manifest)] == ["no-cache", "no-cache"]
    assert worker.headers["content-type"].startswith("text/javascript")
    assert manifest.headers["content-type"] == "application/manifest+json"
    assert "camera=(self)" in worker.headers["permissions-policy"]


def test_what_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    seal = client.get("/icon.svg").headers["etag"]
    answer = client.get("/icon.svg", headers={"if-none-match": seal})
    assert (answer.status_code, answer.content) == (304, b"")


def test_an_address_of_the_page_gets_the_page_and_a_missing_file_does_not(client: httpx.Client) -> None:
    assert client.get("/cases/abc").text.startswith("<!doctype html>")
    assert client.get("/assets/gone-9.js").json()["key"] == "web.no_page"
    assert client.get("/api/v1/nothing").json()["key"] == "web.no_page"


@pytest.mark.parametrize(
    "path", ["/../secret.txt", "/%2e%2e/secret.txt", "/assets/..%2f..%2fsecret.txt", "//etc/passwd", "/link.txt"]
)
def test_no_path_leads_out_of_the_folder(client: httpx.Client, path: str) -> None:
    assert "secret" not in client.get(path).text
    assert "root:" not in client.get(path).text


def test_without_a_built_page_it_says_how_to_build_it() -> None:
    with serving(FakeDesk()) as served, served.client() as client:
        assert client.get("/").json()["key"] == "web.no_ui"
