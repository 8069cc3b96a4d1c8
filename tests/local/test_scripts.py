"""The embedded model is English: what it does not read is told, counted, and skipped or refused where that is asked."""

from __future__ import annotations

import pickle
import warnings
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Fallback, Usage
from rerank_kit.local import LanguageWarning, OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.scripts import mostly_unread
from tests.conftest import Colour
from tests.doubles import Scripted

CHINESE = ["猫吃老鼠。", "今天天气很好。", "the cat 1"]
QUERY = "猫吃什么？"
SIGNS = [
    "Ｗｈａｔ ｅａｔｓ ｍｉｃｅ",
    "１２３ ４５６",
    "🐱 🐭",
    "🐱🧀!",
    "(🐱) (🐭)",
    "🐱s 🐭s and 🧀s",
    "①②③",
    "𝐛𝐨𝐥𝐝 𝐦𝐚𝐭𝐡",
    "Ⅷ",
    "ᴀʙᴄ ᴀʙʟ",
]
ENGLISH = ["cats eat mice", "the weather is fine today", "a map"]


def untold(word: str) -> bool:
    """Stands for a tokenizer that need not be asked."""
    raise AssertionError(word)


@pytest.mark.parametrize(
    "text",
    [
        *("猫吃什么？", "ネコは何を食べますか", "고양이는 무엇을 먹나요?", "Что едят кошки?", "ماذا تأكل القطط؟"),
        *("แมวกินอะไร", "बिल्लियाँ क्या खाती हैं?", "Τι τρώνε οι γάτες;", "მას კატა", "如何在Kubernetes中配置ingress"),
    ],
)
def test_a_text_in_another_script_is_known(text: str) -> None:
    assert mostly_unread(text, knows=untold)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "?",
            "1234",
            "cats",
            "Was fressen Kätzchen?",
            "qu'est-ce que c'est",
            "Mèo ăn gì?",
            "x² + β = α",
            "“…” – € ½",
        ),
        *("The Chinese word 猫 means cat", "error: Ошибка in module foo bar baz", "Ｆｕｌｌ width"),
    ],
)
def test_a_text_in_latin_script_is_none(text: str) -> None:
    assert not mostly_unread(text, knows=untold)


def test_a_long_text_is_judged_by_its_beginning() -> None:
    assert mostly_unread("猫" * 2_000 + "cat " * 10**6, knows=untold)
    assert not mostly_unread("cat " * 500 + "猫" * 10**6, knows=untold)


def made(on_language: Any = None) -> OnnxCrossEncoder:
    return OnnxCrossEncoder(on_language=on_language)


@pytest.mark.parametrize(("query", "texts", "unread"), [(QUERY, ENGLISH, 3), (QUERY, CHINESE, 3), ("cats", CHINESE, 2)])
def test_it_ranks_and_warns_once_with_the_remedy_and_counts(
    query: str, texts: list[str], unread: int, colour: Colour
) -> None:
    reranker = made()
    with pytest.warns(LanguageWarning) as told:
        rankings = [colour(reranker, "rerank", query, texts) for _ in range(2)]
    (warning,) = told
    said = str(warning.message)
    assert "thresholds on them, mean nothing" in said
    assert 'SentenceTransformersCrossEncoder("BAAI/bge-reranker-v2-m3")' in said
    assert [(len(each), each.usage.unread, each.usage.pairs, each.degraded) for each in rankings] == [
        (3, unread, 3, False)
    ] * 2


def test_what_it_reads_is_ranked_without_a_word(colour: Colour) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for query, texts in (("cats", ENGLISH), ("cats", ["the cat", "猫吃老鼠。"])):
            assert colour(made("raise"), "rerank", query, texts).usage.unread == 0


@pytest.mark.parametrize("text", SIGNS)
def test_what_its_tokenizer_does_not_know_is_not_read_either(text: str, colour: Colour) -> None:
    assert colour(made("skip"), "rerank", text, ENGLISH).usage == Usage(unread=3)
    assert colour(made("skip"), "rerank", "cats", [text] * 2 + ENGLISH[:1]).usage == Usage(unread=2)


@pytest.mark.parametrize(
    "text",
    [
        "1234 567",
        "→ ⇒ ↔",
        "≤ ≥",
        "50 € → 60 €",
        "Mèo ăn gì",
        "😀 great news 🎉",
        "ﬁne ﬂow",
        "ɪntəˈnæʃənəl",
    ],
)
def test_digits_and_signs_that_its_tokenizer_knows_are_read(text: str, colour: Colour) -> None:
    assert colour(made("raise"), "rerank", text, [text, *ENGLISH]).usage.unread == 0


def test_skip_keeps_the_order_and_says_so(colour: Colour) -> None:
    ranking = colour(made("skip"), "rerank", QUERY, CHINESE)
    assert [hit.index for hit in ranking] == [0, 1, 2]
    assert ranking.usage == Usage(unread=3)
    assert ranking.degraded
    assert ranking.failure is not None
    assert "the query is mostly in a script or signs that ms-marco-MiniLM-L-12-v2, which is English, does not read" in (
        ranking.failure
    )
    assert len(colour(made("skip"), "rerank", QUERY, CHINESE, threshold=0.01).hits) == 3


def test_only_the_queries_that_it_does_not_read_are_skipped(colour: Colour) -> None:
    requests = ["what do cats eat", QUERY, "cats"], [ENGLISH, CHINESE, CHINESE[:2]]
    first, second, third = colour(made("skip"), "rerank_many", *requests)
    assert (first.degraded, first.usage.pairs, first.hits[0].index) == (False, 3, 0)
    assert (second.degraded, second.usage.pairs) == (True, 0)
    assert third.failure is not None
    assert "2 of 2 candidates are mostly in a script" in third.failure


def test_what_is_skipped_goes_to_the_next_of_a_fallback(colour: Colour) -> None:
    texts = [f"{text} {number}" for number, text in enumerate(CHINESE)]
    ranking = colour(Fallback(made("skip"), Scripted()), "rerank", QUERY, texts)
    assert [hit.index for hit in ranking] == [2, 1, 0]


def test_raise_raises(colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match="which is English, does not read"):
        colour(made("raise"), "rerank", QUERY, CHINESE)


def test_it_is_for_the_embedded_model_alone() -> None:
    with pytest.raises(ConfigurationError, match="on_language='skip' is for the embedded model"):
        OnnxCrossEncoder(embedded_folder(), on_language="skip")
    with pytest.raises(ConfigurationError, match="on_language must be 'warn', 'skip', 'raise' or None"):
        made("ignore")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert OnnxCrossEncoder(embedded_folder()).rerank(QUERY, CHINESE).usage.unread == 0


def test_it_travels() -> None:
    copy = pickle.loads(pickle.dumps(made("skip")))
    assert copy.rerank(QUERY, CHINESE).degraded


def test_the_warning_is_at_the_users_line() -> None:
    with pytest.warns(LanguageWarning) as told:
        made().rerank(QUERY, CHINESE)
    assert told[0].filename == __file__
