"""A plan as one page for a browser: everything is in it, no script runs, and it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import html
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from rerank_kit.pricing.amounts import money, volume
from rerank_kit.pricing.plan_text import HEADER, cells, headline, recommended, sections
from rerank_kit.texts import in_a_line

_WIDTH, _HEIGHT = 900, 420
_LEFT, _RIGHT, _TOP = 74, 24, 16
_KEY = 20  # of a line that says which curve is whose
_TICKS = 5  # numbers of an axis, about


def page(plan: Mapping[str, Any]) -> str:
    """The page: what is advised and why, dollars against volume, and the table of all back ends."""
    style = files("rerank_kit.pricing").joinpath("plan.css").read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f"<title>What reranking costs</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n",
        f'<h1>What reranking costs</h1>\n<p class="note">{_escaped(headline(plan))}</p>\n',
        _advice(plan),
        _chart(plan),
        _table(plan["rows"]),
        *(_section(title, texts) for title, texts in sections(plan)),
        "</main>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _escaped(text: object) -> str:
    return html.escape(in_a_line(str(text)))


def _advice(plan: Mapping[str, Any]) -> str:
    named = f"<b>{_escaped(recommended(plan))}</b>"
    reasons = "".join(f"<li>{_escaped(each)}</li>\n" for each in plan["reasons"])
    return f'<h2>Recommended</h2>\n<div class="taken">{named}\n<ul>\n{reasons}</ul></div>\n'


def _section(title: str, texts: Sequence[str]) -> str:
    return f"<h2>{_escaped(title)}</h2>\n<ul>\n{''.join(f'<li>{_escaped(each)}</li>' for each in texts)}\n</ul>\n"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f'<th scope="col">{_escaped(each)}</th>' for each in HEADER)
    lines: list[str] = []
    for row in rows:
        name, *others = map(_escaped, cells(row))
        kind = "" if row["fits"] else ' class="out"'
        lines.append(f'<tr{kind}><th scope="row">{name}</th>{"".join(f"<td>{each}</td>" for each in others)}</tr>\n')
    return (
        '<h2 id="all">Every back end</h2>\n'
        '<div class="scroll" tabindex="0" role="region" aria-labelledby="all"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody></table></div>\n"
        '<p class="note">“?” is not known. Grey: something that is known speaks against it.</p>\n'
    )


def _chart(plan: Mapping[str, Any]) -> str:
    """Dollars a month against queries a month, one line for each of some back ends."""
    curves = plan["curves"]
    if not curves:
        return '<h2>Dollars against volume</h2>\n<p class="note">No price is known of what will do.</p>\n'
    most = max(x for curve in curves for x, _ in curve["points"])
    dear = max(y for curve in curves for _, y in curve["points"]) or 1.0
    high = _TOP + _HEIGHT
    drawing = _Drawing(most, _nice(dear) * math.ceil(dear / _nice(dear)))
    now = drawing.x(plan["workload"]["queries"])
    parts = [
        *drawing.grid(_nice(most), _nice(dear)),
        f'<line class="now" x1="{now:.1f}" x2="{now:.1f}" y1="{_TOP}" y2="{high}"/>',
        f'<text class="tick" x="{now + 4:.1f}" y="{_TOP + 12}">planned</text>',
    ]
    for place, curve in enumerate(curves):
        line = " ".join(f"{drawing.x(x):.1f},{drawing.y(y):.1f}" for x, y in curve["points"])
        below = high + 44 + place * _KEY
        parts.append(
            f'<g class="l{place}"><polyline class="line" points="{line}"/>'
            f'<line class="line" x1="{_LEFT}" x2="{_LEFT + 44}" y1="{below - 4}" y2="{below - 4}"/>'
            f'<text x="{_LEFT + 54}" y="{below}">{_escaped(", ".join(curve["backends"]))}</text></g>'
        )
    whole = high + 44 + len(curves) * _KEY
    return (
        "<h2>Dollars a month against queries a month</h2>\n"
        f'<svg viewBox="0 0 {_WIDTH} {whole}" role="img" aria-label="Dollars a month against queries a month">\n'
        + "\n".join(parts)
        + "\n</svg>\n"
        + '<p class="note">Steps are machines, which come whole. Where lines cross, one pays from there on.</p>\n'
    )


class _Drawing:
    """Where volumes and dollars are drawn."""

    def __init__(self, most: float, dear: float) -> None:
        self._most, self._dear = most, dear

    def x(self, queries: float) -> float:
        """Where a volume is."""
        return _LEFT + queries / self._most * (_WIDTH - _LEFT - _RIGHT)

    def y(self, dollars: float) -> float:
        """Where an amount is."""
        return _TOP + _HEIGHT - dollars / self._dear * _HEIGHT

    def grid(self, along: float, up: float) -> list[str]:
        """Lines and numbers of both axes."""
        parts: list[str] = []
        for step in range(math.floor(self._most / along) + 1):
            x, below = self.x(step * along), _TOP + _HEIGHT + 18
            said = volume(step * along)
            parts.append(f'<text class="tick" text-anchor="middle" x="{x:.1f}" y="{below}">{said}</text>')
        for step in range(round(self._dear / up) + 1):
            y = self.y(step * up)
            parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(
                f'<text class="tick" text-anchor="end" x="{_LEFT - 8}" y="{y + 4:.1f}">{money(step * up)}</text>'
            )
        return parts


def _nice(most: float) -> float:
    """A round distance between the numbers of an axis."""
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough)
