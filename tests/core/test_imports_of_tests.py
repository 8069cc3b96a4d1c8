"""Some tests run where less is installed, or older: see `make test-compat`. They import what is there, or skip."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"llama_rerank_kit", "rerank_kit"}
THEIRS = {"llama_index", "llama_index_instrumentation", "numpy", "pydantic", "sqlalchemy", "typing_extensions"}
OF_LLAMA = {*OURS, *THEIRS, "pytest"}
OF_OLDEST = {"rerank_kit", "cohere", "httpx", "hypothesis", "pytest"}
THERE = {
    **dict.fromkeys([*(ROOT / "tests/llama").glob("*.py"), ROOT / "tests/test_documentation.py"], OF_LLAMA),
    **{path: OF_OLDEST for room in ("api", "managed", "testing") for path in (ROOT / "tests" / room).glob("*.py")},
}
del THERE[ROOT / "tests/api/test_secrets.py"]  # left out there


def imported(path: Path) -> Iterator[str]:
    """What a file imports when it is imported itself."""
    todo: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{each.name}" for each in node.names)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo += ast.iter_child_nodes(node)


def files_of(module: str) -> Iterator[Path]:
    """The files of ours that importing a module runs: those of its packages, with what pytest loads beside them."""
    place = ROOT
    for part in module.split("."):
        place /= part
        yield from (each for each in (place.with_suffix(".py"), place / "conftest.py") if each.is_file())


def missing(path: Path, there: set[str]) -> set[str]:
    """What a file needs, itself or by another file, that is not there."""
    seen, todo, found = set[Path](), [path, ROOT / "tests/conftest.py"], set[str]()
    while todo:
        each = todo.pop()
        if each in seen:
            continue
        seen.add(each)
        for module in imported(each):
            package = module.partition(".")[0]
            if package == "tests":
                todo += files_of(module)
            elif package not in there | sys.stdlib_module_names:
                found.add(f"{each.relative_to(ROOT)} imports {package}")
    return found


@pytest.mark.parametrize("path", sorted(THERE), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_tests_import_nothing_that_is_not_where_they_run(path: Path) -> None:
    assert missing(path, THERE[path]) == set()


def test_what_is_missing_is_found_behind_other_files(tmp_path: Path) -> None:
    (tmp_path / "test.py").write_text("if 1:\n    import tests.odd\ndef late():\n    import cohere\n")
    assert missing(tmp_path / "test.py", OF_LLAMA) == {"tests/odd.py imports hypothesis"}
