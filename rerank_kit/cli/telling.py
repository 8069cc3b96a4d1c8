"""What commands say: results on stdout, all else on stderr, and nothing where nobody listens any more."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from functools import partial
from typing import Any, TextIO

import typer
from rich.console import Console

_WIDTH = 120  # characters of a line where no terminal says how many
_ALONE = r"(?<![\w.'\"?&/-])"  # no part of a longer name, a quotation or an address
_BEGINS = r"(?:^|(?<=: ))"  # where an error begins
_VERBS = "must|cannot|is missing|has|names"


def say(text: str) -> None:
    """Write a result to stdout.

    Raises:
        Exit: Nobody reads it any more, as behind `| head`: with code 0, for nothing is wrong.
        OSError: It cannot be written.
    """
    out = _there(sys.stdout)
    try:
        _be_utf8(out)
        out.write(text if text.endswith("\n") else f"{text}\n")
        out.flush()
    except OSError as error:
        _leave(out)
        if error.errno == errno.EPIPE:
            raise typer.Exit(0) from None
        raise OSError(error.errno, f"stdout cannot be written: {error.strerror}") from error


def say_json(value: Any) -> None:
    """Write a result to stdout as JSON in one line."""
    say(json.dumps(value, ensure_ascii=False))


def tell(text: str) -> None:
    """Write to stderr what is no result; nothing where it cannot be written."""
    with suppress(OSError, ValueError):
        _there(sys.stderr).write(text if text.endswith("\n") else f"{text}\n")


def log_to_stderr(*names: str) -> None:
    """Have what these loggers say from `INFO` on go to stderr, a line for each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.handlers = [handler]
        logger.propagate = False


@contextmanager
def results_alone() -> Generator[None]:
    """Have what users' code prints go to stderr, that of programs which it starts too: stdout is for results."""
    with redirect_stdout(sys.stderr):
        try:
            kept = os.dup(1)
        except OSError:  # it is closed
            yield
            return
        try:
            with suppress(OSError):
                os.dup2(2, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def score_text(score: float) -> str:
    """A score with four digits that say something, however small it is."""
    return f"{score:.4g}"


def as_options(text: str, names: Mapping[str, str]) -> str:
    """An error of the Python interface as one of the command line: `--max-cost 2` for `max_cost=2`.

    Args:
        text: The error.
        names: What arguments are called here, such as `--max-cost` for `max_cost`.
    """
    if not names:
        return text
    words, long = "|".join(names), "|".join(each for each in names if "_" in each) or "(?!)"
    for pattern, end in (
        (rf"{_ALONE}({words})=True\b", ""),
        (rf"{_ALONE}({words})=(?=[^\s,.;:)])", " "),
        (rf"{_ALONE}({words})=", ""),
        (rf"{_BEGINS}({words})(?= (?:{_VERBS})\b)", ""),
        (rf"{_ALONE}({long})(?![\w.(])", ""),
    ):
        text = re.sub(pattern, partial(_as_option, names, end), text)
    return text


def _as_option(names: Mapping[str, str], end: str, found: re.Match[str]) -> str:
    return f"{names[found[1]]}{end}"


def drawn(*parts: Any) -> str:
    """Tables and texts of rich as the text that stdout shows, with colours if it is a terminal."""
    out = _there(sys.stdout)
    width, coloured = width_and_colour()
    console = Console(
        file=out,
        width=width,
        color_system="auto" if coloured else None,  # without colours there are no bold letters either
        markup=False,
        highlight=False,
        emoji=False,
    )
    with console.capture() as captured:
        for each in parts:
            console.print(each)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def width_and_colour() -> tuple[int, bool]:
    """How many characters a line of stdout has, and whether it shows colours."""
    console = Console(file=_there(sys.stdout))
    coloured = console.color_system is not None and not console.no_color
    return (console.width, coloured) if console.is_terminal else (_WIDTH, False)


def of_stderr() -> Console:
    """A console for what moves: progress and questions."""
    return Console(file=_there(sys.stderr), markup=False, highlight=False, emoji=False)


def asked_at_terminal(question: str) -> bool | None:
    """The answer to a yes or no question, no by default; `None` where nobody sits at a terminal."""
    if sys.stdin is None or not (sys.stdin.isatty() and of_stderr().is_terminal):  # pyright: ignore[reportUnnecessaryComparison] - so it is where it was closed
        return None
    of_stderr().print(f"{question} [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _there(stream: TextIO | None) -> TextIO:
    if stream is None:
        raise OSError(errno.EBADF, "standard output or standard error is closed")
    return stream


def _be_utf8(out: TextIO) -> None:
    """Have what goes to a pipe or file be UTF-8 whatever the locale says; no character is an error."""
    if isinstance(out, io.TextIOWrapper):
        out.reconfigure(encoding=None if out.isatty() else "utf-8", errors="backslashreplace")


def _leave(out: TextIO) -> None:
    """Have what is still buffered go nowhere, for Python would try to write it again as it ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
