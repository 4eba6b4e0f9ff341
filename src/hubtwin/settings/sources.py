"""The blocks of hub.toml about live sources and matchers: where they are, and what opens the way to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hubtwin.model.source import NO_CARE, Care
from hubtwin.settings.care import CARE, read_care, read_flag
from hubtwin.settings.reading import Wrong, read_number, read_table, read_text, refuse_unknown

Entry = TypeVar("Entry")
RECORD_LIMITS = {"record_max_mb": (2048, 1_000_000), "record_max_days": (7, 14)}  # usual, most; days: retention.toml
TLS_FILES = ("ca_file", "cert_file", "key_file")


@dataclass(frozen=True)
class SourceSettings:
    """Where a live source is. `secret_env` names the variable of the environment that holds its token or password;
    the three files (PEM) are for a source over HTTPS with an authority of its own, or one that asks who we are.
    With `record` its raw pages are kept, at most so many megabytes and days. `care` is how it is looked after.
    """

    url: str
    user: str | None = None
    secret_env: str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    record: bool = False
    record_max_mb: int = 2048
    record_max_days: int = 7
    care: Care = NO_CARE


@dataclass(frozen=True)
class MatcherSettings:
    """A matcher of a railway: its address, its receiving key in hexadecimal, and files (PEM) for mutual TLS."""

    url: str
    wrapping_key: str
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None


def read_each(
    told: Mapping[str, Any], block: str, read: Callable[[Mapping[str, Any], str, Path], Entry], hub_file: Path
) -> dict[str, Entry]:
    """Return the entries of a block by name, each as `read` makes it. Raises Wrong."""
    entries = read_table(told, block)
    return {name: read(entries, name, hub_file) for name in entries}


def read_source(block: Mapping[str, Any], name: str, hub_file: Path) -> SourceSettings:
    """Return where a live source is. Raises Wrong."""
    told = read_table(block, name)
    prefix = f"sources.{name}."
    refuse_unknown(told, prefix, ("url", "user", "secret_env", *TLS_FILES, "record", *RECORD_LIMITS, *CARE))
    ca_file, cert_file, key_file = read_tls_files(told, prefix, hub_file)
    most_mb, most_days = (
        read_number({limit: usual, **told}, limit, 1, most) for limit, (usual, most) in RECORD_LIMITS.items()
    )
    return SourceSettings(
        read_text(told, "url"),
        told.get("user"),
        told.get("secret_env"),
        *(ca_file, cert_file, key_file),
        record=read_flag(told, "record", prefix),
        record_max_mb=most_mb,
        record_max_days=most_days,
        care=read_care(told, prefix),
    )


def read_matcher(block: Mapping[str, Any], name: str, hub_file: Path) -> MatcherSettings:
    """Return where a matcher is. Raises Wrong."""
    told = read_table(block, name)
    refuse_unknown(told, f"matchers.{name}.", ("url", "wrapping_key", *TLS_FILES))
    files = read_tls_files(told, f"matchers.{name}.", hub_file)
    return MatcherSettings(read_text(told, "url"), read_text(told, "wrapping_key"), *files)


def read_tls_files(told: Mapping[str, Any], prefix: str, hub_file: Path) -> list[Path | None]:
    """Return the three files of an entry, those that are relative beside hub.toml. Both halves of our own, or none."""
    found = [hub_file.parent / read_text(told, name) if name in told else None for name in TLS_FILES]
    if (found[1] is None) != (found[2] is None):
        raise Wrong(f"{prefix}{TLS_FILES[1]}, {TLS_FILES[2]}", "both")
    return found
