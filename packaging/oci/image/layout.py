"""An image as an OCI layout, made by umoci, in one tar file that does not depend on when and where it is made."""

from __future__ import annotations

import json
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from image.build import Sources
from image.debian import run
from image.rootfs import USER, Root

ENTRYPOINTS = {"restmarkd": ["/usr/sbin/restmarkd"], "restmark": ["/usr/bin/restmark"]}
COMMANDS = {"restmarkd": ["-c", "/etc/restmark/restmarkd.ini"], "restmark": ["--help"]}
TITLES = {"restmarkd": "pre-forked REST server in C, for benchmarks", "restmark": "benchmark rig for REST servers that provably do the same work"}


def _pack(folder: Path, tar: Path, epoch: int) -> None:
    """In the order of the names, all root's, all of one time."""
    same = ["--sort=name", f"--mtime=@{epoch}", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu", "--mode=u+rwX,go+rX"]
    run("tar", "--create", *same, f"--file={tar}", f"--directory={folder}", *sorted(path.name for path in folder.iterdir()))


def _time(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _settings(name: str, sources: Sources, architecture: str, triplet: str) -> list[str]:
    created = _time(sources.epoch)
    labels = {
        "org.opencontainers.image.title": name,
        "org.opencontainers.image.description": TITLES[name],
        "org.opencontainers.image.version": sources.version,
        "org.opencontainers.image.revision": sources.commit,
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.licenses": "MIT",
    }
    # Without a writable /run there is no control socket, which is said; modules of numpy look for libraries that Debian's scripts would link.
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "XDG_RUNTIME_DIR": "/run"}
    if name == "restmark":
        environment |= {"LD_LIBRARY_PATH": f"/usr/lib/{triplet}/blas:/usr/lib/{triplet}/lapack", "RESTMARK_CACHE": "/tmp/restmark", "LC_ALL": "C.UTF-8"}
    words = [f"--created={created}", f"--architecture={architecture}", "--os=linux", f"--config.user={USER}:{USER}", "--config.workingdir=/", "--no-history"]
    words += ["--clear=config.entrypoint", "--clear=config.cmd"]
    words += [f"--config.entrypoint={word}" for word in ENTRYPOINTS[name]] + [f"--config.cmd={word}" for word in COMMANDS[name]]
    words += [f"--config.env={key}={value}" for key, value in environment.items()] + [f"--config.label={key}={value}" for key, value in labels.items()]
    words += [f"--manifest.annotation={key}={value}" for key, value in labels.items()]
    if name == "restmarkd":
        words += ["--config.exposedports=8080/tcp", "--config.exposedports=9180/tcp", "--config.stopsignal=SIGTERM"]
    return words


def write(name: str, sources: Sources, architecture: str, triplet: str, root: Root, output: Path) -> Path:
    """Returns the file."""
    with tempfile.TemporaryDirectory(prefix="restmark-layout-") as folder:
        layer, layout = Path(folder) / "layer.tar", Path(folder) / "layout"
        reference = f"{layout}:{sources.version}"
        _pack(root.folder, layer, sources.epoch)
        run("umoci", "init", "--layout", layout)
        run("umoci", "new", "--image", reference)
        created = f"--history.created={_time(sources.epoch)}"
        run("umoci", "raw", "add-layer", created, "--history.created_by=packaging/oci/build-image", "--image", reference, layer)
        run("umoci", "config", "--image", reference, *_settings(name, sources, architecture, triplet))
        run("umoci", "gc", "--layout", layout)
        image = output / f"{name}-{sources.version}-{architecture}.oci.tar"
        _pack(layout, image, sources.epoch)
    return image


def digest(image: Path) -> str:
    """Of the manifest: what a registry knows the image by."""
    with tarfile.open(image) as tar:
        file = tar.extractfile("index.json")
        assert file
        return str(json.load(file)["manifests"][0]["digest"])
