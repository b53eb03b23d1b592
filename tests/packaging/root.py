"""Makes the file system of a fresh Debian, from a copy that is kept between runs."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

# That of this machine, as the package is built against this machine's libraries.
RELEASE = platform.freedesktop_os_release()["VERSION_CODENAME"]
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


def base(release: str = RELEASE, packages: str = PACKAGES) -> Path:
    """The tar file of the fresh root of a release, made when it is not there. packages: with commas between them, may be empty."""
    tar = CACHE / f"{release}-{len([name for name in packages.split(',') if name])}.tar"
    if not tar.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        folder = CACHE / f"making-{os.getpid()}"
        try:
            include = [f"--include={packages}"] if packages else []
            run("debootstrap", "--variant=minbase", *include, release, folder, timeout=1500)
            part = tar.with_suffix(".part")
            run("tar", "--create", "--numeric-owner", "--xattrs", f"--directory={folder}", f"--file={part}", ".")
            part.rename(tar)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return tar


def make(folder: Path, tar: Path | None = None) -> None:
    """Unpacks the fresh root (that of tar, else of this machine's release); what is installed in it with `in_root` may reach the package mirror as this machine does."""
    folder.mkdir(parents=True)
    run("tar", "--extract", "--numeric-owner", "--xattrs", f"--directory={folder}", f"--file={tar or base()}")
    shutil.copyfile("/etc/resolv.conf", folder / "etc" / "resolv.conf")


def in_root(folder: Path, *argv: str, timeout: float = 900) -> str:
    """Runs a command in the root, without booting it."""
    return run(
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", folder, "sh", "-c",
        'mount -t proc proc /proc && mount -t devtmpfs dev /dev && exec "$@"', "sh", *argv,
        timeout=timeout,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
