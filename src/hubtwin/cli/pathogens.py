"""The pathogen profiles as a page of text: each figure, its source, and how sure it is."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from hubtwin.base.text import text
from hubtwin.model.pathogen import Pathogen
from hubtwin.scenes.epidemic.profiles import list_figures


def show_pathogens(console: Console, profiles: Iterable[Pathogen], lang: str) -> None:
    """Print every profile. A figure that is only remembered says so."""
    for profile in profiles:
        console.print(
            f"{profile.name[lang]}  [{profile.pathogen_id}, {profile.valid_from.value}]", style="bold", markup=False
        )
        if not profile.traces_cotravellers:
            console.print(text("cli.pathogen_no_trace", lang))
        table = Table(box=None, pad_edge=False, show_header=False)
        for path, figure in list_figures(profile):
            value = ", ".join(map(str, figure.value)) if isinstance(figure.value, tuple) else str(figure.value)
            evidence = text(f"cli.evidence_{figure.evidence.value}", lang)
            table.add_row(f"  {path}", value, evidence, f"{figure.source.title} {figure.source.url}".strip())
        console.print(table)
