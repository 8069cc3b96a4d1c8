"""What the cards of rerankers compute, in plain transformers: the logit of a pair, before anything makes a score of it.

Each function is written after the public card or source that its docstring names, and takes a folder as it was saved.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

REASON = "sentence-transformers is not installed"
torch: Any = pytest.importorskip("torch", reason=REASON)
transformers: Any = pytest.importorskip("transformers", reason=REASON)

Card = Callable[[Path, str, str], float]
"""Takes a folder, a query and a document."""

_JUDGE = "Given a web search query, retrieve relevant passages that answer the query"


def classifier(folder: Path, query: str, document: str) -> float:
    """Sequence classifiers with one label: cross-encoder/ms-marco-MiniLM-L6-v2, BAAI/bge-reranker-v2-m3 and others."""
    return float(_classified(folder, _tokenizer(folder)(query, document, return_tensors="pt", truncation=True))[0])


def two_labels(folder: Path, query: str, document: str) -> float:
    """castorini/monobert-large-msmarco: the log-odds of the second label."""
    values = _classified(folder, _tokenizer(folder)(query, document, return_tensors="pt", truncation=True))
    return float(values[1] - values[0])


def first_of_two_labels(folder: Path, query: str, document: str) -> float:
    """The log-odds of the first label, for a model whose `id2label` says that it is the relevant one."""
    return -two_labels(folder, query, document)


def modular(folder: Path, query: str, document: str) -> float:
    """cross-encoder/ettin-reranker-17m-v1: first token, dense layer with GELU, layer norm, dense layer."""
    load: Any = import_module("safetensors.torch").load_file
    model = transformers.AutoModel.from_pretrained(folder).eval()
    dense, norm, score = (load(folder / each / "model.safetensors") for each in ("2_Dense", "3_LayerNorm", "4_Dense"))
    inputs = _tokenizer(folder)(query, document, return_tensors="pt", truncation=True)
    with torch.no_grad():
        first = model(**inputs).last_hidden_state[:, 0]
        hidden = torch.nn.functional.gelu(first @ dense["linear.weight"].T)
        hidden = torch.nn.functional.layer_norm(hidden, hidden.shape[-1:], norm["norm.weight"], norm["norm.bias"])
        return float((hidden @ score["linear.weight"].T + score["linear.bias"])[0, 0])


def qwen3_reranker(folder: Path, query: str, document: str, *, most: int = 8192) -> float:
    """Qwen/Qwen3-Reranker-0.6B: log-odds of "yes" against "no" at the end of the prompt."""
    tokenizer = _tokenizer(folder)
    return _yes_no(folder, qwen3_ids(tokenizer, query, document, most=most), tokenizer, "yes", "no")


def qwen3_seq_cls(folder: Path, query: str, document: str) -> float:
    """tomaarsen/Qwen3-Reranker-0.6B-seq-cls: the same prompt, and a layer for the score."""
    return float(_classified(folder, _batch(qwen3_ids(_tokenizer(folder), query, document)))[0])


def qwen3_ids(tokenizer: Any, query: str, document: str, *, instruction: str = _JUDGE, most: int = 8192) -> list[int]:
    """process_inputs of the card."""
    prefix = (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct "
        'provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    )
    suffix = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    before = tokenizer.encode(prefix, add_special_tokens=False)
    behind = tokenizer.encode(suffix, add_special_tokens=False)
    text = f"<Instruct>: {instruction}\n<Query>: {query}\n<Document>: {document}"
    room = most - len(before) - len(behind)
    inside = tokenizer(text, padding=False, truncation="longest_first", max_length=room)["input_ids"]
    return [*before, *inside, *behind]


def mxbai_v2(folder: Path, query: str, document: str) -> float:
    """mixedbread-ai/mxbai-rerank-base-v2, by mxbai_rerank 0.1.6: log-odds of "1" against "0"."""
    tokenizer = _tokenizer(folder)
    return _yes_no(folder, mxbai_ids(tokenizer, query, document), tokenizer, "1", "0")


def mxbai_v2_seq(folder: Path, query: str, document: str) -> float:
    """michaelfeil/mxbai-rerank-base-v2-seq: two labels, "0" and "1"."""
    values = _classified(folder, _batch(mxbai_ids(_tokenizer(folder), query, document)))
    return float(values[1] - values[0])


def mxbai_ids(tokenizer: Any, query: str, document: str, *, instruction: str | None = None) -> list[int]:
    """prepare_inputs and concat_input_ids of the package."""
    asked = f"query: {query}" if instruction is None else f"instruction: {instruction}\nquery: {query}"
    prefix = (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
        "<|im_start|>user\n"
    )
    task = (
        "You are a search relevance expert who evaluates how well documents match search queries. For each "
        "query-document pair, carefully analyze the semantic relationship between them, then provide your binary "
        "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"
    )
    parts = [prefix, asked, "\n", f"document: {document}", "\n", task, "<|im_end|>\n<|im_start|>assistant\n"]
    return [token for part in parts for token in tokenizer(part, add_special_tokens=False)["input_ids"]]


def zerank(folder: Path, query: str, document: str) -> float:
    """zeroentropy/zerank-1, modeling_zeranker.py: the logit of "Yes"; the chat template of the tokenizer."""
    tokenizer = _tokenizer(folder)
    return _yes_no(folder, zerank_ids(tokenizer, query, document), tokenizer, "Yes", None)


def zerank_seq(folder: Path, query: str, document: str) -> float:
    """baseten-admin/zerank-2-reranker-seq: the same prompt, and a layer for the score."""
    return float(_classified(folder, _batch(zerank_ids(_tokenizer(folder), query, document)))[0])


def zerank_ids(tokenizer: Any, query: str, document: str) -> list[int]:
    """format_pointwise_datapoints of the card's code. The template's own is written out: others may come with it."""
    text = (
        f"<|im_start|>system\n{query.strip()}<|im_end|>\n<|im_start|>user\n{document.strip()}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def bge_gemma(folder: Path, query: str, document: str) -> float:
    """BAAI/bge-reranker-v2-gemma, get_inputs of the card: the logit of "Yes"."""
    tokenizer = _tokenizer(folder)
    return _yes_no(folder, bge_gemma_ids(tokenizer, query, document), tokenizer, "Yes", None)


def bge_gemma_seq(folder: Path, query: str, document: str) -> float:
    """A conversion of it by vLLM's convert_model_to_seq_cls.py."""
    return float(_classified(folder, _batch(bge_gemma_ids(_tokenizer(folder), query, document)))[0])


def bge_gemma_ids(tokenizer: Any, query: str, document: str) -> list[int]:
    """get_inputs of the card."""
    prompt = (
        "Given a query A and a passage B, determine whether the passage contains an answer to the query by providing "
        "a prediction of either 'Yes' or 'No'."
    )
    parts = [f"A: {query}", "\n", f"B: {document}", "\n", prompt]
    inside = [token for part in parts for token in tokenizer(part, add_special_tokens=False)["input_ids"]]
    return [tokenizer.bos_token_id, *inside]


def contextual(folder: Path, query: str, document: str) -> float:
    """ContextualAI/ctxl-rerank-v2-instruct-multilingual-1b, infer_w_hf: the logit of the first token there is."""
    ids = _tokenizer(folder)(contextual_text(query, document))["input_ids"]
    return float(_last_logits(folder, ids)[0])


def contextual_seq(folder: Path, query: str, document: str) -> float:
    """sigridjineth/ctxl-rerank-v2-1b-seq-cls: the same prompt, and a layer for the score."""
    return float(_classified(folder, _batch(_tokenizer(folder)(contextual_text(query, document))["input_ids"]))[0])


def contextual_text(query: str, document: str) -> str:
    """format_prompts of the card, without an instruction."""
    return (
        "Check whether a given document contains information helpful to answer the query.\n"
        f"<Document> {document}\n<Query> {query} ??"
    )


def nemotron(folder: Path, query: str, document: str) -> float:
    """nvidia/llama-nemotron-rerank-1b-v2, prompt_template of the card."""
    text = f"question:{query} \n \n passage:{document}"
    return float(_classified(folder, _tokenizer(folder)(text, return_tensors="pt"))[0])


def _tokenizer(folder: Path) -> Any:
    return transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=True)


def _batch(ids: list[int]) -> dict[str, Any]:
    return {"input_ids": torch.tensor([ids]), "attention_mask": torch.ones((1, len(ids)), dtype=torch.long)}


def _classified(folder: Path, inputs: Any) -> Any:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    with torch.no_grad():
        return model(**inputs).logits[0]


def _last_logits(folder: Path, ids: list[int]) -> Any:
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(**_batch(ids)).logits[0, -1]


def _yes_no(folder: Path, ids: list[int], tokenizer: Any, yes: str, no: str | None) -> float:
    logits = _last_logits(folder, ids)
    first = float(logits[tokenizer.convert_tokens_to_ids(yes)])
    return first if no is None else first - float(logits[tokenizer.convert_tokens_to_ids(no)])
