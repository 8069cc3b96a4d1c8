"""What users call is written down in `tests/public_api.txt`, so that whoever changes it sees that."""

from __future__ import annotations

from pathlib import Path

from tests.processes import python

ROOT = Path(__file__).parent.parent.parent
TOOL = str(ROOT / "tools" / "public_api.py")
KNOWN = ROOT / "tests" / "public_api.txt"


def test_a_change_of_what_users_call_is_a_change_of_the_file_that_says_it() -> None:
    done = python(TOOL, "--check", check=False, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_differs_is_shown_with_the_command_that_writes_it_down(tmp_path: Path) -> None:
    lines = KNOWN.read_text("utf-8").splitlines(keepends=True)
    (place,) = [number for number, line in enumerate(lines) if line.startswith("class rerank_kit.cache.cached.Cached(")]
    other = tmp_path / "before.txt"
    other.write_text("".join([*lines[: place + 1], "    gone(query: str) -> None\n", *lines[place + 2 :]]), "utf-8")
    done = python(TOOL, "--check", str(other), check=False, PYTHONPATH=str(ROOT))
    assert done.returncode == 1
    assert f"-    gone(query: str) -> None\n+{lines[place + 1]}" in done.stdout
    assert "make api" in done.stdout
