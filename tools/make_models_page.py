"""Write the tables of `docs/models.md`: the families, and what a tiny copy of each gives. `make models` runs it.

The catalogue, and the licences in `docs/choose.md`, follow from `rerank_kit/local/families.toml`, the matrix from
`tests/local/matrix.py`. Tests see to it that the pages say what both give.
"""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from rerank_kit.local.catalogue import licences, sources, table
from tests.local.matrix import ROWS, WAYS, outcome

PAGE = Path(__file__).parent.parent / "docs" / "models.md"
CHOICE = PAGE.with_name("choose.md")


def matrix() -> str:
    """The table of families and ways, computed."""
    lines = [f"| | {' | '.join(WAYS)} |", f"|{'---|' * (len(WAYS) + 1)}"]
    for row in ROWS:
        cells: list[str] = []
        for way in WAYS:
            with TemporaryDirectory() as folder:
                cells.append(outcome(row, way, Path(folder)))
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def written(page: str, name: str, content: str) -> str:
    """The page with another content between its two comments of that name."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    return re.sub(f"{begin}.*?{end}", lambda _: f"{begin}\n{content}\n{end}", page, flags=re.DOTALL)


if __name__ == "__main__":
    text = PAGE.read_text("utf-8")
    for name, content in {"catalogue": table(), "sources": sources(), "matrix": matrix()}.items():
        text = written(text, name, content)
    PAGE.write_text(text, "utf-8")
    CHOICE.write_text(written(CHOICE.read_text("utf-8"), "licences", licences()), "utf-8")
