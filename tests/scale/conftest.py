"""A cluster of two nodes on this machine, for the length of a module."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MEMORY = 100_000_000  # bytes of a node's object store


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Its processes find the package and the tests of this checkout."""
    utils, ray = pytest.importorskip("ray.cluster_utils"), pytest.importorskip("ray")
    before = {name: os.environ.get(name) for name in ("PYTHONPATH", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO")}
    os.environ.update(PYTHONPATH=str(ROOT), RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0")
    node = {"num_cpus": 1, "object_store_memory": MEMORY}
    found = utils.Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        found.add_node(**node)
        found.wait_for_nodes()
        ray.init(address=found.address, logging_level=logging.ERROR, log_to_driver=False)
        yield found
    finally:
        ray.shutdown()
        found.shutdown()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
