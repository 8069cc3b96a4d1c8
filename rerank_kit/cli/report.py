"""`rerank-kit report`: the report of an evaluation, once more and in another form."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rerank_kit.cli.formats import Csv, Forms, Html, Latex, Markdown
from rerank_kit.cli.options import AsJson
from rerank_kit.cli.store import STORE, kept
from rerank_kit.errors import ConfigurationError

EXAMPLES = ("report --html report.html", "report run.json --markdown > RERANKING.md", "report other.sqlite --csv")


def run(
    source: Annotated[
        str,
        typer.Argument(
            metavar="STORE_OR_JSON", help="An evaluation's file, or what eval --json printed; - is piped in."
        ),
    ] = STORE,
    *,
    html: Html = None,
    as_json: AsJson = False,
    csv: Csv = False,
    markdown: Markdown = False,
    latex: Latex = False,
) -> None:
    """Print the report of an evaluation once more, in any form. Nothing is computed again."""
    forms = Forms(html, as_json, csv, markdown, latex)
    forms.check()
    if source == STORE and not Path(STORE).exists():
        msg = f"there is no {STORE} in this folder: run rerank-kit eval first, or name the file that its --store names"
        raise ConfigurationError(msg)
    forms.write(kept(source))
