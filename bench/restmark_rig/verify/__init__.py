"""Proves that a contestant does the work."""
