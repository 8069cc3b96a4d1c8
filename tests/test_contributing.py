"""The steps in CONTRIBUTING bring a vendor into the core and both frameworks, and touch as few files as it says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.processes import python

ROOT = Path(__file__).parent.parent
PACKAGES = ("rerank_kit", "langchain_rerank_kit", "llama_rerank_kit")
STEP = re.compile(r"^\*\*\d\..*?`(rerank_kit/[\w/]+\.py)`.*?^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
USE = """
import inspect
from langchain_core.documents import Document
from llama_index.core.schema import NodeWithScore, TextNode
import langchain_rerank_kit, llama_rerank_kit
from rerank_kit.managed import Acme
from rerank_kit.testing import RerankServer

TEXTS = ["a dog", "the cat and the dog"]
with RerankServer(api_key="the-key") as server:
    settings = {"model": "acme-rerank-1", "acme_api_key": "the-key", "base_url": server.base_url("jina"), "depth": 2}
    compressor = langchain_rerank_kit.AcmeRerank(**settings)
    postprocessor = llama_rerank_kit.AcmeRerank(**settings)
    assert isinstance(compressor.loaded, Acme) and isinstance(postprocessor.loaded, Acme)
    pages = compressor.compress_documents([Document(page_content=text) for text in TEXTS], "cat dog")
    given = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
    nodes = postprocessor.postprocess_nodes(given, query_str="cat dog")
    assert [page.page_content for page in pages] == [node.text for node in nodes] == TEXTS[::-1]
    assert [each.body["depth"] for each in server.received] == [2, 2]
    compressor.loaded.close()
    postprocessor.loaded.close()
for kind in (langchain_rerank_kit.AcmeRerank, llama_rerank_kit.AcmeRerank):
    assert "depth: How many layers of the model run" in inspect.getdoc(kind)
    assert "AcmeRerank" in inspect.getmodule(kind).__all__
print("both rank with it")
"""
KEEPING = "design or vendor or circle or rerankers or documented"  # the promises about vendors that a new one must keep


@pytest.fixture
def steps() -> list[tuple[str, str]]:
    """The file and the code of each step."""
    found = STEP.findall((ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    assert len({file for file, _ in found}) == 3  # as it says
    return found


def test_a_vendor_is_three_files_for_the_core_and_both_frameworks(steps: list[tuple[str, str]], tmp_path: Path) -> None:
    for package in (*PACKAGES, "tools", "tests", "docs"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    before = {path: path.read_text("utf-8") for path in tmp_path.rglob("*.py")}
    for file, code in steps:
        there = tmp_path / file
        text = there.read_text("utf-8") if there.exists() else ""
        name = "AcmeFields" if "fields" in file else "Acme"
        there.write_text(text.replace("__all__ = [", f'__all__ = ["{name}", ') + "\n\n" + code, "utf-8")
    python(str(tmp_path / "tools" / "make_classes.py"), PYTHONPATH=str(tmp_path))
    (tmp_path / "use").write_text(USE, "utf-8")
    done = python(str(tmp_path / "use"))
    assert done.stdout == "both rank with it\n"
    rooms = ("tests/core/test_architecture.py", "tests/fields")
    files = [str(tmp_path / each) for each in rooms]
    python("-m", "pytest", "-q", "--rootdir", str(tmp_path), *files, "-k", KEEPING, PYTHONSAFEPATH="1")
    touched = {
        path.relative_to(tmp_path).as_posix()
        for path in tmp_path.rglob("*.py")
        if path.read_text("utf-8") != before.get(path)
    }
    written = {f"{package}/managed.py" for package in PACKAGES[1:]}
    assert touched - written == {file for file, _ in steps}
