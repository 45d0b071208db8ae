"""How many turns of a shaft an average needs."""

LEAST_TURNS = 8.0
"""Turns under which nothing is averaged and no order is parted from its neighbours."""
FADE = 0.25
"""Turns over which an average fades in and out at least."""
