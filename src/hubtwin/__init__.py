"""hubtwin: the operations platform of a large transport hub."""

__version__ = "0.1.0"
