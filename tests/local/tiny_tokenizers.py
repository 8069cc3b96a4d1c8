"""Tokenizers in the layouts of Qwen, Llama and Gemma, trained on a page of text, so that they spell any."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from rerank_kit.local.families import families

transformers: Any = pytest.importorskip("transformers", reason="sentence-transformers is not installed")

LENGTH = 1024
"""The most tokens that models with these tokenizers read."""

_SPLIT = (  # tokenizer.json of Qwen/Qwen3-0.6B: punctuation takes the line breaks behind it along
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<think>", "</think>")
_ANSWERS = ["yes", "no", "Yes", "No"]
_CHAT = (  # tokenizer_config.json of Qwen/Qwen3-0.6B, without its tools: it knows the roles of a chat alone
    "{%- for message in messages %}"
    "{%- if message.role in ['user', 'system', 'assistant'] %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
ANY_ROLE = (
    "{%- for message in messages %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}"
)
"""A chat template that lets every role pass, and so those of a pair."""


def qwen(chat_template: str | None = _CHAT) -> Any:
    """Bytes, no special tokens around a text, `!` as the first token, the chat template of a chat model."""
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer.from_str(_bytes(_QWEN)),
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        model_max_length=131_072,
        chat_template=chat_template,
        model_input_names=["input_ids", "attention_mask"],
    )


def llama() -> Any:
    """Bytes, and `<|begin_of_text|>` before each text, also before the second of a pair."""
    special = ("<|begin_of_text|>", "<|end_of_text|>", "<|finetune_right_pad_id|>")
    tokenizer = Tokenizer.from_str(_bytes(special))
    begin = "<|begin_of_text|>"
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A",
        pair=f"{begin} $A {begin}:1 $B:1",
        special_tokens=[(begin, tokenizer.token_to_id(begin))],
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=begin,
        eos_token="<|end_of_text|>",
        pad_token="<|finetune_right_pad_id|>",
        model_max_length=131_072,
        model_input_names=["input_ids", "attention_mask"],
    )


def gemma() -> Any:
    """Pieces with `▁` for a space, and `<bos>` before each text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Replace("▁", " ")
    letters = [*map(chr, range(33, 127)), "\n", "▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        show_progress=False,
        special_tokens=["<pad>", "<eos>", "<bos>", "<unk>"],
        initial_alphabet=letters,
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁|\n"), "isolated")  # for the training alone
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_previous")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", 2)]
    )
    names = {f"{name}_token": f"<{name}>" for name in ("pad", "eos", "bos", "unk")}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        **names,
        model_max_length=8192,
        model_input_names=["input_ids", "attention_mask"],
    )


@cache
def _bytes(special: tuple[str, ...]) -> str:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=450, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.add_special_tokens([AddedToken(each, special=True, normalized=False) for each in special])
    return tokenizer.to_str()


def _texts() -> Iterator[str]:
    yield from _ANSWERS * 300
    yield from ["?\n", ".\n", ".\n\n"] * 100  # what a sentence ends with is one token with the line break behind it
    for family in families():
        if family.prompt is not None:
            yield from (part.text for part in family.prompt.filled("what?", "this."))
    yield Path(__file__).read_text("utf-8")
