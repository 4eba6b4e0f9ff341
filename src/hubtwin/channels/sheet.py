"""Cells that a spreadsheet must take as text: whoever opens a file of ours runs nothing that somebody typed."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def begins_like_formula(text: str) -> bool:
    """Tell whether a spreadsheet may take a text for a formula: it begins with = + - @ or a control character."""
    return text.startswith(_FORMULA)


def as_text(text: str) -> str:
    """Return a text for a CSV cell: one that looks like a formula gets an apostrophe, which is no part of it."""
    return f"'{text}" if begins_like_formula(text) else text
