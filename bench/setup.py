"""What pyproject.toml can not say: what lies beside the rig's package goes to share/restmark/bench, in its folders."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from setuptools import setup

HERE = Path(__file__).resolve().parent
FOLDERS = ("peers", "distributed")
SCRIPTS = ("need-packages.sh", "restmark-rss")


def beside() -> list[tuple[str, list[str]]]:
    """Folder below the prefix, and the files that go there; caches of tools stay behind."""
    folders = defaultdict(list)
    whole = (path.relative_to(HERE) for folder in FOLDERS for path in sorted((HERE / folder).rglob("*")) if path.is_file())
    for path in [*map(Path, SCRIPTS), *whole]:
        if not any(part == "__pycache__" or part.endswith("_cache") for part in path.parts):
            folders[str("share/restmark/bench" / path.parent)].append(str(path))
    return list(folders.items())


setup(data_files=beside())
