"""Measures how transformers store and recall facts."""

__version__ = "0.1.0"
