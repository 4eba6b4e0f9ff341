"""The disclosure profiles of this scene, read once from `disclosures.toml`."""

from pathlib import Path

from hubtwin.rules.disclosure import read_disclosures

DISCLOSURES = read_disclosures(Path(__file__).with_name("disclosures.toml").read_text(encoding="utf-8"))
