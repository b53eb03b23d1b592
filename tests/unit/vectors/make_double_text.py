#!/usr/bin/python3
"""Print the vectors of tests/unit/double_text.c: the bits of a double, and what Python's repr() makes of it.

    tests/unit/vectors/make_double_text.py > tests/unit/vectors/double_text.inc
"""

import math
import random
import struct

SEED = 20190930


def bits(value: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", value))[0]


def from_bits(pattern: int) -> float:
    return struct.unpack("<d", struct.pack("<Q", pattern))[0]


def values() -> list[float]:
    chosen = [0.0, -0.0, 1.0, -1.0, 0.1, 0.2, 0.3, 1 / 3, 2 / 3, 5.0, 100.0, 123456789.0, 1e21, 1e22, 1e23, 9007199254740993.0]
    # where the notation changes, and the neighbours
    for edge in (1e-4, 1e16, 1e-5, 1e15, 1e17):
        chosen += [edge, math.nextafter(edge, 0), math.nextafter(edge, math.inf), -edge]
    # the ends of the range, denormals
    for pattern in (1, 2, 3, 0xF, 0xFFFFFFFFFFFFF, 0x10000000000000, 0x10000000000001, 0x7FEFFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFE):
        chosen += [from_bits(pattern), -from_bits(pattern)]
    chosen += [float(f"1e{exponent}") for exponent in range(-323, 309, 7)]
    chosen += [2.0**exponent for exponent in range(-1074, 1024, 31)]
    # the dataset's times
    chosen += [1569882498.9117897 + i * 39 / 2**22 for i in (0, 1, 2, 3, 10, 99, 500, 999, 999999)]
    chosen += [-1.2345678901234567e-308, 5e-324, 4.35, 0.000123456789, 1234567890123456.7]
    rng = random.Random(SEED)
    while len(chosen) < 500:
        value = from_bits(rng.getrandbits(64))
        if math.isfinite(value):
            chosen.append(value)
    chosen += [rng.uniform(-1e6, 1e6) for _ in range(50)]
    chosen += [rng.randrange(10**rng.randrange(1, 18)) / 10 ** rng.randrange(0, 12) for _ in range(100)]
    return chosen


print("/* Made by make_double_text.py: do not edit. */")
for value in dict.fromkeys(bits(v) for v in values()):
    print(f'{{ UINT64_C(0x{value:016x}), "{from_bits(value)!r}" }},')
