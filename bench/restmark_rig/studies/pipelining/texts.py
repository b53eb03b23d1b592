"""Sentences that stand on the page more than once."""

from __future__ import annotations

NOTICE = (
    "The figures of this study never enter the tables of restmark run, which measures without pipelining: no browser, no proxy and hardly any "
    "HTTP client sends a request before the last one is answered."
)
LEAD = (
    "An essay of 2020, “HTTP Pipelining is useless … please stop publishing benchmarks with pipelining enabled”, makes claims that can be put to "
    "the test. Each is an experiment here, run on this machine, with a verdict by a rule that was written before the figures were known."
)
ESSAY = "“HTTP Pipelining is useless”, deavid.wordpress.com, 2020"
RFC_PIPELINING = "RFC 9112, section 9.3.2 (pipelining)"
EQUAL_FLIGHT = "equal requests in flight"
EQUAL_CONNECTIONS = "equal connections"
