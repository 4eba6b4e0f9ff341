"""Attacks on a grantee's queries, on the real path: gate, secure views over Parquet, bounds, revocation."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Thread, Timer
from time import monotonic

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import structlog

from hubtwin.base.errors import Denied, HubError, Malformed, Retry
from hubtwin.datasets.table import Column, Grade
from hubtwin.library.asking import Bounds, ask, list_mine, probe, read_page
from hubtwin.library.views import Piece
from hubtwin.model.sharing import Delivery, Rows
from hubtwin.rules.privacy import SMALL_CELL
from hubtwin.stores import asking
from tests.asking_kit import (
    ANN,
    CATALOGUE,
    GRANTEES,
    LISTINGS,
    NOW,
    PEOPLE,
    RESIDENTS,
    TINTS,
    Kit,
    make_kit,
    make_share,
    of_street,
    write_dataset,
)

HIDDEN = ("SECRET", "HIDDEN", "BLACK", "330102199003070013", "330102198003070021", "张三", "李四", "王五", "赵六")
SHARES = (
    make_share(
        columns="id name street age", rows=of_street("s1", "s2"), masks=(("id", "keep_last_4"), ("name", "name"))
    ),
    make_share("firms", "code owner_id street", rows=of_street("s1"), masks=(("owner_id", "hash"),)),
)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kit]:
    made = make_kit(tmp_path_factory.mktemp("library"), *SHARES)
    yield made
    made.engine.close()


ATTACKS = """
SELECT CAST(name AS INTEGER) FROM residents WHERE CAST(id AS INTEGER) > 1
SELECT * FROM residents WHERE CAST(name || street AS INTEGER) = 1
SELECT * FROM residents ORDER BY CAST(name AS DATE)
SELECT * FROM residents r JOIN firms f ON CAST(r.id AS INTEGER) = CAST(f.owner_id AS INTEGER)
SELECT * FROM residents WHERE age / 0 > 1
SELECT * FROM residents WHERE age // 0 > 1 OR age % 0 = 1
SELECT * FROM residents WHERE 9223372036854775807 + age > 0
SELECT error(name) FROM residents
SELECT CASE WHEN age > 50 THEN error(id) END FROM residents
SELECT stats(note) FROM residents
SELECT stats(id) FROM residents
SELECT note FROM residents
SELECT residents.note FROM residents
SELECT r FROM residents r
SELECT residents FROM residents
SELECT count(note) FROM residents
SELECT count(*) FROM residents WHERE note LIKE 'SECRET%'
SELECT max(id), min(id), max(name) FROM residents
SELECT * FROM residents WHERE id = 'HIDDEN-ID-4'
SELECT * FROM residents WHERE id LIKE 'BLACK%'
SELECT * FROM residents WHERE regexp_matches(id, '^BLACK')
SELECT * FROM firms WHERE owner_id = 'HIDDEN-ID-4'
SELECT f.code FROM firms f WHERE f.owner_id IN (SELECT id FROM residents)
SELECT * FROM firms f LEFT JOIN residents r ON r.id = f.owner_id
SELECT * FROM residents a, residents b WHERE a.street <> b.street
SELECT * FROM (SELECT * FROM (SELECT * FROM residents) x) y
WITH x AS (SELECT * FROM residents) SELECT * FROM x WHERE CAST(x.name AS INTEGER) = 1
SELECT * FROM residents /* WHERE street = 's1' */ WHERE true -- AND street = 's1'
SELECT * FROM residents; --
SELECT * FROM residents; SELECT * FROM duckdb_views()
SELECT * FROM duckdb_views()
SELECT sql FROM duckdb_views
SELECT * FROM information_schema.columns
SELECT * FROM pg_catalog.pg_views
SELECT * FROM sqlite_master
SELECT * FROM duckdb_tables()
SELECT * FROM pragma_storage_info('residents')
SELECT * FROM pragma_show('residents')
SELECT current_setting('allowed_directories')
SELECT * FROM duckdb_settings()
SELECT * FROM duckdb_logs()
EXPLAIN SELECT * FROM residents
EXPLAIN ANALYZE SELECT * FROM residents
DESCRIBE residents
SUMMARIZE residents
SHOW ALL TABLES
PREPARE p AS SELECT * FROM residents
EXECUTE p
CREATE MACRO m() AS TABLE SELECT * FROM residents
CREATE TABLE t AS SELECT * FROM residents
SET allowed_directories = ['/']
RESET enable_external_access
PRAGMA enable_profiling
ATTACH '/tmp/attack.db'
COPY residents TO '/tmp/attack.csv'
COPY (SELECT 1) TO '{folder}/attack.parquet'
EXPORT DATABASE '/tmp/attack'
INSTALL httpfs
LOAD httpfs
SELECT * FROM '/etc/passwd'
SELECT * FROM "/etc/passwd"
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM '{folder}/rows/residents/0.parquet'
SELECT * FROM "{folder}/rows/residents/0.parquet"
SELECT * FROM read_parquet('{folder}/rows/residents/0.parquet')
SELECT * FROM parquet_metadata('{folder}/rows/residents/0.parquet')
SELECT * FROM glob('{folder}/**')
SELECT file_row_number, filename FROM residents
SELECT rowid FROM residents
SELECT row_no, _row_no FROM residents
SELECT hub_id, source FROM residents
SELECT * FROM ｒesidents
SELECT "ｎote" FROM residents
SELECT "NOTE" FROM "RESIDENTS"
SELECT n\u00f6te FROM residents
SELECT \u212aey FROM residents
SELECT * FROM memory.main.residents
SELECT getvariable('x')
SELECT list(id) FROM residents
SELECT approx_count_distinct(id), mode(id), any_value(name) FROM residents
SELECT lag(id) OVER (ORDER BY street), first_value(name) OVER (ORDER BY age) FROM residents
SELECT street, count(*) FROM residents GROUP BY ALL
SELECT count(*) FROM residents GROUP BY CUBE (street, age)
SELECT id FROM residents UNION ALL SELECT owner_id FROM firms
SELECT id FROM residents EXCEPT SELECT id FROM residents WHERE street = 's1'
SELECT * FROM residents FULL JOIN firms ON true
WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t
""".strip().splitlines()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack[:70])
def test_nothing_hidden_is_in_answers_errors_logs_or_the_audit(
    kit: Kit, attack: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = next(iter(kit.sources["residents"].pieces)).path.parents[2]
    kit.trail.rows.clear()
    told = ""
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs:
        try:
            text = attack.replace("{folder}", str(folder))
            answer = ask(kit.desk, kit.asked(text))
            told = str(answer.table.to_pylist()) + str(answer.table.schema)
            assert answer.table.num_rows <= 9
        except HubError as error:
            said = error.message("en") + error.message("zh")
            assert attack[:20] in said or not any(word in said for word in HIDDEN)
    told += str(logs) + caplog.text + str(kit.trail.rows) + "".join(capsys.readouterr())
    assert not any(word in told for word in HIDDEN), told
    assert len(kit.trail.rows) == 1  # each question is written down, answered or not
    assert not list(folder.rglob("attack*"))
    assert not Path("/tmp/attack.db").exists()


def test_hidden_rows_take_no_part_in_a_condition(kit: Kit) -> None:
    """Only hidden rows have names and ids that these casts would fail on; the visible ones pass."""
    for condition in ("CAST(age AS INTEGER) < 60", "CAST(substr(street, 2) AS INTEGER) < 3"):
        found = ask(kit.desk, kit.asked(f"SELECT age FROM residents WHERE {condition}")).table
        assert sorted(found.column("age").to_pylist()) == [30, 44, 54]
    assert ask(kit.desk, kit.asked("SELECT count(*) AS n FROM residents")).table.to_pylist() == [{"n": 3}]


@pytest.mark.parametrize(
    "value",
    [
        "DATE '5874897-12-31'",
        "DATE '10000-01-01'",
        "DATE '9999-12-31' + INTERVAL 1 DAY",
        "DATE 'infinity'",
        "DATE '0001-01-01' - INTERVAL 1 DAY",
    ],
)
def test_a_date_that_no_reader_can_hold_is_refused_and_not_a_failure_of_ours(kit: Kit, value: str) -> None:
    with pytest.raises(Malformed) as refused:
        ask(kit.desk, kit.asked(f"SELECT {value} AS d FROM residents"))
    assert refused.value.key == "library.ask_dates"
    assert kit.trail.rows[-1][0] == "LibraryDenied"


def test_the_first_day_and_the_last_one_are_answered(kit: Kit) -> None:
    sql = "SELECT DATE '0001-01-01' a, DATE '9999-12-31' b, DATE '9999-12-30' + INTERVAL 47 HOURS c, NULL::DATE d"
    found = ask(kit.desk, kit.asked(f"{sql} FROM residents")).table.to_pylist()[0]
    assert [found["a"].year, found["b"].year, found["c"].hour, found["d"]] == [1, 9999, 23, None]


def test_no_view_is_held_by_an_answer_that_was_not_read_to_its_end(kit: Kit) -> None:
    for sql, bounds in (
        (f"SELECT {'9' * 44} AS big FROM residents", Bounds()),
        ("SELECT id FROM residents", Bounds(1)),
    ):
        with pytest.raises(Malformed):
            ask(kit.desk, kit.asked(sql), bounds)
    with kit.engine._entered("user:ann") as room:
        assert {kept.readers for kept in room._views.values()} == {0}


def test_a_number_beyond_all_kinds_is_refused_and_no_failure_of_a_file(kit: Kit) -> None:
    with pytest.raises(Malformed) as refused:
        ask(kit.desk, kit.asked(f"SELECT {'9' * 44} AS big FROM residents"))
    assert refused.value.key == "library.ask_kind"
    assert ask(kit.desk, kit.asked(f"SELECT CAST({'9' * 44} AS VARCHAR) AS big FROM residents")).table.num_rows == 3


def test_a_street_that_an_older_contract_held_as_a_number_is_compared_as_text(tmp_path: Path) -> None:
    held = make_kit(tmp_path, make_share(rows=of_street("07", "70")), people=[])
    source = held.sources["residents"]
    old = tmp_path / "old.parquet"
    pq.write_table(pa.table({"id": ["a", "b"], "name": ["A", "B"], "street": pa.array([7, 70], pa.int64())}), old)
    pieces = (Piece(old, 2, shape="old"),)
    held.sources["residents"] = replace(source, pieces=pieces, coloured=False)
    assert ask(held.desk, held.asked("SELECT id FROM residents")).table.to_pylist() == [{"id": "b"}]
    held.engine.close()


def test_a_conversion_error_does_not_tell_of_hidden_rows(tmp_path: Path) -> None:
    """The one row whose age as text would fail is hidden: the question is answered, it does not fail."""
    people = [{"id": f"{n}", "name": str(n), "street": "s1", "age": n, "note": ""} for n in range(50)]
    people[7] = {"id": "x", "name": "SECRET", "street": "s2", "age": 1, "note": ""}
    small = make_kit(tmp_path, make_share(rows=of_street("s1")), people=people)
    found = ask(
        small.desk, small.asked("SELECT max(CAST(name AS INTEGER)) AS n FROM residents WHERE CAST(name AS INTEGER) > 3")
    )
    assert found.table.to_pylist() == [{"n": 49}]
    small.engine.close()


def test_a_failure_after_the_first_rows_is_told_like_any_other(kit: Kit) -> None:
    """The engine's reader fails with an error of its own kind then, whose text holds the value."""
    kit.trail.rows.clear()
    sql = "SELECT length(street) AS n FROM residents UNION ALL SELECT CAST(code AS INTEGER) FROM firms"
    with structlog.testing.capture_logs() as logs, pytest.raises(Malformed) as refused:
        ask(kit.desk, kit.asked(sql))
    assert refused.value.key == "library.ask_failed"
    assert [row[0] for row in kit.trail.rows] == ["LibraryDenied"]
    assert "F1" not in str(logs) + refused.value.message("en")


def test_a_question_that_makes_us_fail_is_written_down(tmp_path: Path) -> None:
    held = make_kit(tmp_path, make_share())

    def broken(*_: object, **__: object) -> object:
        raise ZeroDivisionError

    held.engine.run = broken  # type: ignore[method-assign]
    with pytest.raises(ZeroDivisionError):
        ask(held.desk, held.asked("SELECT id FROM residents"))
    assert [(kind, dict(row)["why"]) for kind, _, row in held.trail.rows] == [("LibraryDenied", "web.bug")]
    held.engine.close()


def test_an_administrator_is_under_the_same_view(kit: Kit) -> None:
    asked = replace(kit.asked("SELECT * FROM residents"), who=replace(ANN, user_id="root"), grantees=("user:root",))
    with pytest.raises(Malformed):
        ask(kit.desk, asked)


@pytest.mark.parametrize(
    "ended",
    [
        *({"until_min": NOW}, {"from_min": NOW + 1}, {"revoked_min": NOW - 1}, {"suspended_min": NOW - 1}),
        *({"probed_min": None}, {"digest": "another shape"}, {"purpose": "census"}, {"columns": frozenset()}),
        *({"rows": of_street()}, {"delivery": frozenset({Delivery.FILE})}, {"grantee": "user:bob"}),
        *({"columns": frozenset({"id", "no_such"})}, {"rows": replace(of_street("s1"), column="no_such")}),
    ],
    ids=lambda ended: next(iter(ended)),
)
def test_what_does_not_hold_gives_nothing(kit: Kit, ended: dict[str, object]) -> None:
    held = kit.shares
    kit.shares = [make_share(**ended)]  # type: ignore[arg-type]
    try:
        for sql in ("SELECT * FROM residents", "SELECT count(*) FROM residents", "SELECT id FROM residents"):
            with pytest.raises(Malformed, match="residents is not among"):
                ask(kit.desk, kit.asked(sql))
    finally:
        kit.shares = held


def test_a_purpose_must_be_stated_and_be_that_of_the_share(kit: Kit) -> None:
    for purpose in ("", "anything", "census"):
        with pytest.raises(Malformed):
            ask(kit.desk, kit.asked("SELECT id FROM residents", purpose))
    assert kit.trail.rows[-1][0] == "LibraryDenied"
    assert "anything" not in str(kit.trail.rows)  # what somebody typed is not written down


def test_the_clock_that_jumps_past_the_end_ends_the_share(kit: Kit) -> None:
    kit.now_min = NOW + 10
    with pytest.raises(Malformed):
        ask(kit.desk, kit.asked("SELECT id FROM residents"))
    assert list_mine(kit.desk, GRANTEES) == []
    kit.now_min = NOW
    assert ask(kit.desk, kit.asked("SELECT id FROM residents")).table.num_rows == 3


def test_black_and_uncoloured_and_withheld_rows_do_not_leave(tmp_path: Path) -> None:
    held = make_kit(tmp_path, make_share(columns="id"))
    everything = {row["id"] for row in PEOPLE} - {"BLACK-ID-5"}

    def ids() -> set[object]:
        return set(ask(held.desk, held.asked("SELECT id FROM residents")).table.column(0).to_pylist())

    assert ids() == everything
    source = held.sources["residents"]
    held.sources["residents"] = replace(source, withheld=frozenset({1}))
    assert ids() == everything - {PEOPLE[0]["id"]}
    first, second = source.pieces
    held.sources["residents"] = replace(source, pieces=(first, replace(second, colours=None)))
    assert ids() == {row["id"] for row in PEOPLE[:3]}
    cut = tmp_path / "cut.parquet"
    pq.write_table(pq.read_table(second.colours).slice(0, 1), cut)  # not every row of the file has a colour
    held.sources["residents"] = replace(source, pieces=(first, replace(second, colours=cut)))
    assert ids() == {row["id"] for row in PEOPLE[:3]}
    held.sources["residents"] = replace(source, pieces=(Piece(tmp_path / "gone.parquet", 3, first.colours),))
    with pytest.raises(Retry):
        ids()
    held.engine.close()


@pytest.mark.parametrize("latest", [(), ("id",), ("phone",)])
@pytest.mark.parametrize("split", [1, 2])
def test_a_column_that_a_contract_added_is_empty_in_files_from_before(
    tmp_path: Path, latest: tuple[str, ...], split: int
) -> None:
    """No file has it (the same shape in all), whether it is asked for, masked, compared, counted by or chosen by."""
    made = make_kit(tmp_path)
    listing = LISTINGS[0]
    phone = Column("phone", "int", "电话", "phone", Grade.L2, nullable=True)
    wider = replace(listing, dataset=replace(RESIDENTS, columns=(*RESIDENTS.columns, phone)))
    made.catalogue = replace(CATALOGUE, listings=(wider, LISTINGS[1]))
    old = write_dataset(tmp_path / "old", listing, PEOPLE, TINTS, split=split)
    pieces = tuple(replace(piece, shape="before") for piece in old.pieces)
    made.sources["residents"] = replace(old, pieces=pieces, latest_by=latest)
    give = partial(make_share, columns="id street phone", digest=wider.digest)
    with closing(made.engine):
        made.shares = [give()]
        asked = made.asked("SELECT id, phone, phone IS NULL AS empty FROM residents WHERE phone IS NULL ORDER BY id")
        rows = ask(made.desk, asked).table.to_pylist()
        everybody = sorted(row["id"] for row in PEOPLE if row["id"] != "BLACK-ID-5")
        assert [row["id"] for row in rows] == (everybody if latest != ("phone",) else ["330102196003070059"])
        assert all(row["phone"] is None and row["empty"] for row in rows)
        assert ask(made.desk, made.asked("SELECT id FROM residents WHERE phone > 1")).table.num_rows == 0
        star = ask(made.desk, made.asked("SELECT * FROM residents")).table
        assert star.column("phone").null_count == star.num_rows == len(rows)
        made.shares = [give(masks=(("phone", "null"),), rows=Rows(column="phone", values=frozenset({"1"})))]
        assert ask(made.desk, made.asked("SELECT id, phone FROM residents")).table.num_rows == 0
        made.shares = [give(columns="phone", count_floor=2)]
        counted = ask(made.desk, made.asked("SELECT phone, _count FROM residents")).table.to_pylist()
        floor = max(2, SMALL_CELL)
        assert counted == ([{"phone": None, "_count": len(rows) // floor * floor}] if len(rows) >= floor else [])


def test_colours_are_readable_where_asked_for(kit: Kit) -> None:
    found = ask(kit.desk, kit.asked("SELECT name, _colour FROM residents ORDER BY age")).table.to_pylist()
    assert found[0] == {"name": "张**", "_colour": "green"}
    assert [row["_colour"] for row in found] == ["green", "blue", "grey"]


def test_a_share_that_is_revoked_stops_a_running_question(tmp_path: Path) -> None:
    people = [{"id": f"{n}", "name": "x", "street": "s1", "age": n, "note": ""} for n in range(6_000)]
    held = make_kit(tmp_path, make_share(), people=people)
    revoked: list[float] = []

    def revoke() -> None:
        held.shares = [replace(held.shares[0], revoked_min=NOW)]
        revoked.append(monotonic())

    Timer(0.4, revoke).start()
    with pytest.raises(Denied, match="ended"):
        ask(
            held.desk,
            held.asked("SELECT count(*) FROM residents a, residents b, residents c WHERE a.age + b.age > c.age"),
        )
    assert monotonic() - revoked[0] < 5  # it would run for half a minute; benchmarks/library_shares.py measures
    assert [row[0] for row in held.trail.rows] == ["LibraryDenied"]
    with pytest.raises(Malformed):
        ask(held.desk, held.asked("SELECT 1 FROM residents"))  # on the session that is already connected
    held.engine.close()


def test_a_share_that_ends_before_rows_leave_gives_none(tmp_path: Path) -> None:
    held = make_kit(tmp_path, make_share())
    run = held.engine.run

    def ended(*given: object, **named: object) -> object:
        table = run(*given, **named)  # type: ignore[arg-type]
        held.shares = [replace(held.shares[0], suspended_min=NOW)]
        return table

    held.engine.run = ended  # type: ignore[method-assign]
    with pytest.raises(Denied):
        ask(held.desk, held.asked("SELECT id FROM residents"))
    held.engine.close()


def test_a_contract_that_raises_a_grade_stops_a_running_question(tmp_path: Path) -> None:
    held = make_kit(tmp_path, make_share(columns="id age"))
    run, looked = held.engine.run, list[bool]()

    def raised(*given: object, still: Callable[[], bool], **named: object) -> object:
        table = run(*given, still=still, **named)  # type: ignore[arg-type]
        columns = tuple(replace(each, grade=Grade.L4) if each.name == "age" else each for each in RESIDENTS.columns)
        listing = replace(LISTINGS[0], dataset=replace(RESIDENTS, columns=columns))
        held.catalogue = replace(CATALOGUE, listings=(listing, *LISTINGS[1:]))
        looked.append(still())  # as while it runs
        return table

    held.engine.run = raised  # type: ignore[method-assign]
    with pytest.raises(Denied, match="ended"):
        ask(held.desk, held.asked("SELECT id, age FROM residents"))
    assert looked == [False]
    held.engine.close()


@pytest.mark.parametrize(
    ("sql", "bounds", "key"),
    [
        ("SELECT a.id FROM residents a, residents b, residents c", Bounds(rows=20), "library.ask_too_many"),
        (
            "SELECT count(*) FROM " + ", ".join(f"residents r{n}" for n in range(12))
            + " WHERE " + " + ".join(f"r{n}.age" for n in range(12)) + " > 0",
            Bounds(seconds=0.3),
            "library.ask_too_long",
        ),
    ],
)  # fmt: skip
def test_answers_and_times_are_bounded(tmp_path: Path, sql: str, bounds: Bounds, key: str) -> None:
    people = [{"id": f"{n}", "name": "x", "street": "s1", "age": n, "note": ""} for n in range(40)]
    held = make_kit(tmp_path, make_share(), people=people)
    with pytest.raises(HubError) as refused:
        ask(held.desk, held.asked(sql), bounds)
    assert refused.value.key == key
    held.engine.close()


def test_a_connection_of_a_grantee_reads_nothing_else_and_stays_locked(kit: Kit) -> None:
    """The walls behind the gate: what would hold if the gate let something through."""
    with kit.engine._entered("user:ann") as room:
        con = room.connection.cursor()
        for sql in (
            "SELECT * FROM read_text('/etc/passwd')",
            "COPY (SELECT 1) TO '/tmp/attack.csv'",
            "ATTACH '/tmp/attack.db'",
            "SET enable_external_access = true",
            "SET allowed_directories = ['/']",
            "INSTALL httpfs",
            "LOAD '/tmp/x.duckdb_extension'",
            "SELECT * FROM kit",
        ):
            with pytest.raises(duckdb.Error):
                con.execute(sql).fetchall()
        tables = con.execute("SELECT DISTINCT schema_name, column_count FROM duckdb_tables()").fetchall()
        assert tables in ([], [("main", 2)])  # nothing of a question stays but places of rows that nobody may have
        views = con.execute("SELECT DISTINCT sql LIKE 'CREATE SECURE VIEW v_%' FROM duckdb_views() WHERE NOT internal")
        assert views.fetchall() in ([], [(True,)])  # and the views that it read


def test_questions_at_once_do_not_mix(kit: Kit) -> None:
    found: list[tuple[str, ...]] = []

    def asking(sql: str) -> None:
        found.extend(tuple(ask(kit.desk, kit.asked(sql)).table.column_names) for _ in range(5))

    threads = [Thread(target=asking, args=(f"SELECT {name} FROM residents",)) for name in ("id", "name", "age")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted([("id",)] * 5 + [("name",)] * 5 + [("age",)] * 5)


def test_who_waits_for_others_does_not_hold_every_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that waits takes a thread that answers requests: only a few may."""
    monkeypatch.setattr(asking, "WAITING", 0)
    held = make_kit(tmp_path, make_share(), busy_rooms=1)
    with held.engine._entered("another"):
        began = monotonic()
        with pytest.raises(Retry) as refused:
            ask(held.desk, held.asked("SELECT id FROM residents"))
        assert refused.value.key == "library.ask_full"
        assert monotonic() - began < 5
    assert ask(held.desk, held.asked("SELECT id FROM residents")).table.num_rows == 5
    held.engine.close()


def test_counts_have_a_floor_and_come_in_steps(tmp_path: Path) -> None:
    people = [
        {"id": str(n), "name": "x", "street": "big" if n < 57 else "small", "age": n % 2, "note": ""} for n in range(66)
    ]
    people += [{"id": "0", "name": "x", "street": "one", "age": 1, "note": ""}] * 40  # one person, many rows
    held = make_kit(tmp_path, make_share(columns="street", count_floor=10), people=people)
    assert ask(held.desk, held.asked("SELECT * FROM residents")).table.to_pylist() == [{"street": "big", "_count": 50}]
    for sql in (
        "SELECT id FROM residents",
        "SELECT street, age FROM residents",
        "SELECT _count FROM residents WHERE age = 1",
        "SELECT residents.name FROM residents",
    ):
        with pytest.raises(HubError):
            ask(held.desk, held.asked(sql))
    # a difference of two groupings is made of steps: nobody can be taken out of it
    held.shares.append(make_share(columns="street age", count_floor=10, share_id="finer"))
    coarse = ask(held.desk, held.asked("SELECT sum(_count) AS n FROM residents WHERE street = 'big'")).table.to_pylist()
    fine = ask(held.desk, held.asked("SELECT street, age, _count FROM residents")).table.to_pylist()
    assert all(row["_count"] % 10 == 0 for row in [*fine])
    assert coarse[0]["n"] % 10 == 0
    assert {row["street"] for row in fine} == {"big"}
    assert ask(held.desk, held.asked("SELECT count(*) AS n FROM residents")).table.to_pylist() == [
        {"n": 1}
    ]  # of groups
    held.engine.close()


def test_pages_go_through_all_rows_once(kit: Kit) -> None:
    asked = kit.asked("", delivery=Delivery.API)
    seen, numbers, after = list[object](), list[int](), ""
    while True:
        page = read_page(kit.desk, asked, "residents", ["age"], limit=2, after=after)
        assert page.answer.table.column_names == ["age"]
        assert len(page.numbers) == page.answer.table.num_rows
        numbers += page.numbers
        seen += page.answer.table.column("age").to_pylist()
        if page.after is None:
            break
        after = page.after
    assert seen == [30, 44, 54]
    assert numbers == sorted(set(numbers)), "each row by its own number, in order"
    for bad in ("x", ".x", ".1 OR 1=1", "other.1"):
        with pytest.raises(Malformed):
            read_page(kit.desk, asked, "residents", ["age"], limit=2, after=bad)
    for name in ('"; DROP', "note", "*", "(SELECT 1)", "_row_no", "_ROW_NO"):
        with pytest.raises(Malformed):
            read_page(kit.desk, asked, "residents", [name], limit=2)


def test_a_probe_answers_what_is_permitted_and_refuses_the_rest(kit: Kit) -> None:
    fresh = make_share(probed_min=None)
    assert probe(kit.desk, fresh).ok
    assert probe(kit.desk, make_share(columns="id name street age born note", probed_min=None)).ok
    assert probe(kit.desk, make_share(columns="street", count_floor=10, probed_min=None)).ok
    assert probe(kit.desk, make_share("firms", "code", probed_min=None)).ok
    assert not probe(kit.desk, make_share(digest="other", probed_min=None)).ok
    assert not probe(kit.desk, make_share(rows=of_street(), probed_min=None)).permitted_ok
    assert not probe(kit.desk, make_share(columns="no_such", probed_min=None)).ok
