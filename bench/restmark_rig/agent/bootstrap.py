"""How the agent gets to a machine that has nothing of restmark: its program is sent before all else, and kept for the next time.

What runs there first is PROGRAM, as an argument of python3. It takes from its input a length, a digest and a zip file, unpacks that below
the cache unless it is there already, and becomes the agent.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from ..host.installation import PACKAGE
from ..server import memory_look

PROGRAM = """\
import sys
if sys.version_info < (3, 11):
    sys.exit("restmark: the agent needs Python 3.11 or newer, and %s is %s" % (sys.executable, sys.version.split()[0]))
import io, os, shutil, tempfile, zipfile
def take(count):
    data = bytearray()
    while len(data) < count:
        piece = os.read(0, count - len(data))
        if not piece:
            sys.exit("restmark: the connection ended before the agent had come")
        data += piece
    return bytes(data)
size, digest = int(take(12)), take(64).decode()
data = take(size)
cache = os.environ.get("RESTMARK_CACHE") or os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "restmark")
agents = os.path.join(cache, "agents")
place = os.path.join(agents, digest)
if not os.path.isdir(place):
    os.makedirs(agents, exist_ok=True)
    new = tempfile.mkdtemp(dir=agents)
    zipfile.ZipFile(io.BytesIO(data)).extractall(new)
    os.chmod(os.path.join(new, "bench", "restmark-rss"), 0o755)
    try:
        os.rename(new, place)
    except OSError:
        shutil.rmtree(new)
        if not os.path.isdir(place):
            raise
sys.path.insert(0, os.path.join(place, "bench"))
from restmark_rig.agent.program import main
sys.exit(main())
"""
_LENGTH_DIGITS = 12


def first_bytes() -> bytes:
    """What PROGRAM takes."""
    data = _zipped()
    return b"%0*d" % (_LENGTH_DIGITS, len(data)) + hashlib.sha256(data).hexdigest().encode("ascii") + data


def _zipped() -> bytes:
    """The rig's package and restmark-rss, equal bytes for equal files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, path in _files():
            archive.writestr(zipfile.ZipInfo(name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _files() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield f"bench/{PACKAGE.name}/{path.relative_to(PACKAGE).as_posix()}", path
    script = Path(memory_look.restmark_rss()).resolve()
    yield "bench/restmark-rss", script
    beside, installed = script.parent / "rss", script.parent.parent / "share" / "restmark" / "rss"
    for path in sorted((beside if beside.is_dir() else installed).glob("*.awk")):
        yield f"bench/rss/{path.name}", path
