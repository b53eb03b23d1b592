"""The sizes of C files and functions, read from their text, which is laid out one way: what begins in the first column with { … } ends there."""

from __future__ import annotations

import re

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60

# The last line of a function's head, with the name of what begins there; tables and types have no parenthesis before the brace.
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)\s*")
HEAD = re.compile(r"^(?![#/ \t}]).*?\b(\w+)\(", re.DOTALL)


def functions(text: str) -> list[tuple[str, int, int]]:
    """Name, first line and number of lines of each function, from its return type to its closing brace."""
    found: list[tuple[str, int, int]] = []
    name, first = "", 0
    begin: int | None = None  # of what stands in the first column
    body = False
    for number, line in enumerate(text.splitlines(), 1):
        if body:
            if line.startswith("}"):
                found.append((name, first, number - first + 1))
                body, begin = False, None
        elif not line or line[0] in "#/*}":
            begin = None
        else:
            if not line[0].isspace():
                begin = begin or number
            if begin and line.endswith("{"):
                head = "\n".join(text.splitlines()[begin - 1 : number])
                match = HEAD.match(ATTRIBUTE.sub("", head))
                if match and re.search(r"\)[^=;]*\{$", head) and "=" not in head.split("(")[0]:
                    name, first, body = match[1], begin, True
                else:
                    begin = None
            elif line.endswith(";"):
                begin = None
    return found


def too_long(name: str, text: str) -> list[str]:
    wrong = []
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        wrong.append(f"{name}: {lines} lines: a file has {FILE_LINES_MAX} at most")
    for function, first, length in functions(text):
        if length > FUNCTION_LINES_MAX:
            wrong.append(f"{name}:{first}: {function}() has {length} lines: a function has {FUNCTION_LINES_MAX} at most")
    return wrong
