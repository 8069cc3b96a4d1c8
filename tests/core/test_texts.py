"""What holds of any text: what is blank, and what UTF-8 cannot express."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError
from rerank_kit.texts import encodable, estimated_tokens, is_blank
from tests.conftest import Colour
from tests.doubles import Scripted

NOTHING = [
    "",
    " \t\r\n",
    "\u200b\u200c\u200d\u2060",
    "\ufeff",
    "\x00\x01\x7f\x9f",
    "\u00ad",
    "\u200e\u202e\u2066",
    "\ufe0f\U000e0100",
    "\ufffd\ufffc",
    "\u0301\u20dd",
    "\u2800",
    "\u3164\u115f\uffa0",
    "\ud83d",
    "\U000e0041\U000e007f",
    "\ufdd0\uffff",
    "\u2065",
    "\u00a0\u3000\u2028",
]
SOMETHING = ["a", "0", ".", "-", "é", "e\u0301", "漢", "❤\ufe0f", "\u200bx", "\U0001fae9", "\ue000", "한"]


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
@pytest.mark.parametrize("times", [1, 100])
def test_a_text_that_shows_nothing_is_blank(text: str, times: int) -> None:
    assert is_blank(text * times)


@pytest.mark.parametrize("text", SOMETHING, ids=ascii)
def test_a_text_that_shows_something_is_not_blank_wherever_it_stands(text: str) -> None:
    assert not is_blank(text)
    assert not is_blank("\u200b" * 1000 + text)


@given(
    st.text(
        st.characters(categories=["L", "N", "P"], exclude_characters="\u115f\u1160\u3164\uffa0\U00013441\U00013442"),
        min_size=1,
    )
)
def test_letters_numbers_and_punctuation_are_never_blank(text: str) -> None:
    assert not is_blank(text)


@given(st.text(st.characters()))
def test_texts_stay_as_long_as_they_were_and_can_be_encoded(text: str) -> None:
    safe = encodable(text)
    assert len(safe) == len(text)
    safe.encode()
    for was, now in zip(text, safe, strict=True):
        assert now == ("\ufffd" if unicodedata.category(was) == "Cs" else was)
    assert estimated_tokens(text) == estimated_tokens(safe)


@pytest.mark.parametrize("text", NOTHING, ids=ascii)
def test_texts_that_show_nothing_are_never_sent_and_rank_last(colour: Colour, text: str) -> None:
    reranker = Scripted()
    ranking = colour(reranker, "rerank", "query", [text, "0.1", text])
    assert [hit.index for hit in ranking] == [1, 0, 2]
    assert [document.text for _, documents in reranker.sent for document in documents] == ["0.1"]
    with pytest.raises(ConfigurationError, match="query is empty"):
        colour(reranker, "rerank", text, ["0.1"])


def test_half_a_surrogate_pair_reaches_no_back_end(colour: Colour) -> None:
    reranker = Scripted()
    documents = ["a \ud83d 0.2", "b \udc00\ud83d 0.3"]
    ranking = colour(reranker, "rerank", "why \udfff", documents)
    assert ranking.pick(documents) == documents[::-1]
    ((query, sent),) = reranker.sent
    assert (query, [each.text for each in sent]) == ("why \ufffd", ["a \ufffd 0.2", "b \ufffd\ufffd 0.3"])
    assert str(ranking.explain(documents)).encode()
