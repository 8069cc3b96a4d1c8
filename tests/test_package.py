"""What a package index shows of this project leads somewhere: it has none of the project's files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
HOOK: dict[str, Any] = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
SOURCE: str = PROJECT["project"]["urls"]["Source"]


def shown() -> str:
    """The README as the package carries it."""
    (fragment,) = HOOK["fragments"]
    text: str = (ROOT / fragment["path"]).read_text("utf-8")
    for each in HOOK["substitutions"]:
        text = re.sub(str(each["pattern"]), str(each["replacement"]), text)
    return text


def test_the_package_carries_the_readme_so() -> None:
    assert "readme" in PROJECT["project"]["dynamic"]
    assert HOOK["content-type"] == "text/markdown"
    assert any(each.startswith("hatch-fancy-pypi-readme") for each in PROJECT["build-system"]["requires"])


def test_every_link_of_the_readme_is_absolute_and_leads_to_a_file_of_the_project() -> None:
    links = re.findall(r"\]\(([^)]+)\)", shown())
    assert len(links) > 10
    for link in links:
        assert link.startswith("https://")
        if link.startswith(SOURCE):
            path = link.removeprefix(f"{SOURCE}/blob/main/").partition("#")[0]
            assert (ROOT / path).is_file(), link


def test_addresses_of_the_project_lead_to_what_is_there() -> None:
    for address in PROJECT["project"]["urls"].values():
        path = re.sub(rf"^{SOURCE}(/(blob|tree)/main/)?", "", address)
        assert (ROOT / path).exists(), address
