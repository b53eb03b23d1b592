#!/usr/bin/python3
"""Become nginx, with its configuration and the dataset's JSON in a fresh folder."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import string
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(HERE.parent / "common" / "python"))

import memfd_body  # noqa: E402
from dataset import DatasetError  # noqa: E402

NGINX = "/usr/sbin/nginx"


def make_prefix(parent: Path) -> Path:
    """Make a folder below `parent` and remove those of servers that have ended.

    A folder belongs to a server as long as its lock is held: nginx and its workers inherit the descriptor.
    Nobody stays behind to clean up, because a waiting process would be measured as a part of the server.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(parent / ".lock", os.O_CREAT | os.O_RDWR, 0o600)) as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        for old_lock in parent.glob("*/lock"):
            with old_lock.open("a") as file:
                if _try_lock(file.fileno()):
                    shutil.rmtree(old_lock.parent)
        prefix = Path(tempfile.mkdtemp(dir=parent))
        lock = os.open(prefix / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        _try_lock(lock)
    os.set_inheritable(lock, True)
    return prefix


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runtime", required=True, type=Path, help="folder for the configuration and the JSON")
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    parser.add_argument("--workers", required=True, type=int)
    parser.add_argument("--dataset", required=True, metavar="FILE")
    args = parser.parse_args()
    try:
        body = memfd_body.dataset_json(args.dataset)
        prefix = make_prefix(args.runtime)
        (prefix / "dataset.json").write_bytes(body)
        template = string.Template((HERE / "nginx.conf.in").read_text(encoding="utf-8"))
        # Workers of a root's nginx would run as www-data and could not read below a home folder.
        user = "user root;" if os.geteuid() == 0 else ""
        config = template.substitute(prefix=prefix, listen=args.listen, workers=args.workers, user=user)
        (prefix / "nginx.conf").write_text(config, encoding="utf-8")
        os.execv(NGINX, [NGINX, "-p", str(prefix), "-c", str(prefix / "nginx.conf"), "-e", "stderr"])
    except (DatasetError, OSError) as error:
        sys.exit(f"nginx: {error}")


if __name__ == "__main__":
    main()
