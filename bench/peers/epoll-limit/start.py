#!/usr/bin/python3
"""Start epoll-limit: write the dataset's JSON to memory and become the server."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "common" / "python"))
sys.dont_write_bytecode = True

import memfd_body  # noqa: E402
from dataset import DatasetError  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True, help="the built epoll-limit")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--dataset", required=True, metavar="FILE")
    parser.add_argument("--copy", action="store_true", help="send the body from memory, not from a file in it")
    args = parser.parse_args()
    try:
        body = memfd_body.inherited_memfd(memfd_body.dataset_json(args.dataset))
        copy = ["--copy"] if args.copy else []
        os.execv(
            args.binary,
            [args.binary, "--listen", args.listen, "--workers", str(args.workers), "--body-file", body, *copy],
        )
    except (DatasetError, OSError) as error:
        sys.exit(f"epoll-limit: {error}")


if __name__ == "__main__":
    main()
