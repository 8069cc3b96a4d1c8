"""An evaluation as Markdown, LaTeX, CSV, and as a pandas data frame."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any

from rerank_kit.evaluate.report.characters import in_a_line
from rerank_kit.evaluate.report.given import Evaluated, plain
from rerank_kit.evaluate.report.sentences import sentences
from rerank_kit.evaluate.report.table import headline, records, table
from rerank_kit.evaluate.tables import as_cell
from rerank_kit.optional import optional
from rerank_kit.texts import in_markdown

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "▲": r"$\uparrow$",
    "▼": r"$\downarrow$",
    "\N{EN DASH}": "--",
    "…": r"\ldots{}",
    "·": r"$\cdot$",
    **{each: f"\\{each}" for each in "&%$#_{}"},
}


def as_markdown(evaluation: Evaluated | Mapping[str, Any]) -> str:
    """The table, the verdicts and what stands out. Nothing in names and sentences is taken for markup.

    Raises:
        ConfigurationError: `evaluation` is something else.
    """
    given = plain(evaluation)
    shown = table(given)
    lines = [in_markdown(headline(given)), ""]
    lines += [_row(shown.header), f"|:--{'|--:' * (len(shown.header) - 1)}|", *map(_row, shown.rows), ""]
    for title, texts in sentences(given):
        lines += [f"**{title}**", "", *(f"- {in_markdown(each)}" for each in texts), ""]
    return "\n".join(lines)


def as_latex(evaluation: Evaluated | Mapping[str, Any]) -> str:
    r"""The table for a paper, with `\usepackage{booktabs}`; verdicts and what stands out follow as a list.

    Raises:
        ConfigurationError: `evaluation` is something else.
    """
    given = plain(evaluation)
    shown = table(given)
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{_latex(headline(given))}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(shown.header) - 1)}}}",
        r"\toprule",
        _latex_row(shown.header),
        r"\midrule",
        *map(_latex_row, shown.rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    for title, texts in sentences(given):
        items = [rf"\item {{}}{_latex(each)}" for each in texts]  # a bracket would be taken for the item's label
        lines += ["", rf"\paragraph{{{title}}}", r"\begin{itemize}", *items, r"\end{itemize}"]
    return "\n".join([*lines, ""])


def as_csv(evaluation: Evaluated | Mapping[str, Any]) -> str:
    """A line for each system, numbers unrounded, what is unknown left empty; `'=a` is `=a`, which is no formula.

    The columns: `system`, `first_stage`, `recall` and `candidates` (at most, and on average), the measures,
    `p50_seconds`, `p95_seconds`, `waiting_p50_seconds`, `tokens` (of a query), `cost_per_1000` (queries, in US
    dollars), `failed` (queries), and the comparison with the first stage: `verdict`, `difference`, `low`, `high`,
    `p_adjusted`.

    Raises:
        ConfigurationError: `evaluation` is something else.
    """
    rows = [
        {key: as_cell(value) if isinstance(value, str) else value for key, value in row.items()}
        for row in _named(plain(evaluation))
    ]
    written = StringIO()
    writer = csv.DictWriter(written, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def to_pandas(evaluation: Evaluated | Mapping[str, Any]) -> Any:
    """A `pandas.DataFrame` with a row for each system and the columns of `as_csv`.

    Raises:
        ConfigurationError: `evaluation` is something else.
        MissingExtra: pandas is not installed: `pip install pandas`.
    """
    rows = _named(plain(evaluation))
    return optional("pandas", extra="", why="to_pandas").DataFrame(rows)


def _named(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The records, names and measures in one line each."""
    texts = {"system", "first_stage"}
    return [
        {
            in_a_line(key): in_a_line(value) if key in texts and value is not None else value
            for key, value in row.items()
        }
        for row in records(given)
    ]


def _row(cells: Any) -> str:
    return f"| {' | '.join(map(in_markdown, cells))} |"


def _latex_row(cells: Any) -> str:
    return rf"{' & '.join(map(_latex, cells))} \\"


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)
