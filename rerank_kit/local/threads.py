"""How many CPU cores this process may really use: its affinity, and the quota of the container it runs in."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")


def usable_cores(root: Path = _CGROUP, own: Path = _OWN_CGROUP) -> int:
    """Count the cores, at least 1: the smaller of CPU affinity and cgroup quota (v2 or v1), rounded up."""
    # macOS and Windows have no affinity to ask for.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder in _folders(root, own) if (quota := _quota(folder)) is not None]
    return max(1, min([cores, *(math.ceil(quota) for quota in quotas)]))


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
