"""An evaluation as one page for a browser: everything is in it, and it loads nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from rerank_kit.evaluate.report.given import Evaluated, plain
from rerank_kit.evaluate.report.page_data import figures, rankings
from rerank_kit.evaluate.report.page_parts import body, title

_SCRIPTS = ("elements", "figure", "scatter", "lines", "intervals", "gains", "list", "moves", "viewer", "start")
_RISKY = re.compile("[<>&\u2028\u2029]")


def as_html(evaluation: Evaluated | Mapping[str, Any]) -> str:
    """The page: verdicts, the table, quality against time and money, ceilings, differences, and each query's rankings.

    It needs no network, and its own rules (a content security policy) forbid it any. Texts of queries and documents are
    shown as text whatever is in them; of long ones the page holds the beginning, and says so. The page by itself has
    50 kB; to these come the texts and the rankings: under 1 MB for fifty queries, 20 to 40 MB for ten thousand.

    Args:
        evaluation: What was measured.

    Raises:
        ConfigurationError: `evaluation` is something else.
    """
    given = plain(evaluation)
    style = _asset("page.css")
    script = f"'use strict';(()=>{{\n{''.join(_asset(f'{name}.js') for name in _SCRIPTS)}}})();"
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )
    return "".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n',
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
            '<meta name="color-scheme" content="light dark">\n',
            f"<title>{title(given)}</title>\n<style>{style}</style>\n</head>\n<body>\n",
            body(given),
            _data("figures", figures(given)),
            _data("rankings", rankings(given)),
            f"<script>{script}</script>\n</body>\n</html>\n",
        ]
    )


def _asset(name: str) -> str:
    return files("rerank_kit.evaluate.report").joinpath("assets", name).read_text("utf-8")


def _hash(text: str) -> str:
    """How a content security policy names the one script, or the one style sheet, that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _data(name: str, values: Any) -> str:
    """Values as JSON in an element that no browser runs, without a character that could end it."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    escaped = _RISKY.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return f'<script type="application/json" id="{name}">{escaped}</script>\n'
