"""Sentences that stand on the page more than once, and where the claims come from."""

from __future__ import annotations

NOTICE = (
    "The figures of this study are of starts, builds, broken data and fixed rates: none of them enters the tables of restmark run, which "
    "measures warm servers at work."
)
LEAD = (
    "What an hour of load does not show: how long a server takes until it is as fast as it gets, what a deploy loses, how long a developer "
    "waits for a build, what broken data does, what becomes of memory, and what all of it comes to in a year. Each is an experiment here, run on "
    "this machine, with a verdict by a rule that was written before the figures were known."
)
ARTICLE = "“Benchmarking Python vs PyPy vs Go vs Rust”, deavid.wordpress.com, 2019"
