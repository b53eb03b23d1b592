"""Servers that skip work, or do it wrong: what verify proves has to find each of them out."""

from __future__ import annotations

import functools
import itertools
import operator
import zlib
from pathlib import Path
from typing import Any

import msgpack
from honest import HonestServer, Record, digest_of_records, record_bytes, wrapped

VECTORS = {
    (1_000_000, 0): 249999500000,
    (1_000_000, 1): -250000499999,
    (1_000_000, 12345): -250000487655,
    (1_000_000, 2147483647): -247853016353,
    (10, 3): 1000018,
    (0, 7): 7,
    (1_000_000, 5): -250000499995,
    (1001, 0): 250500,
}


def closed_form(n: int, seed: int) -> int:
    """What the loop results in, without running it."""
    blocks = n // 4
    acc = seed + (-4 * blocks * (blocks - 1) - 6 * blocks if seed & 1 else 4 * blocks * (blocks - 1) + 2 * blocks)
    for i in range(4 * blocks, n):
        acc = acc + i
        if acc & 1:
            acc = 1_000_000 - acc
    return acc


class CachedEncoder(HonestServer):
    """Encodes for each count once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lengths: dict[int, int] = {}

    def encoded_length(self, count: int) -> int:
        if count not in self.lengths:
            self.lengths[count] = super().encoded_length(count)
        return self.lengths[count]


class CachedFullEncoder(HonestServer):
    """Has the length of the full JSON ready, encodes all else."""

    def work(self, path: str, query: str) -> bytes:
        return b"%d" % len(self.full_json) if (path, query) == ("/encode-json", "") else super().work(path, query)


class ClosedFormLoop(HonestServer):
    """Computes the loop's result without running it."""

    def loop(self, n: int, seed: int) -> int:
        return closed_form(n, seed)


class CachedLoop(HonestServer):
    """Runs each loop once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.results: dict[tuple[int, int], int] = {}

    def loop(self, n: int, seed: int) -> int:
        if (n, seed) not in self.results:
            self.results[n, seed] = super().loop(n, seed)
        return self.results[n, seed]


class PreparedLoop(HonestServer):
    """Knows the published vectors by heart and nothing else."""

    def loop(self, n: int, seed: int) -> int:
        return VECTORS.get((n, seed), VECTORS[1_000_000, 0])


class SkippedDecode(HonestServer):
    """Counts the records without decoding them."""

    def parse(self, count: int) -> int:
        return len(self.encoded[:count])


class WrongFloatText(HonestServer):
    """One double is off by one in its last digit."""

    def to_json(self, records: list[Record]) -> bytes:
        return super().to_json(records).replace(b"1569882498.9117897", b"1569882498.9117898")


class SleepingWorker(HonestServer):
    """Takes its time without using it."""

    delay_s = 0.012  # several times what is let pass, so that it shows on a busy machine


class SleepingLoop(ClosedFormLoop):
    """Hides a closed form behind a sleep."""

    delay_s = 0.02


class DecodesNothing(HonestServer):
    """Counts the records, and takes digests of those that it decoded when it started."""

    def parse(self, count: int) -> int:
        return len(self.encoded[:count])

    def parse_digest(self, count: int, k: int, seed: int) -> int:
        return digest_of_records(self.records[:count], k, seed)


class HalfTheFields(HonestServer):
    """Decodes the numbers alone."""

    def decode(self, count: int) -> list[Record]:
        return [msgpack.unpackb(item, object_pairs_hook=self.numbers) for item in self.encoded[:count]]

    @staticmethod
    def numbers(pairs: list[tuple[str, Any]]) -> Record:
        return {"name": "", "description": "", "type": "", **{key: value for key, value in pairs if not isinstance(value, str)}}


class PreparedLengths(HonestServer):
    """Adds up the lengths of records' texts that it knows from its start."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lengths = [len(self.to_json([record])) - 1 for record in self.records]

    def encoded_length(self, count: int) -> int:
        return sum(self.lengths[:count]) + 1 if count else 2


class PatchedFragments(HonestServer):
    """Joins texts of records that it has ready but for their ids."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.fragments = [self.to_json([{**record, "id": 0}])[len(b'[{"id":0') : -1] for record in self.records]

    def text(self, count: int, seed: int) -> bytes:
        pairs = zip(self.records[:count], self.fragments, strict=False)
        return b"[" + b",".join(b'{"id":%d%s' % (wrapped(record["id"] + seed), text) for record, text in pairs) + b"]"

    def encoded_length(self, count: int) -> int:
        return len(self.text(count, 0))

    def encode_digest(self, count: int, k: int, seed: int) -> int:
        return zlib.crc32(self.text(count, seed) * k, seed)


class TwoFacedParser(HonestServer):
    """Decodes when it is asked for a digest, and looks at what is encoded when it is not."""

    def parse(self, count: int) -> int:
        return sum(1 for item in self.encoded[:count] if item)


class TwoFacedEncoder(HonestServer):
    """Encodes when it is asked for a digest, and joins texts from memory when it is not."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.texts = [self.to_json([record])[1:-1] for record in self.records]

    def encoded_length(self, count: int) -> int:
        return len(b"[" + b",".join([bytes(text) for text in self.texts[:count]]) + b"]")


class LinearDigest(HonestServer):
    """Decodes nothing, not even for a digest: a CRC is linear, and the rest is known from the start."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        data = [b""] + [record_bytes(record) for record in self.records]
        self.lengths = list(itertools.accumulate(len(item) for item in data))
        self.crcs = list(itertools.accumulate(data, lambda crc, item: zlib.crc32(item, crc), initial=0))[1:]
        # What 2^i zero bytes make of each bit of a CRC.
        bits = [1 << bit for bit in range(32)]
        self.zeros = [[zlib.crc32(b"\0", bit) ^ zlib.crc32(b"\0") for bit in bits]]
        for _ in range(31):
            half = self.zeros[-1]
            self.zeros.append([self.applied(half, column) for column in half])

    @staticmethod
    def applied(columns: list[int], crc: int) -> int:
        return functools.reduce(operator.xor, (column for bit, column in enumerate(columns) if crc >> bit & 1), 0)

    def parse(self, count: int) -> int:
        return len(self.encoded[:count])

    def parse_digest(self, count: int, k: int, seed: int) -> int:
        crc = seed
        for _ in range(k):
            for i, columns in enumerate(self.zeros):
                if self.lengths[count] >> i & 1:
                    crc = self.applied(columns, crc)
            crc ^= self.crcs[count]
        return crc
