"""Whether a tag can be published: it is the version of the package, and the changelog has a dated entry of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def wrong(tag: str) -> str:
    """What stands against publishing this tag; nothing where all is well."""
    (version,) = re.findall(
        r'^__version__ = "(.+)"$', (ROOT / "rerank_kit" / "__init__.py").read_text("utf-8"), re.MULTILINE
    )
    if tag != f"v{version}":
        return f"the tag is {tag}, and rerank_kit/__init__.py says {version}"
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        return f"{version} is a version under development"
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", log, re.MULTILINE):
        return f"CHANGELOG.md has no `## [{version}] - YYYY-MM-DD`"
    return ""


if __name__ == "__main__":
    sys.exit(wrong(*sys.argv[1:]) or None)
