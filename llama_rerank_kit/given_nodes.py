"""The check that what is to be reranked are LlamaIndex's nodes, and that there is a query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from llama_index.core.schema import BaseComponent, BaseNode, NodeWithScore, QueryBundle

from rerank_kit import ConfigurationError
from rerank_kit.quoting import class_name, quoted
from rerank_kit.wrong_kind import framework_of


def check_given(nodes: object, query: object) -> QueryBundle:
    """The query. Refuse what is none, and what is no list of nodes with scores.

    Raises:
        ConfigurationError: It is none. The error says what to pass.
    """
    if not isinstance(nodes, list | tuple):
        msg = f"nodes must be a list of NodeWithScore, not {class_name(nodes)}: {_listed(nodes)}"
        raise ConfigurationError(msg)
    if query is None:
        msg = "a reranker compares each node with the query: pass query_str= or query_bundle="
        raise ConfigurationError(msg)
    if not isinstance(query, QueryBundle):
        msg = f"query_bundle must be a QueryBundle, not {quoted(query)}: pass text by its name, query_str="
        raise ConfigurationError(msg)
    for place, each in enumerate(cast("Sequence[object]", nodes)):
        if not isinstance(each, NodeWithScore):
            msg = f"nodes[{place}] must be a NodeWithScore, not {_told(each)}"
            raise ConfigurationError(msg)
    return query


def _listed(given: object) -> str:
    """What to write for what is no list of nodes."""
    several = isinstance(given, Iterable) and not isinstance(given, str | Mapping | BaseComponent)
    return "pass list(nodes)" if several else "postprocess_nodes(nodes, query_str=query)"


def _told(item: object) -> str:
    if isinstance(item, BaseNode):
        return f"{class_name(item)}: pass NodeWithScore(node=node)"
    if framework_of(item) == "LangChain":
        return f"{class_name(item)} of LangChain: its documents are reranked by the classes of langchain_rerank_kit"
    return f"{quoted(item)}: pass NodeWithScore(node=TextNode(text=…)), from llama_index.core.schema"
