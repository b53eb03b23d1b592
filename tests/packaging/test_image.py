"""The OCI images: the same bytes from each build, both architectures, and restmarkd in one as an OCI runtime would run it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import root
from container import wait_for
from root import SOURCE

from processes import children, state

pytestmark = pytest.mark.booted  # root and namespaces

BUILD = SOURCE / "packaging" / "oci" / "build-image"
CACHE = root.CACHE / "images"
ARBITRARY = "1000730000"  # a uid as OpenShift chooses them: in no file of the image, of group 0


def build(output: Path, *arguments: str, umask: int = 0o022) -> str:
    """Returns the digest."""
    command = [str(BUILD), *arguments, "--no-install", "--output", str(output), "--cache", str(CACHE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False, umask=umask)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def only(folder: Path) -> Path:
    (found,) = folder.glob("*.oci.tar")
    return found


def blob(image: Path, digest: str) -> dict[str, object]:
    with tarfile.open(image) as tar:
        file = tar.extractfile(f"blobs/sha256/{digest.removeprefix('sha256:')}")
        assert file
        return json.load(file)  # type: ignore[no-any-return]


def unpack(image: Path, folder: Path) -> Path:
    """The root file system, made by umoci as a runtime has it."""
    root.run("tar", "--extract", f"--file={image}", f"--directory={folder}", "--one-top-level=layout")
    version = image.name.split("-")[1]
    root.run("umoci", "raw", "unpack", "--image", f"{folder}/layout:{version}", folder / "root")
    return folder / "root"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("image")
    digest = build(folder)
    return only(folder), digest


@pytest.fixture(scope="module")
def filesystem(built: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(built[0], tmp_path_factory.mktemp("unpacked"))


def test_another_build_elsewhere_has_the_same_digest(built: tuple[Path, str], tmp_path: Path) -> None:
    folder = tmp_path / "a" / "longer" / "path"
    assert build(folder, umask=0o077) == built[1]
    assert only(folder).read_bytes() == built[0].read_bytes()
    name = built[0].name.replace(".tar", ".spdx.json")
    assert (folder / name).read_bytes() == (built[0].parent / name).read_bytes()


def test_the_image_says_what_it_is(built: tuple[Path, str]) -> None:
    manifest = blob(built[0], built[1])
    config = blob(built[0], manifest["config"]["digest"])  # type: ignore[index]
    settings: dict[str, object] = config["config"]  # type: ignore[assignment]
    assert re.fullmatch(r"\d+:\d+", str(settings["User"])) and not str(settings["User"]).startswith("0")
    assert settings["Entrypoint"] == ["/usr/sbin/restmarkd"] and settings["StopSignal"] == "SIGTERM"
    labels: dict[str, str] = settings["Labels"]  # type: ignore[assignment]
    commit = root.run("git", "-C", SOURCE, "rev-parse", "HEAD").strip()
    assert labels["org.opencontainers.image.revision"].removesuffix("-changed") == commit
    assert labels["org.opencontainers.image.licenses"] == "MIT"


def test_the_bill_of_materials_names_each_package_in_it(built: tuple[Path, str], filesystem: Path) -> None:
    beside = built[0].parent / built[0].name.replace(".tar", ".spdx.json")
    document = json.loads(beside.read_text())
    assert (filesystem / "usr/share/doc/restmarkd/sbom.spdx.json").read_text() == beside.read_text()
    assert document["spdxVersion"] == "SPDX-2.3" and document["documentNamespace"].startswith("https://")
    packages = {package["name"]: package for package in document["packages"]}
    installed = {path.name for path in (filesystem / "var/lib/dpkg/status.d").iterdir()}
    assert installed and set(packages) == installed | {"restmarkd"}
    for name in installed:
        assert f"\nVersion: {packages[name]['versionInfo']}\n" in (filesystem / "var/lib/dpkg/status.d" / name).read_text()
        assert re.fullmatch(r"[0-9a-f]{64}", packages[name]["checksums"][0]["checksumValue"])
        assert (filesystem / "usr/share/doc" / name / "copyright").exists(), f"the terms of {name}"
    ids = [package["SPDXID"] for package in document["packages"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids)


def test_there_is_no_shell_and_nothing_that_only_root_can_read(filesystem: Path) -> None:
    assert {path.name for path in (filesystem / "usr/bin").iterdir()} | {path.name for path in (filesystem / "usr/sbin").iterdir()} == {
        "restmarkd", "restmarkctl", "sleep",
    }  # fmt: skip
    for path in filesystem.rglob("*"):
        mode = path.lstat().st_mode
        assert path.is_symlink() or mode & 0o004, path
        assert not mode & 0o6000, f"{path} is set-uid"


def test_gnutls_is_not_in_it(filesystem: Path) -> None:
    libraries = {path.name: path for path in filesystem.rglob("*.so*")}
    assert libraries["libgnutls.so.30"].parent.name == "restmark"
    assert not {name for name in libraries if name.startswith(("libnettle.", "libhogweed.", "libp11-kit.", "libtasn1."))}
    assert "\ngnutls: no, /usr/" in root.run("chroot", filesystem, "/usr/sbin/restmarkd", "-V")


def test_the_other_architecture_is_cross_compiled(tmp_path: Path) -> None:
    other = {"x86_64": ("arm64", "AArch64"), "aarch64": ("amd64", "X86-64")}[os.uname().machine]
    triplet = {"arm64": "aarch64-linux-gnu", "amd64": "x86_64-linux-gnu"}[other[0]]
    if not shutil.which(f"{triplet}-g++"):
        pytest.skip(f"no cross compiler: {triplet}-g++")
    digest = build(tmp_path / "image", "--arch", other[0])
    image = only(tmp_path / "image")
    assert blob(image, blob(image, digest)["config"]["digest"])["architecture"] == other[0]  # type: ignore[index]
    folder = unpack(image, tmp_path)
    programs = [folder / "usr/sbin/restmarkd", folder / "usr/bin/restmarkctl", *(folder / "usr/lib" / triplet).glob("*.so*")]
    assert len(programs) > 10
    for program in programs:
        assert other[1] in root.run("readelf", "--file-header", program.resolve()), program


# ---- running ----

# As an OCI runtime does: namespaces, the root mounted again and read-only, /proc, /dev, what is mounted writable, and no privilege.
_ENTER = """
set -e
root=$1 uid=$2 writable=$3; shift 3
ip link set lo up
mount --bind "$root" "$root" && mount -o remount,bind,ro "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
touch "$root/dev/null" "$root/dev/urandom"
mount --bind /dev/null "$root/dev/null" && mount --bind /dev/urandom "$root/dev/urandom"
for folder in $writable; do mount -t tmpfs -o mode=1777 tmpfs "$root/$folder"; done
exec env -i PATH=/usr/sbin:/usr/bin XDG_RUNTIME_DIR=/run setpriv --no-new-privs chroot --userspec="$uid" --groups= "$root" "$@"
"""


class Pod:
    """restmarkd as the first process of a container."""

    def __init__(self, filesystem: Path, log: Path, *arguments: str, user: str = "65532:65532", writable: Sequence[str] = ()) -> None:
        enter = ("unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "sh", "-c", _ENTER, "sh")
        self.log = log
        with log.open("w") as out:
            words = arguments or ("/usr/sbin/restmarkd", "-c", "/etc/restmark/restmarkd.ini")
            self.process = subprocess.Popen([*enter, str(filesystem), user, " ".join(writable), *words], stdout=out, stderr=out)

    def wait_ready(self) -> None:
        def look() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            return re.search(r"ready: \d+ worker", self.log.read_text()) is not None

        wait_for("it is ready", look, 120)

    @property
    def pid(self) -> int:
        return children(self.process.pid)[0]

    def run(self, *argv: str, inside: bool = False) -> str:
        """A command in its namespaces; `inside`: in its root, too."""
        how = ["--mount", "--root"] if inside else []
        return root.run("nsenter", f"--target={self.pid}", "--net", "--pid", "--uts", "--ipc", *how, *argv, timeout=60)

    def get(self, target: str = "/", port: int = 8080) -> str:
        return self.run("curl", "--silent", "--show-error", "--fail", "--max-time", "30", f"http://127.0.0.1:{port}{target}")

    def kill(self, signum: int) -> None:
        os.kill(self.pid, signum)

    def end(self) -> int:
        """By the signal that a runtime sends."""
        self.kill(signal.SIGTERM)
        return self.process.wait(60)

    def destroy(self) -> None:
        """If it has not ended. By its own number: with the user, it has left unshare's wish that it die with that."""
        if self.process.poll() is None:
            self.kill(signal.SIGKILL)
            self.process.wait(60)


@pytest.fixture
def pod(filesystem: Path, tmp_path: Path) -> Iterator[Pod]:
    one = Pod(filesystem, tmp_path / "log", user=f"{ARBITRARY}:0", writable=("run", "tmp"))
    try:
        one.wait_ready()
        yield one
    finally:
        one.destroy()


def test_it_serves_as_pid_1_of_an_arbitrary_user(pod: Pod) -> None:
    status = Path(f"/proc/{pod.pid}/status").read_text()
    assert re.search(r"^NSpid:\t\d+\t1$", status, re.MULTILINE)
    assert re.search(rf"^Uid:\t{ARBITRARY}\t", status, re.MULTILINE) and re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    assert pod.get() == "Welcome!\n"
    assert len(pod.get("/transfer-data")) == 133622
    assert pod.get("/readyz", 9180) and pod.get("/healthz", 9180)
    assert "restmark_" in pod.get("/metrics", 9180)
    assert "ready" in pod.run("/usr/bin/restmarkctl", "-s", "/run/restmark/control.sock", "status", inside=True)
    assert pod.end() == 0
    assert "stopped" in pod.log.read_text()


def test_it_reaps_whom_nobody_waits_for(pod: Pod) -> None:
    """Who has lost his parent in the container is the first process's."""
    pod.run("sh", "-c", "sleep 0 & exec true")

    def no_zombies() -> bool:
        return all(state(child) != "Z" for child in children(pod.pid))

    wait_for("no zombies", no_zombies, 60)
    assert pod.get() == "Welcome!\n"


def test_signals_reach_the_first_process(pod: Pod) -> None:
    pod.kill(signal.SIGHUP)
    wait_for("a reload", lambda: "generation 2" in pod.log.read_text(), 120)
    assert pod.get() == "Welcome!\n"
    pod.kill(signal.SIGINT)
    assert pod.process.wait(60) == 0


def test_nothing_needs_to_be_writable(filesystem: Path, tmp_path: Path) -> None:
    one = Pod(filesystem, tmp_path / "log")
    try:
        one.wait_ready()
        assert "no control socket" in one.log.read_text()
        assert one.get("/encode-json").strip() == "133622"
        assert one.end() == 0
    finally:
        one.destroy()


def test_the_daemon_s_own_tests_pass_in_it(filesystem: Path, tmp_path: Path) -> None:
    """Quotas, signals, and what a host may refuse, with the image's program in the image's root in place of the build's."""
    build_tree = SOURCE / "build" / "release"
    if not (build_tree / "src" / "restmarkctl").exists():
        pytest.skip("build/release is not built: the tests need its restmarkctl")
    fake = tmp_path / "build"
    (fake / "src").mkdir(parents=True)
    helpers = fake / "tests" / "integration"  # under /tmp, which the image's root has, too
    helpers.mkdir(parents=True)
    for helper in (*(build_tree / "tests" / "integration").glob("*.so"), build_tree / "tests" / "integration" / "refuse"):
        shutil.copy(helper, helpers)
    shutil.copy(build_tree / "src" / "restmarkctl", fake / "src" / "restmarkctl")
    program = fake / "src" / "restmarkd"
    program.write_text(f'#!/bin/sh\nexec chroot "{filesystem}" /usr/sbin/restmarkd "$@"\n')
    program.chmod(0o755)
    mounts = " && ".join(f'mount --rbind /{name} "{filesystem}/{name}"' for name in ("tmp", "proc", "sys", "dev", "run"))
    modules = [str(SOURCE / "tests" / "integration" / f"test_{name}.py") for name in ("quota", "signals", "pid_file", "unix_socket")]
    with tempfile.TemporaryDirectory(prefix="restmark-", dir="/tmp") as short:  # a socket's path has 107 bytes
        words = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp", f"{short}/inside", *modules]
        words += ["-k", "not has_its_mode_and_group"]  # whose group is in no image
        done = subprocess.run(
            ["unshare", "--mount", "--fork", "--kill-child", "sh", "-c", f'{mounts} && exec "$@"', "sh", *words],
            capture_output=True, text=True, timeout=1200, check=False, env={**os.environ, "RESTMARK_BUILD": str(fake)},
        )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_why_it_can_not_be_built_is_said(tmp_path: Path) -> None:
    done = subprocess.run([str(BUILD), "--arch", "vax"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "invalid choice: 'vax'" in done.stderr


def test_the_rig_s_image_runs_the_rig(tmp_path: Path) -> None:
    build(tmp_path / "image", "restmark")
    folder = unpack(only(tmp_path / "image"), tmp_path)
    script = "LD_LIBRARY_PATH=$(echo /usr/lib/*/blas):$(echo /usr/lib/*/lapack) RESTMARK_CACHE=/tmp/cache exec /usr/bin/restmark"
    one = Pod(folder, tmp_path / "log", "/bin/sh", "-c", f"{script} verify -C restmarkd --json", writable=("tmp", "run"))
    assert one.process.wait(600) == 0, one.log.read_text()
    assert '"restmarkd"' in one.log.read_text()
    load = Pod(folder, tmp_path / "load", "/usr/bin/restmark-load", "--help")
    assert load.process.wait(60) == 0, load.log.read_text()


