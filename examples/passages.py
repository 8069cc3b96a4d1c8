"""Passages to search: what Python's standard library says about itself, or the text files of a folder."""

import ast
import importlib
import inspect
import os
import re
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple

LONGEST = 1200  # characters in a passage: a reranker reads that much whole, and it is mostly about one thing
SHORTEST = 40  # characters: less than that answers no question

SKIPPED = {"distutils", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "turtledemo"}
WRITTEN_IN_C = ("builtins", "itertools", "math", "sys", "time", "_collections", "_datetime", "_decimal", "_functools")
IMPLIED = re.compile(r"(?<=^\()(self|cls|type)\b(, /)?(, )?")  # the argument that a caller does not write
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

TEXT = {".txt", ".md", ".rst"}
HEADING = re.compile(
    r"""
      (?P<code> ^```(?s:.*?)^``` )  # there, "#" begins a comment
    | ^(?P<hashes>\#{1,6})\ +(?P<title>.+?)[ #]*$
    | (?:\A|(?<=\n\n)) (?:(?P<above>[=\-~^*+#])(?P=above)+\n)? (?P<underlined>\S.*)\n(?P<line>[=\-~^*+#])(?P=line){2,}$
    """,
    re.MULTILINE | re.VERBOSE,
)


class Passage(NamedTuple):
    """What can be found: a text below its title, under an id of its own."""

    id: str
    source: str
    title: str
    text: str


class Section(NamedTuple):
    """A text of any length, the file or module it is from, and the title it stands under."""

    source: str
    title: str
    text: str


@cache
def standard_library() -> list[Passage]:
    """Read the documentation that is inside Python's standard library."""
    root = Path(sysconfig.get_path("stdlib"))
    written_in_python = (section for file in files(root) if is_public(file) for section in docstrings(root, file))
    written_in_c = (section for name in WRITTEN_IN_C for section in live_docstrings(name))
    return passages([*written_in_python, *written_in_c])


def folder(root: Path) -> list[Passage]:
    """Read the text and Markdown files of a folder and the folders in it."""
    texts = (file for file in files(root) if file.suffix.lower() in TEXT)
    read = ((file.as_posix(), (root / file).read_text("utf-8-sig", errors="replace")) for file in texts)
    return passages(section for source, text in read for section in headed(source, text))


def files(root: Path) -> Iterator[Path]:
    """Walk through a folder in the order of names, past hidden folders and installed packages; paths are relative."""
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each != "site-packages")
        yield from (Path(parent, name).relative_to(root) for name in sorted(names))


def module(file: Path) -> list[str]:
    """Split `asyncio/tasks.py` into the parts of the module's name."""
    return [part for part in file.with_suffix("").parts if part != "__init__"]


def is_public(file: Path) -> bool:
    """Tell whether a file is a module that is meant for users."""
    parts = module(file)
    private = any(part.startswith("_") or not part.isidentifier() for part in parts)
    return file.suffix == ".py" and not private and SKIPPED.isdisjoint(parts)


def docstrings(root: Path, file: Path) -> Iterator[Section]:
    """Read the docstrings of a module and of the public classes and functions in it, without importing it."""
    todo: list[tuple[str, Documented]] = [(".".join(module(file)), ast.parse((root / file).read_bytes()))]
    for name, node in todo:
        title = name
        if isinstance(node, ast.Module | ast.ClassDef):
            members = (each for each in node.body if isinstance(each, Documented) and not each.name.startswith("_"))
            todo += [(f"{name}.{each.name}", each) for each in members]
        else:
            title += IMPLIED.sub("", f"({ast.unparse(node.args)})")
        yield Section(file.as_posix(), title, ast.get_docstring(node) or "")


def live_docstrings(module_name: str) -> Iterator[Section]:
    """Read the docstrings of a module written in C from memory: there is no source to read them from."""
    try:
        todo: list[tuple[str, object]] = [(module_name.lstrip("_"), importlib.import_module(module_name))]
    except ImportError:  # Python can be built without some of them
        return
    for name, owner in todo:
        for key, member in vars(owner).items():
            if callable(member) and not key.startswith("_"):
                title = f"{name}.{key}"
                todo += [(title, member)] if inspect.isclass(member) else []
                with suppress(TypeError, ValueError):  # C code need not say how it is called
                    title += IMPLIED.sub("", str(inspect.signature(member)))
                yield Section(module_name, title, inspect.getdoc(member) or "")


def headed(source: str, text: str) -> Iterator[Section]:
    """Cut a text at its headings: those of Markdown, and underlined ones as in reStructuredText."""
    above: dict[int, str] = {}  # the headings that the text stands under, by level
    underlines: list[str] = []  # a text's first kind of underline marks its highest level
    start = 0
    for heading in HEADING.finditer(text):
        if heading["code"]:
            continue
        yield Section(source, " > ".join(above.values()) or source, text[start : heading.start()])
        start = heading.end()
        if heading["line"] and heading["line"] not in underlines:
            underlines.append(heading["line"])
        level = len(heading["hashes"]) if heading["hashes"] else underlines.index(heading["line"]) + 1
        above = {each: title for each, title in above.items() if each < level}
        above[level] = heading["title"] or heading["underlined"]
    yield Section(source, " > ".join(above.values()) or source, text[start:])


def passages(sections: Iterable[Section]) -> list[Passage]:
    """Cut sections into passages, each below its title; leave out very short ones and repetitions."""
    found: dict[str, Passage] = {}
    for source, title, text in sections:
        above = f"{title[: LONGEST // 4]}\n\n"
        for piece in pieces(text.strip(), LONGEST - len(above)):
            if len(piece) >= SHORTEST and above + piece not in found:
                found[above + piece] = Passage(str(len(found)), source, title, above + piece)
    return list(found.values())


def pieces(text: str, limit: int) -> Iterator[str]:
    """Cut a text into pieces of at most `limit` characters: between paragraphs, else lines, else words."""
    while len(text) > limit:
        places = (text.rfind(mark, limit // 3, limit) for mark in ("\n\n", "\n", " "))
        cut = next((place for place in places if place > 0), limit)
        yield text[:cut].rstrip()
        text = text[cut:].lstrip()
    yield text
