"""Has system calls refused, as by the seccomp profile of a container, and becomes a program.

Usage: refuse.py NUMBER[:ARGUMENT2:ARGUMENT3]=ERRNO[,…] PROGRAM ARGUMENTS…
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
SYSCALLS = {"x86_64": {"close_range": 436, "setsockopt": 54, "pidfd_open": 434, "execveat": 322, "getrandom": 318, "rseq": 334, "statx": 332, "pwritev2": 328}, "aarch64": {"close_range": 436, "setsockopt": 208, "pidfd_open": 434, "execveat": 281, "getrandom": 278, "rseq": 293, "statx": 291, "pwritev2": 287}}  # fmt: skip


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def instructions(rules: str) -> bytes:
    code = []
    for rule in rules.split(","):
        what, _, number = rule.partition("=")
        name, *arguments = what.split(":")
        tests = [(0, SYSCALLS[platform.machine()][name])]
        tests += [(16 + 8 * (i + 1), int(value)) for i, value in enumerate(arguments)]
        for n, (offset, value) in enumerate(tests):
            left = 2 * (len(tests) - n - 1)
            code += [(LOAD, 0, 0, offset), (EQUAL, 0, left + 1, value)]
        code.append((RETURN, 0, 0, ERRNO | int(number)))
    code.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *one) for one in code)


libc = ctypes.CDLL(None, use_errno=True)
code = instructions(sys.argv[1])
program = Program(len(code) // 8, code)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) < 0:
    sys.exit(f"cannot filter system calls: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[2], sys.argv[2:])
