"""Objects that are not made yet can be shown, as tools do that show the locals of a constructor that fails."""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Iterator
from typing import Any

import pytest

import langchain_rerank_kit
import llama_rerank_kit
import rerank_kit
from rerank_kit import BackendError, Fallback, Reranker
from rerank_kit.cache import Cached, MemoryStore
from tests.doubles import Failing, Scripted

ROOMS = ("cache", "combine", "decide", "judge", "late", "local", "managed", "observe", "pricing", "rules")
PACKAGES: list[Any] = [
    *(rerank_kit, langchain_rerank_kit, llama_rerank_kit),
    *(importlib.import_module(f"rerank_kit.{room}") for room in ROOMS),
]


def public() -> Iterator[type]:
    """Every public class that can be made, but those whose `__repr__` is written by `dataclass`."""
    things = {getattr(package, name) for package in PACKAGES for name in package.__all__}
    for thing in sorted((each for each in things if isinstance(each, type)), key=lambda each: each.__qualname__):
        code = getattr(inspect.unwrap(thing.__repr__), "__code__", None)
        if not (inspect.isabstract(thing) or issubclass(thing, dict | tuple)) and (
            code is None or code.co_filename != "<string>"
        ):
            yield thing


CLASSES = list(public())


def test_all_that_have_something_to_show_are_among_them() -> None:
    names = {each.__name__ for each in CLASSES}
    assert {"OnnxCrossEncoder", "Cached", "Cascade", "Fallback", "Hedged", "Rules", "SQLiteStore", "LLMJudge"} <= names
    assert {"FlashRank", "MemoryStore", "Cohere", "RerankRetriever", "BM25Retriever", "LlamaIndexChat"} <= names


@pytest.mark.parametrize("kind", CLASSES, ids=lambda each: each.__qualname__)
def test_what_is_not_made_yet_is_shown_by_its_class(kind: Any) -> None:
    shown = repr(kind.__new__(kind))
    assert kind.__name__ in shown or shown == kind.__name__


class Unshown(MemoryStore):
    """Cannot be shown, and fails."""

    def __repr__(self) -> str:
        raise OSError

    def get(self, keys: Any, *_: Any, **__: Any) -> Any:
        raise BackendError(str(len(keys)))


class UnshownFailing(Failing):
    """Fails, and cannot be shown."""

    def __repr__(self) -> str:
        raise OSError


def test_what_cannot_be_shown_fails_no_ranking(caplog: pytest.LogCaptureFixture) -> None:
    made: list[Reranker] = [
        Fallback(UnshownFailing(BackendError("down")), Scripted()),
        Cached(Scripted(), store=Unshown(), fingerprint="scripted"),
    ]
    with caplog.at_level(logging.WARNING):
        assert [[hit.index for hit in each.rerank("query", ["low 1", "high 3"])] for each in made] == [[1, 0], [1, 0]]
    assert "<UnshownFailing instance at " in caplog.text
    assert "<Unshown instance at " in caplog.text
