"""Build the wheel and the sdist into a folder, and see to it that both hold what they should. `make dist` runs it.

The wheel has every file of the three packages that git knows, and nothing else; the sdist has all of the project, and
the wheel that comes of it is the one that the checkout gives, byte by byte. A package index shows a page without links
that lead nowhere.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
from email.message import Message
from email.parser import Parser
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parent.parent
PACKAGES = ("rerank_kit/", "langchain_rerank_kit/", "llama_rerank_kit/")
LEAST = 10  # links, for the page on a package index to be the README
BESIDE = {"METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE"}


def main(folder: Path) -> None:
    """Build, compare, and tell how large both are."""
    for old in [*folder.glob("*.whl"), *folder.glob("*.tar.gz")]:
        old.unlink()
    _python("build", "--outdir", str(folder), str(ROOT))  # the wheel is made of the sdist
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with TemporaryDirectory() as other:
        _python("build", "--wheel", "--outdir", other, str(ROOT))
        _same("the wheel of the sdist and that of the checkout", wheel.read_bytes(), _only(other).read_bytes())
    known = set(subprocess.check_output(["git", "ls-files"], cwd=ROOT, text=True).splitlines())  # noqa: S607 - whichever git there is
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        about = next(name.removesuffix("METADATA") for name in names if name.endswith(".dist-info/METADATA"))
        page = Parser().parsestr(archive.read(f"{about}METADATA").decode("utf-8"))
    _alike(
        "the wheel",
        {name for name in names if not name.startswith(about)},
        {each for each in known if each.startswith(PACKAGES)},
    )
    _alike(
        "what the wheel says of itself", {name.removeprefix(about) for name in names if name.startswith(about)}, BESIDE
    )
    with tarfile.open(sdist) as packed:
        inside = {each.name.partition("/")[2] for each in packed if each.isfile()}
    _alike("the sdist", inside, known | {"PKG-INFO"})
    _leads_somewhere(page)
    _python("twine", "check", "--strict", str(wheel), str(sdist))
    for each in (wheel, sdist):
        sys.stdout.write(f"{each.name}: {each.stat().st_size / 1e6:.2f} MB\n")


def _leads_somewhere(page: Message) -> None:
    text = str(page.get_payload())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    if len(links) < LEAST:
        _fail(f"the page on a package index has {len(links)} links")
    for link in links:
        if not link.startswith(("https://", "#")):
            _fail(f"the page on a package index links to {link}, which is not there")


def _alike(what: str, there: set[str], wanted: set[str]) -> None:
    if there != wanted:
        _fail(f"{what} lacks {sorted(wanted - there)} and has {sorted(there - wanted)} besides")


def _same(what: str, one: bytes, other: bytes) -> None:
    if one != other:
        _fail(f"{what} differ")


def _only(folder: str) -> Path:
    (path,) = Path(folder).iterdir()
    return path


def _fail(why: str) -> None:
    sys.exit(f"check_dist: {why}")


def _python(module: str, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        _fail(f"{module} failed:\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist"))
