"""A pilot tells useful contexts from useless ones, on a part of the documents, behind the user's own reranker."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from rerank_kit import ConfigurationError, Deadline, Document, Hit, Ranking, Reranker, Span, Usage
from rerank_kit.contextual import (
    ChunkedDocument,
    Context,
    Contexts,
    ContextSource,
    Contextualizer,
    HeadingContext,
    Pilot,
    hybrid,
    pilot,
)
from rerank_kit.errors import BudgetExceeded
from rerank_kit.evaluate import Dataset
from rerank_kit.flow import Flow
from rerank_kit.judge import Anthropic, OpenAICompatible

QUARTERS = ("first", "second", "third", "fourth")
_RANDOM = random.Random(7)
DOCUMENTS = [
    ChunkedDocument(
        f"Company{number} report\n\n" + "\n\n".join(chunks), chunks, id=f"d{number}", title=f"Company{number} report"
    )
    for number in range(80)
    for chunks in [
        [f"In the {each} quarter revenue grew by {_RANDOM.randint(10, 99)}.{number} percent." for each in QUARTERS]
    ]
]


def asked(count: int, **fields: Any) -> Dataset:
    queries = {f"q{n}": f"How much did the revenue of Company{n} grow in the second quarter?" for n in range(count)}
    quotes = {f"q{n}": [DOCUMENTS[n].chunks[1]] for n in range(count)}
    return Dataset("growth", queries, {}, quotes=quotes, **fields)


class Written(ContextSource):
    """Contexts by a function, at a price."""

    def __init__(self, text: str | None = None, *, price: float | None = 0.0) -> None:
        self.text, self.price, self.documents = text, price, list[str]()

    def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
        yield from ()
        self.documents += [each.id for each in documents]
        rows = [tuple(Context(self.text or each.title) for _ in each.chunks) for each in documents]
        return Contexts(tuple(documents), tuple(rows), cost=(self.price or 0.0) * len(documents))

    def expected_cost(self, documents: Sequence[ChunkedDocument]) -> float | None:
        return None if self.price is None else self.price * len(documents)


def words_in_common(query: str, texts: Sequence[str]) -> list[float]:
    wanted = set(query.casefold().replace("?", "").split())
    return [len(wanted & set(each.casefold().split())) / len(wanted) for each in texts]


def test_a_useful_context_is_worth_it() -> None:
    found = pilot(DOCUMENTS, asked(40), HeadingContext(), top_n=5, reranker=words_in_common)
    assert found.verdict == "better"
    assert set(found.comparisons) == {"first stage", "chunks", "contexts"}
    assert found.in_words.startswith("worth it: R@5 behind the reranker is ")
    assert found.in_words.endswith("All 80 documents would get theirs for nothing")
    told = str(found)
    assert told.startswith("40 questions, 80 of 80 documents: 320 contexts for 80 documents")
    assert "without contexts, reranked" in told


def test_a_useless_context_is_no_difference() -> None:
    found = pilot(DOCUMENTS, asked(60), Written("A report."), top_n=20)
    assert (found.verdict, [*found.comparisons]) == ("equal", ["first stage"])
    assert found.in_words.startswith("no difference that matters: leave contexts out: R@20 of the first stage is ")


def test_a_harmful_context_is_told() -> None:
    class Swapped(Written):
        def flow(self, documents: Sequence[ChunkedDocument], deadline: Deadline) -> Flow[Contexts]:
            made = yield from super().flow(documents, deadline)
            return Contexts(made.documents, (*made.rows[1:], made.rows[0]))

    labelled = [
        ChunkedDocument(each.text, [f"{each.title}: {chunk}" for chunk in each.chunks], id=each.id, title=each.title)
        for each in (
            ChunkedDocument(_with_titles(each), each.chunks, id=each.id, title=each.title) for each in DOCUMENTS
        )
    ]
    found = pilot(labelled, asked(40), Swapped(), top_n=1, recall=10)
    assert found.verdict == "worse"
    assert found.in_words.startswith("harmful: leave contexts out")


def _with_titles(document: ChunkedDocument) -> str:
    return "\n".join(f"{document.title}: {each}" for each in document.chunks)


def test_few_questions_say_too_little() -> None:
    found = pilot(DOCUMENTS, asked(3), HeadingContext(), top_n=5)
    assert found.verdict == "inconclusive"
    assert found.in_words.startswith("too few questions to say, about ")


def test_only_a_part_of_the_documents_is_put_into_context() -> None:
    source = Written()
    found = pilot(DOCUMENTS, asked(5), source, top_n=5)
    assert found.documents == (25, 80)
    assert {f"d{number}" for number in range(5)} < set(source.documents)
    assert pilot(DOCUMENTS, asked(5), Written(), top_n=5, others=3).documents == (8, 80)


def test_the_budget_says_how_many_others_take_part() -> None:
    found = pilot(DOCUMENTS, asked(5), Written(price=0.1), top_n=5, budget=1.05)
    assert found.documents == (10, 80)
    assert found.whole_cost == pytest.approx(8.0)
    assert found.contexts.cost == pytest.approx(1.0)
    assert "would get theirs for about $8.00" in found.in_words
    assert pilot(DOCUMENTS, asked(5), Written(price=0.1), top_n=5, budget=1.05, others=2).documents == (7, 80)
    with pytest.raises(
        BudgetExceeded, match=r"the 5 documents that answer the questions cost about \$0.50: pass budget=0.55"
    ):
        pilot(DOCUMENTS, asked(5), Written(price=0.1), budget=0.2)
    with pytest.raises(ConfigurationError, match="budget needs the price of the model"):
        pilot(DOCUMENTS, asked(5), Written(price=None), budget=0.2)
    assert "at a price that is not known" in pilot(DOCUMENTS, asked(5), Written(price=None), top_n=5).in_words


class Dear(Reranker):
    """Costs a cent for each document."""

    def __init__(self, *, later: float = 0.01) -> None:
        self.ranked, self.later = 0, later

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        self.ranked += 1
        hits = [Hit(place, 1 - place / 1000) for place in range(len(documents))]
        usage, count = Usage(pairs=len(documents), requests=1), len(documents)
        return Ranking(
            tuple(hits),
            usage,
            (Span("Dear", "dear", count, count, 0.0, usage, cost=(0.01 if self.ranked == 1 else self.later) * count),),
        )


def test_reranking_that_has_a_price_needs_a_budget_before_contexts_are_paid_for() -> None:
    source, reranker = Written(price=0.001), Dear()
    with pytest.raises(BudgetExceeded, match="pass budget="):
        pilot(DOCUMENTS, asked(5), source, reranker=reranker, recall=10)
    assert (source.documents, reranker.ranked) == ([], 1)
    with pytest.raises(BudgetExceeded, match=r"cost about \$0.005, and reranking about \$\d"):
        pilot(DOCUMENTS, asked(5), source, reranker=reranker, recall=10, budget=1.0)
    assert source.documents == []
    found = pilot(DOCUMENTS, asked(5), source, reranker=reranker, recall=10, budget=2.1)
    assert found.documents == (80, 80)
    with pytest.raises(BudgetExceeded, match="budget="):
        pilot(DOCUMENTS, asked(5), source, reranker=Dear(later=1.0), recall=10, budget=2.1)


def test_a_contextualizer_keeps_to_what_is_left() -> None:
    model = Anthropic(api_key="a-key")
    made = Contextualizer(model, max_cost=1.0)
    assert made.limited(None) is made
    assert [made.limited(each).settings.max_cost for each in (0.5, 2.0)] == [0.5, 1.0]
    assert Contextualizer(model).limited(0.5).settings.max_cost == 0.5
    unknown = Contextualizer(OpenAICompatible("http://localhost:1", model="local"))
    assert unknown.limited(0.5) is unknown
    assert made.settings.max_cost == 1.0
    assert HeadingContext().limited(1.0).expected_cost([]) == 0.0


@pytest.mark.parametrize("found", [["nowhere"], [7], None, "text"])
def test_a_kit_that_gives_no_ids_is_told_before_contexts_are_paid_for(found: Any) -> None:
    source = Written(price=0.1)
    with pytest.raises(ConfigurationError, match=r"kit gave .*, which are not ids of texts"):
        pilot(DOCUMENTS, asked(5), source, kit=lambda texts: lambda query, limit: found)
    assert source.documents == []


def test_a_kit_that_finds_nothing_or_one_thing_twice_is_told() -> None:
    with pytest.raises(ConfigurationError, match="kit finds nothing for any question"):
        pilot(DOCUMENTS, asked(5), Written(), kit=lambda texts: lambda query, limit: [])
    with pytest.raises(ConfigurationError, match="each once"):
        pilot(DOCUMENTS, asked(5), Written(), kit=lambda texts: lambda query, limit: [next(iter(texts))] * 2)


def test_a_choice_among_few_is_said_to_be_none() -> None:
    assert "20 of 4 chunks are kept, which is much of all" in str(pilot(DOCUMENTS[:1], asked(1), Written()))
    assert "kept" not in str(pilot(DOCUMENTS, asked(5), Written(), top_n=5))


def test_blank_chunks_answer_nothing() -> None:
    document = ChunkedDocument("A text here. Other text.", ["A text here.", " ", "Other text."], id="b")
    data = Dataset("blank", {"q": "a text?"}, {"q": {"b": 1}})
    found = pilot([document], data, HeadingContext(), top_n=5)
    assert len(found.evaluation.judgements["q"]) == 2


def test_labels_may_name_chunks_documents_or_texts() -> None:
    queries = dict.fromkeys("abcd", "What is the growth of Company1?")
    labels = {"a": {DOCUMENTS[1].chunk_ids[1]: 2}, "b": {"d1": 1}, "c": {"file": 1}, "d": {"unknown": 1}}
    data = Dataset("mixed", queries, labels, {"file": DOCUMENTS[1].chunks[0], "unknown": "No such words anywhere"})
    found = pilot(DOCUMENTS, data, Written(), top_n=5, others=0)
    judged = found.evaluation.judgements
    assert judged == {
        "a": {DOCUMENTS[1].chunk_ids[1]: 2},
        "b": dict.fromkeys(DOCUMENTS[1].chunk_ids, 1),
        "c": {DOCUMENTS[1].chunk_ids[0]: 1},
    }
    assert "1 question left out, which no chunk answers" in str(found)


def test_labels_that_name_nothing_are_refused() -> None:
    data = Dataset("lost", {"a": "A question?"}, {"a": {"elsewhere": 1}})
    with pytest.raises(ConfigurationError, match="no chunk of documents answers any of them: label them with quotes"):
        pilot(DOCUMENTS, data, Written())


def test_questions_of_a_model_are_said_to_flatter() -> None:
    assert "THE QUESTIONS WERE WRITTEN BY A MODEL (writer)" in str(
        pilot(DOCUMENTS, asked(3, synthetic="writer"), Written())
    )


def test_embeddings_are_searched_too() -> None:
    def embed(texts: list[str]) -> list[list[float]]:
        return [[float(each.count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz0123456789"] for each in texts]

    kit = hybrid(embed, lambda query: embed([query])[0])
    assert kit({"a": "abc abc", "b": "xyz"})("abc", 1) == ["a"]
    found = pilot(DOCUMENTS, asked(6), Written(), kit=hybrid(embed), top_n=5)
    assert isinstance(found, Pilot)


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[1.0]], "a vector of finite numbers for each of 2 texts"),
        ([[1.0], [float("nan")]], "finite"),
        ([1.0, 2.0], "one length"),
    ],
)
def test_embeddings_that_are_none_are_refused(vectors: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        hybrid(lambda texts: vectors)({"a": "one", "b": "two"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"contexts": Reranker}, "contexts must be a ContextSource"),
        ({"questions": "questions.csv"}, "questions must be a Dataset"),
        ({"recall": 0}, "recall must be"),
        ({"top_n": 0}, "top_n must be"),
        ({"budget": -1}, "budget must be"),
        ({"others": -1}, "others must be"),
        ({"margin": 2}, "margin"),
        ({"reranker": 7}, "is no reranker"),
        ({"kits": None}, "kit"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"documents": DOCUMENTS, "questions": asked(3), "contexts": Written(), **change}
    with pytest.raises(ConfigurationError, match=said):
        pilot(**given)


def test_a_kit_of_no_functions_is_refused() -> None:
    for wrong in ({"embed_documents": 7}, {"embed_query": 7}, {"weights": (1, -1)}):
        given: dict[str, Any] = {"embed_documents": lambda texts: texts, **wrong}
        with pytest.raises(ConfigurationError):
            hybrid(**given)
