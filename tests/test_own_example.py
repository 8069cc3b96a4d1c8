"""The example of rerankers of one's own: a function, a class and a service rank behind both frameworks."""

from __future__ import annotations

import re

import pytest

from tests.processes import example

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


@pytest.mark.parametrize("framework", ["langchain", "llama-index"])
def test_each_ranks_what_the_retriever_brings(framework: str) -> None:
    done = example("own_reranker.py", "--framework", framework)
    assert done.returncode == 0, done.stderr
    parts = re.split(r"\n\n", done.stdout.strip())
    best = {part.splitlines()[0]: re.findall(r"^  \d\.\d\d  (\S+):", part, re.MULTILINE) for part in parts}
    assert best["a function"] == best["a service"]
    assert best["a function"][0] == best["a class"][0] == "list.pop"
    assert len(best["a class"]) == 3
    assert all(name.startswith("list.") for name in best["a class"])
    assert "the service was asked about 20 passages" in done.stdout
    assert re.findall(r"of lists, (\d+)% shared +(\S+)", parts[-1])[0] == ("50", "list.pop")
