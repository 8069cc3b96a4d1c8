"""Before and after, told where one works: `retriever.explain(query)`, `explain(engine, query)`, and `explaining()`."""

from __future__ import annotations

from typing import Any

import pytest
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.chat_engine import ContextChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import SimilarityPostprocessor
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode

from llama_rerank_kit import RerankPostprocessor, aexplain, explain, with_rerank
from rerank_kit import ConfigurationError
from rerank_kit.errors import ConnectionFailed
from rerank_kit.explanation import Explanation
from rerank_kit.observe import explaining
from tests.conftest import Colour
from tests.doubles import Failing, Scripted


class Numbers(BaseRetriever):
    """Brings "node 0", "node 1", …"""

    def __init__(self, similarity_top_k: int = 2) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType] - the library leaves out type arguments
        self.similarity_top_k = similarity_top_k

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return [
            NodeWithScore(node=TextNode(text=f"node {number}", id_=str(number)), score=0.5)
            for number in range(self.similarity_top_k)
        ]


class LastFirst(BaseNodePostprocessor):
    """Somebody else's, which keeps the last two."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        return nodes[:-3:-1]


class Generating(BaseQueryEngine):
    """An engine that only answers."""

    def _query(self, query_bundle: QueryBundle) -> Response:
        return Response("answer")

    async def _aquery(self, query_bundle: QueryBundle) -> Response:
        return Response("answer")

    def _get_prompt_modules(self) -> PromptMixinType:
        return {}


def told(colour: Colour, target: Any) -> Explanation:
    """The explanation of a target, by the function."""

    class Doors:
        def explain(self) -> Explanation:
            return explain(target, "query")

        async def aexplain(self) -> Explanation:
            return await aexplain(target, "query")

    explanation = colour(Doors(), "explain")
    assert isinstance(explanation, Explanation)
    return explanation


def index() -> VectorStoreIndex:
    nodes = [TextNode(text=f"node {number}", id_=str(number)) for number in range(50)]
    return VectorStoreIndex(nodes, embed_model=MockEmbedding(4))


def test_the_order_before_stands_beside_the_new_one(colour: Colour) -> None:
    explanation = colour(with_rerank(Numbers(), Scripted(), top_n=2), "explain", "query")
    assert explanation.header == ("rank", "before", "now", "was", "score", "why")
    assert explanation.rows == (("1", "node 0", "node 49", "50", "49", ""), ("2", "node 1", "node 48", "49", "48", ""))
    assert len(explanation.dropped) == 48
    assert explanation.dropped[0] == ("", "", "node 0", "1", "0", "not among the best, top_n=2")
    first, widened, second = explanation.notes
    assert first.startswith("Numbers: 50 candidates where 50 were asked for, 0.")
    assert widened == "Numbers.similarity_top_k: 2 → 50"
    assert second.startswith("Scripted with scripted: 50 → 2, ok, 0.")
    assert told(colour, with_rerank(Numbers(), Scripted(), top_n=2)).rows == explanation.rows


def test_a_failed_reranking_is_told(colour: Colour) -> None:
    retriever = with_rerank(Numbers(), Failing(ConnectionFailed("down")), on_error="keep", top_n=2)
    explanation = told(colour, retriever)
    assert [row[3:5] for row in explanation.rows] == [("1", ""), ("2", "")]
    assert "reranking failed, and the first stage's order is kept: ConnectionFailed: down" in explanation.notes


def test_what_somebody_elses_reranker_did_is_told(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(), LastFirst(), top_n=None))
    assert [row[3] for row in explanation.rows] == ["50", "49"]
    assert explanation.dropped[0] == ("", "", "node 0", "1", "", "LastFirst left it out, or it was merged")


def test_an_engine_is_explained_without_an_answer(colour: Colour) -> None:
    engine = index().as_query_engine(llm=MockLLM())
    explanation = told(colour, with_rerank(engine, Scripted(), top_n=1))
    assert [row[2] for row in explanation.rows] == ["node 49"]
    assert explanation.notes[0] == "RetrieverQueryEngine.retriever.similarity_top_k: 2 → 50"
    by_hand = index().as_query_engine(llm=MockLLM(), node_postprocessors=[RerankPostprocessor(reranker=Scripted())])
    assert told(colour, by_hand).notes[0].startswith("Scripted with scripted: 2 → 2")


def test_an_engine_whose_other_postprocessors_leave_nothing_is_explained(colour: Colour) -> None:
    none = SimilarityPostprocessor(similarity_cutoff=1.5)
    engine = with_rerank(index().as_query_engine(llm=MockLLM(), node_postprocessors=[none]), Scripted())
    explanation = told(colour, engine)
    assert explanation.rows == ()
    assert "no candidate came in" in explanation.notes


def test_nothing_found_is_told(colour: Colour) -> None:
    explanation = told(colour, with_rerank(Numbers(), Scripted(), widen=lambda retriever, recall: Numbers(0)))
    assert explanation.rows == ()
    assert explanation.notes[0].startswith("Numbers: 0 candidates")


def test_whatever_has_a_reranker_inside_is_explained(colour: Colour) -> None:
    retriever = with_rerank(index().as_retriever(), Scripted(), top_n=3)
    engine = ContextChatEngine.from_defaults(retriever, llm=MockLLM(), memory=ChatMemoryBuffer.from_defaults())
    with explaining() as explanations:
        colour(engine, "chat", "query")
    assert [len(each.rows) for each in explanations] == [3]
    assert explanations[0].notes[0].startswith("VectorIndexRetriever: 50 candidates")


@pytest.mark.parametrize("target", [Numbers(), index().as_query_engine(llm=MockLLM())])
def test_where_no_reranker_runs_it_says_so(colour: Colour, target: Any) -> None:
    with pytest.raises(ConfigurationError, match="no reranker of ours ran in this"):
        told(colour, target)


@pytest.mark.parametrize("target", [Generating(None), object()])
def test_what_only_answers_is_refused_with_the_remedy(colour: Colour, target: Any) -> None:
    with pytest.raises(ConfigurationError, match="explaining"):
        told(colour, target)


@pytest.mark.parametrize("query", ["document", QueryBundle("document")])
def test_target_and_query_swapped_are_told_so(colour: Colour, query: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^target and query are swapped: write explain\(engine, query\)"):
        told(colour, query)


def test_what_all_texts_begin_with_is_left_out_of_the_table(colour: Colour) -> None:
    folder = "/home/me/projects/handbook/chapters"
    nodes: Any = [TextNode(text=f"text {n}", metadata={"file_path": f"{folder}/{n}.md"}) for n in range(3)]
    found = VectorStoreIndex(nodes, embed_model=MockEmbedding(embed_dim=2)).as_retriever(similarity_top_k=3)
    table = told(colour, with_rerank(found, Scripted()))
    assert {row[2] for row in table.rows} == {f"… {n}.md text {n}" for n in range(3)}


def test_a_retriever_shows_what_runs() -> None:
    shown = repr(with_rerank(Numbers(), Scripted()))
    assert shown.startswith(
        "RerankRetriever(first_stage='Numbers', recall=50, postprocessor=RerankPostprocessor(reranker=Scripted("
    )
    assert shown.endswith("top_n=5, recall=50))")
