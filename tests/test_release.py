"""What is said of a release in several files is the same in all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from rerank_kit import __version__
from tests.processes import python

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOG = (ROOT / "CHANGELOG.md").read_text("utf-8")
CITATION: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
RECIPE: dict[str, Any] = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text("utf-8"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_the_version_is_the_same_wherever_it_is_said() -> None:
    assert CITATION["version"] == RECIPE["context"]["version"] == Version(__version__).base_version


def test_what_the_project_is_is_the_same_wherever_it_is_said() -> None:
    assert CITATION["title"] == RECIPE["package"]["name"] == PROJECT["name"]
    assert CITATION["license"] == RECIPE["about"]["license"] == PROJECT["license"]
    assert CITATION["repository-code"] == RECIPE["about"]["repository"] == PROJECT["urls"]["Source"]
    assert RECIPE["about"]["summary"] == PROJECT["description"]
    assert RECIPE["build"]["python"]["entry_points"] == [
        f"{name} = {call}" for name, call in PROJECT["scripts"].items()
    ]


def test_conda_takes_the_versions_that_pip_takes() -> None:
    assert PROJECT["dependencies"] == []
    lowest = RECIPE["context"]["python_min"]
    assert f">={lowest}" == PROJECT["requires-python"]
    assert RECIPE["requirements"]["run"] == ["python >=${{ python_min }}"]
    needed = [Requirement(each) for extra in PROJECT["optional-dependencies"].values() for each in extra]
    known = {canonicalize_name(each.name): each.specifier for each in needed}
    for each in map(Requirement, RECIPE["requirements"]["run_constraints"]):
        assert each.specifier == known[canonicalize_name(each.name)], each
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    assert {Requirement(each) for each in build} <= {Requirement(each) for each in RECIPE["requirements"]["host"][1:]}


def test_pythons_are_those_that_are_tested() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    said = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", each)]
    assert said == jobs["test"]["strategy"]["matrix"]["python"]
    assert f">={said[0]}" == PROJECT["requires-python"]


def test_a_version_that_is_released_is_in_the_changelog() -> None:
    (newest, *_), links = (
        re.findall(r"^## \[(.+?)\]", LOG, re.MULTILINE),
        re.findall(r"^\[(.+?)\]: https", LOG, re.MULTILINE),
    )
    assert newest == "Unreleased"
    entries = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", LOG, re.MULTILINE)
    assert entries == links  # each leads to what changed
    if not Version(__version__).is_devrelease:
        assert entries[1] == __version__
    kinds = re.findall(r"^### (.+)$", LOG, re.MULTILINE)
    assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_every_extra_is_tried_from_the_wheel() -> None:
    tried = {each.stem.replace("_", "-") for each in (ROOT / "tests" / "dist").glob("*.py")}
    assert set(PROJECT["optional-dependencies"]) - tried == {"all", "ray"}  # Ray has `make test-ray`


@pytest.mark.parametrize("tag", [f"{__version__}", "v99.0.0", "v"])
def test_another_tag_than_the_version_is_not_published(tag: str) -> None:
    done = python(str(ROOT / "tools" / "check_release.py"), tag, check=False)
    assert done.returncode == 1
    assert f"the tag is {tag}, and rerank_kit/__init__.py says {__version__}" in done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_only_what_is_pinned_and_has_no_right_that_it_does_not_name(path: Path) -> None:
    text = path.read_text("utf-8")
    workflow: dict[str, Any] = yaml.safe_load(text)
    assert workflow["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values())
    uses = re.findall(r"uses: (.+)$", text, re.MULTILINE)
    assert uses
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in uses), uses
    assert "secrets." not in text
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"run: make ([\w-]+)", text)) <= targets
    for script in re.findall(r"python (tools/\S+)", text):
        assert (ROOT / script).is_file()


def test_publishing_needs_no_token_and_comes_after_the_wheel_was_tried() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == "build"
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert any("make test-dist" in str(step.get("run")) for step in jobs["build"]["steps"])
    (upload,) = [step for step in jobs["publish"]["steps"] if "gh-action-pypi-publish" in step["uses"]]
    assert upload["with"] == {"attestations": True}
