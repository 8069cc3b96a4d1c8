"""Before and after, told where one works: `retriever.explain(query)`, and `explaining()` around anything."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableParallel

from langchain_rerank_kit import RerankCompressor, RerankRetriever, with_rerank
from rerank_kit import Cascade, Stage
from rerank_kit.errors import ConnectionFailed
from rerank_kit.explanation import Explanation
from rerank_kit.observe import explaining
from tests.conftest import Colour
from tests.doubles import Failing, Scripted
from tests.processes import python


class Numbers(BaseRetriever):
    """Brings "document 0", "document 1", …, the first of them twice."""

    k: int = 4
    most: int = 1000

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        found = [Document(page_content=f"document {number}") for number in range(min(self.k, self.most) - 1)]
        return [found[0], *found] if found else []


class Reversing(BaseDocumentCompressor):
    """Somebody else's, which reverses, cuts, and writes one document anew."""

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> list[Document]:
        last, *others = reversed(documents)
        return [last, Document(page_content="written anew"), *others[:1]]


def told(colour: Colour, retriever: RerankRetriever, query: str = "query", **kwargs: object) -> Explanation:
    explanation = colour(retriever, "explain", query, **kwargs)
    assert isinstance(explanation, Explanation)
    return explanation


def test_the_order_before_stands_beside_the_new_one(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(), Scripted(), top_n=2, threshold=3))
    assert explanation.header == ("rank", "before", "now", "was", "score", "why")
    assert explanation.rows == (
        ("1", "document 0", "document 48", "50", "48", ""),
        ("2", "document 0", "document 47", "49", "47", ""),
    )
    reasons = {row[3]: row[5] for row in explanation.dropped}
    assert list(reasons) == [str(place) for place in range(1, 49)]
    assert reasons["1"] == "its score is below threshold=3"
    assert reasons["2"] == "merged into one that came before it"
    assert reasons["48"] == "not among the best, top_n=2"
    first, widened, second = explanation.notes
    assert first.startswith("Numbers: 50 candidates where 50 were asked for, 0.")
    assert widened == "Numbers.k: 4 → 50"
    assert second.startswith("Scripted with scripted: 49 → 2, ok, 0.")
    assert "<td" in explanation._repr_html_()


def test_the_arguments_of_a_call_are_followed(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(), Scripted()), recall=20, top_n=1)
    assert len(explanation.rows) == 1
    assert explanation.notes[0].startswith("Numbers: 20 candidates where 20 were asked for")


def test_each_stage_has_a_column_and_says_what_it_dropped(colour: Colour) -> None:
    cascade = Cascade(Stage(Scripted(), top_n=3, name="broad"), Stage(Scripted(lambda text: -1.0), name="dear"))
    explanation = told(colour, with_rerank(Numbers(), cascade, top_n=1))
    assert explanation.header == ("rank", "before", "now", "was", "broad", "dear", "score", "why")
    assert explanation.rows == (("1", "document 0", "document 48", "50", "48", "-1", "-1", ""),)
    assert explanation.dropped[-1] == ("", "", "document 47", "49", "47", "-1", "-1", "not among the best, top_n=1")
    assert explanation.dropped[-3][7] == "broad: not among the best, top_n=3"


def test_warnings_are_told_every_time(colour: Colour) -> None:
    retriever = with_rerank(Numbers(most=5), Scripted())
    with pytest.warns(UserWarning, match="brought 5 candidates"):
        retriever.invoke("query")
    for _ in range(2):
        explanation = told(colour, retriever)  # which does not warn again
        assert explanation.notes[-1].startswith("warning: the first stage")


def test_what_an_explanation_says_is_not_said_beside_it_and_still_said_to_whoever_has_none(colour: Colour) -> None:
    retriever = with_rerank(Numbers(most=5), Scripted())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(colour, retriever).notes[-1] == (
            "warning: the first stage (Numbers) brought 5 candidates where 50 were asked for: if the collection has no "
            "more, all is well, else look at print(retriever.widening)"
        )
    with pytest.warns(UserWarning, match="brought 5 candidates"):
        retriever.invoke("query")


def test_a_failed_reranking_is_told(colour: Colour) -> None:
    retriever = with_rerank(Numbers(), Failing(ConnectionFailed("down")), on_error="keep", top_n=2)
    explanation = told(colour, retriever)
    assert [row[3:5] for row in explanation.rows] == [("1", ""), ("3", "")]
    assert explanation.dropped[-1][-1] == "not among the first, as nothing was reranked"
    assert "reranking failed, and the first stage's order is kept: ConnectionFailed: down" in explanation.notes
    with pytest.raises(ConnectionFailed):
        told(colour, with_rerank(Numbers(), Failing(ConnectionFailed("down"))))


def test_what_somebody_elses_reranker_did_is_told(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(), Reversing(), top_n=3))
    assert explanation.rows == (
        ("1", "document 0", "document 48", "50", "", ""),
        ("2", "document 0", "written anew", "", "", ""),
        ("3", "document 1", "document 47", "49", "", ""),
    )
    assert explanation.dropped[0] == ("", "", "document 0", "1", "", "Reversing left it out, or it was merged")


def test_more_than_there_was_before_is_told(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(most=2), Reversing(), distinct=None))
    assert "brought 2 candidates" in explanation.notes[-1]
    assert [row[1] for row in explanation.rows] == ["document 0", "document 0", ""]


def test_nothing_found_is_told(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(most=1), Scripted()))
    assert explanation.rows == ()
    assert explanation.notes[0].startswith("Numbers: 0 candidates")


def test_whatever_has_a_reranker_inside_is_explained(colour: Colour) -> None:
    both = RunnableParallel(
        one=with_rerank(Numbers(), Scripted(), top_n=1),
        other=ContextualCompressionRetriever(
            base_retriever=Numbers(k=30), base_compressor=RerankCompressor(reranker=Scripted(), top_n=2)
        ),
    )
    with explaining() as explanations:
        colour(both, "invoke", "query")
    assert sorted(len(each.rows) for each in explanations) == [1, 2]


def test_a_reranker_in_the_first_stage_is_explained_before_the_whole(colour: Colour) -> None:
    inner = with_rerank(Numbers(), Scripted(), top_n=30)
    with explaining() as explanations:
        colour(with_rerank(inner, Reversing(), recall=30, top_n=3), "invoke", "query")
    assert [len(each.rows) for each in explanations] == [30, 3]


def test_a_retriever_shows_what_runs() -> None:
    retriever = with_rerank(Numbers(), Scripted(), threshold=0.5)
    shown = "RerankRetriever(first_stage='Numbers', recall=50, top_n=5, threshold=0.5, base_compressor="
    assert repr(retriever).startswith(shown + "RerankCompressor(reranker=Scripted(")
    assert str(retriever) == repr(retriever)
    assert "reranker=OnnxCrossEncoder('ms-marco-MiniLM-L-12-v2'" in str(with_rerank(Numbers()))
    assert str(RerankCompressor(reranker=Failing(ValueError()), timeout=3)) == (
        "RerankCompressor(reranker=Failing(error=ValueError()), top_n=3, timeout=3.0)"
    )


def test_a_compressor_that_was_never_made_can_be_shown() -> None:
    assert repr(RerankCompressor.__new__(RerankCompressor)) == "RerankCompressor(reranker=None, top_n=None)"


def test_the_reranker_that_is_taken_by_default_is_said_once() -> None:
    twice = "from langchain_rerank_kit import RerankCompressor; [RerankCompressor() for _ in range(2)]"
    assert python("-c", twice).stderr.count("taking the local OnnxCrossEncoder('ms-marco-MiniLM-L-12-v2'") == 1
