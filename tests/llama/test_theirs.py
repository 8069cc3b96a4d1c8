"""What LlamaIndex's own tests ask of its rerankers, asked of ours: those of the sbert, TEI, FlashRank, Cohere, LLM and
RankGPT postprocessors. Where theirs pass by changing what they were given, the test says what ours does instead.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import ImageNode, MediaResource, Node, NodeWithScore, QueryBundle, TextNode

from llama_rerank_kit import CrossEncoderRerank, FlashRankRerank, RerankPostprocessor
from rerank_kit import Hit, MissingExtra, Ranking
from rerank_kit.local.model_files import embedded_folder
from tests.conftest import Colour
from tests.doubles import Answering, Scripted
from tests.llama.models import flashrank_cache

BAGELS = "I'm visiting New York City, what is the best place to get Bagels?"


@pytest.mark.parametrize("kind", [RerankPostprocessor, CrossEncoderRerank, FlashRankRerank])
def test_class(kind: type) -> None:
    assert BaseNodePostprocessor in kind.__mro__


@pytest.mark.parametrize(("engine", "package"), [("onnx", "onnxruntime"), ("sentence-transformers", "torch")])
def test_sbert_a_missing_dependency_is_said_in_one_sentence_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, engine: Any, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra) as caught:
        CrossEncoderRerank(engine=engine, model=str(embedded_folder()))
    assert f'pip install "rerank-kit[{engine}]"' in str(caught.value)
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


@pytest.mark.parametrize("own", [True, False], ids=["the embedded model", "flashrank"])
def test_flashrank_a_poor_first_stage_is_put_right(colour: Colour, tmp_path: Path, own: bool) -> None:
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
    made = CrossEncoderRerank() if own else FlashRankRerank(cache_dir=flashrank_cache(tmp_path))
    best = colour(made, "postprocess_nodes", given, QueryBundle(BAGELS))
    assert len(best) == 3
    assert best[0].node is given[1].node
    assert max(each.score for each in best[1:]) < 0.01  # which of these two is less wrong is a matter of rounding
    assert [each.score for each in given] == [0.9, 0.3, 1.0]


def test_cohere_one_document_comes_back_with_its_score(colour: Colour) -> None:
    reranker = Scripted(lambda _: 0.9)
    given = [NodeWithScore(node=TextNode(text="test document"), score=0.5)]
    (best,) = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", given, QueryBundle("test query"))
    assert best.score == 0.9
    assert len(reranker.sent) == 1


def test_rankgpt_the_order_of_the_model_and_top_n_hold_for_a_query_as_text(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(1, 3.0), Hit(0, 2.0), Hit(2, 1.0))))
    postprocessor = RerankPostprocessor(reranker=reranker, top_n=2)
    best = colour(postprocessor, "postprocess_nodes", texts(), query_str="Test query")
    assert [each.node.get_content() for each in best] == ["text2", "text1"]


def test_llm_nodes_that_the_model_leaves_out_are_left_out(colour: Colour) -> None:
    reranker = Answering(Ranking((Hit(2, 8.0), Hit(0, 7.0))))
    best = colour(RerankPostprocessor(reranker=reranker), "postprocess_nodes", texts(), query_str="What is?")
    assert [(each.node.get_content(), each.score) for each in best] == [("text3", 8.0), ("text1", 7.0)]


def test_llm_the_best_of_all_batches_come_back_and_not_the_best_of_each(colour: Colour) -> None:
    reranker = Scripted(lambda text: float(text[4:]) if int(text[4:]) % 2 else 0.0)
    given = [NodeWithScore(node=TextNode(text=f"Test{number}")) for number in range(1, 9)]
    best = colour(RerankPostprocessor(reranker=reranker, top_n=3), "postprocess_nodes", given, query_str="What is?")
    assert [each.node.get_content() for each in best] == ["Test7", "Test5", "Test3"]


def test_llm_images_and_sound_are_not_lost_but_a_model_that_reads_text_ranks_them_last(colour: Colour) -> None:
    given = [
        NodeWithScore(node=ImageNode(image=b"iVBORw0KGgo=")),
        NodeWithScore(node=Node(audio_resource=MediaResource(data=b"ID3"))),
        NodeWithScore(node=Node(video_resource=MediaResource(data=b"ftypmp42"))),
        NodeWithScore(node=TextNode(text="Test 3")),
        NodeWithScore(node=TextNode(text="Test 4")),
    ]
    reranker = Scripted()
    best = colour(RerankPostprocessor(reranker=reranker, top_n=5), "postprocess_nodes", given, query_str="What is?")
    assert [each.node for each in best] == [given[place].node for place in (4, 3, 0, 1, 2)]
    assert [document.text for document in reranker.sent[0][1]] == ["Test 3", "Test 4"]
