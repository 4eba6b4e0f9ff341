"""The tables of the library, declared once, with the sensitivity of every column."""
