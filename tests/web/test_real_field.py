"""Over real stores: what a phone files is there once, sealed, for those who may read the task, and gone in time."""

import zipfile
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from hubtwin.flow.dispatch import Order, dispatch
from hubtwin.model.event import EventKind
from hubtwin.model.field import ref_of
from hubtwin.model.record import Marks, Provenance
from hubtwin.model.thing import Thing
from hubtwin.rules.photos import MOST_BYTES
from hubtwin.stores.check import check
from hubtwin.stores.field import FIELD_FILE, FieldBooks, Owner
from hubtwin.stores.field_keeping import forget_pieces
from tests.rules.test_photos import EXIF, jpeg
from tests.web.test_real import CLOCKS_MIN, NOW, NOW_MIN, TRAIN, Hub, declare, hub

__all__ = ["hub"]
SECRET = "the passenger in seat 7A coughs"
PHOTO = jpeg(8, 8, EXIF)
KINDS = [EventKind.TASK_CHECKED, EventKind.TASK_NOTED, EventKind.TASK_PHOTOGRAPHED]


def ordered(hub: Hub, team: str = "T01", subject: str = TRAIN) -> str:
    """Give a team an order; return its path."""
    order = Order("meet_train", subject, "6", team, NOW_MIN + 30, marks=Marks(provenance=Provenance.SYNTHETIC))
    (task,) = dispatch(hub.desk.works.ledger, [order], CLOCKS_MIN, scene="epidemic", now_min=NOW_MIN)
    return f"/api/v1/tasks/{task.task_id}"


def post(client: httpx.Client, path: str, body: Any, status: int = 200) -> Any:
    sent = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = client.post(path, **sent)
    assert answer.status_code == status, answer.text
    return answer.json()


def raw_files(hub: Hub) -> bytes:
    """Return every byte of the databases of the store."""
    folder = hub.desk.works.store.directory
    return b"".join(path.read_bytes() for path in folder.glob("*.sqlite*"))


def test_a_phone_files_ticks_words_and_photos_each_once_and_what_they_say_is_sealed(hub: Hub) -> None:
    works = hub.desk.works
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        declare(boss)
        path = ordered(hub)
        tick = {"item": "fly", "done": True, "key": "k1"}
        assert post(staff, f"{path}/checks", tick, 404)["key"] == "flow.no_item"
        hub.clock[0] = NOW + timedelta(minutes=10)
        tick |= {"item": "on_platform", "age_s": 9}  # at 60 hub seconds a second: nine minutes ago
        for _ in range(2):
            found = post(staff, f"{path}/checks", tick)
            noted = post(staff, f"{path}/notes", {"kind": "note", "text": SECRET, "key": "k2"})
            seen = post(staff, f"{path}/photos?key=k3", PHOTO)
        first = next(line for line in found["checklist"] if line["item"] == "on_platform")
        assert (first["by"], first["done_min"], first["label"]["en"][:2]) == ("staff", NOW_MIN + 1, "On")
        assert [line["by"] for line in found["checklist"]].count(None) == len(found["checklist"]) - 1
        assert [(piece["kind"], piece["text"], piece["stands"]) for piece in seen["pieces"]] == [
            *(("note", SECRET, True), ("photo", None, True)),
        ]
        assert noted["may_file"]
        assert [event.kind for event in works.ledger.list_events(kinds=KINDS)] == KINDS
        photo = f"{path}/photos/{seen['pieces'][1]['piece_id']}"
        shown = boss.get(photo)
        assert (shown.status_code, shown.headers["content-type"], shown.content) == (200, "image/jpeg", jpeg())
        assert shown.headers["cache-control"] == "no-store"
        assert boss.get(f"{path}/photos/{seen['pieces'][0]['piece_id']}").status_code == 404
        with hub.served.client("guard") as guard:
            assert guard.get(photo).status_code == 403
        audited = works.access.audit.list_entries(kind="TaskPhotoShown")
        assert [(entry.by, entry.payload["task"]) for entry in audited] == [("boss", path.rpartition("/")[2])]
        assert SECRET.encode() not in raw_files(hub)
        assert sha256(SECRET.encode()).hexdigest().encode() not in raw_files(hub), "a short secret would be found by it"
        assert ref_of(SECRET.encode(), "k2").encode() in raw_files(hub)
        assert jpeg()[:60] not in raw_files(hub)
        assert check(works.store.directory).problems == ()
    forgotten_with_its_event(hub, path, photo)


def forgotten_with_its_event(hub: Hub, path: str, photo: str) -> None:
    works = hub.desk.works
    (event,) = works.ledger.list_emergencies()
    for _ in range(2):
        forget_pieces(works.store.directory, works.clock, emergency_id=event.emergency_id)
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        gone = boss.get(path).json()
        assert [(piece["text"], piece["stands"]) for piece in gone["pieces"]] == [(None, False), (None, False)]
        assert boss.get(photo).json()["key"] == "web.photo_gone"
        again = post(staff, f"{path}/photos?key=k3", PHOTO)
        assert not again["pieces"][1]["stands"], "what was destroyed does not come back from a phone"


@pytest.mark.parametrize("made", ["zip", "svg", "png", "empty"])
def test_what_is_no_photo_is_refused_whatever_it_calls_itself(hub: Hub, made: str) -> None:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../etc/passwd", "x")
    bodies = {"zip": packed.getvalue(), "svg": b"<svg/>", "png": b"\x89PNG\r\n\x1a\n" + b"\x00" * 99, "empty": b""}
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        declare(boss)
        path = ordered(hub)
        answer = staff.post(f"{path}/photos?key=k", content=bodies[made], headers={"content-type": "image/jpeg"})
        assert (answer.status_code, answer.json()["key"]) == (422, "rules.photo_type")
        assert staff.get(path).json()["pieces"] == []


def test_large_bodies_other_teams_strange_keys_and_paths_are_refused(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        declare(boss)
        path, other = ordered(hub), ordered(hub, "T02", "G9 2022-10-20")
        assert (
            post(staff, f"{path}/photos?key=k", b"\xff\xd8\xff" + b"\x00" * MOST_BYTES, 413)["key"] == "web.too_large"
        )
        assert post(staff, f"{path}/photos", PHOTO, 422)["key"] == "web.not_as_declared"
        assert post(staff, f"{path}/photos?key={'k' * 201}", PHOTO, 422)["key"] == "web.not_as_declared"
        assert post(staff, f"{other}/photos?key=k", PHOTO, 403)["key"] == "rules.not_your_team"
        assert post(boss, f"{path}/photos?key=k", PHOTO, 403)["key"] == "rules.not_permitted"
        assert post(staff, "/api/v1/tasks/..%2F..%2Fetc/photos?key=k", PHOTO, 405)
        assert post(staff, "/api/v1/tasks/none/photos?key=k", PHOTO, 404)
        words = {"kind": "note", "text": "first", "key": "k"}
        post(staff, f"{path}/notes", words)
        assert post(staff, f"{path}/notes", words | {"text": "other"}, 403)["key"] == "stores.key_reused"
        for wrong in ({"text": ""}, {"text": "x" * 2001}, {"text": "a\u202eb"}, {"kind": "photo"}, {"age_s": -1}):
            assert post(staff, f"{path}/notes", words | wrong, 422)["key"] == "web.not_as_declared"
        assert len(staff.get(path).json()["pieces"]) == 1


def test_help_reaches_the_commander_who_sends_the_nearest_team_in_one_answer(hub: Hub) -> None:
    with hub.served.client("boss") as boss, hub.served.client("staff") as staff:
        place = {"code": "6", "lon": 120.2, "lat": 30.3, "level": "L1"}
        for _ in range(2):
            task = post(staff, "/api/v1/help", {"key": "h", "place": place})["task"]
        (alarm,) = [each for each in hub.desk.alarms() if each.kind == EventKind.HELP_ASKED]
        assert (alarm.topic, alarm.key, alarm.value.told["lon"]) == ("task", task["task_id"], 120.2)
        near = boss.get("/api/v1/teams/near", params={"place": "6"}).json()["teams"]
        asked = [each["team"] for each in task["told"]["near"]]
        assert asked == [each["team"] for each in near if each["team"] != "T01"][: len(asked)]
        sent = post(boss, "/api/v1/tasks", {"key": "s", "about": task["task_id"]})["task"]
        assert (sent["task_id"], sent["team"], sent["kind"]) == (task["task_id"], asked[0], "help")
        post(staff, "/api/v1/tasks", {"key": "s2", "place": "6"}, 403)
        other = post(boss, "/api/v1/tasks", {"key": "s3", "place": "6", "team": "T01", "about": "zone:A"})["task"]
        assert (other["team"], other["subject"], other["kind"], other["synthetic"]) == ("T01", "zone:A", "attend", True)


def test_contents_go_with_their_case_or_when_their_time_is_over(hub: Hub) -> None:
    works = hub.desk.works
    assert works.filed is not None
    books, vault = works.filed, works.access.vault
    for number, subject in enumerate(("case-1", "case-2", "G1")):
        books.put(f"p{number}", Owner(f"t{number}", subject, ""), b"said", NOW_MIN + number)
    assert forget_pieces(works.store.directory, works.clock, subjects=["case-1"]) == 1
    assert [books.find(f"p{number}") for number in range(3)] == [None, b"said", b"said"]
    assert forget_pieces(works.store.directory, works.clock, before_min=NOW_MIN + 2) == 1
    assert (books.find("p1"), books.find("p2")) == (None, b"said")
    before = vault.list_keys()
    assert books.forget(subjects=["t2"]) == 1
    assert len(before - vault.list_keys()) == 1
    assert books.phone_secret("staff") == books.phone_secret("staff") != books.phone_secret("boss")
    again = FieldBooks(works.store.directory, vault, NOW_MIN)
    assert again.phone_secret("staff") == books.phone_secret("staff")
    again.close()
    assert (works.store.directory / FIELD_FILE).stat().st_mode & 0o077 == 0


def test_a_team_is_where_its_phone_says_until_it_stops(hub: Hub) -> None:
    panorama = hub.desk.works.panorama
    with hub.served.client("staff") as staff, hub.served.client("boss") as boss:
        here = {"lon": 120.2126, "lat": 30.2911}
        assert staff.post("/api/v1/position", json=here).status_code == 204
        (thing,) = panorama.list_things()
        assert (thing.thing_id, thing.lon) == ("staff:T01", 120.2126)
        assert thing.values == {"team": "T01", "state": "post"}
        post(staff, "/api/v1/position", {"on": True}, 422)
        post(staff, "/api/v1/position", here | {"lat": 91.0}, 422)
        post(boss, "/api/v1/position", here, 403)
        hub.clock[0] = NOW + timedelta(minutes=1)
        assert staff.post("/api/v1/position", json={"on": False}).status_code == 204
        assert panorama.list_things() == []


def test_a_thing_is_found_whatever_signs_its_place_is_called_by(hub: Hub) -> None:
    long = f"warning:{'w' * 200}"
    names = ["zone:A/1", "zone:../..", "zone:A//%2F", "vehicle:bus:浙A 1", long]
    now_ms = int(NOW.timestamp() * 1000)
    hub.desk.works.panorama.take(
        Thing(name, name.partition(":")[0], now_ms, "x", values={"people": 1}) for name in names
    )
    with hub.served.client("staff") as staff:
        for name in names:
            found = staff.get(f"/api/v1/things/{quote(name, safe='')}")
            assert (found.status_code, found.json()["thing"]["id"]) == (200, name)
        assert staff.get("/api/v1/things/zone:none").json()["key"] == "web.no_thing"
