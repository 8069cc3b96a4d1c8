"""What it costs to merge candidates that are the same, in time of one core and in comparisons.

    python benchmarks/merging.py

The candidates are made of the documentation of Python's standard library, 200 words each. A sixth of them are others
with a word changed.
"""

from __future__ import annotations

import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
from passages import standard_library

from rerank_kit.first_stage.distinct import Distinct, groups
from rerank_kit.first_stage.near_duplicates import near_duplicates

WORDS = 200
RUNS = 5
WAYS: tuple[Distinct, ...] = ("document", "text", 0.9, 0.5)


def candidates(count: int) -> list[str]:
    """That many texts, a sixth of which are another one with a word changed."""
    words = " ".join(each.text for each in standard_library()).split()
    draw = random.Random(0)  # noqa: S311 - reproducible
    starts = [draw.randrange(len(words) - WORDS) for _ in range(count - count // 6)]
    texts = [words[start : start + WORDS] for start in starts]
    again = [[*each[:100], "changed", *each[101:]] for each in draw.sample(texts, count // 6)]
    return [" ".join(each) for each in draw.sample([*texts, *again], count)]


def main() -> None:
    """Measure each way with few and many candidates."""
    for count in (50, 100, 1000):
        texts = candidates(count)
        ids = [str(place) for place in range(count)]
        for way in WAYS:
            times: list[float] = []
            for _ in range(RUNS):
                started = time.process_time()
                found = groups(ids, texts, way)
                times.append(time.process_time() - started)
            compared = f", {near_duplicates(texts, way)[1]} comparisons" if isinstance(way, float) else ""
            print(f"{count:5} candidates, distinct={way!r}: {min(times) * 1000:6.1f} ms, {len(found):4} stay{compared}")


if __name__ == "__main__":
    main()
