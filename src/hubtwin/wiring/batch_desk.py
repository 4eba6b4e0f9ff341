"""Batches of a hub opened together: vault, books, wire, the shipped templates, and the platform that hub.toml names."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from hubtwin.base.clock import Clock, epoch_minute
from hubtwin.base.errors import Denied, Malformed
from hubtwin.channels.receive import Reception
from hubtwin.ports import Scene
from hubtwin.settings import Settings, find_data_dir
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.batches import BatchBooks
from hubtwin.stores.vault import Vault
from hubtwin.wiring.batches import TEMPLATES, Batching, load_templates
from hubtwin.wiring.partners import lines_of, make_sender, open_partners, reception_of
from hubtwin.wiring.plugs import SCENES, directory_of, load

PROFILE = "province"


@contextmanager
def open_batching(settings: Settings, clock: Clock) -> Iterator[Batching]:
    """Open the batches of a hub for the time of a block, beside a service that may be running.

    Raises Denied where hub.toml names no platform, and what the stores raise.
    """
    hub, directory = settings.hub, directory_of(settings)
    scene: Scene = load(next(iter(SCENES.values())))
    templates = load_templates(find_data_dir() / TEMPLATES, scene.disclosures.profiles)
    partner = find_platform(settings, clock())
    lines = {name: line for name, line in lines_of(settings.partners, hub.hub_id).items() if name == partner}
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(Vault(directory, clock=clock, record=lambda *told: None)) as vault:
        books = BatchBooks(directory, VaultKeys(vault), epoch_minute(clock()))
        partners = open_partners(directory, hub.hub_id, epoch_minute(clock()))
        with closing(books), closing(partners.wire):
            send = make_sender(partners, lines)
            yield Batching(books, partners.wire, templates, partner, hub.zone, send, status=settings.status)


def find_platform(settings: Settings, now: datetime) -> str:
    """Return the partner that is told under the profile of the platform above, today. Raises Denied."""
    day = now.astimezone(settings.hub.zone).date()
    found = [name for name, told in settings.partners.items() if PROFILE in told.partner.profiles(day)]
    if len(found) != 1:
        raise Denied("wiring_no_platform", profile=PROFILE, count=len(found))
    return found[0]


def reception(settings: Settings) -> Reception:
    """Return how the hub receives."""
    return reception_of(settings.partners, settings.hub.hub_id, settings.hub.zone, settings.status)


def read_facts(file: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the facts of persons from a file of JSON lines, one a person. Raises Malformed naming the line."""
    with file.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                told = json.loads(line)
            except ValueError as error:
                raise Malformed("wiring_bad_facts", file=file.name, line=number) from error
            if not isinstance(told, dict):
                raise Malformed("wiring_bad_facts", file=file.name, line=number)
            yield told
