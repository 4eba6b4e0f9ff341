"""`hubtwin backup`, `restore`, `check`: what is kept can be had back, and damage is told."""

import json
from pathlib import Path

import pytest

from hubtwin.base.text import catalogue, text
from tests.cli.kit import Hub, make_tiny_hub

AT = ("--date", "2022-03-01", "--at", "08:10")


@pytest.fixture
def kept(tmp_path: Path) -> Hub:
    hub = make_tiny_hub(tmp_path / "tiny")
    hub.done("collide", *AT)
    return hub


def test_a_backup_restored_into_an_empty_home_gives_the_same_list(kept: Hub, tmp_path: Path) -> None:
    for lang in ("zh", "en"):
        printed = kept.done("backup", tmp_path / f"copy-{lang}", lang=lang)
        assert catalogue()["cli.backed_up"][lang].partition("{")[0] in printed
    elsewhere = Hub(kept.hub, tmp_path / "elsewhere")
    assert catalogue()["cli.restored"]["en"].partition("{")[0] in elsewhere.done("restore", tmp_path / "copy-en")
    for form in ("json", "table"):
        asked = ("collide", *AT, "--format", form)
        assert elsewhere(*asked).out == kept(*asked).out
    assert elsewhere("collide", *AT).err == "", "nothing had to be brought in again"


def test_a_restore_overwrites_nothing_and_a_backup_no_folder(kept: Hub, tmp_path: Path) -> None:
    kept.done("backup", tmp_path / "copy")
    for arguments in (("restore", tmp_path / "copy"), ("backup", tmp_path / "copy")):
        ran = kept(*arguments)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.strip()


def test_a_damaged_backup_is_refused_by_the_name_of_the_file(kept: Hub, tmp_path: Path) -> None:
    kept.done("backup", tmp_path / "copy")
    damaged = next(path for path in sorted((tmp_path / "copy").rglob("*.parquet")))
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    ran = Hub(kept.hub, tmp_path / "elsewhere")("restore", tmp_path / "copy")
    assert ran.code == 1
    assert damaged.name in ran.err


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_check_says_that_all_is_whole_or_names_the_damage_and_ends_with_1(kept: Hub, lang: str) -> None:
    assert text("cli.check_whole", lang) in kept.done("check", lang=lang)
    lost = next(path for path in sorted(kept.home.rglob("*.parquet")))
    lost.unlink()
    ran = kept("check", lang=lang)
    assert ran.code == 1
    assert lost.name in ran.out
    assert text("cli.check_whole", lang) not in ran.out


def test_repair_sweeps_what_nothing_refers_to_and_changes_no_answer(kept: Hub) -> None:
    before = json.loads(kept.done("collide", *AT, "--format", "json"))
    folder = next(kept.home.rglob("*.parquet")).parent
    (folder / "0000099999.parquet").write_bytes(b"left behind by a crash")
    kept.done("check", "--repair")
    assert not (folder / "0000099999.parquet").exists()
    assert json.loads(kept.done("collide", *AT, "--format", "json")) == before
