"""Where two byte strings differ first, shown so that a person sees it."""

from __future__ import annotations

_CONTEXT_BYTES = 24


def first_offset(expected: bytes, got: bytes) -> int:
    """Offset of the first differing byte; the length of the shorter one if it is a prefix of the other."""
    low, high = 0, min(len(expected), len(got))
    if expected[:high] == got[:high]:
        return high
    while high - low > 1:  # got[:low] is equal, got[:high] is not
        middle = (low + high) // 2
        if expected[:middle] == got[:middle]:
            low = middle
        else:
            high = middle
    return low


def escaped(data: bytes) -> str:
    """data with everything that is not printable ASCII as an escape."""
    return repr(data)[2:-1].replace("\\'", "'")


def describe(expected: bytes, got: bytes) -> str:
    """Two lines with what was expected and what came around the first differing byte."""
    offset = first_offset(expected, got)
    return (
        f"first difference at byte {offset}\n"
        f"  expected {_excerpt(expected, offset)}\n"
        f"  got      {_excerpt(got, offset)}"
    )


def _excerpt(data: bytes, offset: int) -> str:
    start, end = max(0, offset - _CONTEXT_BYTES), offset + _CONTEXT_BYTES
    before = ("…" if start else "") + escaped(data[start:offset])
    after = escaped(data[offset:end]) + ("…" if end < len(data) else "")
    ending = "" if offset < len(data) else "<end>"
    return f"{before}»{after}{ending} ({len(data)} bytes)"
