"""Every family gives its card's own scores on every way in, or is refused while it is loaded, as the page has it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rerank_kit.local.catalogue import licences, sources, table
from tests.local.matrix import ROWS, WAYS, Row, Way, outcome

PAGE, CHOICE = ((Path(__file__).parents[2] / "docs" / name).read_text("utf-8") for name in ("models.md", "choose.md"))


def part(name: str, page: str = PAGE) -> str:
    """What stands on a page between the two comments of a name."""
    (found,) = re.findall(f"<!-- {name} -->\n(.*?)\n<!-- end of {name} -->", page, re.DOTALL)
    text: str = found
    return text


CELLS = {
    name: dict(zip(WAYS, cells, strict=True))
    for name, *cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in part("matrix").splitlines())
}


def test_the_page_has_the_catalogue_and_its_sources() -> None:
    assert part("catalogue") == table()
    assert part("sources") == sources()
    assert part("licences", CHOICE) == licences()


def test_the_page_has_every_row_and_none_is_wrong() -> None:
    rows = [each for each in CELLS if each and not each.startswith("---")]
    assert rows == [row.name for row in ROWS]
    assert not [row for row in rows for way in WAYS if "wrong" in CELLS[row][way]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_family_gives_the_scores_of_its_card_or_is_refused(tmp_path: Path, row: Row, way: Way) -> None:
    assert outcome(row, way, tmp_path) == CELLS[row.name][way]
