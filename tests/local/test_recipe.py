"""How a model is asked and scored follows from its files, its family, or the user; otherwise it is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local.clues import FILE, Clues, base_models, clues_of, template_text
from rerank_kit.local.families import families
from rerank_kit.local.labels import labels_of, logit_of, relevant_label
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.recipe import Recipe, recipe_of
from rerank_kit.local.scale import Scale

QWEN: dict[str, Any] = {"model_type": "qwen3", "architectures": ["Qwen3ForSequenceClassification"]}
BERT: dict[str, Any] = {"model_type": "bert", "architectures": ["BertForSequenceClassification"]}


@pytest.mark.parametrize("family", [each for each in families() if not each.refused], ids=lambda each: each.name)
def test_a_recipe_survives_a_file(family: Any) -> None:
    recipe = Recipe.of_family(family, ["some/model"])
    assert Recipe.of_json(json.loads(json.dumps(recipe.to_json()))) == recipe


@pytest.mark.parametrize(
    "content",
    [{}, {"prompt": None}, {"prompt": 7}, {**Recipe().to_json(), "more": 1}, {**Recipe().to_json(), "scale": {"x": 1}}],
)
def test_a_file_of_another_kind_is_named(content: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{FILE} is not as the export writes it"):
        Recipe.of_json(content)


def test_a_models_own_file_wins_over_its_family() -> None:
    own = Recipe(family="mine", prompt=Prompt(("{query}/{document}",)), scale=Scale(temperature=3.0), max_length=99)
    found = recipe_of(Clues("Qwen/Qwen3-Reranker-0.6B", config=QWEN, recipe=own.to_json()))
    assert found == own


@pytest.mark.parametrize(
    ("kind", "architecture"),
    [
        ("llama_bidirec", "LlamaBidirectionalForSequenceClassification"),
        ("helium", "HeliumForSequenceClassification"),
        ("openai-gpt", "OpenAIGPTForSequenceClassification"),
        ("chatglm", "ChatGLMForSequenceClassification"),
        ("qwen3", "Qwen3ForSequenceClassification"),
        ("llama", "LlamaForSequenceClassification"),
        ("gemma2", "Gemma2ForSequenceClassification"),
        ("modernbert-decoder", "ModernBertDecoderForSequenceClassification"),
        ("never-heard-of", "NewForCausalLM"),
    ],
)
def test_what_is_made_of_a_language_model_is_refused_without_a_prompt(kind: str, architecture: str) -> None:
    clues = Clues("me/mine", config={"model_type": kind, "architectures": [architecture]})
    with pytest.raises(ConfigurationError, match=r"at random without the prompt .* pass it as template="):
        recipe_of(clues)
    prompt = recipe_of(clues, template="{query}{document}").prompt
    assert prompt is not None
    assert "".join(part.text for part in prompt.filled("q", "d")) == "qd"
    assert recipe_of(clues, own=[prompt]) == Recipe(prompt=prompt)


@pytest.mark.parametrize("kind", ["bert", "modernbert", "xlm-roberta", "deberta-v2", "new", "xlnet", None])
def test_what_reads_both_ways_needs_no_prompt(kind: str | None) -> None:
    assert recipe_of(Clues("me/mine", config={"model_type": kind})).prompt is None


def test_language_models_are_told_from_encoders_by_their_types() -> None:
    transformers: Any = pytest.importorskip("transformers")
    auto = transformers.models.auto.modeling_auto
    encoders = set(auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES)
    assert not [each for each in encoders if Clues("m", config={"model_type": each}).wants_prompt]
    generic = transformers.modeling_layers.GenericForSequenceClassification
    classifiers = {
        kind: getattr(transformers, name, object)
        for kind, name in auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES.items()
    }
    decoders = {kind for kind, made in classifiers.items() if issubclass(made, generic)}
    decoders |= {"biogpt", "bloom", "ctrl", "falcon", "gpt2", "mpt", "openai-gpt", "opt", "zamba", "zamba2"}
    assert {"qwen3", "llama", "helium"} <= decoders
    assert not [each for each in decoders if not Clues("m", config={"model_type": each}).wants_prompt]


def test_a_family_that_cannot_be_run_is_refused_with_the_reason() -> None:
    with pytest.raises(ConfigurationError, match=r"is a jina-reranker v3, .*reads all candidates.*rerank-kit models"):
        recipe_of(Clues("jinaai/jina-reranker-v3.5", config=QWEN), template="{query}{document}")


def test_an_instruction_replaces_the_familys_and_is_refused_where_there_is_none() -> None:
    told = recipe_of(Clues("Qwen/Qwen3-Reranker-4B", config=QWEN), instruction="Find code").prompt
    assert told is not None
    assert told.instruction == "Find code"
    wrongs: list[Any] = [{"instruction": "Find code"}, {"instruction": 7}]
    for wrong in wrongs:
        with pytest.raises(ConfigurationError, match=r"instruction.*(takes none|must be a str)"):
            recipe_of(Clues("BAAI/bge-reranker-v2-m3", config={"model_type": "xlm-roberta"}), **wrong)


@pytest.mark.parametrize("answers", ["yes", [], ["a", "b", "c"], ["yes", 7], ["yes", ""], 7])
def test_answers_are_one_or_two_tokens(answers: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"answers must be .*\('yes', 'no'\)"):
        recipe_of(Clues("m", config=BERT), answers=answers)
    assert recipe_of(Clues("m", config=BERT), answers=["true", "false"]).answers == ("true", "false")


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("---\nbase_model: Qwen/Qwen3-Reranker-0.6B\n---\n# Mine", ["Qwen/Qwen3-Reranker-0.6B"]),
        ("---\nlanguage:\n- en\nbase_model:\n- a/b\n- 'c/d'\ntags:\n- x\n---", ["a/b", "c/d"]),
        ("---\nbase_model_relation: finetune\n---", []),
        ("# No head\nbase_model: a/b", []),
        ("", []),
    ],
)
def test_a_card_says_what_a_model_was_made_from(card: str, expected: list[str]) -> None:
    assert list(base_models(card)) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("text", "text"),
        ({"default": "one", "tool": "two"}, "one\ntwo"),
        ([{"name": "default", "template": "one"}, {}], "one\n"),
        (None, ""),
    ],
)
def test_chat_templates_are_texts_of_several_shapes(template: object, expected: str) -> None:
    assert template_text(template) == expected


def test_a_folder_is_known_by_its_name_its_config_its_card_or_its_template(tmp_path: Path) -> None:
    named = tmp_path / "qwen3-reranker-0.6b"
    plain = tmp_path / "model"
    for folder in (named, plain):
        folder.mkdir()

    def family(folder: Path, config: dict[str, Any], tokenizer: dict[str, Any] | None = None) -> str:
        try:
            return recipe_of(clues_of(str(folder), folder, {**QWEN, **config}, tokenizer or {})).family
        except ConfigurationError:
            return "refused"

    assert family(named, {}) == "Qwen3-Reranker"
    assert family(plain, {}) == "refused"
    assert family(plain, {"_name_or_path": "Qwen/Qwen3-Reranker-4B"}) == "Qwen3-Reranker"
    marked = families()[0].marks[0]
    assert family(plain, {}, {"chat_template": f"system\n{marked}."}) == "Qwen3-Reranker"
    (plain / "chat_template.jinja").write_text(f"system\n{marked}.", "utf-8")
    assert family(plain, {}) == "Qwen3-Reranker"
    (plain / "chat_template.jinja").unlink()
    (plain / "README.md").write_text("---\nbase_model: zeroentropy/zerank-2\n---\n", "utf-8")
    assert family(plain, {}) == "zerank"


def test_a_damaged_file_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{", "utf-8")
    with pytest.raises(ConfigurationError, match=f"{FILE} is not valid JSON .* export the model again"):
        clues_of("mine", tmp_path, {}, {})


def test_a_recipe_says_what_it_is() -> None:
    recipe = recipe_of(Clues("zeroentropy/zerank-2", config=QWEN))
    turns = r"<|im_start|>system\n{query}<|im_end|>\n<|im_start|>user\n{document}<|im_end|>\n<|im_start|>assistant\n"
    assert str(recipe).splitlines() == [
        "family: zerank",
        f"prompt: '{turns}'",
        "logit: the logit of 'Yes'",
        "score: sigmoid(logit / 5), as on the card",
    ]
    assert "logit of 'yes' less the logit of 'no'" in str(recipe_of(Clues("Qwen3-Reranker", config=QWEN)))
    assert "instruction" not in str(recipe_of(Clues("Qwen3-Reranker", config=QWEN)).prompt)
    assert str(Recipe()).endswith("score: sigmoid(logit), uncalibrated: nobody has said what it means")
    assert str(Recipe(raw=True)).endswith("score: the model's own number, as raw_scores=True asks")
    assert "logit: that of 'x', in the graph\n" in str(Recipe(logit="that of 'x', in the graph"))


@pytest.mark.parametrize(
    ("labels", "count", "alone", "expected"),
    [
        ({0: "x"}, 1, False, ""),
        ({0: "no", 1: "yes"}, 2, False, "that of the label 'yes' less that of 'no', so that the score is the softmax"),
        ({0: "no", 1: "yes"}, 2, True, "that of the label 'yes' alone"),
        ({}, 2, True, "that of the label 'LABEL_1' alone, the second being taken for relevant, since no name says"),
    ],
)
def test_a_recipe_says_which_label_counts(labels: dict[int, str], count: int, *, alone: bool, expected: str) -> None:
    said = logit_of(labels, count, count - 1, alone=alone)
    assert said.startswith(expected)
    assert bool(said) == bool(expected)
    assert ("being taken" in said) == (not labels)


@pytest.mark.parametrize(
    ("scale", "expected"),
    [
        (Scale(), "sigmoid(logit)"),
        (Scale(offset=4.5), "sigmoid(logit - 4.5)"),
        (Scale(temperature=5), "sigmoid(logit / 5)"),
        (Scale(temperature=2, offset=6), "sigmoid((logit - 6) / 2)"),
    ],
)
def test_a_scale_says_what_it_computes(scale: Scale, expected: str) -> None:
    assert str(scale) == expected
    inside = expected.removeprefix("sigmoid").replace("logit", "1.5")
    assert scale(1.5) == pytest.approx(1 / (1 + math.exp(-eval(inside))))  # noqa: S307 - a formula from above


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], 1),
        (["LABEL_0", "LABEL_1"], 1),
        (["relevant", "irrelevant"], 0),
        (["Not_Relevant", "Relevant"], 1),
        (["no", "yes"], 1),
        (["true", "false"], 0),
        (["off-topic", "relevant"], 1),
        (["something", "irrelevant"], 0),
    ],
)
def test_of_two_labels_the_relevant_one_is_found_by_its_name(names: list[str], expected: int) -> None:
    assert relevant_label(dict(enumerate(names)), 2, "m") == expected


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["A", "B"], "'A' and 'B', and which of them stands for relevant cannot be told: name them"),
        (["relevant", "yes"], "cannot be told"),
        (["entailment", "not_entailment"], "judges what follows"),
        (["contradiction", "entailment", "neutral"], "judges what follows"),
        (["1 star", "2 stars", "3 stars"], r"gives 3 values for a pair \('1 star', '2 stars', '3 stars'\)"),
    ],
)
def test_other_labels_are_refused(names: list[str], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        relevant_label(dict(enumerate(names)), len(names), "m")


def test_labels_of_a_config_are_read_by_their_places() -> None:
    assert labels_of({"id2label": {"0": "a", "1": "b", "x": "c"}}) == {0: "a", 1: "b"}
    assert labels_of({}) == {}
    assert relevant_label({0: "entailment"}, 1, "m") == 0
