"""Every dataset by name."""

from hubtwin.datasets import health, people, screening, transport
from hubtwin.datasets.table import Dataset

DATASETS: dict[str, Dataset] = {
    found.name: found
    for module in (transport, health, people, screening)
    for found in vars(module).values()
    if isinstance(found, Dataset)
}
