"""Names of arguments and fields that are none of ours, and what was most likely meant by them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType

from rerank_kit.errors import WrongArguments

_MEANT: dict[str, str] = {  # ours: what other libraries call it, or users
    "top_n": "k top_k topk topn top n limit count size num_results n_results max_results num_documents max_documents",
    "recall": "fetch_k num_candidates n_candidates candidates similarity_top_k prefetch oversample k top_k",
    "threshold": "score_threshold min_score cutoff score_cutoff similarity_cutoff similarity_threshold "
    "relevance_threshold min_relevance",
    "timeout": "request_timeout time_limit deadline seconds max_seconds",
    "query": "question q query_str search_query prompt input text",
    "queries": "questions query",
    "documents": "docs texts passages nodes candidates chunks corpus sentences contexts document",
    "retriever": "base_retriever target vectorstore vector_store first_stage",
    "target": "retriever base_retriever query_engine chat_engine engine index",
    "base_retriever": "retriever vectorstore vector_store",
    "base_compressor": "reranker compressor",
    "model": "model_name model_id model_name_or_path model_path pretrained_model checkpoint llm name path",
    "reranker": "compressor base_compressor document_compressor postprocessor node_postprocessor node_postprocessors "
    "ranker cross_encoder encoder model model_name",
    "llm": "chat_model chat model_object",
    "api_key": "api_token token key auth_token auth access_token secret apikey",
    "base_url": "url base api_base api_url endpoint endpoint_url host server server_url uri address",
    "max_retries": "retries num_retries n_retries max_attempts",
    "request_timeout": "timeout",
    "rate_limit": "rpm requests_per_minute rate_limiter",
    "requests_per_minute": "rpm requests",
    "tokens_per_minute": "tpm tokens",
    "max_length": "max_len max_seq_length max_seq_len max_tokens max_sequence_length",
    "truncation": "truncate",
    "max_tokens_per_doc": "max_tokens max_chunks_per_doc max_doc_tokens truncate",
    "threads": "num_threads n_threads workers num_workers max_workers n_jobs",
    "concurrency": "workers num_workers max_workers max_concurrency threads parallel",
    "providers": "device provider execution_providers",
    "batch_size": "batch bs",
    "documents_per_call": "choice_batch_size batch_size",
    "raw_scores": "raw logits return_logits",
    "text": "page_content content body template prefix_metadata",
    "metadata": "meta metadatas",
    "id": "id_ doc_id document_id node_id",
    "format": "mode api_format api dialect type",
    "criterion": "criteria",
    "instructions": "prompt system_prompt instruction",
    "instruction": "prompt instructions",
    "extra": "temperature max_tokens extra_body model_kwargs",
    "on_error": "on_failure raise_on_error errors",
    "distinct": "dedupe deduplicate unique",
    "tokenizer": "preprocess_func tokenize tokenizer_func",
    "docs": "documents texts",
    "store": "path file cache db database",
    "max_entries": "max_size maxsize size capacity",
    "after": "delay seconds",
    "seconds": "time timeout",
    "money": "cost max_cost usd dollars price",
    "require": "filter filters where must must_match",
    "exclude": "must_not filter_out",
    "prefer": "boost boosts preferences sort sort_by",
    "first": "base initial",
    "longest": "max_wait maximum",
    "failures": "max_failures",
    "rules": "prefer require exclude tiers weights at_most",
    "k": "top_k top_n topk topn n limit",
}
_OTHERS = {ours: frozenset(others.split()) for ours, others in _MEANT.items()}
_ALIKE = 0.75


def meant_by(name: str, known: Collection[str], elsewhere: Collection[str] = ()) -> str | None:
    """Which of the names was most likely meant, those that are known before others; `None` if none is like it."""
    plain = name.lower().strip("_")
    for ours, others in _OTHERS.items():
        if plain in others and (ours in known or ours in elsewhere):
            return ours
    if plain.endswith("_api_key") and "api_key" in known:
        return "api_key"
    alike = (get_close_matches(plain, names, n=1, cutoff=_ALIKE) for names in (known, elsewhere))
    return next((close[0] for close in alike if close), None)


def check_names(
    what: str,
    given: Iterable[str],
    known: Collection[str],
    elsewhere: Mapping[str, str] = MappingProxyType({}),
    *,
    noun: str = "argument",
) -> None:
    """Refuse names that are none of ours. What was passed under one is not shown: it may be a key.

    Args:
        what: What was called, as users call it.
        given: The names that were passed.
        known: The names that there are.
        elsewhere: Names that belong to another place, each with a sentence that says where.
        noun: What the names are names of.

    Raises:
        WrongArguments: There is such a name. The error says what to write instead.
    """
    for name in given:
        if name in known:
            continue
        meant = name if name in elsewhere else meant_by(name, known, elsewhere)
        if meant is None:
            remedy = f"it has {', '.join(known) or 'none at all'}"
        else:
            remedy = f"did you mean {meant}?" if meant in known else elsewhere[meant]
        msg = f"{what} has no {noun} {name!r}: {remedy}"
        raise WrongArguments(msg)
