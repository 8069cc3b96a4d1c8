"""Processes of our own interpreter, for promises that can only be tested in one, and the examples in this one."""

from __future__ import annotations

import logging
import os
import runpy
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


@dataclass(frozen=True)
class Done:
    """What a program said, and how it ended."""

    returncode: int
    stdout: str
    stderr: str


def python(*arguments: str, check: bool = True, measured: bool = False, **environment: str) -> Done:
    """Run our interpreter.

    Args:
        arguments: As on a command line.
        check: Whether ending with an error is one here.
        measured: Whether coverage follows it there, which takes half as long again.
        environment: Variables to set.
    """
    settings = {name: value for name, value in os.environ.items() if measured or not name.startswith("COVERAGE_")}
    settings |= {"PYTHONIOENCODING": "utf-8", **environment}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", env=settings, check=False, timeout=300)
    assert not check or done.returncode == 0, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def example(name: str, *arguments: str, **environment: str) -> Done:
    """Run an example as a script, but here, where what it imports and reads is there already."""
    out, error, code = StringIO(), StringIO(), 0
    with as_a_script([str(EXAMPLES / name), *arguments], environment), redirect_stdout(out), redirect_stderr(error):
        try:
            runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return Done(code, out.getvalue(), error.getvalue())


@contextmanager
def as_a_script(command: list[str], environment: dict[str, str]) -> Generator[None]:
    """What a script finds when it is run: arguments, its folder, variables, and a log that nobody has set up."""
    before = sys.argv, sys.path, dict(os.environ)
    loggers = [logging.root, logging.getLogger("rerank_kit")]
    known = [(each, each.handlers, each.level) for each in loggers]
    sys.argv, sys.path = command, [str(EXAMPLES), *sys.path]
    os.environ.update(environment)
    logging.root.handlers = []  # pytest's, with which logging.basicConfig would do nothing
    try:
        yield
    finally:
        for each, handlers, level in known:
            each.handlers = handlers
            each.setLevel(level)
        sys.argv, sys.path = before[:2]
        os.environ.clear()
        os.environ.update(before[2])
