"""The check that what is to be reranked are LangChain's documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from langchain_core.documents import Document

from rerank_kit import ConfigurationError
from rerank_kit.checks import check_question
from rerank_kit.quoting import class_name, quoted
from rerank_kit.wrong_kind import framework_of


def check_documents(documents: object, query: object) -> None:
    """Refuse what is no list of documents, and a query that is no text.

    Raises:
        ConfigurationError: It is none. The error says how to make documents of it.
    """
    if isinstance(documents, str) and not isinstance(query, str):
        msg = "documents and query are swapped: write compress_documents(documents, query)"
        raise ConfigurationError(msg)
    if isinstance(documents, str | Document) or not isinstance(documents, Sequence):
        msg = f"documents must be a list of LangChain documents, not {class_name(documents)}: {_listed(documents)}"
        raise ConfigurationError(msg)
    check_each("documents", cast("Sequence[object]", documents))
    check_question(query)


def check_each(name: str, documents: Sequence[object]) -> None:
    """Refuse what is no document among those that are called by that name.

    Raises:
        ConfigurationError: There is such a thing.
    """
    for place, each in enumerate(documents):
        if not isinstance(each, Document):
            msg = f"{name}[{place}] must be a LangChain document, not {quoted(each)}{_remedy(each)}"
            raise ConfigurationError(msg)


def _listed(given: object) -> str:
    """How to make a list of documents of what is none."""
    if isinstance(given, str | Document) or not isinstance(given, Iterable):
        return "wrap it in a list"
    return "pass list(documents.values())" if isinstance(given, Mapping) else "pass list(documents)"


def _remedy(item: object) -> str:
    if framework_of(item) == "LlamaIndex":
        return ": nodes are reranked by the classes of llama_rerank_kit"
    return ": pass Document(page_content=…), from langchain_core.documents; texts alone are reranked by rerank_kit"
