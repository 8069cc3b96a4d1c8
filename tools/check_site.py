"""Check the built documentation: no page loads anything from elsewhere. `make docs` runs it.

Every page carries a policy by which browsers load nothing from another origin, and asks for nothing from one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from typing_extensions import override

LOADING = {  # what a browser fetches by itself, as soon as it sees it
    "audio": ["src"],
    "embed": ["src"],
    "iframe": ["src"],
    "image": ["href"],
    "img": ["src", "srcset"],
    "link": ["href"],
    "object": ["data"],
    "script": ["src"],
    "source": ["src", "srcset"],
    "use": ["href"],
    "video": ["poster", "src"],
}
ELSEWHERE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')\s;]+)""", re.IGNORECASE)
POLICY = "default-src 'self'"


class Page(HTMLParser):
    """What one page loads from elsewhere, and the policy that it sets."""

    def __init__(self, text: str) -> None:
        """Read a page."""
        super().__init__()
        self.loaded: list[str] = []
        self.policies: list[str] = []
        self.feed(text)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if given.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(given.get("content", ""))
        for name in LOADING.get(tag, []):
            if ELSEWHERE.match(given.get(name, "").strip()) and given.get("rel") != "canonical":
                self.loaded.append(given[name])
        self.loaded += IN_STYLES.findall(given.get("style", ""))


def complaints(site: Path) -> Iterator[str]:
    """What is wrong with a built site, a line each."""
    pages = sorted(site.rglob("*.html"))
    if not pages:
        yield f"{site}: no page was built"
    for path in pages:
        text = path.read_text("utf-8")
        page = Page(text)
        if not any(policy.startswith(POLICY) and "http" not in policy for policy in page.policies):
            yield f"{path}: no policy keeps it from loading from elsewhere"
        styles = re.findall(r"<style.*?</style>", text, re.DOTALL)
        for address in [*page.loaded, *IN_STYLES.findall("".join(styles))]:
            yield f"{path}: loads {address}"
    for path in [*sorted(site.rglob("*.css")), *sorted(site.rglob("*.svg"))]:
        for address in IN_STYLES.findall(path.read_text("utf-8")):
            yield f"{path}: loads {address}"
    if not (site / "search.json").exists():
        yield f"{site}: there is no index to search in"


if __name__ == "__main__":
    found = list(complaints(Path(sys.argv[1] if len(sys.argv) > 1 else "site")))
    sys.stdout.writelines(f"{each}\n" for each in found)
    sys.exit(1 if found else 0)
