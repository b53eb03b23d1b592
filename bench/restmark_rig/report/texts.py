"""Texts of the report that are the same for every run."""

from __future__ import annotations

from ..model.results import (
    ACK_STALL,
    BYTE_MISMATCH,
    CENSORED,
    CLIENT_BOUND,
    DATABASE_BOUND,
    ERRORS,
    LOST_CLIENT,
    NOISY,
    STARVED,
    THROTTLED,
    TUNED,
    ContestantRecord,
    Results,
)
from ..model.workloads import (
    DB_ROUTES,
    ORM_ROUTES,
    ROUTE_CACHE_JSON,
    ROUTE_CACHE_RECORDS,
    ROUTE_ENCODE,
    ROUTE_LOOP,
    ROUTE_PARSE,
    ROUTE_RECORD,
    ROUTE_ROOT,
    ROUTE_TRANSFER,
    ROUTE_VALIDATE,
    ROUTE_WAIT,
)

OK_BADGE = "ok"
LIMIT_TITLE = "Bare epoll loop"


TUNED_MARK = "*"
TUNED_MEANS = f"{TUNED_MARK} tuned: what an expert would ship"


def title_of(record: ContestantRecord) -> str:
    """What a contestant is called, with a mark behind a tuned one.

    The bare loop is no limit by its name alone: somebody may be below it.
    """
    if record.is_limit:
        return LIMIT_TITLE
    return record.title + TUNED_MARK if record.level == TUNED else record.title


_TASKS = {
    ROUTE_ROOT: "HTTP alone",
    ROUTE_PARSE: "parsing MessagePack",
    ROUTE_ENCODE: "encoding JSON",
    ROUTE_TRANSFER: "sending {kb} kB",
    ROUTE_LOOP: "computing",
    ROUTE_VALIDATE: "checking a body",
    ROUTE_WAIT: "waiting",
    ROUTE_RECORD: "finding a route",
    **dict(zip(DB_ROUTES, ("reading a row", "reading 20 rows", "searching", "changing a row"), strict=True)),
    **dict(zip(ORM_ROUTES, ("a row by the ORM", "20 rows by the ORM", "searching by the ORM", "changing by the ORM"), strict=True)),
    ROUTE_CACHE_RECORDS: "parsing cached records",
    ROUTE_CACHE_JSON: "cached records as JSON",
}


def task(route: str, results: Results) -> str:
    """What a workload is, in two words."""
    return _TASKS[route].format(kb=round(results.settings.dataset_json_bytes / 1000))


# name -> (badge, what it means)
VERDICTS = {
    BYTE_MISMATCH: (
        "wrong bytes",
        "An answer was not, byte for byte, the one defined: the server did other work than the others.",
    ),
    ERRORS: ("errors", "Requests failed or were answered with an error; failing is cheaper than working."),
    CENSORED: (
        "censored",
        "The latencies look better than they are, or depend on how long the load lasted: answers did not come within the client's "
        "timeout, a fixed rate was not reached, or a slice was too short for two answers on each connection.",
    ),
    STARVED: (
        "starved",
        "The server did not use the CPU time it could have used although requests were waiting: it slept, or others "
        "had its CPUs. Requests/s then is not its limit.",
    ),
    ACK_STALL: (
        "ack stall",
        "The server sends head and body of an answer apart, and the second one waits for the client's delayed "
        "acknowledgement, about 40 ms.",
    ),
    THROTTLED: ("throttled", "A CPU quota of the control group held the server back."),
    NOISY: (
        "noisy",
        "Other processes or the hypervisor took CPU time, or the rounds lie so far apart that their "
        "median says little.",
    ),
    CLIENT_BOUND: (
        "client-bound",
        "Not the server set the pace but what loads it: the load generator's CPUs were full, or others had them, or it sent late; of several load "
        "machines one stood still, or the network to them was the limit. Requests/s and latency are then the load's, not the server's. "
        "CPU per request and memory are not touched by that and stay comparable.",
    ),
    LOST_CLIENT: (
        "lost client",
        "A load machine was lost, in this round or before it: fewer machines than planned made the load, and what the lost one had asked is in no "
        "figure. CPU per request and memory stay comparable.",
    ),
    DATABASE_BOUND: (
        "database-bound",
        "The database or the cache set the pace: its CPUs were full, or the server waited for its answers. Requests/s is then about the same for "
        "all languages; CPU per request stays comparable.",
    ),
}

_DATABASE = (
    "Reads one row of a PostgreSQL table by its primary key, another one for each request.",
    "Reads 20 rows by their ids in one query, others for each request, and answers in the order asked.",
    "Reads the newest 50 of a category's rows out of 10 000 by an index, joined with their owners.",
    "Reads a row FOR UPDATE, computes in the server, writes it, and commits: a transaction that has reached the disk.",
)
WORKLOADS = {
    ROUTE_ROOT: "A fixed text of 9 bytes: what is left is the cost of HTTP itself.",
    ROUTE_PARSE: "Decodes every MessagePack record from its bytes, for each request; answers with their number.",
    ROUTE_ENCODE: "Encodes all decoded records as one JSON array, for each request; answers with its length.",
    ROUTE_TRANSFER: "Sends the JSON array, which was encoded once at the start: moving bytes through the socket.",
    ROUTE_LOOP: "A million dependent steps of integer arithmetic: the language alone.",
    ROUTE_VALIDATE: "Takes one record as JSON by POST, checks it by a schema, and answers with what it decoded, encoded anew.",
    ROUTE_WAIT: "Waits 100 ms without using the CPU, as a request does whose database is slow: no more requests/s than ten times as many "
    "as the server holds at a time, whatever its language. CPU per request is what waiting costs.",
    ROUTE_RECORD: "Finds its route among a hundred, and encodes one decoded record, another one for each request.",
    **dict(zip(DB_ROUTES, _DATABASE, strict=True)),
    **dict(zip(ORM_ROUTES, (f"{text} Through the language's ORM." for text in _DATABASE), strict=True)),
    ROUTE_CACHE_RECORDS: "Reads about 1000 MessagePack records out of Redis by one MGET, and parses each; answers with their number.",
    ROUTE_CACHE_JSON: "Reads about 1000 MessagePack records out of Redis by one MGET, parses each, and encodes them as one JSON array.",
}

LOOPBACK_BIAS = "Loopback has no network in it: no loss, no latency, large segments. TLS and HTTP/2 are not measured."
NETWORK_BIAS = (
    "Latencies have the network between load machines and server in them, which is the same for all contestants and dulls their differences. TLS and HTTP/2 "
    "are not measured."
)
BIAS = (
    "restmarkd and restmarkd-tree were written by the people who wrote this rig, and tuned on these very workloads. "
    "The other contestants are written as a competent user of each framework would write them; their specialists could "
    "make some of them faster. Improvements are welcome: a contestant is one folder.",
    "The workloads are small, and five of them repeat a published comparison of languages. None of those five talks to a database; "
    "a service that waits for one gains less than their tables suggest: --workload db, orm and cache measure that.",
    LOOPBACK_BIAS,
    "With one CPU for the server nothing is said about how contestants scale; with several, contestants that balance "
    "connections badly among workers look worse.",
)
