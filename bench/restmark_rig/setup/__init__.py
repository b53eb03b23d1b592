"""Brings what contestants need: Debian's packages, and toolchains from a registry where those are too old."""
