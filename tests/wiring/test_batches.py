"""Batches from facts to answered rows: once each, whatever is doubled, lost, refused, corrected or sent by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hubtwin.base.errors import Absent, Denied, Malformed
from hubtwin.channels.batch_sheet import Corrected
from hubtwin.rules.batching import RowState
from hubtwin.scenes.epidemic.disclosures import DISCLOSURES
from hubtwin.stores.backup import backup, restore
from hubtwin.stores.batch_keeping import forget_cases, opened_batches
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.check import check
from hubtwin.stores.embedded import EmbeddedStore
from hubtwin.wiring.batches import load_templates
from tests.rules.report_story import AT_MIN, FOLDER, citizen, facts
from tests.wiring.batch_town import HUB, TEMPLATES, Town, town


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Town]:
    with town(tmp_path) as made:
        yield made


def _ids(told: Town) -> set[str]:
    return {person[1] for person in told.province.persons}


def _correct(here: Town, batch: str, **changed: str) -> Any:
    names = [column.key for column in TEMPLATES.get("persons", 1).columns]
    rows = [
        Corrected(3, wrong.ref, {**dict(zip(names, wrong.cells, strict=True)), **changed})
        for wrong in here.batching.list_wrong(batch)
    ]
    return here.batching.resend(batch, rows, here.now)


def test_good_rows_go_and_rows_with_errors_stay(here: Town) -> None:
    batch = here.make([*(facts(n) for n in range(5)), facts(1), facts(7, identity__id_no="110105194912310021")])
    assert here.states() == {"ready": 5, "held": 1, "superseded": 1}
    assert here.batching.stage(batch) == 5
    assert here.batching.stage(batch) == 0, "staged once"
    here.exchange()
    assert here.states() == {"accepted": 5, "held": 1, "superseded": 1}
    assert _ids(here) == {citizen(n) for n in range(5)}
    assert here.province.doubled == here.province.refused == 0


def test_a_batch_made_again_finds_nothing_new(here: Town) -> None:
    rows = [facts(n) for n in range(3)] + [facts(9, identity__name="")]
    assert here.make(rows)
    assert here.make(rows) == ""
    here.batching.stage_all()
    here.exchange()
    assert here.make(rows) == "", "not after it was accepted either"


def test_what_changed_is_a_correction_and_no_second_person(here: Town) -> None:
    here.make([facts(1), facts(2)])
    here.batching.stage_all()
    here.exchange()
    here.make([facts(1, outcome="released", verified__at_min=AT_MIN + 5), facts(2)])
    here.batching.stage_all()
    here.exchange()
    assert here.states() == {"accepted": 2, "superseded": 1}
    assert sorted(revision for _, revision in here.province.persons.values()) == [1, 2]
    assert here.make([facts(1)]) == "", "an older version than the one that went"


def test_a_lost_answer_is_asked_for_again(here: Town) -> None:
    here.province.manners.lose = 1
    batch = here.make([facts(n) for n in range(3)])
    here.batching.stage_all()
    here.exchange()
    assert here.states() == {"sent": 3}
    assert here.batching.stage(batch, again=True) == 3
    here.exchange()
    assert here.states() == {"accepted": 3}
    assert here.province.doubled == 3
    assert len(here.province.persons) == 3


def test_answers_that_are_late_doubled_and_turned_round(here: Town) -> None:
    here.province.manners.delay, here.province.manners.double, here.province.manners.reorder = 2, True, True
    for first in (0, 5):
        here.make([facts(n) for n in range(first, first + 5)])
    here.batching.stage_all()
    here.to_province.lost = here.to_hub.lost = 1
    here.exchange(8)
    assert here.states() == {"accepted": 10}
    assert len(here.province.persons) == 10


def test_a_refused_row_is_corrected_and_only_that_goes_again(here: Town) -> None:
    here.province.manners.refuse = lambda row: "地址无法识别" if "合成路" in "".join(row.cells) else ""
    batch = here.make([facts(1, place__destination="别的路"), facts(2)])
    here.batching.stage_all()
    here.exchange()
    assert here.states() == {"accepted": 1, "refused": 1}
    (wrong,) = here.batching.list_wrong(batch)
    assert wrong.reason == "地址无法识别"
    assert _correct(here, batch).unchanged == 1
    done = _correct(here, batch, destination="别的路 2 号")
    assert done.head is not None
    assert (done.head.revision, done.head.corrects) == (1, batch)
    assert here.batching.stage_all() == 1
    here.exchange()
    assert here.states() == {"accepted": 2, "superseded": 1}
    assert len(here.province.persons) == 2
    assert here.batching.list_wrong(batch) == []


def test_a_held_row_is_corrected_at_last(here: Town) -> None:
    batch = here.make([facts(1, identity__id_no="110105194912310021", identity__phone="1")])
    still = _correct(here, batch, id_no=citizen(1))
    assert still.head is None
    assert [key for key, _ in still.wrong[0].problems] == ["phone"]
    (wrong,) = here.batching.list_wrong(batch)
    assert citizen(1) in wrong.cells, "what was typed is kept"
    done = _correct(here, batch, phone="13900000000")
    assert done.head is not None
    here.batching.stage_all()
    here.exchange()
    assert _ids(here) == {citizen(1)}
    assert here.states() == {"accepted": 1, "superseded": 1}
    gone = here.batching.resend(batch, [Corrected(3, wrong.ref, {})], here.now)
    assert gone.head is None
    assert [problem.key for _, problem in gone.problems] == ["stores.no_batch_row"]


def test_facts_that_were_mended_in_the_hub_take_the_held_row_away(here: Town) -> None:
    here.make([facts(1, identity__id_no="110105194912310021")])
    here.make([facts(1, verified__at_min=AT_MIN + 1)])
    assert here.states() == {"ready": 1, "superseded": 1}


def test_a_change_of_version_is_one_person_still(here: Town) -> None:
    bare = facts(2)
    del bare["exposure"]["kind"]
    here.make([facts(1), bare])
    here.batching.stage_all()
    here.exchange()
    second = here.make([facts(1), bare], version=2)
    assert here.books.count(second)[RowState.READY] == 1, "other codes: a correction"
    assert [key for key, _ in here.batching.list_wrong(second)[0].problems] == ["exposure_kind"]
    here.batching.stage_all()
    here.exchange()
    assert len(here.province.persons) == 2
    assert sorted(revision for _, revision in here.province.persons.values()) == [1, 2]


def test_a_platform_without_the_version_takes_nothing_and_says_why(here: Town) -> None:
    here.province.templates = {}
    batch = here.make([facts(1)])
    here.batching.stage_all()
    here.exchange()
    assert "unknown template" in here.books.get(batch).reason
    assert here.states() == {"sent": 1}
    here.province.templates = TEMPLATES.known
    here.batching.stage(batch, again=True)
    here.exchange()
    assert here.states() == {"accepted": 1}
    assert here.books.get(batch).reason == ""


def test_an_answer_of_somebody_else_or_of_nonsense_moves_nothing(here: Town) -> None:
    here.make([facts(1)])
    here.batching.stage_all()
    here.exchange(1)
    with pytest.raises(Absent):
        here.batching.take_answers({"no-such-batch": []})
    with pytest.raises(Absent):
        here.batching.stage("no-such-batch")
    assert here.states() == {"accepted": 1}


def test_what_rows_say_is_sealed_and_goes_when_nobody_needs_it(here: Town) -> None:
    batch = here.make([facts(1), facts(2, identity__name="")])
    held = here.folder / "hub" / "batches.sqlite"
    assert held.stat().st_mode & 0o077 == 0
    assert citizen(1).encode() not in held.read_bytes()
    assert "合成1".encode() not in held.read_bytes()
    here.batching.stage_all()
    here.exchange()
    assert here.books.list_rows(batch, (RowState.ACCEPTED,))[0].cells is None
    assert here.books.list_keys(), "a row is held still"
    assert _correct(here, batch, name="合成").head
    here.batching.stage_all()
    here.exchange()
    assert here.books.list_keys() == {}, "the key of the batch is gone"


def test_whom_the_hub_forgets_is_gone_from_the_batch_and_its_backups(here: Town) -> None:
    batch = here.make([facts(1), facts(2)])
    before = dict(here.books.list_keys())
    assert here.books.forget_cases(["c-1", "c-77"]) == 1
    here.reopen()
    assert not set(before) & set(here.books.list_keys()), "a backup with the old key opens nothing"
    rows = here.books.list_rows(batch)
    assert [row.state.value for row in rows] == ["superseded", "ready"]
    assert rows[1].cells is not None
    assert here.books.forget_before(AT_MIN + 1) == 1
    assert here.books.list_going(batch) == []


def test_a_backup_brings_batches_back_and_learns_who_was_forgotten_since(here: Town, tmp_path: Path) -> None:
    store, now = here.folder / "hub", lambda: here.now
    EmbeddedStore(store, HUB, clock=now).close()
    batch = here.make([facts(1), facts(2), facts(3, identity__name="")])
    here.batching.stage_all()
    backup(store, tmp_path / "copy", clock=now)
    assert check(store).problems == ()
    assert forget_cases(store, ["c-1"], now) == 1
    restore(tmp_path / "copy", tmp_path / "old", clock=now)
    with opened_batches(tmp_path / "old", now) as old:
        assert old is not None
        assert {row.cells for row in old.list_rows(batch)} == {None}, "the copy's keys went with the person"
        assert [row.key for row in old.list_rows(batch)] == [row.key for row in here.books.list_rows(batch)]
    (tmp_path / "copy" / "keys" / "batches.key").unlink()
    with pytest.raises(Absent):
        restore(tmp_path / "copy", tmp_path / "none", clock=now)


def test_whom_the_hub_forgets_is_taken_off_the_wire_and_the_others_are_sent_anew(here: Town) -> None:
    batch = here.make([facts(1), facts(2)])
    here.batching.stage_all()
    for _ in range(2):
        assert forget_cases(here.folder / "hub", ["c-1"], lambda: here.now) in (0, 1)
    here.reopen()
    assert here.books.get(batch).attempt == 2, "the first sending was destroyed, once"
    here.batching.stage_all()
    here.exchange()
    assert _ids(here) == {citizen(2)}


def test_a_lost_key_is_no_reason_to_count_everybody_again(here: Town) -> None:
    here.make([facts(1)])
    (here.folder / "hub" / "batches.key").unlink()
    with pytest.raises(Denied, match=r"batches\.key"):
        BatchBooks(here.folder / "hub", VaultKeys(here.vault), AT_MIN)


def test_templates_of_a_folder_that_cannot_be_trusted(tmp_path: Path) -> None:
    text = (FOLDER / "persons-1.toml").read_text(encoding="utf-8")
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(Malformed, match="version"):
        load_templates(tmp_path, DISCLOSURES.profiles)
    with pytest.raises(Absent, match="persons 1, persons 2"):
        TEMPLATES.get("persons", 9)
