"""The query parameters of the routes that ask a database, as docs/SPEC.md demands them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from parameters import ParameterError

MOST_IDS = 100
_IDS = range(2**63)
_LIMITS = range(1, 101)
_TEXT_BYTES_MAX = 64
_LIMIT = 50
_DIGITS_MAX = 19  # of 2^63 - 1


def pairs(query: str) -> list[tuple[str, str]]:
    """The names and values of a query. Raises ParameterError if one is no UTF-8."""
    try:
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise ParameterError("the query is no UTF-8") from error


def one_id(query: str) -> int:
    """The row that is asked for."""
    return _number("id", _values(query, "id")["id"], _IDS)


def many_ids(query: str) -> list[int]:
    """The rows that are asked for, in their order."""
    words = _values(query, "ids")["ids"].split(",", MOST_IDS)
    if len(words) > MOST_IDS:
        raise ParameterError(f"ids must be at most {MOST_IDS} numbers")
    return [_number("ids", word, _IDS) for word in words]


def search(query: str) -> tuple[str, int]:
    """The category that is asked for, and the most rows."""
    values = _values(query, "q", "limit")
    text = values["q"]
    # No text of PostgreSQL holds U+0000.
    if not 1 <= len(text.encode("utf-8")) <= _TEXT_BYTES_MAX or "\0" in text:
        raise ParameterError(f"q must be 1 to {_TEXT_BYTES_MAX} bytes of UTF-8 without U+0000")
    return text, _number("limit", values["limit"], _LIMITS) if "limit" in values else _LIMIT


def _values(query: str, needed: str, *others: str) -> dict[str, str]:
    """The values of the names, `needed` among them."""
    values: dict[str, str] = {}
    for name, text in pairs(query):
        if name != needed and name not in others:
            raise ParameterError(f"{name} is not a parameter of this path")
        if name in values:
            raise ParameterError(f"{name} is given more than once")
        values[name] = text
    if needed not in values:
        raise ParameterError(f"{needed} is missing")
    return values


def _number(name: str, text: str, limit: range) -> int:
    if not (text.isascii() and text.isdigit()) or len(text.lstrip("0")) > _DIGITS_MAX or int(text) not in limit:
        raise ParameterError(f"{name} must be decimal digits, from {limit[0]} to {limit[-1]}")
    return int(text)
