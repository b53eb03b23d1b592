"""The rig: starts contestants, proves that they do the same work, and (later) measures them."""

__version__ = "0.1.0"
