"""What stands where something else is wanted: what it is, and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.quoting import class_name, quoted

_RETRIEVERS = frozenset(
    {
        *("BaseRetriever", "VectorStore"),  # LangChain's
        *("BasePydanticVectorStore", "BaseIndex", "BaseQueryEngine", "BaseChatEngine"),  # LlamaIndex's
    }
)
_RERANKERS = frozenset({"Reranker", "BaseDocumentCompressor", "BaseNodePostprocessor"})
_IN_A_FRAMEWORK = _RERANKERS - {"Reranker"}
_LLMS = {"BaseChatModel": "LangChainChat", "BaseLLM": "LlamaIndexChat"}
_FRAMEWORKS = {"langchain_core": "LangChain", "llama_index": "LlamaIndex"}
_ADAPTERS = {"LangChain": "langchain_rerank_kit", "LlamaIndex": "llama_rerank_kit"}
_TEXTS = frozenset({"Document", "NodeWithScore", "BaseNode", "str"})


def check_reranker(name: str, value: object, kind: type, wanted: str = "a rerank_kit.Reranker") -> None:
    """Refuse what is passed where a reranker is wanted and is none.

    Args:
        name: The argument.
        value: What was passed.
        kind: The class of rerankers.
        wanted: What can be passed.

    Raises:
        ConfigurationError: It is no reranker.
    """
    if not isinstance(value, kind):
        raise no_reranker(value, name, wanted)


def no_reranker(value: object, name: str, wanted: str, *, shown: bool = True) -> ConfigurationError:
    """The error for what is passed where a reranker is wanted.

    Args:
        value: What was passed.
        name: The argument.
        wanted: What can be passed.
        shown: Whether it may be shown; there may be a key in it.
    """
    if isinstance(value, type):
        return _a_class(name, value)
    told = _told(value) if shown else class_name(value)
    return ConfigurationError(f"{name} must be {wanted}, not {told}{_instead_of_a_reranker(value)}")


def no_retriever(value: object, name: str, wanted: str, framework: str, reranker: object) -> ConfigurationError:
    """The error for what is passed where a retriever is wanted.

    Args:
        value: What was passed.
        name: The argument.
        wanted: What can be passed.
        framework: Whose retriever is wanted.
        reranker: What was passed as the reranker.
    """
    if isinstance(value, type):
        return _a_class(name, value)
    if is_reranker(value) and is_retriever(reranker):
        return ConfigurationError(f"{name} and reranker are swapped: write with_rerank({name}, reranker)")
    return ConfigurationError(f"{name} must be {wanted}, not {_told(value)}{_instead_of_a_retriever(value, framework)}")


def no_llm(value: object, name: str, wanted: str) -> ConfigurationError:
    """The error for what is passed where an LLM for a judge is wanted."""
    if isinstance(value, type):
        return _a_class(name, value)
    remedy = next((f": wrap it, {chat}(llm)" for llm, chat in _LLMS.items() if llm in _kinds(value)), "")
    if isinstance(value, str):
        remedy = ": pass Anthropic(name), or OpenAICompatible(url, model=name)"
    return ConfigurationError(f"{name} must be {wanted}, not {_told(value)}{remedy}")


def is_llm(value: object) -> bool:
    """Whether it is an LLM of either framework."""
    return not _kinds(value).isdisjoint(_LLMS)


def is_retriever(value: object) -> bool:
    """Whether it finds documents, in either framework."""
    return not _kinds(value).isdisjoint(_RETRIEVERS)


def is_reranker(value: object) -> bool:
    """Whether it puts documents in order, here or in either framework."""
    return not _kinds(value).isdisjoint(_RERANKERS)


def is_model_of_others(value: object) -> bool:
    """Whether it is a model that transformers or sentence-transformers has loaded."""
    return not _roots(value).isdisjoint({"sentence_transformers", "transformers"})


def instead_of_a_model_of_others(value: object) -> str:
    """What to pass instead of one."""
    kinds, engine = _kinds(value), "SentenceTransformersCrossEncoder"
    if "sentence_transformers" not in _roots(value):
        return f", which is a part of a model: pass {engine}(model), with the name or folder it was loaded from"
    if "CrossEncoder" in kinds:
        return f": pass {engine}(model), which takes it as it is"
    return (
        ", which is an embedding model and makes vectors, no scores of pairs: pass a cross-encoder, such as "
        f"{engine}('cross-encoder/ettin-reranker-17m-v1')"
    )


def framework_of(value: object) -> str | None:
    """Whose class it is of."""
    roots = _roots(value)
    return next((name for root, name in _FRAMEWORKS.items() if root in roots), None)


def _instead_of_a_reranker(value: object) -> str:
    kinds, ours = _kinds(value), ": pass the reranker that is in it, its .loaded" if hasattr(value, "loaded") else ""
    chat = next((chat for llm, chat in _LLMS.items() if llm in kinds), "")
    told = {
        ", which finds documents and puts them in no order": is_retriever(value),
        f", which is for {framework_of(value)}{ours}": bool(kinds & _IN_A_FRAMEWORK),
        f", which is an LLM: pass LLMJudge({chat}(llm))": chat != "",
        instead_of_a_model_of_others(value): is_model_of_others(value),
        ": for a model of some name pass rerank_kit.local.cross_encoder(name)": isinstance(value, str),
        ": pass them one by one, or one made of them, such as Cascade(first, second)": isinstance(value, list | tuple),
        ": pass Reranker.of(function)": callable(value),
    }
    return next((remedy for remedy, true in told.items() if true), "")


def _instead_of_a_retriever(value: object, framework: str) -> str:
    whose = framework_of(value)
    if whose not in (None, framework):
        return f", which is {whose}'s: take with_rerank from {_ADAPTERS[whose]}"
    if is_reranker(value):
        return ", which is a reranker: it goes second, with_rerank(retriever, reranker)"
    if "BasePydanticVectorStore" in _kinds(value):
        return ": pass an index on it, VectorStoreIndex.from_vector_store(store)"
    if "BaseTool" in _kinds(value):
        return (
            ", which is a tool: wrap the retriever or engine that it is made of, and make the tool of what comes back"
        )
    if isinstance(value, list | tuple) and any(_kinds(each) & _TEXTS for each in cast("Sequence[Any]", value)):
        search, kind, call = {
            "LangChain": (
                *("BM25Retriever.from_documents(documents)", "RerankCompressor"),
                "compress_documents(documents, query)",
            ),
            "LlamaIndex": (
                *("VectorStoreIndex.from_documents(documents)", "RerankPostprocessor"),
                "postprocess_nodes(nodes, query_str=query)",
            ),
        }[framework]
        return (
            f": to search in them, pass a retriever or an index of them, such as {search}; what is found already is "
            f"reranked by {kind}(reranker=…).{call}"
        )
    return ""


def _a_class(name: str, kind: type) -> ConfigurationError:
    called = kind.__name__
    return ConfigurationError(f"{name} is the class {called}: pass an object of it, such as {called}(…)")


def _told(value: object) -> str:
    """Anything as an error shows it; of what frameworks make, which may be long and hold keys, the class alone."""
    kinds = _kinds(value)
    if kinds & {"list", "tuple"}:
        return f"a {class_name(value)} ({quoted(value)})"
    by_name = is_model_of_others(value) or kinds & (_RETRIEVERS | _IN_A_FRAMEWORK | _LLMS.keys())
    return class_name(value) if by_name else quoted(value)


def _kinds(value: object) -> frozenset[str]:
    """The names of its class and of all above it."""
    return frozenset(kind.__name__ for kind in type.mro(type(value)))


def _roots(value: object) -> frozenset[str]:
    """The packages of its class and of all above it."""
    return frozenset(str(vars(kind).get("__module__")).partition(".")[0] for kind in type.mro(type(value)))
