"""How a model that PyTorch loaded is asked about a pair: in its own way, in a prompt of ours, or not at all."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.chat_templates import names_a_pair, prompt_of, same_text
from rerank_kit.local.clues import FOLDER, Clues, clues_of, of_card, read_json, template_text
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.decoders import looks_both_ways
from rerank_kit.local.heads import check_head
from rerank_kit.local.labels import counts_alone, labels_of, logit_of
from rerank_kit.local.prompt_tokenizer import PromptTokenizer, token_id
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.recipe import Recipe, recipe_of
from rerank_kit.local.scale import Scale
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted

_LOGITS = (-30.0, -10.0, -3.0, -1.0, 0.0, 1.0, 3.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True)
class TorchReading:
    """How one model is asked.

    Attributes:
        recipe: What is known of it.
        inputs: Makes its input, where the library does not.
        instruction: What the library is told, where it makes the input.
        answers: The ids of the tokens whose logits are the score, where that is not what the library takes.
        relevant: The place of the value that stands for "relevant", where the model gives two.
        alone: Whether the other one has no say in it.
        scale: What makes scores of its logits.
        gives_probabilities: Whether its last layer has made scores of them already.
    """

    recipe: Recipe
    inputs: PromptedInputs | None
    instruction: str | None
    answers: tuple[int, ...]
    relevant: int
    alone: bool
    scale: Callable[[float], float]
    gives_probabilities: bool

    def numbers(self, features: Any, count: int) -> list[float]:
        """One for each pair, of what the model gave for so many."""
        if self.answers:
            values = features["causal_logits"][:, -1].float()[:, self.answers]
        else:
            values = features["scores"].float().reshape(count, -1)
            others = [] if self.alone else [1 - self.relevant]
            values = values[:, [self.relevant, *others][: values.shape[1]]]
        # The softmax of two logits is the sigmoid of their difference.
        found: list[float] = (values[:, 0] - values[:, 1] if values.shape[1] > 1 else values[:, 0]).tolist()
        return found


def reading_of(
    model: Any, name: str, *, template: str | None, instruction: str | None, answers: Sequence[str] | None
) -> TorchReading:
    """How a model is asked.

    Args:
        model: A `sentence_transformers.CrossEncoder`.
        name: What the user called it.
        template: See `recipe_of`, as for the others.
        instruction: The same.
        answers: The same.

    Raises:
        ConfigurationError: It would be asked in a way that it was not trained for, or gives no score that was learned.
    """
    clues = _clues(model, name)
    prompts_itself = template is None and _prompts_itself(model)
    own = prompt_of(partial(rendered, model), name) if prompts_itself else None
    prepends = not clues.wants_prompt and bool(model.prompts)
    recipe = recipe_of(
        clues,
        template=template,
        instruction=instruction,
        answers=answers,
        own=[] if own is None else [own],
        prepends=prepends,
    )
    inputs, told = None, model.prompts.get(model.default_prompt_name) if instruction is None else instruction
    if recipe.prompt is not None and not (
        _told_alike(recipe.prompt, own, instruction) and _cuts_the_document(model, own)
    ):
        left = clues.wants_prompt and not looks_both_ways(clues.config)
        inputs, told = PromptedInputs(model, recipe.prompt, name, left=left), None
    chosen = answers is not None or (inputs is not None and own is None) or _lacks_answers(model)
    if not _is_language_model(model):
        recipe = recipe.without_answers(name, answers)
    elif not chosen:
        recipe = replace(recipe, answers=_own_answers(model))
    relevant, alone = check_head(model, name), counts_alone(model.config.to_dict(), model.num_labels, name)
    if len(model) == 1:
        labels = labels_of(model.config.to_dict())
        recipe = replace(recipe, logit=logit_of(labels, model.num_labels, relevant, alone=alone))
    custom = activation(model) if Scale.of_activation(clues.activation) is None else None
    return TorchReading(
        recipe,
        inputs,
        told,
        _answers(model, recipe, name) if chosen else (),
        relevant,
        alone,
        custom or recipe.scale,
        _gives_probabilities(model),
    )


class PromptedInputs:
    """Makes a model's input of pairs in a prompt of ours."""

    def __init__(self, model: Any, prompt: Prompt, name: str, *, left: bool) -> None:
        """Keep the model's tokenizer.

        Args:
            model: A `sentence_transformers.CrossEncoder`.
            prompt: The prompt.
            name: What the user called the model.
            left: Whether batches are padded on the left, so that the last token of each pair is at the end.

        Raises:
            ConfigurationError: It has no fast tokenizer.
        """
        if not model.tokenizer.is_fast:
            msg = f"model={name!r} wants a prompt, which needs a fast tokenizer (tokenizer.json), and it has none"
            raise ConfigurationError(msg)
        tokenizers, self._torch = (
            optional(package, extra="sentence-transformers", why="SentenceTransformersCrossEncoder")
            for package in ("tokenizers", "torch")
        )
        whole = tokenizers.Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str())
        whole.no_padding()
        whole.no_truncation()
        self.read = PromptTokenizer(whole, prompt)
        self._padding = model.tokenizer.pad_token_id or 0
        self._left = left
        takes = inspect.signature(model[0].model.forward).parameters
        self._counts = left and "position_ids" in takes  # else a model counts from the padding on
        self._keeps_last = {"logits_to_keep": 1} if _is_language_model(model) else {}

    def __call__(self, pairs: Sequence[Pair], most: int) -> dict[str, Any]:
        """The features of a batch, of at most so many tokens a pair."""
        rows = [self.read(*pair, most).ids for pair in pairs]
        features = {
            "input_ids": self._padded(rows, self._padding),
            "attention_mask": self._padded([[1] * len(row) for row in rows], 0),
        }
        if self._counts:
            features["position_ids"] = self._padded([list(range(len(row))) for row in rows], 0)
        return {**features, **self._keeps_last, "modality": "text"}

    def _padded(self, rows: Sequence[list[int]], value: int) -> Any:
        width = max(map(len, rows))
        fill = [[value] * (width - len(row)) for row in rows]
        each = zip(fill, rows, strict=True) if self._left else zip(rows, fill, strict=True)
        return self._torch.tensor([[*one, *other] for one, other in each])


def activation(model: Any) -> Callable[[float], float] | None:
    """The activation that comes with a model, if it gives numbers from 0 to 1 and is none that a recipe can say."""
    torch = optional("torch", extra="sentence-transformers", why="SentenceTransformersCrossEncoder")
    function = model.activation_fn

    def own(logit: float) -> float:
        return float(function(torch.tensor([logit], dtype=torch.float64))[0])

    try:
        found = [own(logit) for logit in _LOGITS]
    except Exception:  # noqa: BLE001 - one for several values, or of the model's own
        return None
    fits = found == sorted(found) and 0 <= found[0] < found[-1] <= 1
    return own if fits and not isinstance(function, torch.nn.Sigmoid) else None


def rendered(model: Any, query: str, document: str, told: str | None) -> str:
    """What a model's template makes of a pair, and of what it is told."""
    transformer = model[0]
    _, inputs = transformer.input_formatter.batch_to_message("text", {"text": [(query, document)]})
    messages = inputs["message"]
    if told:
        messages = transformer.input_formatter.prepend_prompt_to_messages(messages, told)
    options = dict(transformer.processing_kwargs.get("chat_template") or {})
    options.pop("restore_suffix", None)  # the library's own
    (text,) = transformer.processor.apply_chat_template(messages, tokenize=False, **options)
    return str(text)


def _gives_probabilities(model: Any) -> bool:
    """Whether the model's last layer makes scores of its logits already."""
    last = getattr(model[-1], "activation_function", None)
    sigmoid_layer = optional("torch", extra="sentence-transformers", why="SentenceTransformersCrossEncoder").nn.Sigmoid
    return isinstance(last, sigmoid_layer)


def told(prompt: str | None, instruction: str | None) -> str | None:
    """The instruction, by either of its names.

    Raises:
        ConfigurationError: Both were given.
    """
    if prompt is not None and instruction is not None:
        msg = f"instruction={quoted(instruction)} and prompt={quoted(prompt)} are two names of one thing: pass one"
        raise ConfigurationError(msg)
    return prompt if instruction is None else instruction


def _clues(model: Any, name: str) -> Clues:
    """What its files tell, as far as they are known, and what it was loaded with."""
    folder = next((each for each in (Path(name), getattr(model, FOLDER, None)) if each and each.is_dir()), None)
    if folder is None:
        found = of_card(name, model._model_card_text or "")  # noqa: SLF001 - the library keeps it
    else:
        found = clues_of(name, folder, read_json(folder / "config.json"), {})
    return replace(
        found,
        config={**model.config.to_dict(), "_name_or_path": found.config.get("_name_or_path")},
        chat_template=template_text(getattr(model.tokenizer, "chat_template", None)),
        recipe=None,
        activation=_activation_path(model, found.activation),
        speaks=any(each.__name__ == "GenericForSequenceClassification" for each in type(model[0].model).__mro__),
    )


def _activation_path(model: Any, named: str) -> str:
    """The activation that a model's files name, unless it was given another."""
    function: object = model.activation_fn
    kind = type(function)
    usual = "Sigmoid" if model.num_labels == 1 else "Identity"
    replaced = named.startswith("torch.") and named.rpartition(".")[2] != kind.__name__
    return f"{kind.__module__}.{kind.__qualname__}" if replaced or kind.__name__ != usual else named


def _prompts_itself(model: Any) -> bool:
    """Whether the library puts pairs into a template that is made for pairs.

    A template for chats may let any role pass, and so the two of a pair, of which the model has never heard. One that
    was saved with a cross-encoder is what that was trained with.
    """
    if "message" not in model[0].modality_config:
        return False
    if not model.module_kwargs and not names_a_pair(template_text(getattr(model.processor, "chat_template", None))):
        return False
    try:
        model.preprocess([("a", "b")])
    except Exception:  # noqa: BLE001 - a template may raise anything
        return False
    return True


def _is_language_model(model: Any) -> bool:
    return type(model[-1]).__name__ == "LogitScore"


def _lacks_answers(model: Any) -> bool:
    """Whether the tokenizer of a language model has none of the tokens of which the library makes the score."""
    ids = [getattr(model[-1], name, None) for name in ("true_token_id", "false_token_id")]
    return _is_language_model(model) and (ids[0] is None or ids[0] == ids[1])


def _cuts_the_document(model: Any, own: Prompt | None) -> bool:
    """Whether the library, which cuts the end of a text whose template it knows, cuts the document alone."""
    return model.tokenizer.truncation_side == "right" and own is not None and own.ends_in_document


def _told_alike(prompt: Prompt, own: Prompt | None, instruction: str | None) -> bool:
    """Whether the library, too, makes the text of a prompt, by the model's own template."""
    return own is not None and (instruction is None or same_text(prompt, own.told(instruction)))


def _own_answers(model: Any) -> tuple[str, ...]:
    """The tokens of which the library makes the score."""
    ids = (model[-1].true_token_id, model[-1].false_token_id)
    return tuple(str(model.tokenizer.convert_ids_to_tokens(each)) for each in ids if each is not None)


def _answers(model: Any, recipe: Recipe, name: str) -> tuple[int, ...]:
    if not _is_language_model(model):
        return ()
    if not recipe.answers:
        msg = (
            f"model={name!r} is a language model: pass the tokens whose logits are the score as answers= (--answers "
            "for rerank-kit export), such as ('yes', 'no')"
        )
        raise ConfigurationError(msg)
    return tuple(token_id(model.tokenizer.backend_tokenizer, each, name) for each in recipe.answers)
