"""What extras install is under licences that somebody has looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes import Done, python

TOOL = str(Path(__file__).parent.parent / "tools" / "licences.py")


def installed(folder: Path, name: str, *lines: str) -> None:
    """A package that is there in name."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "\n".join(["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *lines]), "utf-8"
    )


def checked(folder: Path, *lines: str) -> Done:
    """What is said where an extra brings a package that says this of itself."""
    installed(folder, "rerank_kit", "Provides-Extra: x", 'Requires-Dist: odd; extra == "x"')
    installed(folder, "odd", *lines)
    return python(TOOL, check=False, PYTHONPATH=str(folder))


def test_whatever_an_extra_brings_is_under_a_licence_that_is_known() -> None:
    done = python(TOOL, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "License-Expression: MIT",
        "License-Expression: (Apache-2.0 OR MIT) AND MPL-2.0",
        "Classifier: License :: OSI Approved :: BSD License",
        "License: MIT License",
    ],
)
def test_a_licence_is_read_wherever_a_package_says_it(line: str, tmp_path: Path) -> None:
    assert checked(tmp_path, line).stdout == "1 packages, 0 licences that cannot stand\n"


@pytest.mark.parametrize(
    "line",
    ["License-Expression: MIT AND AGPL-3.0-only", "License: Ours", "Classifier: License :: Other/Proprietary License"],
)
def test_one_that_is_not_known_is_told_with_the_package(line: str, tmp_path: Path) -> None:
    done = checked(tmp_path, line)
    assert done.returncode == 1
    assert done.stdout.startswith("odd is under ")


def test_a_package_that_says_nothing_is_to_be_looked_up(tmp_path: Path) -> None:
    assert checked(tmp_path).stdout.startswith("odd says nothing of its licence: look it up")
