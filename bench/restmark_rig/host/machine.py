"""Facts about this machine, read without changing anything. None: the kernel does not tell."""

from __future__ import annotations

import contextlib
import functools
import gzip
import os
import resource
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import cgroup, proctree

_CPU_DIR = Path("/sys/devices/system/cpu")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Both count interrupts by themselves: "Cpu/Task time and stats accounting" in the kernel's init/Kconfig.
_APART = ("IRQ_TIME_ACCOUNTING", "VIRT_CPU_ACCOUNTING_NATIVE")
_BUSY_SAMPLE_S = 1.0
_BUSY_PERCENT = 5.0


@dataclass(frozen=True)
class BusyProcess:
    """A process that used CPU while the rig looked; 100 percent is one CPU."""

    pid: int
    name: str
    percent: float


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def cpu_model() -> str | None:
    """The CPU's name."""
    for line in (_read(Path("/proc/cpuinfo")) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model", "cpu model") and value.strip():
            return value.strip()
    return None


def online_cpus() -> int:
    """CPUs of the machine."""
    return os.cpu_count() or 1


def allowed_cpus() -> set[int]:
    """CPUs on which this process may run."""
    return os.sched_getaffinity(0)


def smt_active() -> bool | None:
    """Whether CPUs share cores."""
    value = _read(_CPU_DIR / "smt" / "active")
    return None if value is None else value == "1"


def governors() -> set[str]:
    """Frequency governors in use; empty if the kernel does not scale frequencies (as in most guests)."""
    paths = _CPU_DIR.glob("cpu[0-9]*/cpufreq/scaling_governor")
    return {value for path in paths if (value := _read(path))}


def turbo_enabled() -> bool | None:
    """Whether CPUs may exceed their nominal frequency."""
    if (value := _read(_CPU_DIR / "intel_pstate" / "no_turbo")) is not None:
        return value == "0"
    if (value := _read(_CPU_DIR / "cpufreq" / "boost")) is not None:
        return value == "1"
    return None


@functools.cache
def interrupts_counted_apart() -> bool | None:
    """Whether the time of interrupts is in no process's CPU time (CONFIG_IRQ_TIME_ACCOUNTING, as in Fedora and RHEL); else it
    is counted for whatever process was interrupted. None: the kernel's configuration can not be read."""
    config = b""
    with contextlib.suppress(OSError):
        config = gzip.decompress(Path("/proc/config.gz").read_bytes())
    if not config:
        with contextlib.suppress(OSError):
            config = Path(f"/boot/config-{os.uname().release}").read_bytes()
    return any(f"CONFIG_{name}=y".encode() in config for name in _APART) if config else None


def virtualisation() -> str | None:
    """Name of the hypervisor or container, "none" on bare metal, "unknown hypervisor" if only the CPU tells of one."""
    flags = next((line for line in (_read(Path("/proc/cpuinfo")) or "").splitlines() if line.startswith("flags")), "")
    hypervisor = " hypervisor" in flags
    if not shutil.which("systemd-detect-virt"):
        return "unknown hypervisor" if hypervisor else None
    names = []
    for kind in ("--vm", "--container"):
        done = subprocess.run(["systemd-detect-virt", kind], capture_output=True, text=True, timeout=10, check=False)
        if (name := done.stdout.strip()) and name != "none":
            names.append(name)
    if hypervisor and not names:
        return "unknown hypervisor"
    return " + ".join(names) or "none"


def mitigations() -> dict[str, str]:
    """Vulnerability -> state, for those that this CPU has."""
    found = {}
    for path in sorted((_CPU_DIR / "vulnerabilities").glob("*")):
        if (value := _read(path)) and value != "Not affected":
            found[path.name] = value
    return found


def loopback_mtu() -> int | None:
    """MTU of lo, bytes."""
    value = _read(Path("/sys/class/net/lo/mtu"))
    return int(value) if value else None


def file_limits() -> tuple[int, int]:
    """Soft and hard limit of open files."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)


def clock_source() -> str | None:
    """The kernel's clock source."""
    return _read(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource"))


def memory_total_kib() -> int | None:
    """The machine's memory."""
    for line in (_read(Path("/proc/meminfo")) or "").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1])
    return None


def _all_and_stolen_ticks() -> tuple[int, int]:
    """Time of all CPUs since boot, and how much of it the hypervisor gave to others. Guests' time is within user time."""
    times = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(times), times[7]


def busy_processes() -> tuple[list[BusyProcess], float]:
    """Other processes that use CPU, the busiest first, and the percentage of stolen time; takes a second."""
    me = os.getpid()
    before = {pid: proctree.cpu_ns(pid) for pid in proctree.all_pids()}
    (total_before, stolen_before), started = _all_and_stolen_ticks(), time.monotonic_ns()
    time.sleep(_BUSY_SAMPLE_S)  # the sample's length: what is measured is use of CPU over time
    elapsed_ns, (total, stolen) = time.monotonic_ns() - started, _all_and_stolen_ticks()
    found = []
    for pid in proctree.all_pids():
        used, earlier = proctree.cpu_ns(pid), before.get(pid)
        if pid == me or used is None or earlier is None:
            continue
        percent = 100.0 * (used - earlier) / elapsed_ns
        if percent >= _BUSY_PERCENT:
            found.append(BusyProcess(pid, proctree.command_name(pid), round(percent, 1)))
    steal = 100.0 * (stolen - stolen_before) / (total - total_before) if total > total_before else 0.0
    return sorted(found, key=lambda busy: -busy.percent), steal


def cgroup_versions() -> list[int]:
    """Versions of the hierarchies that could account for CPU, best first."""
    return list(dict.fromkeys(mount.version for mount in cgroup.mounts()))


def may_make_cgroups() -> cgroup.Mount | None:
    """The hierarchy in which this user may make groups, judged by file permissions alone; None if in none."""
    for mount in cgroup.mounts():
        if any(os.access(parent, os.W_OK) and not _read_only(parent) for parent in mount.parents()):
            return mount
    return None


def _read_only(path: Path) -> bool:
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return True


def cpu_quota() -> float | None:
    """CPUs that the rig may use by its own control group and all groups above it, None without a quota."""
    quotas = [_quota_of(folder) for mount in cgroup.hierarchies("cpu") for folder in mount.groups()]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    """Version 2 has quota and period in one file, version 1 in two."""
    words = (_read(group / "cpu.max") or "").split()
    if not words:
        words = [text for name in ("quota", "period") if (text := _read(group / f"cpu.cfs_{name}_us"))]
    if len(words) != 2 or words[0] in ("max", "-1"):
        return None
    return int(words[0]) / int(words[1])


def has_schedstat() -> bool:
    """Whether the kernel tells how long threads waited for a CPU."""
    return Path("/proc/self/schedstat").exists()
