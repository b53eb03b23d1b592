"""How each known server is configured, started, reloaded and ended: by the graceful way that its own manual recommends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from . import app
from .errors import Fault, Missing
from .process import Process, children, find, free_port, wait_for, wait_replaced

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
WORKERS = 2
PYTHON_PLUGIN = Path("/usr/lib/uwsgi/plugins/python3_plugin.so")
REPLACED_S = 90.0  # uWSGI and gunicorn give old workers 60 s and 30 s


def version_line(*command: str) -> str:
    """The first line that a program prints about its version, on whichever stream."""
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    return (result.stdout + result.stderr).strip().splitlines()[0]


class Server:
    """A server that runs, with the targets that it answers."""

    name = ""
    how = ""  # the server is reloaded, in words
    long_target = "/long"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, connections: int) -> None:
        self.folder = folder
        self.connections = connections
        self.host = "127.0.0.1"
        self.port = free_port()
        self.version = ""
        self.process = self.start()
        try:
            self.process.wait_answering(self.port)
        except BaseException:
            self.stop()
            raise

    def start(self) -> Process:
        raise NotImplementedError

    def ask_for_reload(self) -> None:
        os.kill(self.process.pid, signal.SIGHUP)

    def reload(self) -> None:
        """Returns when all workers are new ones and the old ones have ended. Raises Fault."""
        old = children(self.process.pid)
        self.ask_for_reload()
        wait_replaced(self.process.pid, old, REPLACED_S)

    def why(self) -> str:
        """The end of its log, for a fault."""
        return self.process.tail()

    def stop(self) -> None:
        self.process.stop(self.stop_signal)


class Restmarkd(Server):
    name = "restmarkd"
    how = "restmarkctl reload"
    long_target = "/transfer-data"
    stop_signal = signal.SIGINT

    @staticmethod
    def _find(program: str) -> str:
        built = [PROJECT / "build" / preset / "src" / program for preset in ("release", "dev")]
        if "RESTMARK_BUILD" in os.environ:
            built.insert(0, Path(os.environ["RESTMARK_BUILD"]).absolute() / "src" / program)
        return find(program, "cmake --preset release && cmake --build --preset release", built)

    def start(self) -> Process:
        self.version = version_line(self._find("restmarkd"), "-V")
        self.control = self.folder / "control.sock"
        options = {
            "server.listen": f"127.0.0.1:{self.port}",
            "server.processes": str(WORKERS),
            "admin.control": str(self.control),
        }
        command = [self._find("restmarkd")]
        for name, value in options.items():
            command += ["-o", f"{name}={value}"]
        return Process(command, self.folder)

    def reload(self) -> None:
        command = [self._find("restmarkctl"), "-s", str(self.control), "reload"]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=REPLACED_S, check=False
        )
        if result.returncode:
            raise Fault(f"restmarkctl reload: {result.stderr.strip()}")


class Nginx(Server):
    name = "nginx"
    how = "HUP to the master"
    stop_signal = signal.SIGQUIT
    listen_extra = ""

    def start(self) -> Process:
        nginx = find("nginx", "apt install nginx-light")
        self.version = version_line(nginx, "-v").removeprefix("nginx version: ")
        (self.folder / "long").write_bytes(app.LONG)
        (self.folder / "nginx.conf").write_text(self._configuration())
        return Process([nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"], self.folder)

    def _configuration(self) -> str:
        # Run by root its workers would be another user's, who can not read below a private folder.
        user = "user root;" if os.geteuid() == 0 else ""
        places = "\n".join(
            f"    {kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return f"""{user}
daemon off;
worker_processes {WORKERS};
pid {self.folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
{places}
    keepalive_requests 1000000000;
    server {{
        listen 127.0.0.1:{self.port}{self.listen_extra};
        location = / {{ default_type text/plain; return 200 "Welcome!\\n"; }}
        location = /long {{ default_type text/plain; alias {self.folder}/long; }}
    }}
}}
"""


class NginxReuseport(Nginx):
    name = "nginx-reuseport"
    how = "HUP to the master; listen … reuseport"
    listen_extra = " reuseport"


class Uwsgi(Server):
    """Its HTTP socket keeps no connection, and says so here; a worker serves one request at a time."""

    name = "uwsgi"
    how = "HUP to the master"
    stop_signal = signal.SIGINT
    workers = 4
    options: Sequence[str] = ("--http-socket", "--add-header", "Connection: close")

    def start(self) -> Process:
        uwsgi = find("uwsgi", "apt install uwsgi-core uwsgi-plugin-python3")
        if not PYTHON_PLUGIN.exists():
            raise Missing("uWSGI's Python plugin is not installed", "apt install uwsgi-plugin-python3")
        self.version = "uWSGI " + version_line(uwsgi, "--version")
        socket_option, *others = self.options
        command = [uwsgi, "--plugin", "python3", socket_option, f"127.0.0.1:{self.port}", "--master", "--processes", str(self.workers),
                   "--disable-logging", "--need-app", "--pythonpath", str(HERE), "--module", "app", "--listen", "128",
                   "--master-fifo", str(self.folder / "fifo"), *others]  # fmt: skip
        return Process(command, self.folder, {"PYTHONDONTWRITEBYTECODE": "1"})


class UwsgiChain(Uwsgi):
    """One worker after another, while the master stays as it is."""

    name = "uwsgi-chain"
    how = "chain reload (c to the master FIFO, lazy-apps)"
    options = (*Uwsgi.options, "--lazy-apps")

    def _completed(self) -> int:
        return self.process.log.read_text(errors="replace").count("chain reloading complete")

    def reload(self) -> None:
        before = self._completed()
        with (self.folder / "fifo").open("w") as fifo:
            fifo.write("c")
        wait_for("the end of the chain reload", lambda: self._completed() > before, REPLACED_S)


class UwsgiHttp11(Uwsgi):
    """Keeps connections, each of which takes a worker for as long as it lasts: so there is one for each of the load's."""

    name = "uwsgi-http11"
    how = "HUP to the master; http11-socket, which keeps connections"
    options = ("--http11-socket",)

    def start(self) -> Process:
        self.workers = self.connections + 2
        return super().start()


class Gunicorn(Server):
    name = "gunicorn"
    how = "HUP to the master; gthread workers"
    worker_class = "gthread"

    def start(self) -> Process:
        gunicorn = find("gunicorn", "apt install gunicorn")
        self.version = version_line(gunicorn, "--version").replace("(version ", "").rstrip(")")
        threads = ["--threads", str(self.connections)] if self.worker_class == "gthread" else []
        workers = WORKERS if threads else self.connections + 2
        command = [gunicorn, "--bind", f"127.0.0.1:{self.port}", "--workers", str(workers), "--worker-class", self.worker_class,
                   *threads, "--pythonpath", str(HERE), "app:application"]  # fmt: skip
        return Process(command, self.folder, {"PYTHONDONTWRITEBYTECODE": "1"})


class GunicornSync(Gunicorn):
    name = "gunicorn-sync"
    how = "HUP to the master; sync workers, which keep no connection"
    worker_class = "sync"


RECIPES: dict[str, type[Server]] = {
    recipe.name: recipe for recipe in (Restmarkd, Nginx, NginxReuseport, Uwsgi, UwsgiChain, UwsgiHttp11, Gunicorn, GunicornSync)
}
# What is run when no server is named: each in a form that its own manual recommends.
DEFAULT = tuple(name for name in RECIPES if name != UwsgiHttp11.name)
