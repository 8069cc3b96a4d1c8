"""The forms in which a report is written, for the commands that write one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from rerank_kit.cli.options import only_one
from rerank_kit.cli.telling import say, tell, width_and_colour

Html = Annotated[str | None, typer.Option("--html", metavar="FILE", help="Write one page for a browser, too.")]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV, a row for each system.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
Latex = Annotated[bool, typer.Option("--latex", help="Print a table for LaTeX.")]


@dataclass(frozen=True, slots=True)
class Forms:
    """How a report is printed, as text unless one is chosen, and where its page is written."""

    html: str | None
    json: bool
    csv: bool
    markdown: bool
    latex: bool

    def check(self) -> None:
        """Refuse more than one, and a page that cannot be written, before anything is done.

        Raises:
            BadParameter: There are more, or there is no folder for the page.
        """
        only_one(json=self.json, csv=self.csv, markdown=self.markdown, latex=self.latex)
        check_page(self.html)

    def write(self, report: Mapping[str, Any]) -> None:
        """Write the page if there is to be one, and print the report."""
        if self.html is not None:
            write_page(self.html, _as("html", report))
        if self.json:
            say(json.dumps(report, ensure_ascii=False))
        else:
            chosen = next((name for name in ("csv", "markdown", "latex") if getattr(self, name)), None)
            say(_as_text(report) if chosen is None else _as(chosen, report))


def check_page(html: str | None) -> None:
    """Refuse a page that cannot be written.

    Raises:
        BadParameter: There is no folder for it.
    """
    if html is not None and (Path(html).is_dir() or not Path(html).absolute().parent.is_dir()):
        msg = f"--html {html!r} is no file in a folder that exists: make the folder, or name another file"
        raise typer.BadParameter(msg)


def write_page(html: str, page: str) -> None:
    """Write a page, and say so."""
    Path(html).write_text(page, "utf-8")
    tell(f"rerank-kit: wrote {html}, which any browser shows")


def _as(form: str, report: Mapping[str, Any]) -> str:
    from rerank_kit.evaluate.report import as_csv, as_html, as_latex, as_markdown

    written = {"csv": as_csv, "html": as_html, "latex": as_latex, "markdown": as_markdown}
    return written[form](report)


def _as_text(report: Mapping[str, Any]) -> str:
    from rerank_kit.evaluate.report import as_text

    width, colour = width_and_colour()
    return as_text(report, max(width, 40), colour=colour)
