"""The number of workers follows CPU affinity and the container's quota; the CPU's instructions are known."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rerank_kit.local.cpu import cpu_features, usable_cores

AFFINITY = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def put(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_without_a_quota_affinity_decides(tmp_path: Path) -> None:
    assert usable_cores(tmp_path / "none", tmp_path / "none") == AFFINITY


@pytest.mark.parametrize(("limit", "cores"), [("50000 100000", 1), ("100000 100000", 1), ("max 100000", AFFINITY)])
def test_a_quota_of_version_two_is_rounded_up(tmp_path: Path, limit: str, cores: int) -> None:
    put(tmp_path / "cpu.max", limit)
    assert usable_cores(tmp_path, tmp_path / "none") == cores


def test_a_quota_above_the_cores_changes_nothing(tmp_path: Path) -> None:
    put(tmp_path / "cpu.max", "100000000 100000")
    assert usable_cores(tmp_path, tmp_path / "none") == AFFINITY


@pytest.mark.parametrize("folder", ["pod", "pod/container"])
def test_a_quota_on_the_own_group_or_one_above_it_counts(tmp_path: Path, folder: str) -> None:
    put(tmp_path / "root" / folder / "cpu.max", "100000 100000")
    put(tmp_path / "own", "0::/pod/container\n")
    assert usable_cores(tmp_path / "root", tmp_path / "own") == 1


@pytest.mark.parametrize(("quota", "cores"), [("100000", 1), ("-1", AFFINITY)])
def test_a_quota_of_version_one_counts(tmp_path: Path, quota: str, cores: int) -> None:
    put(tmp_path / "root" / "cpu,cpuacct" / "job" / "cpu.cfs_quota_us", quota)
    put(tmp_path / "root" / "cpu,cpuacct" / "job" / "cpu.cfs_period_us", "100000")
    put(tmp_path / "own", "4:cpu,cpuacct:/job\n9:memory:/job\n")
    assert usable_cores(tmp_path / "root", tmp_path / "own") == cores


@pytest.mark.parametrize(
    ("machine", "info", "expected"),
    [
        (
            "x86_64",
            "processor: 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n",
            {"fpu", "avx2", "avx512f", "avx512_vnni"},
        ),
        ("x86_64", "processor: 0\n", {"avx2"}),
        ("AMD64", None, {"avx2"}),
        ("aarch64", None, {"arm64"}),
        ("arm64", None, {"arm64"}),
    ],
)
def test_the_cpus_instructions_are_known(tmp_path: Path, machine: str, info: str | None, expected: set[str]) -> None:
    if info is not None:
        (tmp_path / "cpuinfo").write_text(info)
    assert cpu_features(tmp_path / "cpuinfo", machine) == expected


def test_this_machine_has_some() -> None:
    assert cpu_features()
