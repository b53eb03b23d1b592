"""Brings what contestants need: packages from Debian, and toolchains from a language registry where Debian's are too old."""
