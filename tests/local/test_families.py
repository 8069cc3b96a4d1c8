"""The table of families: each row can be used, and a model is found by its name, its type, its template."""

from __future__ import annotations

import math

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local.families import Family, families, family_of, said_of_name
from rerank_kit.local.prompts import Prompt
from rerank_kit.local.scale import Scale

QWEN = "Judge whether the Document meets the requirements based on the Query and the Instruct provided"


def row(name: str) -> Family:
    return next(each for each in families() if each.name == name)


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_every_row_says_what_it_is_and_where_that_is_from(family: Family) -> None:
    assert family.known_by == tuple(each.lower() for each in family.known_by)
    assert family.models
    assert family.source
    for model in family.models:
        found = family_of([model.name], family.model_types[0])
        assert found is family
    if family.prompt is not None:
        text = "".join(part.text for part in family.prompt.filled("<Q>", "<D>"))
        assert text.count("<Q>") == text.count("<D>") == 1
        assert "{" not in text
    if family.answers:
        assert family.prompt is not None


def test_a_name_alone_makes_no_prompt_model() -> None:
    assert family_of(["me/distilled-from-qwen3-reranker-4b"], "modernbert") is None
    assert family_of(["me/distilled-from-qwen3-reranker-4b"], "qwen3") is row("Qwen3-Reranker")
    assert family_of(["Qwen/Qwen3-0.6B"], "qwen3") is None


def test_a_family_is_known_by_its_chat_template_too() -> None:
    assert family_of(["models/7"], "qwen3", f"<|im_start|>system\n{QWEN}.") is row("Qwen3-Reranker")


def test_a_prompt_is_filled_once_whatever_the_texts_hold() -> None:
    prompt = Prompt(("<{query}>", "[{document}]", "{instruction}"), instruction="judge {query}")
    filled = prompt.filled("{document}", "{query} {x}")
    assert [part.text for part in filled] == ["<{document}>", "[{query} {x}]", "judge {query}"]
    assert [part.document for part in filled] == [None, (1, 12), None]


def test_an_instruction_replaces_that_of_the_family_or_the_part_that_has_none() -> None:
    qwen, mxbai = row("Qwen3-Reranker").prompt, row("mxbai-rerank v2").prompt
    assert qwen is not None
    assert mxbai is not None
    assert qwen.takes_instruction
    assert mxbai.takes_instruction
    assert "<Instruct>: Find code\n" in qwen.told("Find code").filled("q", "d")[1].text
    assert [part.text for part in mxbai.told("Find code").filled("q", "d")][1:4] == [
        "instruction: Find code\nquery: q",
        "\n",
        "document: d",
    ]
    assert [part.text for part in mxbai.filled("q", "d")][1:4] == ["query: q", "\n", "document: d"]


def test_white_space_around_the_texts_is_left_out_where_the_family_does() -> None:
    prompt = row("zerank").prompt
    assert prompt is not None
    (part,) = prompt.filled(" q\n", "\n d ")
    assert part.text == "<|im_start|>system\nq<|im_end|>\n<|im_start|>user\nd<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize("template", ["{query}", "{document}", "{query} {query} {document}", "", 7, None])
def test_a_template_without_query_and_document_is_an_error(template: object) -> None:
    with pytest.raises(ConfigurationError, match=r"template must .*\{query\} and \{document\}"):
        Prompt.of_template(template)


@pytest.mark.parametrize(
    ("template", "instruction", "remedy"),
    [("{instruction} {query} {document}", None, "pass instruction="), ("{query} {document}", "judge", "pass none")],
)
def test_a_template_and_an_instruction_go_together(template: str, instruction: str | None, remedy: str) -> None:
    with pytest.raises(ConfigurationError, match=remedy):
        Prompt.of_template(template, instruction)
    assert Prompt.of_template("{instruction} {query} {document}", "judge").instruction == "judge"


def test_the_scale_of_a_model_is_its_own_before_its_familys() -> None:
    mxbai = row("mxbai-rerank v2")
    assert mxbai.scale_of(["mixedbread-ai/mxbai-rerank-base-v2"]) == Scale(offset=4.5)
    assert mxbai.scale_of(["models/mine", "MixedBread-AI/mxbai-rerank-large-v2"]) == Scale(offset=6.0)
    assert mxbai.scale_of(["models/mine"]) == Scale(offset=6.0)
    assert row("zerank").scale == Scale(temperature=5.0)


def test_a_scale_is_a_sigmoid_of_what_is_shifted_and_stretched() -> None:
    assert Scale(offset=6.0)(6.0) == 0.5
    assert Scale(temperature=5.0)(10.0) == pytest.approx(1 / (1 + math.exp(-2)))
    assert Scale()(-800.0) == 0.0
    assert math.isnan(Scale()(math.nan))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("BAAI/bge-reranker-v2-m3", ""),
        ("me/mine", ""),
        ("BAAI/bge-reranker-v2-m33", "Did you mean 'BAAI/bge-reranker-v2-m3'? "),
        ("cross-encoder/Qwen3-Reranker-0.6B", "Did you mean 'Qwen/Qwen3-Reranker-0.6B'? "),
        (
            "jinaai/jina-reranker-v3",
            "jinaai/jina-reranker-v3 cannot be run here: it reads all candidates of a query in",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_looked_up_in_the_table(name: str, told: str) -> None:
    said = said_of_name(name)
    assert said.startswith(told)
    assert bool(said) == bool(told)
