"""A small hub and a railway beside it: the simulated day of `sim.small`, its files, both sides' certificates."""

import datetime as dt
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hubtwin.base.clock import from_epoch_minute
from hubtwin.connectors.common.tls import ClientCert
from hubtwin.matcher.manifests import Folder, read_timetable
from hubtwin.model.record import Row, Status
from hubtwin.model.risk_table import ListedArea, MatchRule, RiskTable
from hubtwin.sim.day import HubDay, end_min
from hubtwin.sim.small import ZONE, small_day
from hubtwin.sim.wire import list_pages
from hubtwin.stores.signing import Signer
from hubtwin.wiring.railway import make_timetable

HUB = "tiny"
RULE = MatchRule(60, 0.0, "community", ("high", "medium", "low"))
DAY = small_day(1, 600)
NIGHT_MIN = end_min(DAY.world) + 240  # every file of the day is there, and nothing of it is over for long


def lay_down(folder: Path, day: HubDay = DAY) -> Path:
    """Write the manifests and stays of a day into the railway's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in list_pages(day, kinds=("manifest", "stays")):
        (folder / Path(name).name).write_bytes(body)
    return folder


def timetable(path: Path, day: HubDay = DAY) -> Path:
    """Write the timetable of a day as one file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(make_timetable(day.world))
    return path


def folder_of(base: Path, day: HubDay = DAY) -> Folder:
    """Return the railway's folder of a day with everything in it."""
    known = read_timetable((timetable(base / "timetable.zip", day),), ZONE, from_epoch_minute(NIGHT_MIN))
    return Folder(lay_down(base / "manifests", day), ZONE, known)


def areas_of(day: HubDay = DAY) -> tuple[ListedArea, ...]:
    """Return the listed areas of a day's world."""
    return tuple(
        ListedArea(
            one.area_key,
            one.level,
            one.area_code,
            one.street_code,
            one.community,
            "street" if one.street_code else "county",
            one.first_seen_min,
            one.gone_by_min,
            True,
        )
        for one in day.world.listed
    )


def area_rows(day: HubDay = DAY) -> list[Row]:
    """Return the same as rows of RISK_AREAS."""
    names = (
        "area_key",
        "level",
        "area_code",
        "street_code",
        "community",
        "resolution",
        "first_seen_min",
        "gone_by_min",
    )
    places = {"province": "模拟省", "city": "模拟市", "county": "模拟区", "has_exception": False}
    return [Row("risk_areas", {**places, **{n: getattr(one, n) for n in names}}) for one in areas_of(day)]


def table_of(version: int = 1, now_min: int = NIGHT_MIN, **told: Any) -> RiskTable:
    """Return a table over the day's areas; without keys unless told."""
    made: dict[str, Any] = {
        "hub_id": HUB,
        "status": Status.ACTUAL,
        "version": version,
        "made_min": now_min,
        "valid_until_min": now_min + 600,
        "stations": DAY.world.hub_stations,
        "rule": RULE,
        "keys": (),
        "areas": areas_of(),
    }
    return RiskTable(**{**made, **told})


def sealed(signer: Signer, body: dict[str, object]) -> bytes:
    """Return a body as its hub signs it."""
    return signer.seal(body).encode()


@dataclass(frozen=True)
class Authority:
    """A small authority of both sides, and the files it has made."""

    folder: Path
    ca: Path
    server: ClientCert
    client: ClientCert


def make_authority(folder: Path, name: str = "ca") -> Authority:
    """Make an authority, a certificate for the matcher on 127.0.0.1 and one for the hub."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} of the test")])
    made = _builder(subject, subject, key.public_key())
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    made = made.add_extension(usage, critical=True)
    made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    ca = folder / f"{name}.pem"
    ca.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    issued = [_issue(folder, f"{name}-{who}", subject, key) for who in ("server", "client")]
    return Authority(folder, ca, *issued)


def _issue(folder: Path, name: str, issuer: x509.Name, authority: ec.EllipticCurvePrivateKey) -> ClientCert:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = _builder(subject, issuer, key.public_key()).add_extension(names, critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key())
    made = made.add_extension(identifier, critical=False)
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(made.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    private = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key_file.write_bytes(key.private_bytes(*private))
    return ClientCert(cert_file, key_file)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    start, end = now - dt.timedelta(days=1), now + dt.timedelta(days=1)
    return x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number(), start, end)
