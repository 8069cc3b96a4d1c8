"""What runs, drawn for a notebook: boxes with arrows between them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_BOX = "border:1px solid #8888;border-radius:6px;padding:.4em .8em;text-align:center"
_ROW = "display:flex;flex-wrap:wrap;align-items:center;gap:.5em;font-family:sans-serif"


def drawn(boxes: Sequence[tuple[str, str]]) -> str:
    """Boxes in a row as HTML, each with a name and a line below it. Nothing in them is taken for markup."""
    made = (f'<div style="{_BOX}"><b>{escape(name)}</b><br><small>{escape(line)}</small></div>' for name, line in boxes)
    return f'<div style="{_ROW}">{"<span>→</span>".join(made)}</div>'
