"""An access database with an audit, a vault and the returns of streets, and a clock to turn."""

from datetime import UTC, datetime
from pathlib import Path

from hubtwin.stores.audit import Audit
from hubtwin.stores.batch_keys import VaultKeys
from hubtwin.stores.returns import Returns
from hubtwin.stores.signing import Signer
from hubtwin.stores.vault import Vault
from tests.databases import EmbeddedEngine, Engine

NOON = datetime(2026, 11, 27, 4, tzinfo=UTC)


class Town:
    def __init__(self, folder: Path, engine: Engine | None = None) -> None:
        self.now = NOON
        self.database = (engine or EmbeddedEngine()).open(folder, 0)
        self.audit = Audit(self.database, Signer(folder), clock=lambda: self.now)
        self.vault = Vault(folder, clock=lambda: self.now, record=lambda *told: None)
        self.returns = Returns(self.database, self.audit, VaultKeys(self.vault), clock=lambda: self.now)

    def kinds(self) -> list[str]:
        return [each.kind for each in self.audit.list_entries() if each.kind.startswith("Return")]

    def close(self) -> None:
        self.vault.close()
        self.database.close()
