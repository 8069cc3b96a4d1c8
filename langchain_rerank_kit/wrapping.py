"""`with_rerank`, the main job: what you have, with a first stage that brings many candidates, and the best few kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, cast

from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import RetrieverLike
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.vectorstores import VectorStore

from langchain_rerank_kit.compressor import RerankCompressor
from langchain_rerank_kit.retriever import RerankRetriever, check_calibrated
from langchain_rerank_kit.text_read import TextOf, reader
from langchain_rerank_kit.widening import Widen
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import Threshold, check_choice, check_function, check_threshold, check_timeout
from rerank_kit.fields.given import Given, as_reranker
from rerank_kit.first_stage.distinct import Distinct, check_distinct
from rerank_kit.first_stage.widening import recall_for, warn_of_rerankers
from rerank_kit.wrong_kind import framework_of, is_llm, no_retriever


@named
def with_rerank(
    retriever: RetrieverLike | VectorStore | Callable[..., list[Document]],
    reranker: Given | BaseDocumentCompressor | None = None,
    *,
    recall: int | None = None,
    top_n: int | Literal["auto"] | None = "auto",
    threshold: Threshold | None = None,
    timeout: float | None = None,
    on_error: Literal["raise", "keep"] = "raise",
    widen: Widen | None = None,
    text: TextOf | None = None,
    distinct: Distinct | None = "document",
) -> RerankRetriever:
    r"""Wrap a retriever: it brings `recall` candidates, and the best `top_n` come back, reranked.

    Args:
        retriever: Any LangChain retriever, runnable or function from a query to documents, or a vector store. It is
            copied, not changed.
        reranker: Any `rerank_kit.Reranker` or LangChain document compressor, a function from a query and texts to
            numbers, or the name or folder of a cross-encoder; `None` takes the best local one that is installed, and
            the log says which.
        recall: How many candidates the first stage is to bring: 50 to 100 is what makes reranking pay. By default 50,
            or as many as `top_n` where that is more. A retriever that brings more keeps doing so.
        top_n: How many documents to return. A number wins over the `top_n` of a compressor; `None` leaves it to that,
            for good; `"auto"`, the default, does so where a compressor is passed that was given a `top_n`, and is 5
            everywhere else.
        threshold: Leave out documents with a lower score.
        timeout: Seconds allowed for the reranking.
        on_error: What to do when reranking fails: `"raise"`, or `"keep"` to return the first stage's best in its
            order, with the reason in `metadata["rerank_failed"]`.
        widen: A function from a retriever and a recall to a retriever that brings that many, or `None` for those it
            leaves to the table of known settings.
        text: What the model reads of a document: a template of its fields such as `"{title}\n{page_content}"`, a list
            of fields such as `["title", "page_content"]`, or a function from a document to a str; `None` leaves it to
            the reranker, which reads the page content alone unless told otherwise.
        distinct: Which documents are merged into the best placed of them, before the reranking: those that are one by
            id and text (`"document"`), those of the same text whatever their ids (`"text"`), those that share so much
            of their words (such as 0.9), or none (`None`). Where it is `"document"`, a compressor of ours that says
            something else has its way.

    Returns:
        A `ContextualCompressionRetriever`; `print(retriever.widening)` says what was changed.

    Raises:
        ConfigurationError: An argument is wrong.
        MissingExtra: No reranker was given and no local one is installed.
    """
    passed, kept = _limits(top_n, reranker)
    known = recall_for(recall, kept)
    check_choice("on_error", on_error, ("raise", "keep"))
    if widen is not None:
        check_function("widen", widen, "a retriever", "a recall")
    distinct = check_distinct(distinct)
    first = _as_retriever(retriever, reranker)
    compressor = as_compressor(reranker, check_timeout(timeout), text)
    if distinct == "document" and isinstance(compressor, RerankCompressor):
        distinct = compressor.distinct
    check_calibrated(compressor, check_threshold(threshold))
    told: dict[str, Any] = {} if recall is None else {"recall": known}
    made = RerankRetriever(
        **told,
        base_retriever=first,
        base_compressor=compressor,
        top_n=passed,
        threshold=check_threshold(threshold),
        on_error=on_error,
        distinct=distinct,
        widen=widen,
    )
    if reranker is None:
        warn_of_rerankers(made.widening)
    return made


def _limits(top_n: Any, reranker: object) -> tuple[Any, Any]:
    """`top_n` as it is passed on, and how many documents are kept in the end: by that, or by what a compressor says."""
    own = vars(reranker) if isinstance(reranker, BaseDocumentCompressor) else {}
    if top_n == "auto":
        given = isinstance(reranker, BaseDocumentCompressor) and "top_n" in reranker.model_fields_set
        top_n = None if given else 5
    return top_n, own.get("top_n") if top_n is None else top_n


def _as_retriever(given: Any, reranker: object) -> RetrieverLike:
    if isinstance(given, VectorStore):
        return given.as_retriever()
    if _is_chain(given):
        return cast("RetrieverLike", given)
    if _is_function(given):
        return RunnableLambda(cast("Callable[[str], list[Document]]", given))
    wanted = "a LangChain retriever, a vector store or a function"
    raise no_retriever(given, "retriever", wanted, "LangChain", reranker)


def _is_chain(given: object) -> bool:
    return not is_llm(given) and isinstance(given, Runnable)


def _is_function(given: object) -> bool:
    return not isinstance(given, type) and framework_of(given) is None and callable(given)


def as_compressor(given: object, timeout: float | None, text: TextOf | None) -> BaseDocumentCompressor:
    """What reranks as a compressor, which reads what `text` says.

    Raises:
        ConfigurationError: It cannot be one, or cannot be told its time or what to read.
    """
    reader(text)
    if not isinstance(given, BaseDocumentCompressor):
        reranker = None if given is None else as_reranker(given, "a LangChain document compressor")
        return RerankCompressor(reranker=reranker, top_n=None, timeout=timeout, text=text)
    if timeout is not None:
        msg = "timeout goes with a rerank_kit.Reranker: a document compressor has a timeout of its own, or none"
        raise ConfigurationError(msg)
    if text is None:
        return given
    if not isinstance(given, RerankCompressor):
        msg = (
            f"text goes with a rerank_kit.Reranker or a compressor of langchain_rerank_kit: {type(given).__name__} "
            "reads the page content alone. Take one of those, or give text= to one that is inside of it"
        )
        raise ConfigurationError(msg)
    return given.model_copy(update={"text": text})
