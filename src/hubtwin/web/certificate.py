"""A certificate of the hub's own for TLS, for a first start; a hub in operation is given one by its authority."""

import os
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CERT_FILE, KEY_FILE = "tls-cert.pem", "tls-key.pem"
VALID_D = 397  # browsers refuse a server certificate that lasts longer than 398 days
RENEW_D = 30


def ensure_certificate(folder: Path, host: str, now: datetime) -> tuple[Path, Path, str]:
    """Return certificate, key (mode 0600) and SHA-256 fingerprint; made anew where there is none, where it ends within
    a month, or where it is for another host.
    """
    cert_file, key_file = folder / CERT_FILE, folder / KEY_FILE
    if not (cert_file.is_file() and key_file.is_file() and _fits(cert_file, host, now)):
        _make(cert_file, key_file, host, now)
    found = x509.load_pem_x509_certificate(cert_file.read_bytes())
    return cert_file, key_file, found.fingerprint(hashes.SHA256()).hex(":").upper()


def _fits(cert_file: Path, host: str, now: datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(cert_file.read_bytes())
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return False
    return _name(host) in list(names) and found.not_valid_after_utc > now + timedelta(days=RENEW_D)


def _make(cert_file: Path, key_file: Path, host: str, now: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hubtwin")])
    names = dict.fromkeys([_name(host), _name("127.0.0.1"), _name("localhost")])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_D - 1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    cert_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.unlink(missing_ok=True)
    with os.fdopen(os.open(key_file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(private)
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
