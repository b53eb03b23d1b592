"""The dataset's JSON as a file in memory, for peers that only send it."""

from __future__ import annotations

import os

import dataset
import msgpack_read


def dataset_json(dataset_path: str) -> bytes:
    """The dataset's JSON; raises dataset.DatasetError."""
    _, records = dataset.load(dataset_path, msgpack_read.unpackb)
    return dataset.to_json(records).encode("utf-8")


def inherited_memfd(body: bytes) -> str:
    """Put `body` into a memory file that child programs inherit; returns a name they can open."""
    fd = os.memfd_create("restmark-body", flags=0)
    with os.fdopen(fd, "wb", closefd=False) as file:
        file.write(body)
    return f"/dev/fd/{fd}"
