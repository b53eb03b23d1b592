"""What the five routes have to answer, by docs/SPEC.md, of the built-in dataset."""

from __future__ import annotations

import json
import random

RECORDS = 1000
MILLION = 1_000_000
WELCOME = b"Welcome!\n"
# The JSON of the first K records: kept, as a soak asks for few K.
_encoded: dict[int, bytes] = {}


def records_json(count: int) -> bytes:
    """The JSON of the first `count` built-in records."""
    if count not in _encoded:
        records = [
            {
                "id": i,
                "name": "My name",
                "description": "Some words on here so it looks full",
                "type": "U",
                "count": 33,
                "created_at": 1569882498.9117897 + i * 39 / 4194304,
            }
            for i in range(count)
        ]
        _encoded[count] = json.dumps(records, ensure_ascii=False, separators=(",", ":")).encode()
    return _encoded[count]


def loop(n: int, seed: int) -> int:
    """The result of /million-loop, step by step."""
    acc = seed
    for i in range(n):
        acc += i
        if acc & 1:
            acc = MILLION - acc
    return acc


def any_request(route: str, rng: random.Random) -> tuple[str, bytes]:
    """A target of the route with parameters by chance, and the body that it has to get."""
    count = rng.choice((0, 1, rng.randrange(2, 200), RECORDS))
    if route == "/":
        return route, WELCOME
    if route == "/parse-msgpack":
        return f"{route}?count={count}", str(count).encode()
    if route == "/encode-json":
        return f"{route}?count={count}", str(len(records_json(count))).encode()
    if route == "/transfer-data":
        return f"{route}?count={count}", records_json(count)
    n, seed = rng.randrange(50_000), rng.randrange(2**31)
    return f"{route}?n={n}&seed={seed}", str(loop(n, seed)).encode()
