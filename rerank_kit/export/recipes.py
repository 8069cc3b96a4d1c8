"""What an exported folder says of how its model is asked, and what its numbers mean."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.export.sample_texts import SAMPLE
from rerank_kit.local.chat_templates import prompt_of
from rerank_kit.local.prompt_tokenizer import PromptTokenizer
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.recipe import Recipe
from rerank_kit.local.scale import Scale
from rerank_kit.local.torch_prompts import TorchReading, rendered
from rerank_kit.optional import optional


def carried(model: Any, reading: TorchReading, name: str) -> Recipe:
    """The recipe of an exported model: with the prompt that the library makes for itself, and without answers.

    The graph gives the score of the answers.

    Args:
        model: A `sentence_transformers.CrossEncoder`.
        reading: How it is asked.
        name: What the user called it.

    Raises:
        ConfigurationError: It is asked, or scored, in a way that no folder can say.
    """
    if not isinstance(reading.scale, Scale):
        msg = (
            f"model={name!r} makes its scores by a {type(model.activation_fn).__name__}, which an exported folder "
            "cannot say: rank with SentenceTransformersCrossEncoder"
        )
        raise ConfigurationError(msg)
    prompt = reading.recipe.prompt if reading.inputs is not None else _made_by_the_library(model, reading, name)
    logit = reading.recipe.said_of_answers
    return replace(reading.recipe, prompt=prompt, answers=(), logit=f"{logit}, in the graph" if logit else "")


def _made_by_the_library(model: Any, reading: TorchReading, name: str) -> Prompt | None:
    """The prompt of a model whose input sentence-transformers makes; `None` where that is a plain pair."""
    told = reading.instruction
    if model.preprocess(SAMPLE, prompt=told)["modality"] != "message":
        if not told:
            return None
        msg = (
            f"model={name!r} puts {told!r} before each query, which an exported folder cannot say: rank with "
            "SentenceTransformersCrossEncoder"
        )
        raise ConfigurationError(msg)
    own = prompt_of(partial(rendered, model), name)
    prompts = [each for each in (reading.recipe.prompt, own if own is None or not told else own.told(told)) if each]
    if not prompts:
        msg = f"model={name!r}: its chat template does not show both query and document: pass template="
        raise ConfigurationError(msg)
    return next((prompt for prompt in prompts if _same(model, prompt, told)), prompts[-1])


def _same(model: Any, prompt: Prompt, told: str | None) -> bool:
    """Whether a prompt makes the tokens that the library makes."""
    tokenizers = optional("tokenizers", extra="export", why="exporting a model")
    whole = tokenizers.Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
    whole.no_padding()
    whole.no_truncation()
    read = PromptTokenizer(whole, prompt)
    return all(read(*pair).ids == model.preprocess([pair], prompt=told)["input_ids"][0].tolist() for pair in SAMPLE)
