"""Levels, spaces and doors of a building model (IFC) as an archive of a venue.

Needs the optional extra `hubtwin[ifc]` (ifcopenshell). `model` reads the building with it, `archive` draws the archive
and needs nothing; so a machine without the extra loses this import and nothing else.
"""
