"""A cluster of two nodes on this machine, for all tests of this folder."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MEMORY = 100_000_000  # bytes of a node's object store


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """Its processes find the package and the tests of this checkout, and leave no files."""
    utils, ray = pytest.importorskip("ray.cluster_utils"), pytest.importorskip("ray")
    files = tempfile.mkdtemp(prefix="r")  # a short path, for sockets are made there
    ours = {"PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_TMPDIR": files}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    node = {"num_cpus": 1, "object_store_memory": MEMORY}
    found = utils.Cluster()
    try:
        found.add_node(**node, include_dashboard=False)
        found.add_node(**node)
        found.wait_for_nodes()
        ray.init(address=found.address, logging_level=logging.ERROR, log_to_driver=False)
        yield found
    finally:
        ray.shutdown()
        found.shutdown()
        shutil.rmtree(files, ignore_errors=True)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
