"""Least number of shaft turns for an average."""

LEAST_TURNS = 8.0
"""Least turns for an average and for resolved orders."""
FADE = 0.25
"""Least turns of the fade at the ends of an average."""
