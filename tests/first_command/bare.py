"""A bare Debian, with a clean clone of this checkout in it, in which the README's commands run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "packaging"))

import root  # noqa: E402  (the path had to be set first)

CLONE = "/root/restmark"
# A bare machine has two CPUs of its own and takes 15 minutes; this one may be busy.
TIMEOUT_S = 4 * 3600
# How this machine's package managers reach their registries: what says so is taken along, as the mirror's resolv.conf is.
_REGISTRY_VARIABLES = re.compile(
    r"PIP_\w+|GO(PROXY|SUMDB|NOSUMDB|NOPROXY|PRIVATE|INSECURE|VCS)|CARGO_(HTTP|NET|REGISTR|SOURCE)\w*|SSL_CERT_\w+|CURL_CA_BUNDLE"
    r"|REQUESTS_CA_BUNDLE|(http|https|no|all)_proxy",
    re.IGNORECASE,
)
_REGISTRY_FILES = (
    "/etc/pip.conf",
    "/etc/hosts",
    "/root/.config/pip/pip.conf",
    "/root/.config/go/env",
    "/root/.cargo/config.toml",
    "/usr/local/share/ca-certificates",
)

# Its processes are alone in their PID namespace, so that what is left at the end was left by the command.
_RUN = """
cd {clone} || exit
{command} >/root/answer 2>/root/progress </dev/null
echo $? >/root/status
for folder in /proc/[0-9]*; do
        [ "${{folder#/proc/}}" = $$ ] || cat "$folder/comm"
done >/root/processes 2>/dev/null
exit 0
"""


@dataclass(frozen=True)
class Outcome:
    """How a command ended, what it printed, and what it left behind in the root."""

    folder: Path
    status: int
    answer: str
    progress: str
    processes: list[str]

    @property
    def stages(self) -> list[tuple[float, str]]:
        """(minutes from the start, what began then), as the command says it."""
        found = re.findall(r"(?m)^(\d+):(\d\d)  (.+)$", self.progress)
        return [(int(minutes) + int(seconds) / 60, text) for minutes, seconds, text in found]

    def result_file(self, folders: str = "restmark-*") -> Path:
        """The results.json that it wrote, into the one folder of the clone that has such a name."""
        (path,) = (self.folder / CLONE.lstrip("/")).glob(f"{folders}/results.json")
        return path

    def tell(self, what: str) -> None:
        """Prints how it fared."""
        print(f"\n{what}: exit code {self.status}")
        for minutes, text in self.stages:
            print(f"  {minutes:6.1f} min  {text}")
        print(self.answer)


def first_command() -> str:
    """The first command of the README."""
    found = re.search(r"(?m)^    (bench/\S+)", (SOURCE / "README.md").read_text(encoding="utf-8"))
    assert found, "README.md has no command of bench/"
    return found.group(1)


def make(folder: Path, release: str) -> None:
    """A bare root with all package sources that an installed Debian has, this machine's ways to the registries, and the clone."""
    root.make(folder, root.base(release, ""))
    with (folder / "etc/apt/sources.list").open("a", encoding="utf-8") as sources:
        sources.write("".join(f"{line}\n" for line in _security_sources(release)))
    for name in _REGISTRY_FILES:
        _copy(Path(name), folder / name.lstrip("/"))
    root.run("git", "clone", "--quiet", "--no-hardlinks", SOURCE, folder / CLONE.lstrip("/"))


def _security_sources(release: str) -> list[str]:
    """debootstrap writes the archive alone: the security updates are taken from where this machine has its own."""
    wanted = "$(REPO_URI) $(CODENAME) $(COMPONENT)"
    told = root.run("apt-get", "indextargets", "--format", wanted, "Created-By: Packages", "Origin: Debian")
    found = {tuple(line.split()) for line in told.splitlines()}
    return sorted({f"deb {uri} {release}-security {part}" for uri, name, part in found if name.endswith("-security") and part == "main"})


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def run(folder: Path, command: str) -> Outcome:
    """Runs a command to its end, in the clone."""
    variables = {name: value for name, value in os.environ.items() if _REGISTRY_VARIABLES.fullmatch(name)}
    environment = {"HOME": "/root", "LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **variables}
    script = _RUN.format(clone=CLONE, command=command)
    root.in_root(
        folder, "env", "-i", *(f"{name}={value}" for name, value in environment.items()), "sh", "-c", script, timeout=TIMEOUT_S
    )
    home = folder / "root"
    return Outcome(
        folder,
        int((home / "status").read_text()),
        (home / "answer").read_text(encoding="utf-8"),
        (home / "progress").read_text(encoding="utf-8"),
        (home / "processes").read_text().split(),
    )
