"""What reports are made from: an `Evaluation`, or the plain values that it gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import quoted

_VERSION = 1
_PARTS: Mapping[str, type] = {
    "dataset": dict,
    "measure": str,
    "measures": list,
    "made": dict,
    "systems": list,
    "comparisons": list,
    "ceilings": list,
    "findings": list,
    "queries": list,
    "documents": dict,
}


class Evaluated(Protocol):
    """An `Evaluation`."""

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values."""
        ...


def plain(evaluation: Evaluated | Mapping[str, Any]) -> Mapping[str, Any]:
    """The plain values.

    Raises:
        ConfigurationError: It is something else, such as JSON of another program or of a later version.
    """
    remedy = "pass an Evaluation, or what its to_dict() or to_json() gave"
    if not isinstance(evaluation, Mapping):
        given: object = getattr(evaluation, "to_dict", None)
        if callable(given):
            return plain(cast("Mapping[str, Any]", given()))
        msg = f"evaluation must be an Evaluation or its plain values, not {quoted(evaluation)}: {remedy}"
        raise ConfigurationError(msg)
    version = evaluation.get("version")
    if version != _VERSION:
        msg = f"evaluation has the version {quoted(version)}, and this release reads version {_VERSION}: {remedy}"
        raise ConfigurationError(msg)
    for name, kind in _PARTS.items():
        if not isinstance(evaluation.get(name), kind):
            msg = f"evaluation[{name!r}] must be a {kind.__name__}, not {quoted(evaluation.get(name))}: {remedy}"
            raise ConfigurationError(msg)
    return evaluation
