"""Measurements beside the run: memory, a first look, restmarkd against its goals, one load generator against another."""
