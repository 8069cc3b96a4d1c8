"""The table of families can be read in a terminal, whole or by words."""

from __future__ import annotations

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.cli import main
from rerank_kit.local.catalogue import described, licences, listed, table
from rerank_kit.local.families import families


def test_every_family_and_model_is_listed() -> None:
    text = described()
    for family in families():
        assert f"\n{family.name}\n" in f"\n{text}\n"
        assert all(model.name in text and model.name in table() for model in family.models)


def test_words_choose_the_families_that_have_all_of_them() -> None:
    text = described("Apache 568m")
    assert text.startswith("bge-reranker\n  models: BAAI/bge-reranker-v2-m3 (568M)\n")
    assert "licence: Apache-2.0\n" in text
    assert "tokens: 8,192\n  runs on: ONNX Runtime, PyTorch; servers: TEI\n  prompt: none\n" in text
    assert "\n\n" not in text


def test_many_languages_are_multilingual_and_a_licence_chooses_models() -> None:
    rows = {row["model"]: row["licence"] for row in listed("apache multilingual")}
    assert {"Qwen/Qwen3-Reranker-0.6B", "mixedbread-ai/mxbai-rerank-base-v2", "BAAI/bge-reranker-v2-m3"} <= rows.keys()
    assert set(rows.values()) == {"Apache-2.0"}
    assert [row["model"] for row in listed("apache zerank")] == ["zeroentropy/zerank-1-small"]
    assert "nvidia/llama-nemotron-rerank-1b-v2" in {row["model"] for row in listed("multilingual nvidia llama")}


@pytest.mark.parametrize("word", ["cpu", "laptop", "fast"])
def test_words_for_a_small_machine_choose_models_of_up_to_150_million_parameters(word: str) -> None:
    names = {row["model"] for row in listed(word)}
    assert {"cross-encoder/ettin-reranker-150m-v1", "cross-encoder/mmarco-mMiniLMv2-L12-H384-v1"} <= names
    assert names.isdisjoint(
        {"BAAI/bge-reranker-v2-m3", "cross-encoder/ms-marco-electra-base", "jinaai/jina-reranker-v3"}
    )
    assert names.isdisjoint(row["model"] for row in listed("gpu"))
    assert [row["model"] for row in listed(f"{word} french")] == ["cross-encoder/mmarco-mMiniLMv2-L12-H384-v1"]


@pytest.mark.parametrize("name", ["ms-marco-MiniLM-L-12-v2", "ms-marco-MiniLM-L12-v2", "encoder/ms-marco-minilm-l-12"])
def test_a_model_is_found_by_either_spelling_of_its_layers(name: str) -> None:
    assert [row["model"] for row in listed(name)] == ["cross-encoder/ms-marco-MiniLM-L12-v2"]


def test_small_and_large_are_parts_of_names_too() -> None:
    assert [row["model"] for row in listed("zerank small")] == ["zeroentropy/zerank-1-small"]
    assert {row["model"] for row in listed("mxbai v1 large")} == {
        "mixedbread-ai/mxbai-rerank-base-v1",
        "mixedbread-ai/mxbai-rerank-large-v1",
    }


def test_a_word_chooses_the_models_of_a_family_of_which_it_is_said() -> None:
    assert [row["model"] for row in listed("bge 568m multilingual")] == ["BAAI/bge-reranker-v2-m3"]
    text = described("bge-reranker-large")
    assert "models: BAAI/bge-reranker-large (560M)\n  languages: English and Chinese\n  licence: MIT\n" in text


def test_what_is_said_of_installing_a_model_is_no_word_of_it() -> None:
    for word in ("pip", "install", "faster", "begin"):
        with pytest.raises(ConfigurationError, match=f"has all of '{word}'"):
            listed(word)


def test_every_model_stands_once_among_the_licences() -> None:
    text = licences()
    assert "- **MIT**: `BAAI/bge-reranker-base`, `BAAI/bge-reranker-large`." in text
    for family in families():
        for model in family.models:
            named = [line for line in text.splitlines() if family.name in line or f"`{model.name}`" in line]
            assert len(named) >= 1


def test_what_to_begin_with_comes_first() -> None:
    assert described().startswith("Ettin reranker\n")
    assert "advice: begin with this one for English" in described("ettin")


def test_a_family_that_cannot_be_run_says_why_and_has_no_score() -> None:
    text = described("jina-reranker-v3")
    assert "runs on: none here: it reads all candidates" in text
    assert "score:" not in text


def test_the_command_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "zerank"]) == 0
    assert capsys.readouterr().out == f"{described('zerank')}\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bge-rerankr"], "Did you mean bge-reranker"),
        (["ettin-17m"], "Did you mean cross-encoder/ettin-reranker-17m-v1"),
        (["bge-m3"], "Did you mean BAAI/bge-reranker-v2-m3"),
        (["zernk"], "Did you mean zerank"),
        (["xyz"], "of 'xyz'. Words are parts of a name (bge, Qwen3), a language (English, French, multilingual)"),
        (["xyz"], "large or gpu for more. Any other cross-encoder runs as well"),
        (["ettin", "xyz"], "all of 'ettin xyz' ('xyz' stands at none)."),
        (["ettin", "mit"], "all of 'ettin mit'. Did you mean"),
    ],
)
def test_words_that_no_family_has_are_an_error_with_what_could_be_meant(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *words]) == 1
    printed = capsys.readouterr()
    assert f"no model of the table has all of {' '.join(words)!r}" in printed.err
    assert told in printed.err
    assert not printed.out
