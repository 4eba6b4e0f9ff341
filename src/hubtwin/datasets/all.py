"""Every dataset by name."""

from hubtwin.datasets import health, panorama, people, screening, transport
from hubtwin.datasets.table import Dataset

DATASETS: dict[str, Dataset] = {
    found.name: found
    for module in (transport, health, people, screening, panorama)
    for found in vars(module).values()
    if isinstance(found, Dataset)
}
