"""What was erased, as it is written down: in the store, and beside the keys of every backup within reach."""

import json
from collections.abc import Mapping
from pathlib import Path

from hubtwin.stores.backup import KEYS_FOLDER
from hubtwin.stores.sqlite import fsync, query
from hubtwin.stores.vault import KEYS_FILE, VAULT_FILE

ERASED_EVENT, ERASED_FILE = "RowsErased", "ERASED.jsonl"


def list_erasures(place: Path) -> list[Mapping[str, object]]:
    """Return what was erased from a store, or is known to be erased from what a backup holds, oldest first."""
    found: dict[str, Mapping[str, object]] = {}
    if (place / "rows.sqlite").is_file():
        sql = f"SELECT payload FROM events WHERE kind = '{ERASED_EVENT}' ORDER BY seq"  # noqa: S608
        for (payload,) in query(place / "rows.sqlite", sql):
            found.setdefault(id_of(json.loads(str(payload))), json.loads(str(payload)))
    for folder in (place, place / KEYS_FOLDER):
        if (folder / ERASED_FILE).is_file():
            for line in (folder / ERASED_FILE).read_text(encoding="utf-8").splitlines():
                found.setdefault(id_of(json.loads(line)), json.loads(line))
    return list(found.values())


def tell_copies(store_dir: Path) -> list[Path]:
    """Write beside the keys of every backup within reach what was erased here; return these backups.

    One that is out of reach is followed up by the vault; `erasure.restore_forgetting` asks a later backup or the store.
    """
    if not (store_dir / VAULT_FILE).is_file():
        return []
    told, reached = list_erasures(store_dir), []
    for (path,) in query(store_dir / VAULT_FILE, "SELECT path FROM copies ORDER BY path"):
        folder = Path(str(path)).parent
        if (folder / KEYS_FILE).is_file():
            known = {id_of(each): each for each in list_erasures(folder)}
            lines = [*known.values(), *(each for each in told if id_of(each) not in known)]
            draft = folder / f"{ERASED_FILE}.draft"
            text = "".join(json.dumps(each, ensure_ascii=False, sort_keys=True) + "\n" for each in lines)
            draft.write_text(text, encoding="utf-8")
            fsync(draft)
            draft.replace(folder / ERASED_FILE)
            fsync(folder)
            reached.append(folder.parent)
    return reached


def id_of(told: Mapping[str, object]) -> str:
    """Return what makes two accounts of an erasure the same one."""
    return json.dumps([told["dataset"], told["where"], told["why"], told["at_min"]], sort_keys=True)
