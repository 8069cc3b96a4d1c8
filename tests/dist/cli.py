"""The extra `cli`: commands that need nothing else run, the others name the extra."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

command = Path(sys.executable).with_name("rerank-kit")


def said(*words: str, code: int = 0) -> str:
    """What a command writes, all of it."""
    done = subprocess.run([command, *words], capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == code, (words, done)
    return done.stdout + done.stderr


for words in (["--version"], ["--help"], ["models"], ["plan", "--queries", "1000"], ["doctor"], ["status"]):
    assert said(*words)
assert json.loads(said("plan", "--queries", "1000", "--json"))
Path("notes").mkdir(exist_ok=True)
(Path("notes") / "mars.md").write_text("Mars is the red planet.\n", "utf-8")
assert 'pip install "rerank-kit[bm25]"' in said("search", "notes", "red planet", code=1)
