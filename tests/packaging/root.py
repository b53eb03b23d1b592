"""Makes file systems of fresh Debians of several releases, from copies that are kept between runs."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

HOST = platform.freedesktop_os_release()["VERSION_CODENAME"]  # the release of this machine
RELEASES_VARIABLE = "RESTMARK_PACKAGING_RELEASES"  # variable: code names of the releases to test, with blanks between them
SOURCE = Path(__file__).resolve().parents[2]
# What a server has before restmark is installed, and what the tests use in it. The daemon's own dependencies are not among them.
PACKAGES = "systemd,systemd-sysv,dbus,curl,ca-certificates,iproute2,logrotate,procps,python3,ufw"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "restmark-packaging"


def run(*argv: str | Path, timeout: float = 600, **keywords: object) -> str:
    """Runs to the end; returns stdout. Fails with all that the command said."""
    done = subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        **keywords,  # type: ignore[call-overload]
    )
    assert done.returncode == 0, f"{' '.join(map(str, argv))}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return str(done.stdout)


@functools.cache  # the same objects each time: pytest keeps what it made for a parameter by identity
def chosen() -> tuple[str, ...]:
    """The releases to test: those of the variable, else this machine's own."""
    return tuple(os.environ.get(RELEASES_VARIABLE, "").split()) or (HOST,)


def pack(folder: Path, tar: Path) -> None:
    """Keeps a root as a tar file."""
    part = tar.with_suffix(".part")
    run("tar", "--create", "--numeric-owner", "--xattrs", f"--directory={folder}", f"--file={part}", ".")
    part.rename(tar)


def base(release: str, packages: str = PACKAGES) -> Path:
    """The tar file of the fresh root of a release, made when it is not there. packages: with commas between them, may be empty."""
    tar = CACHE / f"{release}-{len([name for name in packages.split(',') if name])}.tar"
    if not tar.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        folder = CACHE / f"making-{os.getpid()}"
        try:
            include = [f"--include={packages}"] if packages else []
            run("debootstrap", "--variant=minbase", *include, release, folder, timeout=1500)
            pack(folder, tar)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tar


def with_build_tools(release: str) -> Path:
    """The tar file of a root in which packages were built before; it is `pack`ed after the first build, which installs its tools."""
    digest = hashlib.sha256((SOURCE / "packaging" / "build-deb.sh").read_bytes()).hexdigest()[:10]  # it names the tools
    return CACHE / f"{release}-build-{digest}.tar"


def make(folder: Path, tar: Path) -> None:
    """Unpacks a root; what is installed in it with `in_root` may reach the package mirror as this machine does."""
    folder.mkdir(parents=True)
    run("tar", "--extract", "--numeric-owner", "--xattrs", f"--directory={folder}", f"--file={tar}")
    shutil.copyfile("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    # A root that will not outlive the test need not be safe from a power failure at each of dpkg's steps.
    (folder / "etc" / "dpkg" / "dpkg.cfg.d" / "unsafe-io").write_text("force-unsafe-io\n")


def remove(folder: Path) -> None:
    """Removes a root, however large."""
    run("rm", "-rf", "--one-file-system", folder)


_ENTER = """
root=$1; shift
while [ "$1" != -- ]; do mkdir -p "$root$1" && mount --bind "$1" "$root$1" || exit; shift; done
shift
mount -t proc proc "$root/proc" && mount -t devtmpfs dev "$root/dev" && mount -t tmpfs shm "$root/dev/shm" && exec chroot "$root" "$@"
"""


def in_root(
    folder: Path,
    *argv: str,
    timeout: float = 900,
    binds: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> str:
    """Runs a command in the root, without booting it. It sees the folders of binds at their own paths."""
    return run(
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh", folder, *binds, "--", *argv,
        timeout=timeout,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
             **(environment or {})},
    )  # fmt: skip
