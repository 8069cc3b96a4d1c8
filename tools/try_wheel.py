"""Install the wheel where nothing else is, and do what its users do first. `make test-dist` and `make sizes` run it.

For each extra there is a script in `tests/dist`, which runs in an empty folder, so that nothing of the checkout is
imported. What is installed, and what importing it loads, has to stay below a bound.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from argparse import ArgumentParser, BooleanOptionalAction
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).parent.parent
SCRIPTS = ROOT / "tests" / "dist"
PAGE = ROOT / "docs" / "installing.md"
TIMES = 5
WITH_TORCH = 8000  # some of its builds bring CUDA
IMPORT = """
import sys, time
before, begun = len(sys.modules), time.perf_counter()
import {module}
print(len(sys.modules) - before, time.perf_counter() - begun)
"""


@dataclass(frozen=True)
class Setting:
    """What somebody installs, and what that may come to."""

    extras: str
    megabytes: int  # installed, without Python
    module: str = "rerank_kit"
    modules: int = 280  # that importing it loads, beyond those of Python's start


SETTINGS: Mapping[str, Setting] = {
    "core": Setting("", 4),
    "bm25": Setting("bm25", 200),
    "langchain": Setting("langchain,embedded", 600, "langchain_rerank_kit", 1700),
    "llama_index": Setting("llama-index,embedded", 650, "llama_rerank_kit", 2200),
    "onnx": Setting("onnx", 250),
    "embedded": Setting("embedded", 500),
    "sentence_transformers": Setting("sentence-transformers", WITH_TORCH),
    "export": Setting("export", WITH_TORCH),
    "flashrank": Setting("flashrank", 250),
    "http": Setting("http", 10),
    "cohere": Setting("cohere", 100),
    "anthropic": Setting("anthropic", 40),
    "cli": Setting("cli", 30),
    "eval": Setting("eval", 700),
    "serve": Setting("serve", 40),
    "mcp": Setting("mcp", 150),
    "opentelemetry": Setting("opentelemetry", 10),
    "prometheus": Setting("prometheus", 10),
}
"""By the name of the script."""
QUICK = ("core", "langchain", "llama_index", "cli", "eval", "serve")


@dataclass(frozen=True)
class Tried:
    """What came of one setting."""

    name: str
    python: str
    packages: int
    megabytes: float
    modules: int
    seconds: float
    wrong: str = ""


def tried(name: str, wheel: Path, python: str, pins: Sequence[str], *, oldest: bool) -> Tried:
    """Install a setting and run its script; what fails is told, not raised."""
    setting = SETTINGS[name]
    with TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "empty").mkdir()
        (here / "pins.txt").write_text("\n".join(pins), "utf-8")
        _uv("venv", "--python", python, folder + "/venv")
        executable = _python_of(here / "venv")
        wanted = f"rerank-kit[{setting.extras}] @ {wheel.as_uri()}" if setting.extras else str(wheel)
        options = ["--python", str(executable), "--constraint", str(here / "pins.txt")]
        try:
            if oldest and setting.extras:
                options += ["--constraint", _oldest(setting.extras, here, options)]
            _uv("pip", "install", *options, wanted)
            _uv("pip", "check", "--python", str(executable))
        except subprocess.CalledProcessError as error:
            return Tried(name, python, 0, 0, 0, 0, error.stderr)
        packages = [each for each in (here / "venv").rglob("*.dist-info") if each.is_dir()]
        size = sum(each.stat().st_size for each in packages[0].parent.rglob("*") if each.is_file())
        version = _run(executable, "-c", "import platform; print(platform.python_version())").stdout.strip()
        done = _run(executable, str(SCRIPTS / f"{name}.py"), cwd=here / "empty")
        loads = [_run(executable, "-c", IMPORT.format(module=setting.module)).stdout.split() for _ in range(TIMES)]
        wrong = "" if done.returncode == 0 else done.stdout + done.stderr
        modules, seconds = max(int(each) for each, _ in loads), median(float(each) for _, each in loads)
        found = Tried(name, version, len(packages), size / 1e6, modules, seconds, wrong)
    return Tried(**{**vars(found), "wrong": wrong or _too_much(found, setting)})


def _oldest(extras: str, here: Path, options: Sequence[str]) -> str:
    """A file with the oldest versions that the project takes of what these extras name."""
    named = [part for each in extras.split(",") for part in ("--extra", each)]
    lowest = ["--resolution", "lowest-direct", "--no-emit-package", "rerank-kit"]
    _uv(
        "pip",
        "compile",
        *lowest,
        *named,
        *options,
        "--output-file",
        str(here / "oldest.txt"),
        str(ROOT / "pyproject.toml"),
    )
    return str(here / "oldest.txt")


def _too_much(found: Tried, setting: Setting) -> str:
    if found.megabytes > setting.megabytes:
        return f"{found.megabytes:.0f} MB are installed, and {setting.megabytes} is the bound"
    if found.modules > setting.modules:
        return f"importing {setting.module} loads {found.modules} modules, and {setting.modules} is the bound"
    return ""


def _python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _uv(*arguments: str) -> None:
    """Run uv. It copies files, as pip does: links have nltk, on which LlamaIndex stands, refuse its own data."""
    command = [sys.executable, "-m", "uv", "--quiet", "--no-progress", *arguments]
    settings = {**os.environ, "UV_LINK_MODE": "copy"}
    subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=settings)


def _run(executable: Path, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run without anything of the user's or of this folder on the path."""
    command = [str(executable), "-I", "-X", "utf8", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=300, cwd=cwd)


def table(found: Sequence[Tried]) -> str:
    """What each extra takes, as Markdown."""
    lines = [
        "| `pip install …` | packages | MB installed | `import …` | loads modules | in |",
        "|---|---|---|---|---|---|",
    ]
    for each in found:
        setting = SETTINGS[each.name]
        wanted = f"rerank-kit[{setting.extras}]" if setting.extras else "rerank-kit"
        size, loads = f"{each.packages} | {each.megabytes:.0f}", f"{each.modules} | {each.seconds:.2f} s"
        lines.append(f"| `{wanted}` | {size} | `{setting.module}` | {loads} |")
    return "\n".join(lines)


def main() -> int:
    """Try what is asked for, and tell of each."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of scripts in tests/dist; by default the quick ones")
    parser.add_argument("--all", action="store_true", help="every extra")
    parser.add_argument("--oldest", action="store_true", help="the oldest versions of what an extra names")
    parser.add_argument("--python", action="append", help="a version or an interpreter; may come more than once")
    parser.add_argument("--pin", action="append", default=[], help="such as torch==2.13.0")
    parser.add_argument("--write", action=BooleanOptionalAction, default=False, help=f"the table of {PAGE.name}")
    given = parser.parse_args()
    (wheel,) = (ROOT / "dist").glob("*.whl")
    found: list[Tried] = []
    for python in given.python or [sys.executable]:
        for name in list(SETTINGS) if given.all else given.names or QUICK:
            begun = perf_counter()
            found.append(each := tried(name, wheel, python, given.pin, oldest=given.oldest))
            size = f"{each.packages} packages, {each.megabytes:.1f} MB, {each.modules} modules in {each.seconds:.2f} s"
            outcome = f"FAILED\n{each.wrong}" if each.wrong else "passed"
            sys.stdout.write(f"{each.name} on {each.python}: {size}; {perf_counter() - begun:.1f} s: {outcome}\n")
            sys.stdout.flush()
    failed = sum(bool(each.wrong) for each in found)
    if given.write and not failed:
        page = PAGE.read_text("utf-8")
        begin, end = "<!-- sizes -->", "<!-- end of sizes -->"
        PAGE.write_text(re.sub(f"{begin}.*?{end}", f"{begin}\n{table(found)}\n{end}", page, flags=re.DOTALL), "utf-8")
    sys.stdout.write(f"{len(found) - failed} passed, {failed} failed\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
