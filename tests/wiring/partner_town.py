"""Partners of a hub in tests: offices with keys of their own, and what they have got."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from hubtwin.channels.jws import Signing
from hubtwin.model.grant import VAULT, VAULT_FIELDS, Grant, Purpose
from hubtwin.model.partner import Agreement, Level, Partner, Taken, Way
from hubtwin.settings import PartnerSettings
from hubtwin.stores.signing import Signer
from tests.flow.loop_story import SCENE
from tests.wiring.hub_kept import KeptHub

FIRST, LAST = date(2022, 1, 1), date(2022, 12, 31)


def agreement(profile: str, takes: frozenset[Taken] = frozenset(Taken), until: date = LAST) -> Agreement:
    return Agreement(f"A-{profile or 'none'}", "as agreed", "Law, article 1", FIRST, until, profile, takes)


def partner(name: str, profile: str, code: str, folder: Path, *, until: date = LAST) -> PartnerSettings:
    """Return a partner with a key of its own that reads a folder."""
    keys = (Signer(folder).public_hex,)
    told = Partner(
        *(name, {"zh": name, "en": name}, Level.CITY, Way.FILES, (code,), keys, (agreement(profile, until=until),))
    )
    return PartnerSettings(told, folder=folder / "drop")


def signing_of(folder: Path) -> Signing:
    signer = Signer(folder)
    return Signing(signer.sign, signer.public_hex)


def town(folder: Path) -> dict[str, PartnerSettings]:
    """Return police and health of the city and the bus of the province."""
    offices = {"city-police": ("police", "3301"), "city-health": ("health", "3301"), "bus": ("bus", "33")}
    return {name: partner(name, profile, code, folder / name) for name, (profile, code) in offices.items()}


def grant_identity(hub: KeptHub, *partners: str) -> list[str]:
    """Let partners know who a person is."""
    now_min = hub.now_min
    return [
        hub.works.access.grants.issue(
            Grant(
                *("", f"partner:{name}", VAULT, frozenset(VAULT_FIELDS), frozenset({Purpose.REPORT})),
                scene=SCENE,
                from_min=now_min,
                until_min=now_min + 30 * 1440,
                issued_by="owner",
                approved_by="guard",
                reason="agreement",
            )
        )
        for name in partners
    ]


def waiting(hub: KeptHub, name: str) -> list[dict[str, Any]]:
    """Return what waits for a partner, as it will read it."""
    assert hub.works.partners is not None
    return [json.loads(one.signed.content) for one in hub.works.partners.wire.list_waiting(name, 1000)]
