"""The examples of business rules do what they say, from both frameworks."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.processes import example

FRAMEWORKS = pytest.mark.parametrize("framework", ["langchain", "llama-index"])

pytestmark = pytest.mark.unmeasured  # of the examples it tells nothing, and takes half as long again


@FRAMEWORKS
def test_three_of_eighteen_jobs_are_picked_one_of_each_tier_each_with_its_reason(framework: str) -> None:
    done = example("daily_jobs.py", "--framework", framework)
    assert done.returncode == 0, done.stderr
    picks, rest = done.stdout.split("Not picked:")
    title, *found = picks.strip().split("\n\n")
    assert title == f"3 of 18 jobs, with {framework}"
    reasons = {pick.splitlines()[0]: " ".join(pick.split("\n  ")[1:]) for pick in found}
    assert reasons == {
        "ML Engineer, Search at Meridian Labs": (
            "Tier aspirational, as level is Mid-Senior and company is Meridian Labs (+3), 1st of 4 in it; posted 110 "
            "minutes ago, within 24 hours (+0.5); title says “ML Engineer” (+0.25); location is Leeds (+0.125)."
        ),
        "Graduate AI Engineer at Tern Rail": (
            "Tier actionable, as level is Graduate and company is Tern Rail (+2), 1st of 4 in it; posted 21 hours ago, "
            "within 24 hours (+0.5); title says “AI Engineer” (+0.25); location is York, none of “Leeds”, “Remote” "
            "(+0)."
        ),
        "AI Engineer Internship at Oak & Ash Games": (
            "Tier special, as title says “Internship” (+1), 1st of 4 in it; posted 3 hours ago, within 24 hours "
            "(+0.5); title says “AI Engineer” (+0.25); location is Remote (+0.125)."
        ),
    }
    assert len(rest.strip().splitlines()) == 15
    assert "  International Sales Lead: it belongs to no tier\n" in rest
    assert "  Platform Engineer: 1 of its tier came before it\n" in rest


def posting(number: int, **changed: str) -> str:
    metadata = {"open_date": "2025-09-10", "close_date": "2025-09-20", "department": "Energy", **changed}
    return json.dumps({"title": f"Network Engineer {number}", "text": "2210 - IT. The public", "metadata": metadata})


@FRAMEWORKS
def test_postings_are_searched_in_stages(tmp_path: Path, framework: str) -> None:
    data = tmp_path / "postings.jsonl"
    lines = [posting(number, close_date="2025-09-01" if number % 2 else "2025-09-30") for number in range(60)]
    data.write_text("\n".join(lines), "utf-8")
    arguments = ("--framework", framework, "--query", "network engineer")
    done = example("postings.py", *arguments, POSTINGS=str(data))
    assert done.returncode == 0, done.stderr
    assert f"5 of 60 postings on 2025-09-12, with {framework}" in done.stdout
    titles = re.findall(r"^Network Engineer (\d+)$", done.stdout, re.MULTILINE)
    assert len(titles) == 5
    assert all(int(number) % 2 == 0 for number in titles)
    assert " ".join(done.stdout.split()).count("Tier open to all, as audience says “public” (+10)") == 5


def test_without_the_postings_it_says_so() -> None:
    done = example("postings.py", POSTINGS="")
    assert done.returncode == 2
    assert "there is no file '': pass the path of the postings, or set POSTINGS to it" in done.stderr
