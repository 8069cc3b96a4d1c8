"""Any text is ranked: control tokens in it are words, and a megabyte costs no more than a page."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from rerank_kit.errors import ConfigurationError, DeadlineExceeded
from rerank_kit.late import LateInteraction
from rerank_kit.late.late_files import find_late
from rerank_kit.late.text_tokens import TextTokenizer
from rerank_kit.values import Deadline
from tests.conftest import Colour
from tests.late.tiny_late import CLS, DOCUMENT, MASK, QUERY, SEP, pylate_like, stanford_like
from tests.local.tiny_models import byte_level, xlmr_like

ODD = [
    "",
    " ",
    "\t\n",
    "\0",
    "🍏 fig",
    "\ud83d",
    "apple\udfffbanana",
    "\u200b",
    "ﷺ",
    "e\u0301" * 500,
    "a" * 10_000,
    "." * 50,
]


@pytest.mark.parametrize("make", [stanford_like, pylate_like], ids=["ColBERT", "PyLate"])
def test_odd_texts_are_ranked_and_none_is_lost(make: Any, tmp_path: Path, colour: Colour) -> None:
    make(tmp_path)
    made = LateInteraction(tmp_path, threads=2)
    ranking = colour(made, "rerank", "apple \ud83d fig", [*ODD, "apple"])
    assert sorted(hit.index for hit in ranking) == list(range(len(ODD) + 1))
    assert all(0.0 <= hit.score <= 1.0 for hit in ranking)
    assert made.rerank("🍏", ODD).usage.pairs > 0


@pytest.mark.parametrize("make", [stanford_like, pylate_like], ids=["ColBERT", "PyLate"])
@pytest.mark.parametrize("token", ["[MASK]", "[SEP]", "[CLS]", "[PAD]", "[unused0]", "[unused1]", "[Q] ", "[D] "])
def test_a_text_cannot_write_control_tokens(make: Any, token: str, tmp_path: Path) -> None:
    tiny = make(tmp_path)
    tokenizer = TextTokenizer(find_late(tmp_path))
    for text in (f"apple {token} fig", f"{token}{token}", f"{token}fig"):
        query, document = tokenizer.query(text), tokenizer.document(text)
        assert sum(each in (CLS, SEP, 0, *tiny.markers) for each in document.ids) == 3
        assert MASK not in document.ids
        assert sum(each in (CLS, SEP, 0, *tiny.markers) for each in query.ids) == 3
        assert query.ids.count(MASK) == 12 - query.read


def test_a_megabyte_takes_no_longer_than_a_page(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    tokenizer = TextTokenizer(find_late(tmp_path))
    begun = time.perf_counter()
    for text in ("apple " * 200_000, " " * 1_000_000 + "apple", "." * 1_000_000, "a" * 1_000_000):
        tokens = tokenizer.document(text)
        assert len(tokens.ids) <= 16
    assert time.perf_counter() - begun < 20
    assert tokenizer.document("apple " * 200_000).cut
    assert not tokenizer.document(" " * 900_000 + "apple").cut
    with pytest.raises(DeadlineExceeded):
        tokenizer.document("apple", Deadline.after(0.0))
    with pytest.raises(DeadlineExceeded):
        tokenizer.document("apple" * 1000, Deadline.after(0.0))


def test_what_makes_no_tokens_is_read_far(tmp_path: Path) -> None:
    stanford_like(tmp_path)
    tokenizer = TextTokenizer(find_late(tmp_path))
    hidden = "\u200b\u00ad" * 1000
    assert tokenizer.document(f"{hidden}fig").ids[2:-1] != []
    assert tokenizer.document(f"apple {'fig ' * 100}").cut


def test_the_end_that_the_tokenizer_cuts_is_cut(tmp_path: Path) -> None:
    tiny = stanford_like(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"truncation_side": "left", "padding_side": "left", "mask_token": "[MASK]", "model_max_length": 64})
    )
    tokenizer = TextTokenizer(find_late(tmp_path))
    text = " ".join(["apple"] * 300 + ["fig"])
    document = tokenizer.document(text)
    assert document.ids == [CLS, DOCUMENT, *[tiny.vocabulary["apple"]] * 12, tiny.vocabulary["fig"], SEP]
    assert document.cut
    query = tokenizer.query("fig")
    assert query.ids == [MASK, QUERY, *[MASK] * 7, CLS, tiny.vocabulary["fig"], SEP]  # where PyLate puts it
    assert query.mask == [0, 1, *[0] * 7, 1, 1, 1]


def test_white_space_around_a_text_is_taken_away_as_sentence_transformers_does(tmp_path: Path) -> None:
    pylate_like(tmp_path)
    tokenizer = TextTokenizer(find_late(tmp_path))
    assert tokenizer.document("  apple \n") == tokenizer.document("apple")
    (tmp_path / "sentence_bert_config.json").write_text(json.dumps({"do_lower_case": True}))
    assert TextTokenizer(find_late(tmp_path)).document("APPLE") == tokenizer.document("apple")


def test_white_space_that_makes_tokens_is_read(tmp_path: Path) -> None:
    stanford_like(tmp_path, query_token_id="<pad>", doc_token_id="<unk>")
    byte_level(tmp_path / "other")
    (tmp_path / "tokenizer.json").write_bytes((tmp_path / "other" / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "model_max_length": 64}))
    tokenizer = TextTokenizer(find_late(tmp_path))
    assert len(tokenizer.document(" " * 5000).ids) == 16
    assert tokenizer.document(" apple") != tokenizer.document("apple")


def test_a_model_without_markers_or_an_unknown_token(tmp_path: Path) -> None:
    pylate_like(tmp_path, query_prefix="", document_prefix="", skiplist_words=["~", "."])
    xlmr_like(tmp_path / "other")
    (tmp_path / "tokenizer.json").write_bytes((tmp_path / "other" / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"eos_token": "</s>", "model_max_length": 64}))
    tokenizer = TextTokenizer(find_late(tmp_path))
    assert tokenizer.document("apple").ids[0] == 0
    assert len(tokenizer.document("apple").kept) == 3
    assert tokenizer.query("apple").ids[-1] == 2  # its end fills it up
    with pytest.raises(ConfigurationError, match="max_length must be"):
        TextTokenizer(find_late(tmp_path), max_length=True)
