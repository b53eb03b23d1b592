"""Reads what the daemon says on stderr and to its notify socket, and can stop to."""

from __future__ import annotations

import array
import os
import select
import socket
import threading
from pathlib import Path

FILLING = b"(the soak fills the pipe)\n"


class Listener:
    """One thread. stderr goes to the file `log`, what is said to the notify socket is thrown away."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.notify_path = folder / "notify.sock"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(self.notify_path))
        self._read_end, self.write_end = os.pipe2(os.O_CLOEXEC)
        self._quit = threading.Event()
        self.deaf_to_stderr = threading.Event()
        self.deaf_to_notify = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self._thread.start()

    def lines(self) -> list[str]:
        return self.log.read_text(errors="replace").splitlines() if self.log.exists() else []

    def fill_stderr(self) -> None:
        """Writes into the pipe until nothing more goes in. An opening of its own, as O_NONBLOCK must not reach the daemon's."""
        writer = os.open(f"/proc/self/fd/{self._read_end}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            while True:
                os.write(writer, FILLING)
        except BlockingIOError:
            return
        finally:
            os.close(writer)

    def fill_notify(self) -> int:
        """Sends to the notify socket until nothing more goes in; how many messages that were."""
        n = 0
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            sender.connect(str(self.notify_path))
            try:
                while True:
                    sender.send(b"STATUS=filling")
                    n += 1
            except BlockingIOError:
                return n

    def close(self) -> None:
        self._quit.set()
        self._thread.join(10)
        self._notify.close()
        self.notify_path.unlink()
        os.close(self._read_end)

    def _run(self) -> None:
        with self.log.open("ab", buffering=0) as log:
            while not self._quit.is_set():
                wanted = [self._read_end] * (not self.deaf_to_stderr.is_set())
                wanted += [self._notify.fileno()] * (not self.deaf_to_notify.is_set())
                ready, _, _ = select.select(wanted, [], [], 0.05)
                if self._read_end in ready:
                    data = os.read(self._read_end, 65536)
                    if not data:
                        return  # all writers have ended
                    log.write(data)
                if self._notify.fileno() in ready:
                    self._take_notify()

    def _take_notify(self) -> None:
        _, control, _, _ = self._notify.recvmsg(65536, socket.CMSG_SPACE(16 * 4))
        descriptors = array.array("i")
        for _, _, data in control:
            descriptors.frombytes(data[: len(data) // 4 * 4])
        for fd in descriptors:  # the end of a barrier's pipe: to close it is the answer
            os.close(fd)
