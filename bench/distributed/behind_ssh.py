"""See behind-ssh.sh, which runs this with the name that it was called by."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(BENCH))

import commands  # noqa: E402  (the path had to be set first)
import machines  # noqa: E402
import taking_away  # noqa: E402
from machines import PORT, Access, Machine  # noqa: E402
from shared_folder import FAR_CACHE  # noqa: E402
from stopping import Fault, Signals, call, concluded, say  # noqa: E402

DEFAULT_OPTIONS = ("--quick", "-C", "restmarkd", "-C", "epoll-limit")
ANSWER_S = 60


def _far_cache(stack: ExitStack) -> str:
    """Where the far side builds: what was named, and stays; else a folder that goes with the last one that uses it."""
    return os.environ.get("RESTMARK_FAR_CACHE") or str(stack.enter_context(FAR_CACHE.used()))


def _require_let_in(machine: Machine, access: Access, signals: Signals) -> None:
    """Raises Fault."""
    words = ["ssh", "-F", str(access.config), "-o", "ConnectTimeout=5", "-p", str(PORT), f"root@{machine.address}", "true"]
    with signals.heard():
        done = subprocess.run(words, capture_output=True, text=True, timeout=ANSWER_S, check=False, start_new_session=True)
    if done.returncode != 0:
        log = (access.folder / machine.log).read_text(errors="replace").strip()
        raise Fault(f"sshd does not let in its own user: {done.stderr.strip()}\n{log}")


def _body(name: str, options: list[str], signals: Signals, stack: ExitStack) -> int:
    if code := call([BENCH / "need-packages.sh", *taking_away.PACKAGES], signals, stdout=2):
        return code
    own = f"restmark-far-{os.getpid()}"
    folder = machines.make_folder(own, stack)
    machines.sshd_folder(stack)
    net = machines.free_net(stack)
    access = Access(folder, own, f"SetEnv RESTMARK_CACHE={_far_cache(stack)}\n")
    far = Machine(own, f"rm-near{os.getpid()}", f"{net}.1", f"{net}.2")
    machines.make(far, access, signals, stack)
    _require_let_in(far, access, signals)
    server = f"ssh://root@{far.address}:{PORT}"
    words = [commands.restmark(), "run", "--server", server, "--ssh-config", access.config, *(options or DEFAULT_OPTIONS)]
    return call(words, signals, {commands.RUN_AS: name})


def main() -> int:
    """Arguments: the name by which it was called, and options of restmark run."""
    name, options = sys.argv[1], sys.argv[2:]
    sys.argv[0] = name
    if os.geteuid() != 0:
        say("root alone may make a network namespace; run it as root")
        return 3
    signals = Signals()
    return concluded(lambda stack: _body(name, options, signals, stack), signals)


if __name__ == "__main__":
    sys.exit(main())
