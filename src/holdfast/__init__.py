"""Holdfast: from one contract to a prediction that can be replayed."""

__version__ = "0.1.0"
