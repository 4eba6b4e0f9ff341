"""The checklists of this scene, read once from `checklists.toml`."""

import tomllib
from pathlib import Path

from hubtwin.model.field import CheckItem, Checklists

CHECKLISTS: Checklists = {
    kind: tuple(CheckItem(item_id, told["zh"], told["en"]) for item_id, told in items.items())
    for kind, items in tomllib.loads(Path(__file__).with_name("checklists.toml").read_text(encoding="utf-8")).items()
}
