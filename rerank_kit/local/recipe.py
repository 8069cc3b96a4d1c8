"""How one model reads a pair, and what its numbers mean: as its folder, its family or the user says, or refused.

A model that reads text from left to right gives numbers for any text, and a ranking by them is as good as none unless
the text is the one that it was trained on. So a model of that kind is used with its prompt or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.families import Family, families, family_of
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.scale import Scale
from rerank_kit.quoting import quoted

FILE = "rerank_kit.json"
"""The file of an exported folder in which its recipe stands."""

_READ_LEFT_TO_RIGHT = (  # how `model_type` begins
    *("apertus", "arcee", "baichuan", "bitnet", "bloom", "codegen", "cohere", "dbrx", "deepseek", "exaone", "falcon"),
    *("gemma", "glm", "gpt", "granite", "hunyuan", "internlm", "jamba", "lfm2", "llama", "mamba", "minicpm", "minimax"),
    *("ministral", "mistral", "mixtral", "modernbert-decoder", "mpt", "nemotron", "olmo", "opt", "phi", "qwen", "rwkv"),
    *("seed_oss", "smollm", "stablelm", "starcoder", "xglm"),
)
_BOTH_WAYS = ("llama_bidirec",)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one model reads a pair, and what its numbers mean.

    Attributes:
        family: Its row in the table; empty where it is in none.
        prompt: What is put around query and document; `None` where that is the tokenizer's own business.
        answers: The tokens whose logits are the score, by text or id: the first, less the second where there is one.
            Empty for a model with a layer for scores.
        scale: What makes a score from 0 to 1 of a logit.
        calibrated: Whose scale that is; empty where nobody has said what the scores mean.
        max_length: Tokens that its card reads of a pair; `None` for as many as the model can.
    """

    family: str = ""
    prompt: Prompt | None = None
    answers: tuple[str | int, ...] = ()
    scale: Scale = field(default_factory=Scale)
    calibrated: str = ""
    max_length: int | None = None

    @classmethod
    def of_family(cls, family: Family, names: Sequence[str]) -> Recipe:
        """That of a model of a family which goes by these names."""
        return cls(
            family.name, family.prompt, family.answers, family.scale_of(names), family.calibrated, family.max_length
        )

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Recipe:
        """One that was written by `to_json`.

        Raises:
            ConfigurationError: It is none.
        """
        try:
            row = dict(content)
            prompt = row.pop("prompt")
            if prompt is not None:
                instructed = {int(place): part for place, part in prompt.pop("instructed").items()}
                prompt = Prompt(tuple(prompt.pop("parts")), instructed, **prompt)
            return cls(prompt=prompt, answers=tuple(row.pop("answers")), scale=Scale(**row.pop("scale")), **row)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            msg = f"{FILE} is not as the export writes it ({error!r}): export the model again"
            raise ConfigurationError(msg) from error

    def __str__(self) -> str:
        """Say in lines which family this is, how it is prompted, and what its scores are."""
        answers = " less ".join(f"the logit of {answer!r}" for answer in self.answers)
        prompt = "none but the tokenizer's own" if self.prompt is None else str(self.prompt)
        lines = [
            f"family: {self.family or 'not known'}",
            f"prompt: {prompt}",
            *([f"logit: {answers}"] if answers else []),
            f"score: {self.scale}, {self.calibrated or 'uncalibrated: nobody has said what it means'}",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a model before it is used.

    Attributes:
        name: What the user called it.
        names: What else it goes by: in its config, on its card.
        config: `config.json`.
        chat_template: Its tokenizer's, as text.
        recipe: The content of `rerank_kit.json`, where there is one.
    """

    name: str
    names: tuple[str, ...] = ()
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    chat_template: str = ""
    recipe: Mapping[str, Any] | None = None

    @property
    def all_names(self) -> tuple[str, ...]:
        """All that it goes by."""
        own = self.config.get("_name_or_path")
        return (self.name, *self.names, *([own] if isinstance(own, str) else []))

    @property
    def model_type(self) -> str | None:
        """What kind of model its config says it is."""
        found = self.config.get("model_type")
        return found if isinstance(found, str) else None

    @property
    def reads_left_to_right(self) -> bool:
        """Whether it is a language model, or was made of one, that knows no pairs without a prompt."""
        architectures: Sequence[str] = self.config.get("architectures") or ()
        kind = self.model_type or ""
        return any(each.endswith("ForCausalLM") for each in architectures) or (
            kind.startswith(_READ_LEFT_TO_RIGHT) and kind not in _BOTH_WAYS
        )


def recipe_of(
    clues: Clues,
    *,
    template: str | None = None,
    instruction: str | None = None,
    answers: Sequence[str] | None = None,
    prompted: bool = False,
) -> Recipe:
    """The recipe of a model.

    Args:
        clues: What is known of it.
        template: A prompt of the user's, with `{query}`, `{document}` and, optionally, `{instruction}`.
        instruction: What the model is told to judge by, in place of what its family says.
        answers: The tokens of a language model whose logits are the score, such as `("yes", "no")`.
        prompted: Whether the engine has a prompt already, which the model brings along for itself.

    Raises:
        ConfigurationError: The model cannot be used so; the message says what would do.
    """
    recipe = _known(clues)
    if template is not None:
        recipe = replace(recipe, prompt=Prompt.of_template(template, instruction))
    elif instruction is not None and not prompted:
        recipe = replace(recipe, prompt=_told(clues, recipe, instruction))
    if answers is not None:
        recipe = replace(recipe, answers=_checked(answers))
    if recipe.prompt is None and not prompted and clues.reads_left_to_right:
        known = ", ".join(each.name for each in families() if each.prompt is not None)
        msg = (
            f"model={clues.name!r} is a {clues.model_type or 'language model'}, which reads from left to right and "
            "ranks almost at random without the prompt it was trained with, and which prompt that is cannot be told "
            f"from its files (known: {known}). Its card says it: pass it as template=, such as "
            "'Query: {query}\\nDocument: {document}\\nRelevant:', or '{query}{document}' for one that was trained "
            "without"
        )
        raise ConfigurationError(msg)
    return recipe


def _known(clues: Clues) -> Recipe:
    if clues.recipe is not None:
        return Recipe.of_json(clues.recipe)
    family = family_of(clues.all_names, clues.model_type, clues.chat_template)
    if family is None:
        return Recipe()
    if family.refused:
        msg = (
            f"model={clues.name!r} is a {family.name}, which cannot be run here: {family.refused}. Take another model: "
            "`rerank-kit models` lists those that can"
        )
        raise ConfigurationError(msg)
    return Recipe.of_family(family, clues.all_names)


def _told(clues: Clues, recipe: Recipe, instruction: object) -> Prompt:
    if not isinstance(instruction, str):
        msg = f"instruction must be a str, not {quoted(instruction)}"
        raise ConfigurationError(msg)
    if recipe.prompt is None or not recipe.prompt.takes_instruction:
        msg = (
            f"instruction={quoted(instruction)}: model={clues.name!r} takes none. Leave it out, or pass a template= "
            "with {instruction} in it, if the model was trained with one"
        )
        raise ConfigurationError(msg)
    return recipe.prompt.told(instruction)


def _checked(answers: object) -> tuple[str, ...]:
    shown = quoted(answers)
    given = tuple(cast("Sequence[object]", answers)) if isinstance(answers, list | tuple) else ()
    words = tuple(each for each in given if isinstance(each, str) and each)
    if len(words) not in (1, 2) or words != given:
        msg = (
            "answers must be the token that stands for relevant, and the one for irrelevant if there is one, such as "
            f"('yes', 'no'), not {shown}"
        )
        raise ConfigurationError(msg)
    return words
