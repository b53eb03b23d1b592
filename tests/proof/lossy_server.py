"""A pre-forked server whose reload is a careless one: HUP kills the worker as it stands, and starts another.

Run as: lossy_server.py PORT. It serves until TERM."""

from __future__ import annotations

import os
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(200_000)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client has left: no matter."""


def fork_worker(server: Server) -> int:
    pid = os.fork()
    if pid == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP, signal.SIGTERM})
        server.serve_forever()
    return pid


def main() -> None:
    server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP, signal.SIGTERM})
    worker = fork_worker(server)
    while True:
        number = signal.sigwait({signal.SIGHUP, signal.SIGTERM})
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        if number == signal.SIGTERM:
            return
        worker = fork_worker(server)


if __name__ == "__main__":
    main()
