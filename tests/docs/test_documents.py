"""What the documents name exists: paths, commands, tables."""

import os
import re
from pathlib import Path

import click
import pytest

from hubtwin.cli.app import build
from hubtwin.datasets.all import DATASETS
from hubtwin.datasets.table import Dataset

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
TICKED = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"^[\w.-]+(/[\w.-]+)+/?$|^[\w-]+\.(md|toml|py|lock)$")
COMMAND = re.compile(r"(?:`|bin/)hubtwin (?:--exercise |--[a-z-]+ \S+ )*([a-z-]+)(?: ([a-z-]+))?")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_a_path_that_a_document_names_exists(document: Path) -> None:
    for ticked in TICKED.findall(document.read_text(encoding="utf-8")):
        if PATH.match(ticked) and not ticked.startswith((".venv", ".hubtwin", "/")):
            bases = (ROOT, document.parent, ROOT / "src/hubtwin/scenes/epidemic", ROOT / "data/hubs/hangzhou-east")
            found = [base / ticked for base in bases]
            assert any(path.exists() for path in found), f"{document.name} names {ticked}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda p: p.name)
def test_a_command_that_a_document_names_exists(document: Path) -> None:
    group = build("en")
    for name, sub in COMMAND.findall(document.read_text(encoding="utf-8")):
        if name.startswith("--"):
            continue  # an option of the program itself
        assert name in group.commands, f"{document.name} names hubtwin {name}"
        command = group.commands[name]
        if isinstance(command, click.Group) and sub:
            assert sub in command.commands, f"{document.name} names hubtwin {name} {sub}"


def test_the_page_of_datasets_is_that_of_the_declarations() -> None:
    page = "\n".join(["# Datasets", "", "Written by `tests/docs/test_documents.py` from the declarations.", ""])
    page += "\n".join(_describe(dataset) for dataset in DATASETS.values())
    path = ROOT / "docs/datasets.md"
    if os.environ.get("HUBTWIN_WRITE_DOCS"):
        path.write_text(page, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page, "run HUBTWIN_WRITE_DOCS=1 make test, and read what changed"


def _describe(dataset: Dataset) -> str:
    lines = [f"## {dataset.name}: {dataset.zh}", "", f"{dataset.en}. Key: {', '.join(dataset.key)}.", ""]
    lines += ["| column | type | 中文 | meaning | grade | null |", "| --- | --- | --- | --- | --- | --- |"]
    for c in dataset.columns:
        values = f" ({', '.join(c.values)})" if c.values else ""
        null = "yes" if c.nullable else ""
        lines.append(f"| {c.name} | {c.type} | {c.zh} | {c.en}{values} | {c.grade.name} | {null} |")
    return "\n".join([*lines, ""])
