"""What docs/scale.md shows runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.scale.conftest import ROOT

pytest.importorskip("ray")
serve = pytest.importorskip("ray.serve")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.unmeasured]


@pytest.mark.usefixtures("cluster")
def test_the_blocks_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    scored = tmp_path / "scored"
    blocks = re.findall(r"```text\n(.*?)```", (ROOT / "docs/scale.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    try:
        for block in blocks:
            run = block.replace('"scored"', repr(str(scored)))  # a worker may have begun in another folder
            exec(run, names)  # noqa: S102 - our own page
    finally:
        serve.shutdown()
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [row for each in sorted(scored.glob("*.parquet")) for row in parquet.read_table(each).to_pylist()]
    assert {row["text"]: row["relevance_score"] > 0.5 for row in rows} == {
        "Mars is red.": True,
        "Bread is baked.": False,
    }
