"""What LlamaIndex's own tests ask of its rerankers, asked of ours: those of the sbert, TEI, FlashRank, Cohere, LLM and
RankGPT postprocessors. Where theirs pass by changing what they were given, the test says what ours does instead.
"""

from __future__ import annotations

import sys

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import MediaResource, Node, NodeWithScore, QueryBundle, TextNode

from llama_rerank_kit import CrossEncoderRerank, RerankPostprocessor
from rerank_kit import Hit, MissingExtra, Ranking
from tests.conftest import Colour
from tests.doubles import Answering, Scripted

BAGELS = "I'm visiting New York City, what is the best place to get Bagels?"


@pytest.mark.parametrize("kind", [RerankPostprocessor, CrossEncoderRerank])
def test_class(kind: type) -> None:
    assert BaseNodePostprocessor in kind.__mro__


def test_sbert_a_missing_dependency_is_said_in_one_sentence_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra) as caught:
        CrossEncoderRerank()
    assert 'pip install "rerank-kit[' in str(caught.value)
    assert len(caught.value.args) == 1


def texts(*, score: float | None = None) -> list[NodeWithScore]:
    return [NodeWithScore(node=TextNode(text=f"text{number}"), score=score) for number in (1, 2, 3)]


def test_tei_scores_are_paired_by_index_whatever_the_order_of_the_answer(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(1, 0.9), Hit(0, 0.1))))
    best = colour(
        RerankPostprocessor(reranker=reranker, top_n=2), "postprocess_nodes", texts(score=0.5)[:2], QueryBundle("x")
    )
    assert [(each.node.text, each.score) for each in best] == [("text2", 0.9), ("text1", 0.1)]


def test_tei_the_retrieval_score_is_kept_but_not_in_the_metadata(colour: Colour) -> None:
    reranker = Scripted(lambda text: float(text[-1]))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", texts(score=0.5), QueryBundle("x"))
    assert [each.earlier_scores for each in best] == [[0.5]] * 3
    assert [each.node.metadata for each in best] == [{}] * 3


def test_flashrank_a_poor_first_stage_is_put_right(colour: Colour) -> None:
    given = [
        NodeWithScore(node=Node(text_resource=MediaResource(text=text), id_=str(number)), score=score)
        for number, (text, score) in enumerate(
            [
                ("I'm just a Node i am only a Node", 0.9),
                ("The best place to get Bagels in New York City", 0.3),
                ("A Latte without milk is just an espresso", 1.0),
            ]
        )
    ]
    best = colour(CrossEncoderRerank(), "postprocess_nodes", given, QueryBundle(BAGELS))
    assert len(best) == 3
    assert best[0].node is given[1].node
    assert [each.score for each in given] == [0.9, 0.3, 1.0]


def test_cohere_one_document_comes_back_with_its_score(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(0, 0.9),)))
    given = [NodeWithScore(node=TextNode(text="test document"), score=0.5)]
    (best,) = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", given, QueryBundle("test query"))
    assert best.score == 0.9


def test_rankgpt_the_order_of_the_model_and_top_n_hold_for_a_query_as_text(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(1, 3.0), Hit(0, 2.0), Hit(2, 1.0))))
    postprocessor = RerankPostprocessor(reranker=reranker, top_n=2)
    best = colour(postprocessor, "postprocess_nodes", texts(), query_str="Test query")
    assert [each.node.get_content() for each in best] == ["text2", "text1"]


def test_llm_nodes_that_the_model_leaves_out_are_left_out(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(2, 8.0), Hit(0, 7.0))))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", texts(), query_str="What is?")
    assert [(each.node.get_content(), each.score) for each in best] == [("text3", 8.0), ("text1", 7.0)]
