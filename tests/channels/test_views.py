"""Tables for a partner: typed, its own, each message once, verifiable, gone when it is withdrawn."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.base.failpoint import arm, disarm
from hubtwin.channels.cloudevent import write_event
from hubtwin.channels.jws import verify
from hubtwin.channels.simulator import Faults
from hubtwin.channels.views import Views, opened, take_answers, take_in, view_of
from hubtwin.model.message import Envelope, Signed
from hubtwin.rules.disclosure import Field, Profile, read_disclosures
from tests.contracts.channel_pairs import views_pair
from tests.contracts.channel_suite import HUB, MADE, OTHER, PARTNER, Side, open_side

EPIDEMIC = Path(__file__).parents[2] / "src" / "hubtwin" / "scenes" / "epidemic" / "disclosures.toml"
HEALTH = Profile(
    *("health", 2, "p", "b"),
    (
        Field("case", "text", False),
        Field("identity.name", "text", True),
        Field("exposure.from_min", "minute", True),
        Field("health.vaccinations", "count", True),
        Field("ward", "number", False),
        Field("seen", "truth", False),
        Field("tests[].kind", "code:antigen,nucleic", True),
        Field("tests[].sampled_min", "minute", True),
        Field("words[]", "text", False),
    ),
)
FACTS = {
    "case": "c1",
    "identity": {"name": "合成旅客"},
    "exposure": {"from_min": 27_770_000},
    "health": {"vaccinations": 3},
    "ward": 2.5,
    "seen": True,
    "tests": [{"kind": "antigen", "sampled_min": 27_770_100}, {"kind": "nucleic"}],
    "words": ["a", "b"],
}


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    side = open_side(tmp_path / "hub", HUB)
    yield side
    side.books.close()


def _line(
    hub: Side, key: str, sequence: int = 1, *, subject: str = "c1", to: str = PARTNER, data: Any = FACTS
) -> Signed:
    event = Envelope(
        key, HUB, "hubtwin.disclosure.health", subject, sequence, "2022-10-20T01:00:00Z", to, HEALTH.schema, data, MADE
    )
    return hub.signing(write_event(event))


def _ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as con:
        return con.execute(sql).fetchall()


def test_what_a_partner_may_know_stands_in_typed_columns(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "p" / "views.sqlite"
    signed = _line(hub, "m1")
    Views(path, PARTNER, [view_of(HEALTH)]).put([signed], hub.signing(b"{}"))
    columns = "message_id, case, identity_name, exposure_from_min, health_vaccinations, ward, seen"
    columns = columns.replace("case", '"case"')
    assert _ask(path, f"SELECT {columns} FROM health_2") == [("m1", "c1", "合成旅客", 27_770_000, 3, 2.5, 1)]
    assert _ask(path, "SELECT * FROM health_2_tests") == [("m1", 0, "antigen", 27_770_100), ("m1", 1, "nucleic", None)]
    assert _ask(path, "SELECT no, value FROM health_2_words") == [(0, "a"), (1, "b")]
    told = dict(_ask(path, "SELECT name, type FROM pragma_table_info('health_2')"))
    assert (told["health_vaccinations"], told["ward"], told["seen"], told["case"]) == (
        "INTEGER",
        "REAL",
        "INTEGER",
        "TEXT",
    )
    ((content, signature, digest, provenance, replayed),) = _ask(
        path, "SELECT event, signature, digest, provenance, replayed FROM messages"
    )
    assert verify(Signed(content, signature), [hub.signing.public_hex])
    assert (digest, provenance, replayed) == (signed.digest, "synthetic", 1)
    assert path.stat().st_mode & 0o077 == 0


def test_handed_over_again_it_stands_there_once_and_is_asked_about_again(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    channel, batch = Views(path, PARTNER, [view_of(HEALTH)]), [_line(hub, "m1"), _line(hub, "m2", 2)]
    channel.put(batch, hub.signing(b"{}"))
    seen: list[int] = []

    def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        assert (sender, head) == (HUB, hub.signing(b"{}"))
        seen.append(len(lines))
        return hub.signing(b"receipt")

    assert (take_in(path, take), take_in(path, take)) == (2, 0)
    channel.put(batch, hub.signing(b"{}"))
    assert take_in(path, take) == 2
    assert _ask(path, "SELECT count(*) FROM messages") == [(2,)]
    assert channel.collect() == [hub.signing(b"receipt")] * 2
    channel.forget(hub.signing(b"receipt"))
    assert channel.collect() == []
    assert seen == [2, 2]


def test_nothing_of_another_partner_gets_in_and_nothing_of_its_batch(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    with pytest.raises(Denied):
        Views(path, PARTNER).put([_line(hub, "m1"), _line(hub, "m2", to=OTHER)], hub.signing(b"{}"))
    assert not path.exists()


def test_what_is_withdrawn_goes_with_all_of_its_rows(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    channel = Views(path, PARTNER, [view_of(HEALTH)])
    channel.withdraw(["c1"])
    assert not path.exists()
    assert channel.collect() == []
    other = {**FACTS, "identity": {"name": "合成另一人"}}
    channel.put([_line(hub, "m1"), _line(hub, "m2", subject="c2", data=other)], hub.signing(b"{}"))
    channel.withdraw(["c1"])
    for table in ("messages", "health_2"):
        assert _ask(path, f"SELECT count(*) FROM {table}") == [(1,)]
    assert _ask(path, "SELECT DISTINCT message_id FROM health_2_tests") == [("m2",)]
    assert "合成旅客".encode() not in path.read_bytes(), "not on a free page either"


def test_what_is_no_receipt_is_deleted_and_a_message_without_a_view_stands_in_messages(
    hub: Side, tmp_path: Path
) -> None:
    path = tmp_path / "views.sqlite"
    channel = Views(path, PARTNER)
    channel.put([_line(hub, "m1")], hub.signing(b"{}"))
    with opened(path) as con:
        con.execute("INSERT INTO receipts (line) VALUES ('nothing'), (?)", (hub.signing(b"r").line + b"\n",))
    assert channel.collect() == [hub.signing(b"r")]
    assert _ask(path, "SELECT count(*) FROM receipts") == [(1,)]
    channel.forget(hub.signing(b"r"))
    assert channel.collect() == []


def test_answers_of_the_partner_are_taken_once_and_get_our_receipt(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    answer = hub.signing(b"answer")
    with opened(path) as con:
        con.execute("INSERT INTO answers (line) VALUES (?), ('none')", (answer.line.decode(),))
    came: list[tuple[str, list[Signed]]] = []

    def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        came.append((sender, list(lines)))
        return hub.signing(b"ours")

    assert take_answers(path, PARTNER, take) == 1
    assert take_answers(path, PARTNER, take) == 0
    assert came == [(PARTNER, [answer])]
    assert _ask(path, "SELECT receipt FROM answers ORDER BY number") == [(hub.signing(b"ours").line,), (b"",)]
    assert take_answers(tmp_path / "none.sqlite", PARTNER, take) == 0


def test_later_leaves_everything_as_it_is(hub: Side, tmp_path: Path) -> None:
    path = tmp_path / "views.sqlite"
    Views(path, PARTNER).put([_line(hub, "m1")], hub.signing(b"{}"))

    def take(sender: str, lines: Sequence[Signed], head: Signed | None) -> Signed:
        raise Retry("channels.later", partner="x", status=503)

    with pytest.raises(Retry):
        take_in(path, take)
    assert _ask(path, "SELECT taken FROM messages") == [(0,)]
    path.write_bytes(b"no database" * 100)
    with pytest.raises(Retry) as said:
        Views(path, PARTNER).collect()
    assert said.value.key == "channels.views_failed"


def test_the_profiles_of_the_scene_have_tables_and_two_names_for_one_column_are_refused() -> None:
    profiles: Mapping[str, Profile] = read_disclosures(EPIDEMIC.read_text(encoding="utf-8")).profiles
    assert len({view_of(profile).tables[0].name for profile in profiles.values()}) == len(profiles) >= 3
    for fields in (("a.b", "a_b"), ("message_id",), ("a[].b[].c",)):
        with pytest.raises(Malformed):
            view_of(Profile("x", 1, "p", "b", tuple(Field(path, "text", False) for path in fields)))


@pytest.mark.parametrize("point", ["wire.views_written", "wire.views_taken"])
def test_a_kill_between_two_steps_repeats_and_loses_nothing(point: str, tmp_path: Path) -> None:
    pair = views_pair(tmp_path, Faults())
    keys = pair.say(5, cases=2)

    def stop(name: str) -> None:
        if name == point:
            disarm()
            raise KeyboardInterrupt(name)

    arm(stop)
    with pytest.raises(KeyboardInterrupt):
        pair.run()
    pair.now += timedelta(hours=1)
    pair.run()
    assert sorted(pair.applied()) == keys
    assert pair.hub.books.count_outgoing(PARTNER) == {"arrived": 5}
    pair.close()
