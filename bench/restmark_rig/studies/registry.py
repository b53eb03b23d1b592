"""Which studies there are: the folders beside this file that have a study.py, and any other that is named by its path."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from ..contestants.contestant import Contestant, load, needing
from ..model.errors import UsageFault
from .study import Claim, Study

HERE = Path(__file__).parent
_FILE = "study.py"


def names() -> list[str]:
    """Those of the rig, sorted."""
    return sorted(path.parent.name for path in HERE.glob(f"*/{_FILE}"))


def find(selector: str) -> Study:
    """A study of the rig by its NAME, or one in a DIR. Raises UsageFault if it is neither."""
    if selector in names():
        return _of(importlib.import_module(f"{__package__}.{selector}.study"), selector)
    folder = Path(selector)
    if (folder / _FILE).is_file():
        return _of(_load(folder.resolve()), selector)
    raise UsageFault(f"study {selector}: neither a study of restmark's nor a folder with a {_FILE}", f"there are: {', '.join(names())}")


def recipe(study: Study) -> Contestant:
    """What its experiments need beside contestants: the part of a contestant that 'restmark setup' looks at."""
    return needing(HERE / study.name, study.name, study.title, study.lead, study.requires)


def programs(claims: Iterable[Claim]) -> list[Contestant]:
    """What takes part in these claims beside contestants, each once. Raises ManifestError."""
    return [load(folder) for folder in dict.fromkeys(folder for claim in claims for folder in claim.programs)]


def _load(folder: Path) -> ModuleType:
    """The folder as a package of its own, so that its modules may import each other."""
    package = f"restmark_study_{zlib.crc32(str(folder).encode()):08x}"
    if package not in sys.modules:
        spec = importlib.util.spec_from_file_location(package, folder / "__init__.py", submodule_search_locations=[str(folder)])
        assert spec is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[package] = module
        if (folder / "__init__.py").is_file():
            assert spec.loader is not None
            spec.loader.exec_module(module)
    return importlib.import_module(f"{package}.study")


def _of(module: ModuleType, selector: str) -> Study:
    study = getattr(module, "STUDY", None)
    if not isinstance(study, Study):
        raise UsageFault(f"study {selector}: its {_FILE} has no STUDY", "docs/STUDIES.md says what a study is made of")
    return study
