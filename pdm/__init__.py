"""pdm: predictive maintenance a plant can trust."""

__version__ = "0.1.0"
