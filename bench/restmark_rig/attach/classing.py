"""Sorts stacks into classes of work by the table in classes.toml. Pure, but for reading the table and the source lines that it is given a function for."""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("classes.toml")
PYTHON, NATIVE = "python", "native"
HTTP, OWN, LIBRARY = "http", "own", "library"
_STANDARD = re.compile(r"^<|/lib(64)?/python3[.\d]*/(?!(site|dist)-packages)|^(?!/)[\w./]*$")
_INSTALLED = re.compile(r"/(site|dist)-packages/")

LineOf = Callable[[str, int], str]  # path and number of a line -> its text, empty if it can not be read


@dataclass(frozen=True)
class Frame:
    """name: of the function or symbol; file: its source, or the object that holds it; line: 0 where there is none."""

    name: str
    file: str
    line: int = 0


@dataclass(frozen=True)
class Stack:
    """Frames from the outermost to the innermost, and how often they were seen. pid: of the process."""

    pid: int
    frames: tuple[Frame, ...]
    count: int


@dataclass(frozen=True)
class Rule:
    """What it takes is of its class: a pattern of each field, None for what it does not look at."""

    language: str
    key: str
    file: re.Pattern[str] | None
    name: re.Pattern[str] | None
    call: re.Pattern[str] | None


@dataclass(frozen=True)
class Classes:
    """titles: of the classes by key, in the order of the table."""

    titles: dict[str, str]
    rules: tuple[Rule, ...]


@functools.cache
def table() -> Classes:
    """Of the file beside this one."""
    document = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    rules = tuple(
        Rule(one["language"], one["class"], _pattern(one.get("file", one.get("object"))), _pattern(one.get("symbol")), _pattern(one.get("call")))
        for one in document["rule"]
    )
    return Classes(dict(document["classes"]), rules)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return None if text is None else re.compile(text)


def class_of(frames: Iterable[Frame], language: str, line_of: LineOf) -> str:
    """The class of the innermost frame that is of one. A stack without frames is the server's own: it runs no code of its language."""
    inwards = list(frames)
    if not inwards:
        return HTTP
    rules = [rule for rule in table().rules if rule.language == language]
    innermost = inwards[-1]
    if language == PYTHON and innermost.line and (text := line_of(innermost.file, innermost.line)):
        for rule in rules:
            if rule.call is not None and rule.call.search(text):
                return rule.key
    for frame in reversed(inwards):
        for rule in rules:
            if (rule.file and rule.file.search(frame.file)) or (rule.name and rule.name.search(frame.name)):
                return rule.key
        if language == NATIVE:
            continue
        if _INSTALLED.search(frame.file):
            return LIBRARY
        if not _STANDARD.search(frame.file):
            return OWN
    return OWN if language == NATIVE else LIBRARY


def counted(stacks: Iterable[Stack], language: str, line_of: LineOf) -> Counter[str]:
    """Samples by class."""
    found: Counter[str] = Counter()
    for stack in stacks:
        found[class_of(stack.frames, language, line_of)] += stack.count
    return found


# A command line stands in quotation marks, with those that it has itself as they are.
_PROCESS = re.compile(r'process (\d+)(?::".*?")?(?:;|$)', re.DOTALL)
_PROCESS_BEGINS = re.compile(r'process \d+:"')
_FRAME = re.compile(r"(.*?) \(([^()]*?)(?::(\d+))?\)$")


def parse_raw(text: str) -> list[Stack]:
    """What py-spy writes with --format raw --subprocesses --full-filenames: a stack a line, and its count; of command lines it writes the line ends as
    they are, too. Raises ValueError for what is no stack."""
    stacks, begun = [], ""
    for number, line in enumerate(text.split("\n"), 1):
        if not begun and not line:
            continue
        begun = f"{begun}\n{line}" if begun else line
        stack = _stack(begun)
        if stack is not None:
            stacks.append(stack)
            begun = ""
        elif not _PROCESS_BEGINS.match(begun):
            raise ValueError(f"line {number}: no stack with a count: {line[:80]!r}")
    if begun:
        raise ValueError(f"no stack with a count: {begun[:80]!r}")
    return stacks


def _stack(text: str) -> Stack | None:
    """None as long as its command line has not ended, or its count is missing."""
    body, _, count = text.rpartition(" ")
    pid, at = 0, 0
    while (process := _PROCESS.match(body, at)) is not None:
        pid, at = int(process[1]), process.end()
    if not count.isdigit() or _PROCESS_BEGINS.match(body, at):
        return None
    return Stack(pid, tuple(_frames(body[at:])), int(count))


def _frames(text: str) -> Iterator[Frame]:
    """Names of threads, and what is left of a command line, have no file."""
    for word in text.split(";"):
        matched = _FRAME.match(word)
        if matched is not None and not word.startswith("thread ("):
            yield Frame(matched[1], matched[2], int(matched[3] or 0))


_SCRIPT_FRAME = re.compile(r"^\s*[0-9a-f]+ (.*?) \((.*)\)$")  # address, symbol, object


def parse_script(text: str) -> list[Stack]:
    """What 'perf script -F pid,ip,sym,dso' writes: a sample's pid, then its frames from the innermost on, then an empty line."""
    stacks: list[Stack] = []
    pid: int | None = None
    frames: list[Frame] = []
    for line in [*text.splitlines(), ""]:
        if not line.strip():
            if pid is not None:
                stacks.append(Stack(pid, tuple(reversed(frames)), 1))
            pid, frames = None, []
        elif pid is None:
            head = line.split()[0]
            if not head.isdigit():
                raise ValueError(f"no pid begins a sample: {line[:80]!r}")
            pid = int(head)
        elif (matched := _SCRIPT_FRAME.match(line)) is not None:
            frames.append(Frame(matched[1], matched[2]))
    return stacks
