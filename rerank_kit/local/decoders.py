"""Which models are made of language models, and so know no pairs without a prompt: by their config, or their tokenizer.

The names are those of `MODEL_FOR_CAUSAL_LM_MAPPING_NAMES` in transformers 5.24 that read texts, without those of
`MODEL_FOR_MASKED_LM_MAPPING_NAMES` and without models of an encoder and a decoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

_BEGIN = (  # of `model_type`, for new ones go by the names of the old
    *("apertus", "arcee", "baichuan", "bitnet", "bloom", "chatglm", "codegen", "cohere", "dbrx", "deepseek", "ernie4"),
    *("exaone", "falcon", "gemma", "glm", "gpt", "granite", "helium", "hunyuan", "internlm", "jamba", "kimi", "lfm"),
    *("llama", "longcat", "mamba", "mimo", "minicpm", "minimax", "ministral", "mistral", "mixtral", "mpt", "nemotron"),
    *("modernbert-decoder", "olmo", "opt", "phi", "qwen", "rwkv", "seed_oss", "smollm", "stablelm", "starcoder"),
    *("xglm", "zamba"),
)
_NAMES = {
    *("afmoe", "axk1", "axk2", "bailing_hybrid", "bamba", "biogpt", "blt", "cpmant", "ctrl", "cwm", "diffllama"),
    *("doge", "dots1", "flex_olmo", "hyperclovax", "jais2", "jetmoe", "mellum", "nanochat", "openai-gpt", "persimmon"),
    *("recurrent_gemma", "solar_open", "vaultgemma", "xlstm", "youtu"),
}
_BOTH_WAYS = ("llama_bidirec", "llama_bidirectional")  # language models that were trained on to look ahead
_TURNS = ("<|im_start|>", "<|begin_of_text|>", "<|start_header_id|>", "<start_of_turn>", "<|start|>")
"""Tokens with which the turns of a chat begin."""


def made_of_language_model(config: Mapping[str, Any]) -> bool:
    """Whether a model's `config.json` is that of a language model, or of a classifier that was made of one."""
    kind = config.get("model_type")
    architectures: Sequence[str] = config.get("architectures") or ()
    causal = any(each.endswith("ForCausalLM") for each in architectures)
    return causal or (isinstance(kind, str) and (kind.startswith(_BEGIN) or kind in _NAMES))


def looks_both_ways(config: Mapping[str, Any]) -> bool:
    """Whether such a model looks at what is behind a token, too, so that it matters where padding stands."""
    return config.get("model_type") in _BOTH_WAYS


def speaks(tokenizer: Mapping[str, Any]) -> bool:
    """Whether a `tokenizer.json` is that of a language model: it begins turns of a chat, or closes no pair.

    What reads pairs as they are has a token behind the second text, as BERT, RoBERTa and T5 do.
    """
    added = cast("Sequence[Mapping[str, Any]]", tokenizer.get("added_tokens") or ())
    turns = any(each.get("content") in _TURNS for each in added)
    return turns or not any(_closes(each) for each in _processors(tokenizer.get("post_processor")))


def _processors(processor: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if processor is not None:
        yield processor
        for each in cast("Sequence[Mapping[str, Any]]", processor.get("processors") or ()):
            yield from _processors(each)


def _closes(processor: Mapping[str, Any]) -> bool:
    pair = cast("Sequence[Mapping[str, Any]]", processor.get("pair") or ())
    return bool(pair and "SpecialToken" in pair[-1]) or processor.get("type") in ("BertProcessing", "RobertaProcessing")
