"""A machine without the optional extra says what to install."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hubtwin.base.errors import Absent
from hubtwin.wiring.venues import import_building


def test_without_ifcopenshell_the_import_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ifcopenshell", None)
    monkeypatch.delitem(sys.modules, "hubtwin.connectors.ifc.model", raising=False)
    (tmp_path / "x.ifc").write_bytes(b"ISO-10303-21;")
    with pytest.raises(Absent, match=r"hubtwin\[ifc\]"):
        import_building(tmp_path / "x.ifc", datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(Absent, match=r"missing\.ifc"):
        import_building(tmp_path / "missing.ifc", datetime(2026, 1, 1, tzinfo=UTC))
