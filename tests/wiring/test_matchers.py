"""Matchers that hub.toml names: how they are known, and that only an event puts anything into their tables."""

from dataclasses import replace
from pathlib import Path

import pytest

from hubtwin.base.clock import epoch_minute, from_epoch_minute
from hubtwin.base.errors import Malformed
from hubtwin.connectors.common.http import HttpTransport
from hubtwin.connectors.common.tls import ClientCert
from hubtwin.flow.emergency import Declaration, declare_emergency
from hubtwin.library.ingest import Target, ingest
from hubtwin.ports import Page
from hubtwin.scenes.epidemic.profiles import PROFILES, get_plan_in_force
from hubtwin.settings import load_settings
from hubtwin.wiring.matchers import hub_side, list_peers, publishing
from hubtwin.wiring.risk_tables import NOTHING, make_table
from hubtwin.wiring.sources import make_transports
from hubtwin.wiring.works import open_works
from tests.cli.kit import HUB
from tests.flow.loop_story import CLOCKS_MIN, SCENE, anyone
from tests.matcher.hubside import SYNTHETIC
from tests.matcher.town import NIGHT_MIN, area_rows

KEY = "09" + "00" * 31
RAIL = f"""
[matchers.rail]
url = "https://rail.example"
wrapping_key = "{KEY}"
ca_file = "rail.pem"
cert_file = "/etc/hub.pem"
key_file = "hub.key"
[sources.bookings]
url = "https://rail.example/hits"
ca_file = "rail.pem"
cert_file = "hub.pem"
key_file = "hub.key"
"""
NOW = from_epoch_minute(NIGHT_MIN)


def write(folder: Path, more: str) -> Path:
    file = folder / "hub.toml"
    file.write_text(HUB + more, encoding="utf-8")
    return file


def test_a_matcher_and_its_source_are_known_with_their_certificates(tmp_path: Path) -> None:
    settings = load_settings(str(write(tmp_path, RAIL)), environ={})
    (peer,) = list_peers(settings)
    assert (peer.name, peer.url, peer.wrapping_key) == ("rail", "https://rail.example", KEY)
    assert peer.ca_file == tmp_path / "rail.pem"
    assert peer.client == ClientCert(Path("/etc/hub.pem"), tmp_path / "hub.key")
    source = make_transports(settings, {})["bookings"]
    assert isinstance(source, HttpTransport)
    assert source.client == ClientCert(tmp_path / "hub.pem", tmp_path / "hub.key")
    assert source.ca_file == tmp_path / "rail.pem"


@pytest.mark.parametrize(
    ("right", "wrong", "entry"),
    [
        ('key_file = "hub.key"', "", "matchers.rail.cert_file, key_file"),
        ('ca_file = "rail.pem"', 'ca = "rail.pem"', "matchers.rail.ca"),
        (f'wrapping_key = "{KEY}"', "", "wrapping_key"),
        ('url = "https://rail.example"', "url = 5", "url"),
    ],
)
def test_a_slip_in_the_entry_of_a_matcher_is_named(tmp_path: Path, right: str, wrong: str, entry: str) -> None:
    with pytest.raises(Malformed) as refused:
        load_settings(str(write(tmp_path, RAIL.replace(right, wrong, 1))), environ={})
    assert entry in refused.value.message("zh")


def test_only_while_an_event_is_in_force_a_table_holds_areas_by_the_plan_in_force(tmp_path: Path) -> None:
    settings = replace(load_settings(str(write(tmp_path, "")), environ={}), home=tmp_path / "home")
    with open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min=CLOCKS_MIN) as works:
        side = hub_side(works)
        ingest(area_rows(), Page("areas", (), "1", SYNTHETIC), Target(works.store, settings.hub.hub_id, "risk_areas"))
        assert make_table(side, NOW)[1] == NOTHING
        at_min = epoch_minute(NOW)
        said = Declaration(SCENE, "covid-19", "basis", "boss", at_min, at_min + 1440, SYNTHETIC)
        declare_emergency(works.ledger, said, anyone)
        table, listing = make_table(side, NOW)
        assert {area.area_key for area in listing.areas.areas()} == {"a1", "a2", "b1", "d1"}
        plan = get_plan_in_force(PROFILES, "covid-19", NOW.date())
        assert (table.rule.lookback_d, table.rule.levels) == (plan.area_lookback_d.value, ("high", "medium"))
        with publishing(works) as publisher:
            assert publisher is None  # hub.toml names no matcher


def test_a_hub_that_names_a_matcher_makes_its_table_at_once(tmp_path: Path) -> None:
    matcher = f'[matchers.rail]\nurl = "http://127.0.0.1:9"\nwrapping_key = "{KEY}"\n'
    settings = replace(load_settings(str(write(tmp_path, matcher)), environ={}), home=tmp_path / "home")
    with (
        open_works(settings, clock=lambda: NOW, real_clock=lambda: NOW, clocks_min=CLOCKS_MIN) as works,
        publishing(works) as publisher,
    ):
        assert publisher is not None
        assert publisher._thread is not None
        for _ in range(200):
            if publisher.states()[0].error:
                break
            publisher._thread.join(0.05)
        state = publisher.states()[0]
    assert (state.version, state.sent_version, state.error) == (1, 0, "connectors.common.http_unreachable")
