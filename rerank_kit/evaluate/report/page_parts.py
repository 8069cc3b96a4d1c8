"""What of the page needs no script: sentences and the table, in HTML. Every text goes through `escape`."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

from rerank_kit.evaluate.report.answer import answer
from rerank_kit.evaluate.report.characters import in_a_line
from rerank_kit.evaluate.report.columns import explained
from rerank_kit.evaluate.report.table import NOTHING, SYMBOLS, UNKNOWN, headline, table, told

_KINDS = {
    "harm": "Harm",
    "recall": "How many candidates",
    "cost": "What it costs",
    "first stage": "A better first stage",
    "labels": "Missing labels",
    "failed": "Failures",
    "same": "The same",
    "missing": "Nothing found",
    "losses": "Losses",
    "flattering": "Flattering questions",
    "family": "One family",
    "pooled": "Labels of what was found",
}
_FRONT = "Up and to the left is better. The line joins the systems that no other beats in both."
_CEILING = (
    "The line is what a perfect reranker would reach with that many candidates of a first stage; a diamond is what a "
    "reranker reaches now, each named below."
)
_DIFFERENCES = (
    "Each difference with its interval. The band is the margin within which systems count as equal; where an interval "
    "touches the line of 0, the difference can be chance. Verdicts allow for the number of systems besides: where many "
    "are compared, one interval off the line can be chance, and is inconclusive."
)
_CHARTS = (
    ("time", "Quality against time", _FRONT),
    ("money", "Quality against money", _FRONT),
    ("ceilings", "What candidates allow", _CEILING),
    ("differences", "Differences", _DIFFERENCES),
)


def title(evaluation: Mapping[str, Any]) -> str:
    """The page's title."""
    return f"{escape(evaluation['dataset']['name'])}: evaluation"


def escape(text: object) -> str:
    """A text of any origin in one line of HTML, in which nothing is markup."""
    return html.escape(in_a_line(str(text)))


def body(evaluation: Mapping[str, Any]) -> str:
    """The page without its data and its script."""
    return "".join(
        [
            '<a class="skip" href="#queries">Skip to the queries</a>\n',
            "<header>",
            f'<h1>{title(evaluation)}</h1><button type="button" id="theme" hidden>Dark colours</button>',
            f"<p>{escape(headline(evaluation, named=False))}</p></header>\n<main>\n",
            '<noscript><p class="note">Charts and queries need JavaScript; nothing is loaded or sent.</p></noscript>\n',
            _verdicts(evaluation),
            _table(evaluation),
            '<div class="charts">\n',
            *(_chart(*each) for each in _CHARTS),
            "</div>\n",
            _VIEWER,
            "</main>\n",
        ]
    )


def _verdicts(evaluation: Mapping[str, Any]) -> str:
    comparisons = [
        f'<li class="verdict {_known(each["verdict"])}"><b>{escape(told(each["verdict"]))}</b> '
        f"<span><bdi>{escape(each['text'])}.</bdi></span></li>\n"
        for each in evaluation["comparisons"]
    ]
    findings = [
        f'<li class="finding"><b>{escape(_KINDS.get(each["kind"], each["kind"]))}</b> '
        f"<span><bdi>{escape(each['text'])}.</bdi>{_show(place, len(each['queries']), each['kind'])}</span></li>\n"
        for place, each in enumerate(evaluation["findings"])
    ]
    notes = [f"<li><bdi>{escape(each)}</bdi></li>\n" for each in evaluation["dataset"]["notes"]]
    parts = ['<section aria-labelledby="short">\n<h2 id="short">In short</h2>\n']
    short = answer(evaluation)
    parts += [] if short is None else [f'<p class="answer"><bdi>{escape(short)}.</bdi></p>\n']
    parts += ['<ul class="sentences">\n', *comparisons, "</ul>\n"] if comparisons else [_ALONE]
    parts += ["<h3>What stands out</h3>\n", '<ul class="sentences">\n', *findings, "</ul>\n"] if findings else []
    parts += [
        f"<details><summary>Notes on the data ({len(notes)})</summary><ul>\n",
        *notes,
        "</ul></details>\n",
    ] * bool(notes)
    return "".join([*parts, "</section>\n"])


_ALONE = "<p>There is one system, so there is nothing to compare it with.</p>\n"


def _known(verdict: str) -> str:
    return verdict if verdict in SYMBOLS else "inconclusive"


def _show(place: int, count: int, kind: str) -> str:
    """The button that shows the queries of a finding; the script brings it to light."""
    if not count:
        return ""
    most = " that lose most" if kind in {"harm", "losses"} else ""
    queries = "the query" if count == 1 else f"the {count} queries{most}"
    return f' <button type="button" class="show" data-finding="{place}" hidden>Show {queries}</button>'


def _table(evaluation: Mapping[str, Any]) -> str:
    shown = table(evaluation)
    head = "".join(
        f'<th scope="col" role="columnheader" title="{escape(explained(each))}">{escape(each)}</th>'
        for each in shown.header
    )
    meaning = "".join(f"<dt>{escape(each)}</dt><dd>{escape(explained(each))}</dd>\n" for each in shown.header)
    rows = "".join(_system(shown.header, *each) for each in zip(shown.rows, shown.verdicts, strict=True))
    return (
        '<section aria-labelledby="systems">\n<h2 id="systems">Systems</h2>\n'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="systems"><table role="table">\n'
        f'<thead><tr role="row">{head}</tr></thead>\n<tbody>\n{rows}</tbody></table></div>\n'
        '<p class="note">Measures are means over the queries, from 0 to 1, and higher is better. The first call, which '
        "may load a model, is no part of the times; scores and times that a store had are those of the run that made "
        f"them. “{UNKNOWN}” is not known; “{NOTHING}” is nothing to know.</p>\n"
        f"<details><summary>What the columns mean</summary><dl>\n{meaning}</dl></details>\n</section>\n"
    )


def _system(header: Sequence[str], row: Sequence[str], verdict: str) -> str:
    """A row; on narrow screens, where cells stand below each other, each says of which column it is."""
    cells = [f'<th scope="row" role="rowheader"><bdi>{escape(row[0])}</bdi></th>']
    for place, (column, cell) in enumerate(zip(header[1:], row[1:], strict=True)):
        kind = "" if place else f' class="{_known(verdict) if verdict else "none"}"'
        cells.append(f'<td role="cell"{kind} data-column="{escape(column)}">{escape(cell)}</td>')
    return f'<tr role="row">{"".join(cells)}</tr>\n'


def _chart(name: str, heading: str, note: str) -> str:
    return (
        f'<section class="chart" aria-labelledby="{name}-title"><h2 id="{name}-title">{heading}</h2>'
        f'<p class="note">{note}</p><div id="{name}" class="figure"></div></section>\n'
    )


_VIEWER = """<section aria-labelledby="queries">
<h2 id="queries" tabindex="-1">Query by query</h2>
<div class="controls">
<label>Before <select id="before"></select></label>
<label>After <select id="after"></select></label>
<label>Show <select id="filter"></select></label>
<label>Sorted by <select id="order"></select></label>
<label class="wide">Search <input id="search" type="search" autocomplete="off" spellcheck="false"></label>
</div>
<div id="gains" class="figure"></div>
<p id="count" class="note" role="status"></p>
<div class="viewer">
<div id="list" class="list" role="listbox" tabindex="0" aria-label="Queries"></div>
<div id="detail" class="detail" role="region" aria-label="The query's rankings"></div>
</div>
</section>
"""
