"""Reverse proxies as Debian has them, each with the configuration beside this file."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ..contestants.contestant import Requirement
from ..contestants.versions import first_line
from . import neighbour, scratch
from .lab import Lab
from .neighbour import Neighbour

_TEMPLATES = Path(__file__).with_name("proxies")
_UNPRIVILEGED = "www-data"  # whom Apache's children are when root starts it


@dataclass(frozen=True)
class Proxy:
    """argv: with {config}, {runtime} and {port}."""

    name: str
    title: str
    requirement: Requirement
    template: str
    argv: tuple[str, ...]
    version: tuple[str, ...]
    certified: bool = False  # needs a certificate, which is made for the run

    def is_installed(self) -> bool:
        """Whether its program is there."""
        return Path(self.requirement.command).exists()

    def version_text(self) -> str:
        """What it says of itself."""
        return first_line(self.version, Path("/"))


PROXIES = (
    Proxy(
        "nginx",
        "nginx",
        Requirement("/usr/sbin/nginx", ("nginx-light|nginx",)),
        "nginx.conf.in",
        ("/usr/sbin/nginx", "-e", "{runtime}/error.log", "-c", "{config}"),
        ("/usr/sbin/nginx", "-v"),
    ),
    Proxy(
        "haproxy",
        "HAProxy",
        Requirement("/usr/sbin/haproxy", ("haproxy",)),
        "haproxy.cfg.in",
        ("/usr/sbin/haproxy", "-db", "-f", "{config}"),
        ("/usr/sbin/haproxy", "-v"),
    ),
    Proxy(
        "varnish",
        "Varnish",
        Requirement("/usr/sbin/varnishd", ("varnish",)),
        "varnish.vcl.in",
        ("/usr/sbin/varnishd", "-F", "-j", "none", "-a", "127.0.0.1:{port}", "-f", "{config}", "-n", "{runtime}/work", "-s", "malloc,32m"),
        ("/usr/sbin/varnishd", "-V"),
    ),
    Proxy(
        "apache",
        "Apache httpd",
        Requirement("/usr/sbin/apache2", ("apache2-bin",)),
        "apache.conf.in",
        ("/usr/sbin/apache2", "-DFOREGROUND", "-f", "{config}"),
        ("/usr/sbin/apache2", "-v"),
    ),
)

HTTP2_FRONT = replace(PROXIES[0], name="nginx-tls", template="nginx-tls.conf.in", certified=True)


@contextmanager
def before(
    lab: Lab, proxy: Proxy, upstream_port: int, cpus: frozenset[int] | None = None, more: Mapping[str, object] | None = None
) -> Iterator[Neighbour]:
    """The proxy in front of a server, for the length of a with block. cpus: None for those of the load; more: of its template's values.

    Raises StartFailed.
    """
    port = neighbour.free_port()
    with scratch.folder(lab, f"{proxy.name}-{port}") as runtime:
        values = {"PORT": port, "UPSTREAM": upstream_port, "WORKERS": lab.workers, "ACCESS_LOG": "off", "UPSTREAM_PROTOCOL": ""}
        config = _write(proxy, runtime, {**values, **(more or {})})
        if proxy.certified:
            scratch.certify(runtime)
        argv = [word.format(config=config, runtime=runtime, port=port) for word in proxy.argv]
        with neighbour.running(lab, proxy.name, argv, port, cpus or lab.pins.client) as running:
            yield running


def _write(proxy: Proxy, runtime: Path, more: Mapping[str, object]) -> Path:
    user = pwd.getpwuid(os.getuid()) if os.getuid() else pwd.getpwnam(_UNPRIVILEGED)
    values = {
        **more,
        "RUNTIME": runtime,
        "USER": user.pw_name,
        "GROUP": grp.getgrgid(user.pw_gid).gr_name,
    }
    text = (_TEMPLATES / proxy.template).read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    path = runtime / proxy.template.removesuffix(".in")
    path.write_text(text, encoding="utf-8")
    return path
