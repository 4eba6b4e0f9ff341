"""The commands. Thin: they parse, call `wiring`, and print."""

from hubtwin.cli.app import main

__all__ = ["main"]
