"""The table of families can be read in a terminal, whole or by words."""

from __future__ import annotations

import pytest

from rerank_kit.cli import main
from rerank_kit.local.catalogue import described, table
from rerank_kit.local.families import families


def test_every_family_and_model_is_listed() -> None:
    text = described()
    for family in families():
        assert f"\n{family.name}\n" in f"\n{text}\n"
        assert all(model.name in text and model.name in table() for model in family.models)


def test_words_choose_the_families_that_have_all_of_them() -> None:
    text = described("Apache 568m")
    assert text.startswith("bge-reranker\n  models: BAAI/bge-reranker-base (278M)")
    assert "tokens: 512 to 8,192\n  runs on: ONNX Runtime, PyTorch; servers: TEI\n  prompt: none\n" in text
    assert "\n\n" not in text


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
        (["zernk"], "Did you mean zerank"),
        (["xyz"], "such as bge, English, Apache, 568M, TEI. Any other cross-encoder runs as well"),
    ],
)
def test_words_that_no_family_has_are_an_error_with_what_could_be_meant(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", *words]) == 1
    printed = capsys.readouterr()
    assert f"no model of the table has all of {words[0]!r}" in printed.err
    assert told in printed.err
    assert not printed.out
