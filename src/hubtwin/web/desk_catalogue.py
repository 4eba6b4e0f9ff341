"""The part of the desk about the catalogue: what is listed, whose it is, who may have it, how it stands."""

from typing import Any, Protocol

from hubtwin.library.search import Narrowed
from hubtwin.model.agency import Person
from hubtwin.web.schemas import catalogue as c


class CatalogueDesk(Protocol):
    """The catalogue. It holds no row of a dataset, and whoever may read it reads all of it."""

    def library(self, who: Person) -> c.LibraryReply:
        """Return the libraries, and what an application may name."""
        ...

    def datasets(self, who: Person, asked: str, narrowed: Narrowed) -> c.DatasetsReply:
        """Return what is found for words in Chinese or English, everything if there are none."""
        ...

    def dataset(self, who: Person, name: str) -> c.DatasetReply:
        """Return a dataset with all that is said of it. Raises Absent."""
        ...

    def dcat(self, who: Person, base: str) -> dict[str, Any]:
        """Return the catalogue in DCAT, things named by addresses below `base`."""
        ...

    def contract(self, who: Person, name: str, version: str) -> str:
        """Return the contract in force as YAML, or the published version that is named. Raises Absent."""
        ...

    def propose_contract(self, who: Person, name: str, content: bytes, *, publish: bool) -> c.ContractReply:
        """Return what a contract changes, and publish it if asked. Raises Absent, Malformed, Denied."""
        ...
