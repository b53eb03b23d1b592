"""Contestants: their manifests, what they need, and the cache in which they are built."""
