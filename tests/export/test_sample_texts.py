"""Models are compared on real text, and on rankings that are worth comparing."""

from __future__ import annotations

from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export.sample_texts import documentation, extreme_pairs, make_pairs, read_texts


def test_pythons_documentation_is_plenty_of_different_text_without_line_breaks() -> None:
    texts = documentation()
    assert len(texts) > 300
    assert len(set(texts)) == len(texts)
    assert not any("\n" in text for text in texts)
    assert any(len(text) > 1500 for text in texts)  # long enough to be cut


@pytest.mark.parametrize("count", [20, 21, 137, 1000])
def test_each_query_begins_one_of_its_candidates_and_has_no_candidate_twice(count: int) -> None:
    passages = [f"{number} {'word ' * 30}" for number in range(count)]
    queries = make_pairs(passages)
    assert len(queries) == 5
    for pairs in queries:
        (query,) = {query for query, _ in pairs}
        candidates = [text for _, text in pairs]
        assert candidates[0].startswith(query)
        assert len(set(candidates)) == len(candidates) >= 10
        assert set(candidates) <= set(passages)
    assert queries[0][0][1] == passages[0]
    assert queries[-1][9][1] == passages[-1]


@pytest.mark.parametrize("passages", [["apple fig"] * 20, [f"{number} {'word ' * 3000}" for number in range(20)]])
def test_the_extremes_are_as_short_and_as_long_as_there_are_in_both_places(passages: list[str]) -> None:
    pairs = extreme_pairs(passages, 512)
    for texts in zip(*pairs, strict=True):
        lengths = {len(text.split()) for text in texts}
        assert min(lengths) == 1
        assert max(lengths) > 512
    assert {(text, query) for query, text in pairs} == set(pairs)
    assert max(len(text.split()) for _, text in extreme_pairs(passages, 8192)) > 8192
    assert sum(len(text.split()) > 1024 * 8 for pair in extreme_pairs(passages, 8192) for text in pair) == 1


def test_too_few_passages_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="texts must hold at least 20 passages, not 19"):
        make_pairs(["a passage"] * 19)


def test_passages_are_the_lines_of_a_file_that_have_text(tmp_path: Path) -> None:
    (tmp_path / "texts").write_text("one\n\n  zwölf \n\t\n", "utf-8")
    assert read_texts(tmp_path / "texts") == ["one", "zwölf"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("zwölf".encode("latin-1"))
    for name in ("latin", "missing"):
        with pytest.raises(ConfigurationError, match=f"texts='.*{name}' cannot be read"):
            read_texts(tmp_path / name)
