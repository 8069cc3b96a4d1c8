"""Code in a line of prose, held to what there is: names, and the arguments that they take."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Collection, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, get_args, get_type_hints

from pydantic import AliasChoices

import langchain_rerank_kit
import llama_rerank_kit
from rerank_kit import Hit, Ranking, Reranker, Usage
from rerank_kit.api.client import ApiClient

_ROOMS = (
    "",
    "api",
    "cache",
    "combine",
    "decide",
    "errors",
    "evaluate",
    "first_stage",
    "judge",
    "late",
    "local",
    "managed",
    "rules",
)
_ELSEWHERE = {
    *("Document", "MetadataMode", "BaseCrossEncoder", "CrossEncoder"),  # of frameworks and libraries
    *("DocumentCompressorPipeline", "Bearer", "logging", "rerank_kit"),
}
_METADATA = {
    *("relevance_score", "relevance_reason", "relevance_verdict", "relevance_passage", "relevance_probabilities"),
    *("relevant_passage", "earlier_relevance_scores", "first_stage_rank", "merged_documents", "rerank_degraded"),
    *("rerank_failed", "earlier_scores", "id", "usage", "score"),
}


class Written:
    """What may be written in a page."""

    def __init__(self, theirs: Collection[str]) -> None:
        """Know all names of ours.

        Args:
            theirs: Names of other packages that may stand there as well.
        """
        rooms = [import_module(f"rerank_kit.{room}".rstrip(".")) for room in _ROOMS]
        self._theirs = {*theirs, *_ELSEWHERE}
        self._ours: dict[str, Any] = {name: getattr(room, name) for room in rooms for name in _public(room)}
        self._ours["rerank"] = Reranker.rerank
        adapters = (langchain_rerank_kit, llama_rerank_kit)
        everything = [*self._ours.values(), *(getattr(each, name) for each in adapters for name in each.__all__)]
        self._arguments = {name for each in everything if callable(each) for name in arguments(each) or ()}
        self._arguments |= {name for kind in (Ranking, Hit, Usage, ApiClient) for name in dir(kind)}
        self._arguments |= {name for each in everything if inspect.isclass(each) for name in dir(each)}

    def problem(self, code: str, adapter: Any) -> str:
        """Why some code cannot be written, if so.

        Args:
            code: What stands between backticks.
            adapter: The package whose classes are meant before those of the core.
        """
        named = re.fullmatch(r"(\w+)=(.*)", code, re.DOTALL)
        if named:
            name, code = named[1], named[2] or "None"
            if name not in self._arguments:
                return f"nothing takes {name}="
        try:
            tree = ast.parse(code.replace("…", "..."), mode="eval")
        except SyntaxError:
            return "" if re.fullmatch(r"[\w./:-]+|rerank-kit .*|/.*", code) else f"{code} is no Python"
        return next(self._wrong(tree, adapter), "")

    def _wrong(self, tree: ast.AST, adapter: Any) -> Iterator[str]:
        ours: dict[str, Any] = {**self._ours, **vars(adapter)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found = ours.get(node.func.id)
                taken = None if found is None else arguments(found)
                if found is None and node.func.id not in self._theirs:
                    yield f"there is no {node.func.id}"
                elif taken is not None:
                    yield from (
                        f"{node.func.id} takes no {each.arg}" for each in node.keywords if each.arg not in taken
                    )
            elif isinstance(node, ast.Name) and isinstance(tree, ast.Expression) and tree.body is node:
                known: set[str] = {*self._theirs, *ours, *self._arguments, *_METADATA}
                if node.id not in known and not node.id.isupper():
                    yield f"there is no {node.id}"


def _public(room: Any) -> Collection[str]:
    return getattr(room, "__all__", None) or [name for name in dir(room) if not name.startswith("_")]


def arguments(given: Any) -> set[str] | None:
    """The arguments that a class or function takes; `None` where it takes any."""
    fields: dict[str, Any] = getattr(given, "model_fields", {})
    if fields:
        aliases = [each.validation_alias for each in fields.values()]
        also = {str(name) for alias in aliases if isinstance(alias, AliasChoices) for name in alias.choices}
        return {*fields, *also, *getattr(given, "_understood", ())}
    with suppress(ValueError, TypeError):
        parameters = inspect.signature(given).parameters.values()
        names = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
        (rest,) = [each.name for each in parameters if each.kind is each.VAR_KEYWORD] or [""]
        if not rest:
            return names
        hints = get_type_hints(given.__init__ if inspect.isclass(given) else given)
        (options,) = get_args(hints.get(rest)) or (None,)
        return None if options is None else names | set(get_type_hints(options))
    return None
