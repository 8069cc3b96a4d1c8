"""What the frameworks' own classes take and ours do not, and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel

_KEPT_SCORES = "leave it out: the first stage's scores are always kept, beside the relevance, and never in the text"
_ALONE = "leave it out: requests are sent without that package"
_READ_OF_A_NODE = "write metadata_mode= for what is read of a node"


def _headers(sends: str) -> dict[str, str]:
    """What to write in place of `user_agent=`, with the class that sends the requests."""
    asked = f'{sends}, headers={{"User-Agent": "…"}}), from rerank_kit.managed'
    return {"user_agent": f"a header of your own goes to the class that sends the requests: {asked}"}


REMEDIES: Mapping[str, Mapping[str, str]] = {
    "RerankFields": {"keep_retrieval_score": _KEPT_SCORES, "widen": "pass it to with_rerank(retriever, …, widen=…)"},
    "RerankCompressor": {
        "on_error": "pass it to with_rerank(retriever, …, on_error=…), which has the documents to keep: by itself a "
        "compressor raises, and what a judge or a decision model does after a call that failed is its on_failed_call=",
        "recall": "pass it to with_rerank(retriever, …, recall=50), which has the retriever bring so many",
    },
    "RerankPostprocessor": {"text": _READ_OF_A_NODE},
    "CohereFields": {"aclient": "write async_client=", **_headers("reranker=Cohere(model")},
    "VoyageFields": {"client": _ALONE, "aclient": _ALONE, **_headers("reranker=Voyage(model")},
    "JinaFields": {"session": _ALONE, "api_url": "write base_url=", **_headers("reranker=Jina(model")},
    "EndpointFields": {
        **_headers("reranker=Endpoint(base_url"),
        "truncate_text": "leave it out: servers are told to cut what is too long; max_tokens_per_doc= cuts before that",
        "text_instruction": "leave it out: it is read by no server",
        "query_instruction": "leave it out: it is read by no server; write the instruction into the question",
        "mode": "write metadata_mode=MetadataMode.NONE for the text alone, or leave it out for the metadata too",
    },
    "CrossEncoderFields": {
        "model_kwargs": "write what is in it as fields, such as device= and trust_remote_code=",
        "cross_encoder_kwargs": "write what is in it as fields, such as max_length= and trust_remote_code=",
        "cache_folder": "set the environment variable HF_HUB_CACHE",
    },
    "FlashRankFields": {"prefix_metadata": "leave it out: a score that was there before is kept, and not written over"},
    "LateInteractionFields": {
        "tokenizer": "leave it out: it is the model's own",
        "device": "write providers=, such as ['CUDAExecutionProvider'], with a build of ONNX Runtime that has it",
    },
    "DecisionFields": {
        "llm": "write decision_model= for a decision model; a chat model judges in LLMJudgeRerank(llm=…)",
    },
    "JudgeFields": {
        "choice_batch_size": 'write documents_per_call=, with mode="grade"',
        "choice_select_prompt": "write criterion= or instructions=",
        "format_node_batch_fn": _READ_OF_A_NODE,
        "parse_choice_select_answer_fn": "leave it out: answers are JSON, and are checked",
        "rankgpt_rerank_prompt": "write criterion= or instructions=",
        "verbose": "leave it out: the logger rerank_kit and the trace tell what happened",
    },
}
"""By the class of ours that has the fields, for all that inherit them: a name, and the remedy."""

_ENDPOINT = "EndpointRerank(base_url=…)"
_LISTWISE = 'LLMJudgeRerank(llm=…, mode="listwise")'
_GRADE = 'LLMJudgeRerank(llm=…, mode="grade")'
_ON_TORCH = 'CrossEncoderRerank(engine="sentence-transformers", model="owner/name")'
_ON_ONNX = 'CrossEncoderRerank(engine="onnx", model="owner/name")'
_RULES = "RuleRerank(rules=…)"

CLASSES: Mapping[str, str] = {
    "BedrockRerank": "CohereRerank(model=…, client=cohere.BedrockClientV2(…)), for Cohere's models",
    "ColbertRerank": 'LateInteractionRerank(model="owner/name")',
    "ContextualCompressionRetriever": "with_rerank(retriever, compressor), which makes one",
    "ContextualRerank": _ENDPOINT,
    "CrossEncoderReranker": _ON_TORCH,
    "FixedRecencyPostprocessor": _RULES,
    "FlagEmbeddingReranker": _ON_TORCH,
    "FlashrankRerank": "FlashRankRerank",
    "HuggingFaceCrossEncoder": _ON_TORCH,
    "InfinityRerank": _ENDPOINT,
    "JevRerank": 'DecisionRerank(api="system_one", model=…)',
    "KeywordNodePostprocessor": _RULES,
    "LLMChainFilter": "LLMJudgeRerank(llm=…)",
    "LLMListwiseRerank": _LISTWISE,
    "LLMRerank": _GRADE,
    "LocalAIRerank": _ENDPOINT,
    "MixedbreadAIRerank": _ENDPOINT,
    "OpenVINORerank": _ON_ONNX,
    "OpenVINOReranker": _ON_ONNX,
    "PineconeNativeRerank": _ENDPOINT,
    "PineconeRerank": _ENDPOINT,
    "RankGPTRerank": _LISTWISE,
    "RankLLMRerank": _LISTWISE,
    "SentenceTransformerRerank": _ON_TORCH,
    "SiliconFlowRerank": _ENDPOINT,
    "StructuredLLMRerank": _GRADE,
    "TextEmbeddingInference": _ENDPOINT,
    "TimeWeightedPostprocessor": _RULES,
    "VoyageAIRerank": "VoyageRerank(model=…)",
    "XinferenceRerank": _ENDPOINT,
    "ZeroEntropyRerank": _ENDPOINT,
}
"""The frameworks' own classes that go by another name here: the name there, and what to write."""


def no_such_name(package: str, name: str) -> ImportError | AttributeError:
    """The error of a package that is asked for a name that it does not have.

    Of a class of the frameworks it is an `ImportError`, since of an `AttributeError` an import statement shows nothing.
    """
    if name in CLASSES:
        return ImportError(f"{package} has no {name}: here it is {CLASSES[name]}", name=name)
    return AttributeError(f"module {package!r} has no attribute {name!r}", name=name)


def other_names(kind: type[BaseModel]) -> dict[str, str]:
    """Names that the classes which a class of ours stands for take and ours does not, with what to write instead."""
    return {name: remedy for each in reversed(kind.__mro__) for name, remedy in REMEDIES.get(each.__name__, {}).items()}
