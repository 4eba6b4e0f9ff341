"""Loads through the page of a hub at work: streamed, owned, written down, gone on with, corrected."""

import io
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
from argon2 import PasswordHasher
from openpyxl import Workbook

from hubtwin.base.errors import Retry
from hubtwin.model.agency import Agency, AgencyKind, Person, Role
from hubtwin.settings import load_settings
from hubtwin.stores.accounts import Accounts
from hubtwin.stores.uploads import KEPT_MIN, MOST_OF_AGENCY, Uploads
from hubtwin.web.desk_loads import LoadsDesk
from hubtwin.web.edge import Options
from hubtwin.web.real import RealDesk
from hubtwin.web.real_loads import RealLoads
from hubtwin.web.start import desk_of
from hubtwin.wiring.works import open_works
from tests.web.fake_desk import PASSWORD
from tests.web.served import Served, serving

NOW = datetime(2022, 10, 20, 1, 0, tzinfo=UTC)
HEADER = "公民身份号码,姓名,性别,出生日期,街道代码\n"
GOOD, BAD = (
    "110101199003071233,测试甲,male,1990年3月7日,330102001\n",
    "110101199003071233,测试乙,male,never,330102001\n",
)
PEOPLE = {"register": "public-security", "data": "data", "other": "civil-affairs"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[RealDesk]:
    settings = load_settings(home=tmp_path, environ={})
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min={}) as works:
        access = works.access
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        accounts = Accounts(access.database, access.audit, clock=access.clock, hasher=weak)
        for user, agency in PEOPLE.items():
            kind = AgencyKind.DATA if agency == "data" else AgencyKind.DEPARTMENT
            accounts.add_agency(Agency(agency, kind, agency, agency))
            steward = Person(user, user, agency, kind, frozenset({Role.DATA_STEWARD}), frozenset({"epidemic"}))
            accounts.create(steward, PASSWORD, by="setup")
        assert works.library is not None
        works.library.catalogue()  # read before anybody waits for an answer
        yield desk_of(replace(works, access=replace(access, accounts=accounts)))


@pytest.fixture
def served(desk: RealDesk) -> Iterator[Served]:
    with serving(desk, Options(upload_bytes=3_000_000)) as running:
        yield running


def _upload(client: httpx.Client, content: bytes, file: str = "居民.csv") -> httpx.Response:
    return client.post("/api/v1/library/uploads", params={"file": file}, content=content)


def _book() -> bytes:
    out, book = io.BytesIO(), Workbook()
    sheet: Any = book.active
    for line in (HEADER, GOOD):
        sheet.append(line.strip().split(","))
    book.save(out)
    return out.getvalue()


def _done(client: httpx.Client, load_id: str) -> Any:
    for _ in range(1_500):
        found = client.get(f"/api/v1/library/loads/{load_id}").json()
        if found["state"] != "running":
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def _folder(desk: RealDesk) -> Path:
    return desk.works.store.directory / "library" / "uploads"


def test_the_real_part_is_a_part_of_a_desk(desk: RealDesk) -> None:
    part: LoadsDesk = desk.loads
    assert part is desk.loads


def test_a_workbook_is_uploaded_and_loaded(served: Served, desk: RealDesk) -> None:
    """It lies without the ending of its name, by which a reader of workbooks knows them."""
    with served.client("register") as client:
        up = _upload(client, _book(), "居民.xlsx").json()
        asked = {"upload_id": up["upload_id"], "dataset": "residents", "synthetic": True}
        seen = client.post("/api/v1/library/loads/preview", json=asked)
        assert seen.status_code == 200, seen.text
        assert (seen.json()["format"], seen.json()["good_rows"]) == ("excel", 1)
        load = client.post("/api/v1/library/loads", json=asked).json()
        done = _done(client, load["load_id"])
        assert done["rows"] == 1
        assert isinstance(desk.loads, RealLoads)
        assert desk.works.library is not None
        ended = desk.works.library.shelves.loads.get(load["load_id"])
        seen_before = desk.loads._view(replace(ended, ended_min=None, rows=0))  # it ended while somebody was answered
        assert (seen_before.state, seen_before.rows) == ("ended", 1)


def test_an_error_calls_an_upload_by_its_name(served: Served) -> None:
    with served.client("register") as client:
        up = _upload(client, b"PAR1 and no more", "居民.parquet").json()
        asked = {"upload_id": up["upload_id"], "dataset": "residents"}
        for path in ("/api/v1/library/loads/preview", "/api/v1/library/loads"):
            refused = client.post(path, json=asked)
            assert refused.status_code == 422
            assert "居民.parquet" in refused.json()["message"]
            assert up["upload_id"] not in refused.text


def test_a_file_is_uploaded_looked_at_loaded_and_corrected(served: Served, desk: RealDesk) -> None:
    with served.client("register") as client:
        up = _upload(client, (HEADER + GOOD + BAD).encode("gb18030")).json()
        assert (up["file"], up["bytes"]) == ("居民.csv", len((HEADER + GOOD + BAD).encode("gb18030")))
        assert [one["upload_id"] for one in client.get("/api/v1/library/uploads").json()["uploads"]] == [
            up["upload_id"]
        ]
        assert (_folder(desk) / up["upload_id"]).stat().st_mode & 0o077 == 0
        asked = {"upload_id": up["upload_id"], "dataset": "residents", "synthetic": True}
        seen = client.post("/api/v1/library/loads/preview", json=asked).json()
        assert (seen["encoding"], seen["sampled"], seen["good_rows"], seen["bad_rows"]) == ("gb18030", 2, 1, 1)
        assert {one["target"] for one in seen["columns"]} >= {"citizen_id", "person_name", "birth_date"}
        assert (seen["load"], seen["bad"][0]["line"]) == (None, 3)
        assert "phone" in seen["missing"]
        wrong = client.post("/api/v1/library/loads", json={**asked, "encoding": "utf-8"})
        assert (wrong.status_code, wrong.json()["key"]) == (422, "rules.wrong_encoding")
        begun = client.post("/api/v1/library/loads", json=asked).json()
        load = _done(client, begun["load_id"])
        assert (load["state"], load["rows"], load["quarantined"], load["share"]) == ("ended", 1, 1, 1.0)
        (row,) = client.get(f"/api/v1/library/loads/{load['load_id']}/quarantine").json()["rows"]
        assert (row["line"], row["raw"], row["cells"]) == (3, "", {})
        whole = client.get(f"/api/v1/library/loads/{load['load_id']}/quarantine/{row['row']}").json()
        assert whole["cells"]["birth_date"] == "never"
        release = f"/api/v1/library/loads/{load['load_id']}/release"
        still = client.post(release, json={"rows": [row["row"]], "corrections": {"birth_date": "soon"}}).json()
        assert (still["released"], still["still"][0]["row"]) == ([], row["row"])
        told = {"rows": [row["row"]], "corrections": {"birth_date": "1990-03-07"}}
        assert client.post(release, json=told).json()["released"] == [row["row"]]
        assert client.post(release, json=told).status_code == 403
        assert client.get("/api/v1/library/uploads").json()["uploads"] == []
        assert "residents" in client.get("/api/v1/library/loads").json()["datasets"]
    assert desk.works.library is not None
    rows = [row for file in desk.works.library.shelves.files() for row in pq.read_table(file.path).to_pylist()]
    assert [(row["person_name"], row["provenance"]) for row in rows] == [
        ("测试甲", "synthetic"),
        ("测试乙", "synthetic"),
    ]
    told_kinds = [entry.kind for entry in desk.works.access.audit.list_newest(200) if entry.by == "register"]
    for kind in ("LibraryLoadBegun", "LibraryLoaded", "LibraryQuarantineRead", "LibraryRowReleased"):
        assert told_kinds.count(kind) == 1, told_kinds


def test_only_the_owner_and_the_steward_load_a_dataset_and_see_its_loads(served: Served) -> None:
    with served.client("data") as data, served.client("other") as other:
        up = _upload(data, (HEADER + GOOD).encode()).json()
        begun = data.post("/api/v1/library/loads", json={"upload_id": up["upload_id"], "dataset": "residents"}).json()
        assert _done(data, begun["load_id"])["rows"] == 1
        assert other.get("/api/v1/library/loads").json()["loads"] == []
        for path in ("", "/quarantine", "/quarantine/1"):
            assert other.get(f"/api/v1/library/loads/{begun['load_id']}{path}").status_code == 404
        up = _upload(other, (HEADER + GOOD).encode()).json()
        asked = {"upload_id": up["upload_id"], "dataset": "residents"}
        for path in ("/preview", ""):
            refused = other.post(f"/api/v1/library/loads{path}", json=asked)
            assert (refused.status_code, refused.json()["key"]) == (403, "web.load_not_yours")
        assert data.post("/api/v1/library/loads", json=asked).status_code == 404, "an upload of another agency"
        hub = other.post("/api/v1/library/loads", json={**asked, "dataset": "bookings"})
        assert hub.status_code == 403
        assert other.delete(f"/api/v1/library/uploads/{up['upload_id']}").status_code == 204
        assert other.delete(f"/api/v1/library/uploads/{up['upload_id']}").status_code == 404


def test_what_is_too_large_or_breaks_off_leaves_nothing(served: Served, desk: RealDesk) -> None:
    with served.client("register") as client:
        assert _upload(client, b"x" * 3_000_001).status_code == 413

        def pieces() -> Iterator[bytes]:
            for _ in range(40):
                yield b"x" * 100_000

        answer = client.post("/api/v1/library/uploads", params={"file": "f"}, content=pieces())
        assert answer.status_code == 413
        for file in ("../f", "a\\b", ""):
            assert _upload(client, b"a", file).status_code == 422
        assert client.get("/api/v1/library/uploads").json()["uploads"] == []
    assert list(_folder(desk).iterdir()) == []


def test_a_load_that_was_interrupted_goes_on_with_the_same_request(
    served: Served, desk: RealDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served.client("register") as client:
        up = _upload(client, (HEADER + GOOD * 5).encode()).json()
        asked = {"upload_id": up["upload_id"], "dataset": "residents"}
        with monkeypatch.context() as patched:
            assert desk.works.library is not None
            shelves = desk.works.library.shelves

            def full(*told: object, **named: object) -> None:
                raise Retry("stores.disk", path="f", detail="full")

            patched.setattr(shelves, "append", full)
            begun = client.post("/api/v1/library/loads", json=asked).json()
            load = _done(client, begun["load_id"])
            assert (load["state"], load["rows"]) == ("interrupted", 0)
            assert "disk" in load["problem"]["en"]
        again = client.post("/api/v1/library/loads", json=asked).json()
        assert again["load_id"] == begun["load_id"]
        assert _done(client, begun["load_id"])["rows"] == 5


def test_uploads_that_nobody_loads_go_after_a_week_and_are_few(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    for number in range(MOST_OF_AGENCY):
        receiving = uploads.begin(f"f{number}", "u", "a", 10)
        receiving.write(b"x")
        receiving.finish()
    assert len(uploads.list_of("a")) == MOST_OF_AGENCY
    with pytest.raises(Exception, match="wait to be loaded"):
        uploads.begin("f", "u", "a", 11)
    uploads.begin("f", "u", "b", 11).abort()
    uploads.begin("f", "u", "a", 11 + KEPT_MIN).finish()
    assert [one.file for one in uploads.list_of("a")] == ["f"]
    assert len(list((tmp_path / "uploads").iterdir())) == 2


def test_what_a_crash_left_of_an_upload_is_swept_and_one_on_its_way_is_not(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    assert uploads.sweep(1) == 0
    whole, going = uploads.begin("whole", "u", "a", 1), uploads.begin("going", "u", "a", 1)
    going.write(b"half")
    whole.finish()
    folder = tmp_path / "uploads"
    (folder / "bytes-without-a-head").write_bytes(b"x")
    (folder / "lost.json").write_text("{}")  # its file is gone
    (folder / "half.draft").write_text("{")
    assert Uploads(tmp_path).sweep(2) == 3
    assert len(list(folder.iterdir())) == 3, "a file with its head, and the one that is being received"
    going.finish()
    assert {one.file for one in uploads.list_of("a")} == {"going", "whole"}
