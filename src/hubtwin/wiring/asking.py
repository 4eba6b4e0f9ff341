"""The hub asks a matcher: over mutual TLS, with answers that are checked before they are believed."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx

from hubtwin.base.clock import epoch_minute
from hubtwin.base.errors import Denied, Malformed, Retry
from hubtwin.base.ids import stable_key
from hubtwin.connectors.common.http import public_address
from hubtwin.connectors.common.tls import ClientCert, trusting
from hubtwin.datasets.health import RISK_HITS
from hubtwin.model.pathogen import Pathogen
from hubtwin.model.risk_table import CotravelQuery
from hubtwin.rules.privacy import epoch_of, moment_min
from hubtwin.wiring.risk_tables import HubSide, seal, wrapped

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Peer:
    """A matcher: its address, the key that the hub's keys are wrapped for, and how both sides know each other."""

    name: str
    url: str
    wrapping_key: str
    ca_file: Path | None = None
    client: ClientCert | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is asked about a run: the cases aboard by pseudonym, the plan, and the officer who decided on it."""

    trip_id: str
    service_date: date
    cases: tuple[str, ...]
    plan: Pathogen
    decided_by: str = ""


def ask_cotravel(hub: HubSide, peer: Peer, asked: Trace, now: datetime) -> Mapping[str, Any]:
    """Ask a matcher who travelled along with confirmed cases; return its answer (`matcher.engine.list_traced`).

    Nothing is sent where the plan says not to trace: that is the answer then. Raises Retry (not reached), Denied
    (refused, or the key of the epoch was destroyed).
    """
    now_min = epoch_minute(now)
    if not asked.plan.traces_cotravellers:
        return {"pathogen_id": asked.plan.pathogen_id, "traced": False}
    decides = moment_min(RISK_HITS, {"trip_id": asked.trip_id, "service_date": asked.service_date})
    assert decides is not None, "a hit has its service date in its key"
    epoch = epoch_of(decides)
    key = hub.vault.find_epoch_key(epoch)
    if key is None:
        raise Denied("rules.epoch_destroyed", epoch=epoch)
    query = CotravelQuery(
        hub_id=hub.hub_id,
        status=hub.store.status,
        query_id=stable_key(hub.hub_id, asked.trip_id, asked.service_date, *sorted(asked.cases), now_min),
        made_min=now_min,
        trip_id=asked.trip_id,
        service_date=asked.service_date,
        cases=tuple(sorted(asked.cases)),
        pathogen_id=asked.plan.pathogen_id,
        on=now.astimezone(hub.zone).date(),
        decided_by=asked.decided_by,
        key=wrapped(hub, peer.wrapping_key, epoch, key),
    )
    answer = ask(peer, "POST", "cotravel", seal(hub.signer, query.body()))
    check(peer, answer)
    return told_by(peer, answer)


def fetch_status(peer: Peer) -> Mapping[str, Any]:
    """Return what a matcher says of itself. Raises Retry, Denied, Malformed."""
    answer = ask(peer, "GET", "status")
    check(peer, answer)
    return told_by(peer, answer)


def ask(peer: Peer, method: str, path: str, content: Any = None) -> httpx.Response:
    """Return the answer of a matcher. Raises Retry where it cannot be reached, Denied for an address that is none."""
    name = public_address(peer.url)
    try:
        verify = trusting(peer.ca_file, peer.client)
        with httpx.Client(timeout=TIMEOUT_S, trust_env=False, verify=verify) as client:
            return client.request(method, f"{peer.url.rstrip('/')}/{path}", content=content)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as problem:
        raise Denied("connectors.common.http_refused", source=name, status=type(problem).__name__) from None
    except httpx.HTTPError as problem:
        raise Retry("connectors.common.http_unreachable", source=name, problem=type(problem).__name__) from None
    except OSError as problem:  # of our own certificate files; what a connection does wrong is an httpx error
        raise Denied("wiring_matcher_certificate", source=name, problem=type(problem).__name__) from None


def check(peer: Peer, answer: httpx.Response) -> None:
    """Raise Retry or Denied for an answer that is an error."""
    if answer.status_code == 200:
        return
    name = public_address(peer.url)
    if answer.status_code >= 500:
        raise Retry("connectors.common.http_failed", source=name, status=answer.status_code)
    raise Denied("wiring_matcher_refused", source=name, status=answer.status_code, reason=reason_of(answer))


def reason_of(answer: httpx.Response) -> str:
    """Return the key of the error that a matcher answered with; empty where it said none."""
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["error"])[:100]
    return ""


def told_by(peer: Peer, answer: httpx.Response) -> Mapping[str, Any]:
    """Return what an answer says. Raises Malformed."""
    try:
        told = answer.json()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Malformed("wiring_matcher_unreadable", source=public_address(peer.url))
    return told
