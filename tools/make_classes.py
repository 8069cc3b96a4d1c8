"""Write the classes of rerank APIs for both frameworks, from the fields of each vendor. `make classes` runs it.

Readers and type checkers need a class statement for each vendor and framework. All that stands in one follows from the
vendor's fields in `rerank_kit/fields/managed.py`, so nobody writes it by hand, and a test sees to it that none is
forgotten.
"""

from __future__ import annotations

from pathlib import Path

from rerank_kit.fields import managed

ROOT = Path(__file__).parent.parent
FRAMEWORKS = {
    "langchain_rerank_kit": ("compressor", "RerankCompressor", "document compressor"),
    "llama_rerank_kit": ("postprocessor", "RerankPostprocessor", "node postprocessor"),
}
FILE = '''\
"""Rerank APIs as {what}s. `make classes` writes this file, from `rerank_kit/fields/managed.py`."""

from __future__ import annotations

from {package}.{module} import {base}
from rerank_kit.fields import managed

__all__ = [
{names}
]
'''
CLASS = '''

class {name}Rerank(managed.{name}Fields, {base}):
    """{about}, as a {what}.

    See `rerank_kit.managed.{name}`; the fields are those of `rerank_kit.fields.managed.{name}Fields`.
    """
'''


def classes(package: str) -> str:
    """The file with the classes of one framework."""
    module, base, what = FRAMEWORKS[package]
    vendors = [each.removesuffix("Fields") for each in managed.__all__]
    names = "\n".join(f'    "{vendor}Rerank",' for vendor in vendors)
    head = FILE.format(what=what, package=package, module=module, base=base, names=names)
    return head + "".join(CLASS.format(name=each, base=base, what=what, about=_about(each)) for each in vendors)


def _about(vendor: str) -> str:
    """What the fields' documentation says of a vendor, in its first line."""
    told = str(getattr(managed, f"{vendor}Fields").__doc__)
    return told.partition("\n")[0].removesuffix(".")


if __name__ == "__main__":
    for package in FRAMEWORKS:
        (ROOT / package / "managed.py").write_text(classes(package), "utf-8")
