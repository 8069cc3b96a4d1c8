"""No document gets out of its place in the state, and none can know by what name it is asked about."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit.decide import DecisionReranker
from rerank_kit.decide.ways import INSTRUCTIONS, Ask
from rerank_kit.judge.injection import harmless
from rerank_kit.judge.prompts import FRAME
from rerank_kit.testing import DecisionServer
from rerank_kit.texts import is_blank
from tests.conftest import Colour
from tests.decide.conftest import MakeClient
from tests.decide.doubles import Scripted, request_of, shown
from tests.judge.hostile import HOSTILE

WAYS: list[Ask] = ["score", "yes-no", "choice"]
TEXTS = [text for text in HOSTILE.values() if text.strip()]
SHOWN = list(dict.fromkeys(map(harmless, TEXTS)))


@pytest.mark.parametrize("ask", WAYS)
def test_every_hostile_document_stays_one_document_among_the_others(ask: Ask) -> None:
    model = Scripted()
    DecisionReranker(model, ask=ask, max_tokens_per_doc=None).rerank("What is the GST threshold?", TEXTS)
    (asked,) = model.asked
    assert shown(asked) == SHOWN
    assert request_of(asked).query == "What is the GST threshold?"


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_query_stays_the_query(name: str) -> None:
    model = Scripted(lambda _query, _text: 0.5)
    DecisionReranker(model).rerank(HOSTILE[name], ["a", "b"])
    assert shown(model.asked[0]) == ["a", "b"]
    assert request_of(model.asked[0]).query == harmless(HOSTILE[name])


@given(texts=st.lists(st.text(min_size=1).filter(lambda text: not is_blank(text)), min_size=1, max_size=5))
def test_any_texts_whatever_can_be_read_back(texts: list[str]) -> None:
    model = Scripted(lambda _query, _text: 0.5)
    DecisionReranker(model).rerank("query", texts)
    assert shown(model.asked[0]) == list(dict.fromkeys(map(harmless, texts)))


def test_the_real_requests_are_built_so_too(server: DecisionServer, make: MakeClient, colour: Colour) -> None:
    reranker = DecisionReranker(make(server), max_tokens_per_doc=None)
    ranking = colour(reranker, "rerank", "What is the GST threshold?", TEXTS)
    assert sorted(hit.index for hit in ranking) == list(range(len(TEXTS)))
    assert ranking.usage.unjudged == 0
    assert [text for request in server.asked for text in request.documents.values()] == SHOWN


@pytest.mark.parametrize("ask", WAYS)
def test_what_documents_say_reaches_neither_instructions_nor_questions(ask: Ask) -> None:
    model = Scripted()
    DecisionReranker(model, ask=ask).rerank("query", TEXTS)
    for asked in model.asked:
        assert asked.instructions == INSTRUCTIONS
        words = " ".join(map(str, asked.questions.values()))
        assert not any(text in words for text in map(harmless, TEXTS) if len(text) > 20)
    assert FRAME in INSTRUCTIONS, "it is read as a judge reads it"


def test_no_text_holds_a_name_and_no_name_comes_again() -> None:
    names: list[str] = []
    for _ in range(20):
        model = Scripted()
        DecisionReranker(model, ask="score").rerank("query", TEXTS)
        (asked,) = model.asked
        assert not any(name in text.upper() for name in asked.questions for text in ["QUERY", *TEXTS])
        assert all(re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ23456789]{4,}", name) for name in asked.questions)
        names += asked.questions
    assert len(set(names)) > len(names) / 2


def test_a_seed_draws_the_same_again_and_another_something_else() -> None:
    asked: list[Any] = []
    for seed in (1, 1, 2):
        model = Scripted()
        DecisionReranker(model, seed=seed).rerank("query", list("abcdefgh"))
        asked.append(model.asked)
    assert asked[0] == asked[1] != asked[2]
