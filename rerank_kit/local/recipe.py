"""How one model reads a pair, and what its numbers mean: as its folder, its family or the user says, or refused.

A model that reads text from left to right gives numbers for any text, and a ranking by them is as good as none unless
the text is the one that it was trained on. So a model of that kind is used with its prompt or not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.chat_templates import names_a_pair, prompts_of_template, same_text
from rerank_kit.local.clues import FILE, Clues
from rerank_kit.local.families import Family, families
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.scale import Scale
from rerank_kit.quoting import quoted

_log = logging.getLogger("rerank_kit")


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
        logit: What the logit is, in words, where there are no answers to say it: which label counts, or which answers
            a graph was made with.
        raw: Whether the scores are the model's own numbers.
    """

    family: str = ""
    prompt: Prompt | None = None
    answers: tuple[str | int, ...] = ()
    scale: Scale = field(default_factory=Scale)
    calibrated: str = ""
    max_length: int | None = None
    logit: str = field(default="", compare=False, repr=False)
    raw: bool = field(default=False, compare=False, repr=False)

    @classmethod
    def of_family(cls, family: Family, names: Sequence[str]) -> Recipe:
        """That of a model of a family which goes by these names, the one that counts most first."""
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

    def without_answers(self, model: str, asked: Sequence[str] | None) -> Recipe:
        """The same for a model that gives one number for a pair, of whose words none counts.

        Args:
            model: What the user called it.
            asked: The tokens that the user wants to be the score.

        Raises:
            ConfigurationError: There are such.
        """
        if asked is not None:
            msg = (
                f"answers={quoted(asked)} is for a language model, which gives a logit for every word, and "
                f"model={model!r} gives a score for a pair: leave it out"
            )
            raise ConfigurationError(msg)
        return replace(self, answers=())

    @property
    def said_of_answers(self) -> str:
        """What the answers make of their logits, in words; nothing where there are none."""
        return " less ".join(f"the logit of {answer!r}" for answer in self.answers)

    def __str__(self) -> str:
        """Say in lines which family this is, how it is prompted, and what its scores are."""
        logit = self.said_of_answers or self.logit
        prompt = "none but the tokenizer's own" if self.prompt is None else str(self.prompt)
        lines = [
            f"family: {self.family or 'not known'}",
            f"prompt: {prompt}",
            *([f"logit: {logit}"] if logit else []),
            "score: the model's own number, as raw_scores=True asks"
            if self.raw
            else f"score: {self.scale}, {self.calibrated or 'uncalibrated: nobody has said what it means'}",
        ]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a file."""
        return asdict(self)


def recipe_of(
    clues: Clues,
    *,
    template: str | None = None,
    instruction: str | None = None,
    answers: Sequence[str] | None = None,
    own: Sequence[Prompt] = (),
    prepends: bool = False,
) -> Recipe:
    """The recipe of a model.

    Args:
        clues: What is known of it.
        template: A prompt of the user's, with `{query}`, `{document}` and, optionally, `{instruction}`.
        instruction: What the model is told to judge by, in place of what its family says.
        answers: The tokens of a language model whose logits are the score, such as `("yes", "no")`.
        own: What its own chat template for pairs can stand for, which goes before what its family says.
        prepends: Whether the engine puts an instruction before the query where there is no prompt.

    Raises:
        ConfigurationError: The model cannot be used so; the message says what would do.
    """
    recipe = _known(clues)
    if template is None and own:
        recipe = _by_template(clues, own, recipe)
    told = clues.before if instruction is None and own else instruction
    if template is not None:
        recipe = replace(recipe, prompt=Prompt.of_template(template, instruction))
    elif told and not (recipe.prompt is None and prepends):
        recipe = replace(recipe, prompt=_told(clues, recipe, told))
    if answers is not None:
        recipe = replace(recipe, answers=_checked(answers))
    if recipe.prompt is None:
        _refuse_bare_text(clues, prepends=prepends)
    return recipe


def prompts_of(clues: Clues) -> list[Prompt]:
    """What the chat template for pairs among a model's files can stand for; nothing where there is none.

    Raises:
        ConfigurationError: It is no template.
        MissingExtra: jinja2 is not installed.
    """
    if clues.recipe is not None or not (names_a_pair(clues.pair_template) or clues.in_messages):
        return []
    told: dict[str, Any] = {"generation": clues.begins_turn, "options": clues.template_options, "model": clues.name}
    return prompts_of_template(clues.pair_template, clues.tokens, **told)


def _refuse_bare_text(clues: Clues, *, prepends: bool) -> None:
    if clues.wants_prompt:
        known = ", ".join(each.name for each in families() if each.prompt is not None)
        msg = (
            f"model={clues.name!r} is a {clues.model_type or 'language model'}, which was made to go on with texts "
            "and ranks almost at random without the prompt it was trained with, and which prompt that is cannot be "
            f"told from its files (known: {known}). Its card says it: pass it as template= (--template for rerank-kit "
            "export), such as 'Query: {query}\\nDocument: {document}\\nRelevant:', or '{query}{document}' for one that "
            "was trained without; for a language model, pass the tokens whose logits are the score with it, such as "
            "answers=('yes', 'no') (--answers). A known one is told by its README.md, config.json and "
            "tokenizer_config.json: keep them beside it"
        )
        raise ConfigurationError(msg)
    if clues.before and not prepends:
        msg = (
            f"model={clues.name!r} puts {clues.before!r} before each query, which ONNX Runtime's engine does not: "
            "rank with SentenceTransformersCrossEncoder, or pass the whole as template="
        )
        raise ConfigurationError(msg)


def _by_template(clues: Clues, own: Sequence[Prompt], recipe: Recipe) -> Recipe:
    """The recipe with the prompt of a model's own template.

    That of its family stays where both are the same, for its instructions; else its answers go as well.
    """
    known = recipe.prompt
    if known is not None and not clues.before and any(same_text(known, each) for each in own):
        return recipe
    if len(own) == 1:
        return replace(recipe, prompt=own[0], answers=())
    msg = (
        f"model={clues.name!r} has a chat template for pairs, and no file says whether the assistant's turn is begun "
        "behind them, as sentence_bert_config.json does: put that file beside the others, or pass template="
    )
    raise ConfigurationError(msg)


def _known(clues: Clues) -> Recipe:
    if clues.recipe is not None:
        return Recipe.of_json(clues.recipe)
    family = clues.family
    if family is None:
        return _scaled(clues, Recipe())
    if family.refused:
        msg = (
            f"model={clues.name!r} is a {family.name}, which cannot be run here: {family.refused}. Take another model: "
            "`rerank-kit models` lists those that can"
        )
        raise ConfigurationError(msg)
    recipe = Recipe.of_family(family, clues.all_names)
    if recipe.scale != Scale() and clues.is_made_from(family) and clues.activation:
        recipe = replace(recipe, scale=Scale(), calibrated="")  # it was trained on to another end
    if recipe.scale != Scale() and recipe.prompt is None and not clues.files_tell(family):
        _log.warning(
            "model=%r is called as a %s, and its files do not say that it is one: its scores are %s, not %s. If it is "
            "one, put the README.md of its repository beside its weights",
            *(clues.name, family.name, Scale(), recipe.scale),
        )
        recipe = replace(recipe, scale=Scale(), calibrated="")
    return _scaled(clues, recipe)


def _scaled(clues: Clues, recipe: Recipe) -> Recipe:
    """With the activation that the model's own files name, if that gives numbers from 0 to 1."""
    own = Scale.of_activation(clues.activation)
    return recipe if own is None or own == recipe.scale else replace(recipe, scale=own, calibrated="")


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
    if len(words) not in (1, 2) or words != given or len(set(words)) < len(words):
        msg = (
            "answers must be the token that stands for relevant, and another for irrelevant if there is one, such as "
            f"('yes', 'no'), not {shown}"
        )
        raise ConfigurationError(msg)
    return words
