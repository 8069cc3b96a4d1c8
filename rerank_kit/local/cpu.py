"""What the CPU offers this process: cores, by affinity and the container's quota, and the instructions it has."""

from __future__ import annotations

import math
import os
import platform
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_CPU_INFO = Path("/proc/cpuinfo")


def usable_cores(root: Path = _CGROUP, own: Path = _OWN_CGROUP) -> int:
    """Count the cores, at least 1: the smaller of CPU affinity and cgroup quota (v2 or v1), rounded up."""
    # macOS and Windows have no affinity to ask for.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders(root, own) if (quota := _quota(folder)) is not None]
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas)]))


def cpu_features(info: Path = _CPU_INFO, machine: str | None = None) -> frozenset[str]:
    """The instruction sets that quantised models are made for, by the names that Linux gives them, or `"arm64"`.

    Where the system does not tell, an x86-64 CPU is taken to have `"avx2"`, as all have had since 2015.
    """
    kind = platform.machine() if machine is None else machine
    if kind.lower() in ("arm64", "aarch64"):
        return frozenset({"arm64"})
    try:
        lines = info.read_text("utf-8").splitlines()
    except OSError:
        return frozenset({"avx2"})
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "avx2")
    return frozenset(flags.split())


def _folders(root: Path, own: Path) -> list[Path]:
    """The folders where a limit on this process may stand, its own cgroup's and those above it."""
    folders = [root, root / "cpu", root / "cpu,cpuacct"]
    try:
        lines = own.read_text("utf-8").splitlines()
    except OSError:
        return folders
    for line in lines:  # "0::/a/b" in v2, "4:cpu,cpuacct:/a/b" in v1
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "cpu", "cpu,cpuacct", "cpuacct,cpu"):
            place = root / controllers / path.lstrip("/")
            folders += [folder for folder in (place, *place.parents) if root in folder.parents]
    return folders


def _quota(folder: Path) -> float | None:
    """Cores allowed by the limit in this folder; `None` without one."""
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text("ascii").split()
        else:
            limit = (folder / "cpu.cfs_quota_us").read_text("ascii").strip()
            period = (folder / "cpu.cfs_period_us").read_text("ascii").strip()
    except OSError:
        return None
    return None if limit in ("max", "-1") else int(limit) / int(period)
