"""The examples of how it is run call commands that there are, as nobody in particular, where nothing can be written."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import parses
from tests.processes import EXAMPLES

yaml = pytest.importorskip("yaml")
FOLDER = EXAMPLES / "serve"
DOCKERFILE = (FOLDER / "Dockerfile").read_text("utf-8")


def instruction(name: str) -> list[str]:
    """The words of an instruction of the Dockerfile that is there once."""
    joined = DOCKERFILE.replace("\\\n", " ")
    (found,) = re.findall(rf"^{name} (.*)$", joined, re.MULTILINE)
    return json.loads(found) if found.startswith("[") else shlex.split(found)


def test_the_image_runs_a_command_that_there_is_without_rights() -> None:
    command = [*instruction("ENTRYPOINT"), *instruction("CMD")]
    assert command[:2] == ["rerank-kit", "serve"]
    assert parses(command[1:])
    assert "--keys-from" in command
    assert int(instruction("USER")[0]) > 0
    assert "rerank-kit[serve,embedded]" in instruction("RUN")
    (check,) = re.findall(r"CMD (\[\"python\".*\])$", DOCKERFILE, re.MULTILINE)
    compile(json.loads(check)[2], "the check of the image", "exec")


def test_the_deployment_lets_nothing_be_written_and_waits_for_what_is_in_hand() -> None:
    deployment, service = yaml.safe_load_all((FOLDER / "kubernetes.yaml").read_text("utf-8"))
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert parses(["serve", *container["args"]])
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    arguments = container["args"]
    assert pod["terminationGracePeriodSeconds"] > float(arguments[arguments.index("--shutdown-timeout") + 1])
    assert {container[f"{each}Probe"]["httpGet"]["path"] for each in ("startup", "readiness", "liveness")} == {
        "/health"
    }
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["ports"][0]["targetPort"] == container["ports"][0]["containerPort"] == 8000


def test_the_unit_starts_a_command_that_there_is(tmp_path: Path) -> None:
    unit = (FOLDER / "rerank-kit.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert parses(shlex.split(command)[1:])
    assert "DynamicUser=yes" in unit
    assert "ProtectSystem=strict" in unit
    assert "KillSignal" not in unit  # SIGTERM, at which it ends what it has in hand


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="only systemd can say")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    unit = (FOLDER / "rerank-kit.service").read_text("utf-8").replace("/opt/rerank-kit/bin/rerank-kit", "/bin/true")
    file = tmp_path / "rerank-kit.service"
    file.write_text(unit, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)  # noqa: S607
    assert [line for line in done.stderr.splitlines() if str(file) in line or "rerank-kit" in line] == []
