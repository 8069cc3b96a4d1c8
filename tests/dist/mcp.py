"""The extra `mcp`: the command that serves tools to agents is there, with all that it imports."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

assert import_module("rerank_kit.mcp.server")
command = Path(sys.executable).with_name("rerank-kit")
done = subprocess.run([command, "mcp", "--help"], capture_output=True, encoding="utf-8", check=False, timeout=60)
assert done.returncode == 0, done
