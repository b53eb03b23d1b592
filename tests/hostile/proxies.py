"""nginx, HAProxy and Varnish in front of restmarkd, each with a minimal configuration, and what each says that it forwarded.

They listen on socket files, so that no port is anybody else's."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from daemon import wait_for

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    log_format forwarded '$upstream_addr $upstream_status:$upstream_header_time $request_method $request_uri';
    access_log {folder}/forwarded forwarded;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    client_header_timeout 2s; client_body_timeout 2s; keepalive_timeout 2s; lingering_timeout 1s;
    upstream back {{ server 127.0.0.1:{port}; keepalive 4; }}
    server {{
        listen unix:{front};
        location / {{
            proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_request_buffering off; proxy_next_upstream off;
        }}
    }}
}}
"""
HAPROXY = """
global
    log stdout format raw local0
    maxconn 256
defaults
    mode http
    log global
    log-format "%b/%s %ST:%ts %HM %HU"
    timeout connect 2s
    timeout client 2s
    timeout server 5s
    timeout http-request 2s
frontend front
    bind unix@{front}
    default_backend back
backend back
    http-reuse always
    server one 127.0.0.1:{port}
"""
VARNISH = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{ return (pass); }}
"""


@dataclass(frozen=True)
class Request:
    """One in a log; `status` is the back end's, 0 if the proxy does not know, or the request was not whole. What a log cuts is cut."""

    method: str
    target: str
    status: int

    @classmethod
    def of(cls, text: str, status: int) -> Request:
        """Of "METHOD TARGET", in which odd bytes are shown as \\xHH."""
        method, _, target = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda m: chr(int(m[1], 16)), text).partition(" ")
        return cls(method[:23], target[:500], status)


def unmatched(seen: list[Request], forwarded: list[Request]) -> tuple[list[Request], list[Request]]:
    """Smuggled ones: what the back end has answered though nobody forwarded it; and lost ones, the other way around. The back end does not say in
    its log what stood in a request line that is none; the proxy does not know the status of an answer to a client that has gone."""
    left = list(forwarded)
    rest = [request for request in seen if request.status]
    for same in (
        lambda s, f: s == f,
        lambda s, f: (s.method, s.target, 0) == (f.method, f.target, f.status),
        lambda s, f: s.status == f.status and (s.method == "-" or f.method == "<BADREQ>"),  # as HAProxy logs a line that is cut before its target
    ):
        still: list[Request] = []
        for request in rest:
            found = next((f for f in left if same(request, f)), None)
            still.append(request) if found is None else left.remove(found)
        rest = still
    return rest, [request for request in left if request.status]


class Proxy:
    """A proxy that runs; ended by its pid."""

    name: str
    command: str

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.front = folder, str(folder / "front.sock")
        folder.mkdir()
        folder.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        try:
            self.launch({"folder": str(folder), "front": self.front, "port": str(port)})
            wait_for(f"{self.name} listens", lambda: self.is_up() and self.listens(), 30)
        except BaseException:
            self.stop()
            raise

    def launch(self, values: dict[str, str]) -> None:
        raise NotImplementedError

    def is_up(self) -> bool:
        for process in self.processes:
            assert process.poll() is None, (self.folder / "output").read_text()
        return True

    def listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            return client.connect_ex(self.front) == 0

    def run(self, *command: str, output: str = "output") -> None:
        with (self.folder / output).open("ab") as out, (self.folder / "output").open("ab") as errors:
            self.processes.append(subprocess.Popen(command, stdout=out, stderr=errors, cwd=self.folder))

    def forwarded(self) -> list[Request]:
        """All so far, in the order in which they ended."""
        raise NotImplementedError

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            process.wait(10)

    def lines(self) -> list[str]:
        return (self.folder / "forwarded").read_text(errors="replace").splitlines() if (self.folder / "forwarded").exists() else []


class Nginx(Proxy):
    name = command = "nginx"

    def launch(self, values: dict[str, str]) -> None:
        (self.folder / "conf").write_text(NGINX.format(**values))
        self.run("nginx", "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "conf"))

    def forwarded(self) -> list[Request]:
        # Of "http://x?" nginx forwards "/" and of "http://x?a" "/?a", and logs what begins with "?".
        fields = [re.sub(r" \?(.+)", r" /?\1", re.sub(r" \?$", " /", line)).split(" ", 2) for line in self.lines()]
        return [Request.of(request, 0 if ":-" in status else int(status.partition(":")[0])) for back, status, request in fields if back != "-"]


class Haproxy(Proxy):
    name = command = "haproxy"

    def launch(self, values: dict[str, str]) -> None:
        (self.folder / "conf").write_text(HAPROXY.format(**values))
        self.run("haproxy", "-db", "-f", str(self.folder / "conf"), output="forwarded")

    def forwarded(self) -> list[Request]:
        """Its state is "--" if all went well, and else says who ended it: C the client, S the server, P itself."""
        found = [re.fullmatch(r"back/one (-?\d+):(..) (.+)", line) for line in self.lines()]
        return [Request.of(re.sub(r"#([0-9A-F]{2})", r"\\x\1", m[3]), int(m[1]) if m[2] == "--" else 0) for m in found if m]


class Varnish(Proxy):
    name, command = "varnish", "varnishd"

    def launch(self, values: dict[str, str]) -> None:
        (self.folder / "vcl").write_text(VARNISH.format(**values))
        work = str(self.folder / "work")
        self.run("varnishd", "-F", "-j", "none", "-n", work, "-a", self.front, "-f", str(self.folder / "vcl"), "-s", "malloc,16m", "-p", "timeout_idle=2", "-p", "idle_send_timeout=2", "-p", "vsl_reclen=4084")
        wait_for("varnishd is up", lambda: self.is_up() and Path(self.front).exists() and self.listens(), 30)
        self.run("varnishncsa", "-n", work, "-b", "-F", "%s %m %U%q", output="forwarded")
        wait_for("varnishncsa reads the log", self.has_logged_one, 30)

    def has_logged_one(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.front)
            client.sendall(b"GET /warm-up HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            while client.recv(4096):
                pass
        return self.is_up() and bool(self.lines())

    def forwarded(self) -> list[Request]:
        """A status of 503 is Varnish's own, for a request or an answer that broke off; it ends a body that breaks off as if it were whole."""
        fields = [re.sub(r'\\(["\\])', r"\1", line).partition(" ") for line in self.lines()]
        return [Request.of(request, 0 if status in ("503", "-") else int(status)) for status, _, request in fields]


ALL: tuple[type[Proxy], ...] = (Nginx, Haproxy, Varnish)


def is_installed(kind: type[Proxy]) -> bool:
    return shutil.which(kind.command) is not None
