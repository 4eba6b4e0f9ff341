"""What one may read, and a question, from the command line: over the hub's own data, under a share of its baskets."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hubtwin.base.clock import epoch_minute, system_clock
from hubtwin.datasets.all import DATASETS
from hubtwin.model.sharing import Share
from hubtwin.ports import Batch
from hubtwin.settings import load_settings
from hubtwin.web.start import open_desk
from tests.asking_kit import make_share
from tests.cli.kit import Hub, Ran, make_tiny_hub
from tests.wiring.hub_kept import PASSWORD, add_people

AREAS = DATASETS["risk_areas"]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Hub:
    """A hub with accounts and a row about nobody."""
    made = make_tiny_hub(tmp_path_factory.mktemp("asked") / "tiny")
    with open_desk(load_settings(str(made.hub), made.home), clock=system_clock, real_clock=system_clock) as desk:
        add_people(desk.works.access.accounts)
        plain = {"string": "=a", "bool": True, "float": 1.0, "date": system_clock().date(), "pid": "0" * 32}
        row = {c.name: c.values[0] if c.values else plain.get(c.type, int(c.minimum or 1)) for c in AREAS.columns}
        marks = {"hub_id": desk.works.store.hub_id, "source": "s", "status": "Actual", "replayed": False}
        table = pa.Table.from_pylist([{**row, **marks, "provenance": "synthetic"}], schema=AREAS.schema)
        desk.works.store.write(Batch(key="k", source="s", tables={AREAS.name: table}))
    return made


@pytest.fixture
def shared(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Share:
    """A share of the officer's, as the baskets give it."""
    with open_desk(load_settings(str(hub.hub), hub.home), clock=system_clock, real_clock=system_clock) as desk:
        assert desk.works.library is not None
        catalogue = desk.works.library.catalogue()
    now_min, text = epoch_minute(system_clock()), [c.name for c in AREAS.columns if c.type == "string"]
    share = replace(
        make_share(),
        grantee="user:officer",
        dataset=AREAS.name,
        columns=frozenset(text[:2]),
        purpose=next(iter(catalogue.purposes)),
        digest=catalogue.get(AREAS.name).digest,
        from_min=now_min - 1,
        until_min=now_min + 60,
        probed_min=now_min - 1,
    )
    given = "hubtwin.stores.baskets.Baskets.list_shares"
    monkeypatch.setattr(given, lambda self, grantee: [share] if grantee == share.grantee else [])
    return share


def run(hub: Hub, monkeypatch: pytest.MonkeyPatch, *arguments: str, lang: str = "en") -> Ran:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    return hub("library", *arguments, "--by", "officer", "--password-stdin", lang=lang)


def test_what_is_mine(hub: Hub, shared: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    (mine,) = json.loads(run(hub, monkeypatch, "mine", "--format", "json").out)
    assert (mine["dataset"], mine["purpose"]) == (AREAS.name, shared.purpose)
    for lang in ("zh", "en"):
        assert AREAS.name in run(hub, monkeypatch, "mine", lang=lang).out


def test_a_question_on_the_screen_and_into_a_file(
    hub: Hub, shared: Share, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    column = sorted(shared.columns)[0]
    asked = ("ask", f"SELECT {column} FROM {AREAS.name}", "--purpose", shared.purpose)
    ran = run(hub, monkeypatch, *asked)
    assert ran.code == 0, ran
    assert ran.out.splitlines()[0] == column
    assert "synthetic" in ran.err
    told = json.loads(run(hub, monkeypatch, *asked, "--format", "json").out)
    assert told["synthetic"] is True
    assert len(told["rows"]) == 1
    saved = run(hub, monkeypatch, *asked, "-o", str(tmp_path / "a.parquet"))
    assert "synthetic" in saved.out
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 1
    assert run(hub, monkeypatch, *asked, "-o", str(tmp_path / "a.exe")).code == 2
    refused = run(hub, monkeypatch, "ask", "SELECT * FROM '/etc/passwd'", "--purpose", shared.purpose)
    assert refused.code == 1
    assert "not among what you may read" in refused.err
