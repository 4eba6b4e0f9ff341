"""Asking the library over HTTP, with real shares over a small library: pages, files, streams, and the Python client."""

import csv
import importlib.util
import io
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hubtwin.web.real_queries import RealQueries
from tests.asking_kit import CATALOGUE, NOW, Kit, make_kit, make_share, of_street
from tests.web.fake_desk import PASSWORD, FakeDesk
from tests.web.fake_queries import FakeQueries
from tests.web.served import Served, serving

CLIENT = Path(__file__).parents[2] / "examples" / "ask-library" / "library_client.py"
CARE = {"purpose": "care"}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    share = make_share(
        grantee="user:analyst",
        rows=of_street("s1", "s2"),
        masks=(("id", "keep_last_4"), ("name", "surname")),
    )
    made = make_kit(tmp_path_factory.mktemp("library"), share)
    yield made
    made.engine.close()


@pytest.fixture(scope="module")
def served(kit: Kit) -> Iterator[Served]:
    desk = FakeDesk()
    desk.queries = RealQueries(lambda: kit.desk, FakeQueries().lookups)  # type: ignore[assignment]
    with serving(desk) as running:
        yield running


@pytest.fixture(scope="module")
def client_module() -> Any:
    spec = importlib.util.spec_from_file_location("library_client", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["library_client"] = module
    spec.loader.exec_module(module)
    return module


def test_what_is_mine_and_a_question(served: Served, kit: Kit) -> None:
    with served.client("analyst") as client:
        (mine,) = client.get("/api/v1/library/mine").json()["shares"]
        assert mine["dataset"] == "residents"
        assert mine["purpose_title"] == CATALOGUE.purposes["care"]
        assert mine["rows"] == {"everything": False, "column": "street", "values": ["s1", "s2"]}
        assert [(each["name"], each["mask"]) for each in mine["columns"]][:2] == [
            ("id", "keep_last_4"),
            ("name", "surname"),
        ]
        answer = client.post(
            "/api/v1/library/ask", json={"sql": "SELECT name, age FROM residents ORDER BY age", **CARE}
        )
        told = answer.json()
        assert told["rows"] == [["张**", 30], ["欧阳**", 44], ["李**", 54]]
        assert told["synthetic"] is True
        assert told["datasets"] == {"residents": ["name", "age"]}
        assert kit.trail.rows[-1][0] == "LibraryAsked"
        assert kit.trail.rows[-1][1] == "analyst"


@pytest.mark.parametrize(
    ("sql", "key", "status"),
    [
        ("SELECT note FROM residents", "library.ask_not_given", 422),
        ("SELECT error(name) FROM residents", "library.ask_function", 422),
        ("SELECT * FROM '/etc/passwd'", "library.ask_not_given", 422),
        ("SELECT CAST(name AS INTEGER) FROM residents", "library.ask_failed", 422),
    ],
)
def test_refusals_say_what_to_do_and_nothing_else(served: Served, sql: str, key: str, status: int) -> None:
    with served.client("analyst") as client:
        answer = client.post("/api/v1/library/ask", json={"sql": sql, **CARE})
        assert (answer.status_code, answer.json()["key"]) == (status, key)
        assert "张" not in answer.text


def test_others_see_nothing_and_some_may_not_ask(served: Served) -> None:
    with served.client("data_steward") as client:
        assert client.get("/api/v1/library/mine").json()["shares"] == []
        answer = client.post("/api/v1/library/ask", json={"sql": "SELECT name FROM residents", **CARE})
        assert answer.status_code == 422
    with served.client("field_staff") as client:
        assert client.get("/api/v1/library/mine").status_code == 403


def test_a_file_of_each_kind(served: Served) -> None:
    with served.client("analyst") as client:
        for form, start in (("csv", b"\xef\xbb\xbf"), ("xlsx", b"PK"), ("parquet", b"PAR1")):
            body = {"sql": "SELECT name FROM residents ORDER BY age", **CARE, "format": form, "bom": True}
            answer = client.post("/api/v1/library/ask/file", json=body)
            assert answer.content.startswith(start)
            assert answer.headers["x-hubtwin-synthetic"] == "true"
            assert "synthetic-residents-" in answer.headers["content-disposition"]
        body["format"] = "csv"
        told = client.post("/api/v1/library/ask/file", json=body).content.decode("utf-8-sig")
        assert list(csv.reader(io.StringIO(told))) == [["name"], ["张**"], ["欧阳**"], ["李**"]]
        assert client.post("/api/v1/library/ask/file", json={**body, "format": "exe"}).status_code == 422


def test_pages_by_the_api(served: Served) -> None:
    with served.client("analyst") as client:
        seen, after = list[Any](), ""
        while after is not None:
            where: dict[str, str | int] = {**CARE, "columns": "name", "limit": 2, "after": after}
            told = client.get("/api/v1/library/data/residents", params=where).json()
            seen += told["page"]["rows"]
            after = told["next"]
        assert seen == [["张**"], ["欧阳**"], ["李**"]]
        assert client.get("/api/v1/library/data/nobody", params=CARE).status_code == 422
        assert client.get("/api/v1/library/data/residents").status_code == 422  # no purpose, no answer


def test_the_python_client(served: Served, client_module: Any, kit: Kit, tmp_path: Path) -> None:
    with client_module.Library(served.url, "analyst", PASSWORD) as library:
        assert [share["dataset"] for share in library.mine()] == ["residents"]
        table = library.ask("SELECT id, age FROM residents ORDER BY age", purpose="care")
        assert table.to_pylist()[0] == {"id": "***0013", "age": 30}
        assert table.schema.metadata[client_module.SYNTHETIC] == b"synthetic"
        assert library.frame("SELECT max(age) AS n FROM residents", purpose="care")["n"].to_list() == [54]
        assert [page.num_rows for page in library.pages("residents", "care", ["age"], limit=2)] == [2, 1]
        assert library.save("SELECT age FROM residents", "care", str(tmp_path / "a.csv")) == 3
        with pytest.raises(client_module.Refused) as refused:
            library.ask("SELECT id FROM residents", purpose="census")
        assert refused.value.key == "library.ask_not_given"
        held = kit.shares
        kit.shares = [replace(held[0], revoked_min=NOW)]  # binds at the next question of the same session
        with pytest.raises(client_module.Refused):
            library.ask("SELECT id FROM residents", purpose="care")
        kit.shares = held
    with pytest.raises(client_module.Refused):
        client_module.Library(served.url, "analyst", "wrong password")
