"""Name the tests of what changed, for `make check`: those of the rooms in which something did.

What changed is what is not committed, and on a branch all that is not on main. A room of the code has a folder of tests
of the same name, the ground has tests/core.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
ALWAYS = ["tests/core/test_architecture.py", "tests/core/test_public_api.py"]
ELSEWHERE: Mapping[str, Sequence[str]] = {  # rooms and folders whose tests are not in a folder of the same name
    "docs": [
        "tests/test_documentation.py",
        "tests/test_site.py",
        "tests/test_contributing.py",
        "tests/core/test_architecture.py",
    ],
    "examples": [
        "tests/test_demo.py",
        "tests/test_examples.py",
        "tests/test_job_examples.py",
        "tests/test_notebooks.py",
        "tests/test_own_example.py",
        "tests/decide/test_example.py",
        "tests/judge/test_example.py",
        "tests/llama/test_examples.py",
        "tests/serve/test_examples.py",
        "tests/serve/test_fastapi_example.py",
    ],
    "first_stage": [
        "tests/first_stage",
        *(f"tests/{each}/test_{what}.py" for each in ("langchain", "llama") for what in ("widening", "merging")),
    ],
    "langchain_rerank_kit": ["tests/langchain"],
    "llama_rerank_kit": ["tests/llama"],
    "fields": [
        "tests/fields",
        *(f"tests/{each}/test_{kind}.py" for each in ("langchain", "llama") for kind in ("managed", "judge")),
    ],
    "managed": ["tests/managed", "tests/api/test_secrets.py"],
    "tools": ["tests/fields", "tests/core/test_public_api.py", "tests/test_contributing.py", "tests/test_site.py"],
}
SHARED = ["tests/core", "tests/api", "tests/combine"]  # where what all tests share is used most


def changed() -> list[Path]:
    """The files that differ from main, and those that git does not know yet."""
    (base,) = _git("merge-base", "HEAD", "main") or ["HEAD"]
    names = [*_git("diff", "--name-only", base), *_git("ls-files", "--others", "--exclude-standard")]
    return [Path(name) for name in names]


def tests(path: Path) -> Sequence[str]:
    """The tests of one file of the project; a test's own are itself."""
    first, *_ = path.parts
    if path.suffix == ".md":
        return ELSEWHERE["docs"]
    if first == "tests":
        return (
            [str(path)]
            if path.name.startswith("test_")
            else SHARED
            if path.parent.name == "tests"
            else [str(path.parent)]
        )
    place = path.parts[1] if first == "rerank_kit" else first
    own = f"tests/{place}" if (ROOT / "tests" / place).is_dir() else "tests/core"
    return ELSEWHERE.get(place, [own] if first == "rerank_kit" else [])


def _git(*arguments: str) -> list[str]:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - our own words
    return done.stdout.splitlines() if done.returncode == 0 else []


if __name__ == "__main__":
    found = {each for path in changed() for each in tests(path) if (ROOT / each).exists()}
    sys.stdout.write(" ".join(sorted({*ALWAYS, *found})) + "\n")
