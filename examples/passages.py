"""Passages to search: the documentation inside Python's standard library, or the text files of a folder."""

import ast
import importlib
import inspect
import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from langchain_core.documents import Document

LIMIT = 1200  # characters in a passage, so that a reranker reads most of them whole
SHORTEST = 40  # characters; shorter texts say little
SKIPPED = {"config", "distutils", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test", "tests", "turtledemo"}
WRITTEN_IN_C = ("builtins", "itertools", "math", "sys", "time", "_collections", "_datetime", "_decimal", "_functools")
HEADING = re.compile(r"(#{1,6})\s+(.+?)[\s#]*")
UNDERLINE = re.compile(r"([=\-~^\"'`#*+:.])\1{2,}")


class Section(NamedTuple):
    """A stretch of text, the title it stands under and the file or module it comes from."""

    source: str
    title: str
    text: str


def standard_library() -> list[Document]:
    """Read what the standard library says about itself."""
    root = Path(sysconfig.get_path("stdlib"))
    files = (each.relative_to(root) for each in sorted(root.rglob("*.py")))
    public = (each for each in files if not any(part in SKIPPED or part.startswith("_") for part in module(each)))
    sections = [section for file in public for section in docstrings(root, file)]
    sections += [section for name in WRITTEN_IN_C for section in live_docstrings(name)]
    return passages(sections)


def module(file: Path) -> tuple[str, ...]:
    """Turn `asyncio/tasks.py` into its dotted name, as a tuple."""
    parts = file.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def docstrings(root: Path, file: Path) -> Iterator[Section]:
    """Read the docstrings of a module and of the public classes and functions in it, without importing it."""
    tree = ast.parse((root / file).read_bytes())

    def visit(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[Section]:
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        signature = f"({ast.unparse(node.args)})" if is_function else ""
        yield Section(file.as_posix(), name + signature, ast.get_docstring(node) or "")
        for child in [] if is_function else node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and child.name[0] != "_":
                yield from visit(child, f"{name}.{child.name}")

    yield from visit(tree, ".".join(module(file)))


def live_docstrings(module_name: str) -> Iterator[Section]:
    """Read the docstrings of what a module written in C offers: there is no source to read them from."""
    public_name = module_name.lstrip("_")
    try:
        owners: list[tuple[str, object]] = [(public_name, importlib.import_module(module_name))]
    except ImportError:
        return
    for owner_name, owner in owners:
        for key, value in vars(owner).items():
            if key.startswith("_") or not callable(value):
                continue
            yield Section(public_name, f"{owner_name}.{key}{signature(value)}", inspect.getdoc(value) or "")
            if inspect.isclass(value):
                owners.append((f"{owner_name}.{key}", value))


def signature(value):
    try:
        return re.sub(r"\((self|cls|type)(, /)?(, )?", "(", str(inspect.signature(value)))
    except (TypeError, ValueError):
        return ""


def passages(sections: Iterable[Section]) -> list[Document]:
    """Cut sections into passages below their titles; leave out very short ones and repetitions."""
    found: dict[str, Document] = {}
    for source, title, text in sections:
        if len(text) < SHORTEST:
            continue
        for piece in pieces(text, LIMIT - len(title)):
            content = f"{title}\n\n{piece}"
            metadata = {"source": source, "title": title}
            found.setdefault(content, Document(content, id=str(len(found)), metadata=metadata))
    return list(found.values())


def pieces(text: str, limit: int) -> Iterator[str]:
    """Cut a text into pieces of at most `limit` characters: between paragraphs, else lines, else words."""
    while len(text) > limit:
        cuts = (text.rfind(mark, limit // 3, limit) for mark in ("\n\n", "\n", " "))
        cut = next((each for each in cuts if each > 0), limit)
        yield text[:cut].rstrip()
        text = text[cut:].lstrip("\n")
    yield text
