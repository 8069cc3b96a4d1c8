"""The addresses that a base URL can mean: with or without a slash, a version, or an API's own path at its end. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_SLASHES = re.compile(r"(?<!:)/{2,}")  # a gateway may have a whole URL in its path
_VERSION = re.compile(r"v[0-9]+\w*")
_NAMES = (
    *(["rerank"], ["reranking"], ["score"]),
    *(["chat", "completions"], ["messages"], ["models"]),
)
"""What APIs are called at the end of their paths, whichever of them a user has copied."""


def tidy(url: str) -> str:
    """A URL without slashes that are doubled or at its end."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}{separator}{_SLASHES.sub('/', rest)}".rstrip("/")


def addresses(base_url: str, path: str, *, bare: bool = False) -> list[str]:
    """The addresses that may be meant, the likeliest first: the others are for a server that does not know it.

    Args:
        base_url: As a user gives it: where the API begins, with its version or without, or the address itself.
        path: The API's own path, such as `/v1/rerank`.
        bare: Whether a gateway may have the API without its version.
    """
    given = _Given.of(base_url, path)
    lead, name = given.lead, given.name
    usual = [*given.root, *lead, *name]
    found: list[list[str]] = []
    if given.ending == name:
        found.append([*given.root, *given.version, *name])
    if given.version and given.version != lead[: len(given.version)]:
        found.append([*given.root, *given.version, *name])
    if bare and not given.version and not given.ending:
        found += [[*given.root, *name], usual] if given.root else [usual, name]
    found.append(usual)
    if given.version and given.root[-1:] == ["api"]:
        found.append([*given.root[:-1], *lead, *name])
    if given.ending and not given.version:  # it may be a gateway's own name for the server
        found.append([*given.root, *given.ending, *lead, *name])
    return list(dict.fromkeys("/".join([given.host, *each]) for each in found))


def root_of(base_url: str, path: str) -> str:
    """Where an API begins, for an SDK that adds the whole of its path to that, which may be there several times."""
    given = _Given.of(base_url, path)
    root = "/".join([given.host, *given.root])
    return root if root == tidy(base_url) else root_of(root, path)


@dataclass(frozen=True, slots=True)
class _Given:
    """A base URL taken apart, and the path of the API that is to be found there."""

    host: str
    root: list[str]
    version: list[str]
    """What leads to an API's name, or the beginning of that."""
    ending: list[str]
    """An API's name, if there is one at the end."""
    lead: list[str]
    name: list[str]

    @classmethod
    def of(cls, base_url: str, path: str) -> _Given:
        split = urlsplit(tidy(base_url))
        steps, asked = _steps(split.path), _steps(path)
        name = next((each for each in _NAMES if asked[-len(each) :] == each), asked[-1:])
        lead = asked[: len(asked) - len(name)]
        whole = lead != [] and steps[-len(lead) :] == lead
        endings = [] if whole else [each for each in (name, *_NAMES) if each and steps[-len(each) :] == each]
        ending = endings[0] if endings else []
        rest = steps[: len(steps) - len(ending)]
        known = next((many for many in range(len(lead), 0, -1) if rest[-many:] == lead[:many]), 0)
        if not known and rest and _VERSION.fullmatch(rest[-1]):
            known = 1
        cut = len(rest) - known
        return cls(f"{split.scheme}://{split.netloc}", rest[:cut], rest[cut:], ending, lead, name)


def _steps(path: str) -> list[str]:
    plain = path.strip("/")
    return plain.split("/") if plain else []
