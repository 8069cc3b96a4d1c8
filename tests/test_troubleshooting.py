"""Every error and warning has an entry in the page on troubleshooting, and its text leads there."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import pickle
import re
import tomllib
import traceback
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import errors
from rerank_kit.cli.app import run
from rerank_kit.contextual import Contexts, IncompleteContexts
from rerank_kit.errors import DOCUMENTATION, Abandoned, AllFailed, MissingExtra, RateLimited, RerankError, more_about
from rerank_kit.first_stage import RecallWarning
from rerank_kit.testing import RerankServer
from rerank_kit.user_warnings import hearing, warn_user
from tests.core.test_architecture import FILES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
INSIDE = {"Busy", "Gone", "LeftOut", "Odd", "Refused"}
"""Exceptions that no caller gets: they are caught in the room that raises them."""


def entries(heading: str) -> dict[str, str]:
    """What stands under each heading of a part of the page."""
    (part,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    _, *entries = re.split(r"^### ", part, flags=re.MULTILINE)
    return dict(entry.split("\n", 1) for entry in entries)


def kinds() -> Iterator[type[BaseException]]:
    """Every class of an exception or a warning that the packages define."""
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                kind: object = getattr(import_module(name), node.name, None)
                if inspect.isclass(kind) and issubclass(kind, BaseException):
                    yield kind


KINDS = {kind.__name__: kind for kind in kinds()}
ERRORS = {name for name, kind in KINDS.items() if not issubclass(kind, Warning)}


def warned_of() -> set[str]:
    """The categories of all warnings that are given."""
    calls = (
        node
        for path in FILES.values()
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and re.search(r"\b_?warn(_user)?$", ast.unparse(node.func))
    )
    given = {ast.unparse(call.args[1]) for call in calls if len(call.args) > 1}
    return given - {"category"}  # warn_user itself hands it on


def test_every_error_has_an_entry() -> None:
    assert {"RerankError", "Abandoned", "IncompleteContexts"} < ERRORS
    assert entries("Errors by name").keys() == ERRORS - INSIDE | {"ValidationError"}  # which is of pydantic


def test_what_is_left_out_is_no_error_of_ours() -> None:
    assert not any(issubclass(KINDS[name], RerankError) for name in INSIDE)


def test_every_warning_has_an_entry() -> None:
    ours = KINDS.keys() - ERRORS
    assert "RecallWarning" in ours
    assert ours < warned_of()
    assert entries("Warnings by name").keys() == warned_of()


def test_every_entry_has_an_example() -> None:
    told = {**entries("Errors by name"), **entries("Warnings by name")}
    shown = ("```python\n", "```text\n", "The example is [above]", "Inside [`rerank-kit serve`]")
    assert [name for name, text in told.items() if not any(each in text for each in shown)] == []


def test_every_link_leads_to_the_entry() -> None:
    headings = re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    for name in (KINDS.keys() - INSIDE) | warned_of():
        kind: type[BaseException] = KINDS.get(name) or getattr(builtins, name)
        page, _, place = more_about(kind).partition(": ")[2].partition("#")
        assert place in [heading.lower() for heading in headings]
        assert (ROOT / "docs" / page.removeprefix(f"{DOCUMENTATION}/")).is_file()


def test_the_links_lead_where_the_package_says_that_its_documentation_is() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["urls"]["Documentation"] == DOCUMENTATION


MADE: list[Any] = [
    RerankError(),
    MissingExtra("onnxruntime is missing", "onnx"),
    RateLimited("slow down", backend="Cohere", status=429, request_id="r1", retry_after=2.0),
    AllFailed("all failed", errors=[ValueError("x")]),
    IncompleteContexts(Contexts((), ())),
    *(
        kind("a message")
        for kind in KINDS.values()
        if kind not in (IncompleteContexts, Abandoned) and issubclass(kind, RerankError)
    ),
]
each_of_them = pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)


@each_of_them
def test_a_traceback_ends_with_the_link_and_the_message_is_as_it_was(error: RerankError) -> None:
    last = traceback.format_exception_only(error)[-1].strip()
    assert (
        last == f"More about {type(error).__name__}: {DOCUMENTATION}/troubleshooting.md#{type(error).__name__.lower()}"
    )
    assert "http" not in str(error)
    assert "\n" not in str(error)


@each_of_them
def test_the_link_is_there_once_however_often_an_error_is_raised_copied_and_pickled(error: RerankError) -> None:
    for again in (error, copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        for _ in range(2):
            with pytest.raises(RerankError):
                raise again
        assert again.__notes__ == [more_about(type(error))]


def test_other_notes_stay_beside_it() -> None:
    error = errors.InvalidResponse("no scores")
    error.add_note("asked twice")
    back = pickle.loads(pickle.dumps(error))
    assert back.__notes__ == [more_about(errors.InvalidResponse), "asked twice"]


def test_an_error_of_a_users_own_leads_to_the_nearest_of_ours() -> None:
    class Slow(errors.DeadlineExceeded):
        def __init__(self, seconds: float, where: str) -> None:
            super().__init__(f"{where}: {seconds}")

    assert str(Slow(2.0, "there")) == "there: 2.0"
    assert Slow(2.0, "there").__notes__ == [more_about(errors.DeadlineExceeded)]


def test_a_warning_ends_with_the_link_and_whoever_collects_them_gets_the_message() -> None:
    with hearing() as heard, pytest.warns(RecallWarning) as shown:
        warn_user("few were brought", RecallWarning)
    assert heard == ["few were brought"]
    assert str(shown[0].message) == f"few were brought. {more_about(RecallWarning)}"


def test_a_server_that_was_forgotten_says_where_more_about_it_stands() -> None:
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        RerankServer().__del__()
    assert str(shown[0].message).endswith(more_about(ResourceWarning))


def test_the_command_tells_errors_in_a_line_and_without_the_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["search", "no-such-folder", "when are backups made?"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("rerank-kit: ")
    assert DOCUMENTATION not in line
