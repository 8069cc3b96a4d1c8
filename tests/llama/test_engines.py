"""`with_rerank` around engines and indexes: the same kind of thing, widened and reranked, the user's own untouched."""

from __future__ import annotations

import asyncio
import json
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from llama_index.core import PromptTemplate, VectorStoreIndex, chat_engine
from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.callbacks import CallbackManager
from llama_index.core.chat_engine import (
    CondensePlusContextChatEngine,
    CondenseQuestionChatEngine,
    ContextChatEngine,
    SimpleChatEngine,
)
from llama_index.core.chat_engine.types import BaseChatEngine
from llama_index.core.evaluation import RetrieverEvaluator
from llama_index.core.indices.query.query_transform.base import IdentityQueryTransform
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor import LLMRerank, LongContextReorder, SimilarityPostprocessor
from llama_index.core.query_engine import (
    CitationQueryEngine,
    CustomQueryEngine,
    MultiStepQueryEngine,
    RetrieverQueryEngine,
    RouterQueryEngine,
    SubQuestionQueryEngine,
    TransformQueryEngine,
)
from llama_index.core.question_gen import LLMQuestionGenerator
from llama_index.core.response_synthesizers import CompactAndRefine, TreeSummarize
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import BaseNode, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool
from llama_index.core.workflow import (
    Context,
    StartEvent,
    StopEvent,
    Workflow,
    step,  # pyright: ignore[reportUnknownVariableType] - the library leaves out type arguments
)
from llama_index.retrievers.bm25 import BM25Retriever

from llama_rerank_kit import (
    CrossEncoderRerank,
    RecallWarning,
    RerankedNode,
    RerankPostprocessor,
    RerankRetriever,
    widening_of,
    with_rerank,
)
from rerank_kit import ConfigurationError
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder
from tests.conftest import Colour
from tests.doubles import Failing, Scripted, alast_numbers, last_numbers
from tests.llama.recording import Callbacks, recorded
from tests.llama.stores import Choosing, Fixed, Numbers, Says, Words, answer, bm25, fusion, index, similar

BEST = ["note 119", "note 118", "note 117", "note 116", "note 115"]


def query_engine(**options: Any) -> RetrieverQueryEngine:
    return RetrieverQueryEngine.from_args(Numbers(), llm=Says(), **options)


def tool(engine: BaseQueryEngine, name: str = "notes") -> QueryEngineTool:
    return QueryEngineTool.from_defaults(engine, name=name, description="Notes.")


class Own(CustomQueryEngine):
    """A query engine as LlamaIndex's documentation teaches to write them."""

    retriever: BaseRetriever
    words: str = "note"

    def custom_query(self, query_str: str) -> str:
        return " | ".join(each.text for each in self.retriever.retrieve(query_str))


def router() -> RouterQueryEngine:
    empty = Silent(callback_manager=None)
    return RouterQueryEngine(
        Choosing(0), [tool(query_engine()), tool(empty, "none")], llm=Says(), summarizer=TreeSummarize(llm=Says())
    )


class Silent(BaseQueryEngine):
    """An engine without a retriever, as those that write SQL."""

    def _query(self, query_bundle: QueryBundle) -> Any:
        raise NotImplementedError

    async def _aquery(self, query_bundle: QueryBundle) -> Any:
        raise NotImplementedError

    def _get_prompt_modules(self) -> dict[str, Any]:
        return {}


def sub_questions() -> SubQuestionQueryEngine:
    asked = json.dumps({"items": [{"sub_question": "document", "tool_name": "notes"}]})
    return SubQuestionQueryEngine.from_defaults(
        [tool(query_engine())],
        llm=Says(),
        question_gen=LLMQuestionGenerator.from_defaults(llm=Says(answer=f"```json\n{asked}\n```")),
        response_synthesizer=CompactAndRefine(llm=Says()),
        verbose=False,
        use_async=False,
    )


def several_steps() -> MultiStepQueryEngine:
    return MultiStepQueryEngine(
        query_engine(),
        IdentityQueryTransform(),  # type: ignore[arg-type]
        response_synthesizer=CompactAndRefine(llm=Says()),
        num_steps=1,
    )


QUERY_ENGINES: dict[str, Callable[[], BaseQueryEngine]] = {
    "retriever": query_engine,
    "citations": lambda: CitationQueryEngine(Numbers(), llm=Says(), response_synthesizer=CompactAndRefine(llm=Says())),
    "router": router,
    "sub-questions": sub_questions,
    "transform": lambda: TransformQueryEngine(query_engine(), IdentityQueryTransform()),
    "several steps": several_steps,
    "transform of a router": lambda: TransformQueryEngine(router(), IdentityQueryTransform()),
}


@pytest.fixture(params=list(QUERY_ENGINES.values()), ids=list(QUERY_ENGINES))
def engine(request: pytest.FixtureRequest) -> BaseQueryEngine:
    built: BaseQueryEngine = request.param()
    return built


def numbers(nodes: list[NodeWithScore]) -> list[int]:
    """The numbers of the documents that the nodes hold or quote."""
    return [int(number) for each in nodes for number in re.findall(r"document (\d+)", each.text)]


# ── Query engines ──


def test_every_query_engine_answers_from_the_best_of_many(engine: BaseQueryEngine, colour: Colour) -> None:
    reranker = Scripted()
    better = with_rerank(engine, reranker)
    assert type(better) is type(engine)
    found = colour(better, "query", "document").source_nodes
    assert numbers(found)[:5] == [49, 48, 47, 46, 45]
    assert len(reranker.sent[0][1]) == 50


def test_sources_keep_their_score_and_what_does_not_rebuild_them_keeps_all(colour: Colour) -> None:
    cited = colour(with_rerank(QUERY_ENGINES["citations"](), Scripted()), "query", "document").source_nodes
    assert [each.score for each in cited] == [49.0, 48.0, 47.0, 46.0, 45.0]
    whole = colour(with_rerank(query_engine(), Scripted()), "query", "document").source_nodes
    assert [each.earlier_scores for each in whole] == [[1 - number / 1000] for number in (49, 48, 47, 46, 45)]


def test_the_engine_that_was_given_stays_as_it_was(engine: BaseQueryEngine, colour: Colour) -> None:
    with_rerank(engine, Scripted())
    assert numbers(colour(engine, "query", "document").source_nodes) == [0, 1, 2, 3]


def test_the_report_says_what_was_raised_where(engine: BaseQueryEngine) -> None:
    widening = widening_of(with_rerank(engine, Scripted()))
    (change,) = widening.changes
    assert str(change).endswith("retriever.top_k: 4 → 50")
    assert str(change).startswith(type(engine).__name__)
    assert widening.original is engine
    assert widening.recall == 50


def test_reports_read_like_this() -> None:
    assert str(widening_of(with_rerank(query_engine(), Scripted()))) == "RetrieverQueryEngine.retriever.top_k: 4 → 50"
    assert str(widening_of(with_rerank(router(), Scripted()))).splitlines() == [
        "RouterQueryEngine.query_engines[0].retriever.top_k: 4 → 50",
        "note: RouterQueryEngine.query_engines[1] (Silent) stays as it is: it has no retriever to rerank for",
    ]
    assert str(widening_of(with_rerank(sub_questions(), Scripted()))) == (
        "SubQuestionQueryEngine.query_engines['notes'].retriever.top_k: 4 → 50"
    )


def test_an_engine_in_a_tool_inside_another_engine_is_found(colour: Colour) -> None:
    class Holding(Silent):
        def __init__(self) -> None:
            super().__init__(callback_manager=None)
            self._other_query_tool = tool(query_engine())

    mine = Holding()
    better: Any = with_rerank(mine, Scripted())
    inner = better._other_query_tool.query_engine
    assert better._other_query_tool.metadata is mine._other_query_tool.metadata
    assert numbers(colour(inner, "query", "document").source_nodes) == [49, 48, 47, 46, 45]
    assert numbers(colour(mine._other_query_tool.query_engine, "query", "document").source_nodes) == [0, 1, 2, 3]


def test_an_engine_of_ones_own_gets_a_retriever_that_reranks(colour: Colour) -> None:
    mine = Own(retriever=Numbers())
    better = with_rerank(mine, Scripted(), top_n=2)
    assert str(colour(better, "query", "document")) == "document 49 | document 48"
    assert str(colour(mine, "query", "document")).startswith("document 0 | ")
    assert str(widening_of(better)) == "Own.retriever.top_k: 4 → 50"
    assert isinstance(better, Own)


def test_an_engine_without_a_retriever_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="no retriever in this Silent"):
        with_rerank(Silent(callback_manager=None), Scripted())
    chat = SimpleChatEngine.from_defaults(llm=Says(), memory=ChatMemoryBuffer.from_defaults(llm=Says()))
    with pytest.raises(ConfigurationError, match="no retriever in this SimpleChatEngine"):
        with_rerank(chat, Scripted())


# ── The postprocessors of an engine ──


def kinds(engine: Any) -> list[str]:
    return [type(each).__name__ for each in engine._node_postprocessors]


def test_ours_comes_after_cutoffs_and_before_what_arranges_nodes_for_the_llm() -> None:
    given = [SimilarityPostprocessor(similarity_cutoff=0.99), LongContextReorder()]
    mine = query_engine(node_postprocessors=given)
    better = with_rerank(mine, Scripted())
    assert kinds(better) == ["SimilarityPostprocessor", "RerankPostprocessor", "LongContextReorder"]
    assert kinds(mine) == ["SimilarityPostprocessor", "LongContextReorder"]
    assert widening_of(better).notes == (
        (
            "RetrieverQueryEngine.node_postprocessors[0] (SimilarityPostprocessor) may drop nodes before the reranker "
            "sees them"
        ),
    )


def test_a_cutoff_that_leaves_too_few_is_warned_of_at_query_time(colour: Colour) -> None:
    cutoff = SimilarityPostprocessor(similarity_cutoff=0.995)
    better = with_rerank(query_engine(node_postprocessors=[cutoff]), Scripted())
    with pytest.warns(RecallWarning, match=r"\(\w+\) brought 6 candidates where 50 were asked for.*widening_of"):
        colour(better, "query", "document")


def test_an_earlier_reranker_no_longer_cuts_what_ours_is_to_see(colour: Colour) -> None:
    earlier = RerankPostprocessor(reranker=Scripted(), top_n=3)
    mine = query_engine(node_postprocessors=[earlier])
    reranker = Scripted()
    better = with_rerank(mine, reranker)
    colour(better, "query", "document")
    assert len(reranker.sent[0][1]) == 50
    assert earlier.top_n == 3
    assert "RetrieverQueryEngine.node_postprocessors[0].top_n: 3 → 50" in str(widening_of(better))


def test_the_postprocessor_reports_to_the_engines_callback_manager(colour: Colour) -> None:
    callbacks = Callbacks()
    better = with_rerank(query_engine(callback_manager=CallbackManager([callbacks])), Scripted())
    with recorded() as events:
        colour(better, "query", "document")
    assert len(events.starts) == len(events.ends) == len(callbacks.starts) == len(callbacks.ends) == 1


# ── Chat engines ──


def memory() -> ChatMemoryBuffer:
    return ChatMemoryBuffer.from_defaults(llm=Says())


def newer(name: str) -> Any:
    """A chat engine that the oldest versions of llama-index-core do not have."""
    if not hasattr(chat_engine, name):
        pytest.skip(f"llama-index-core is older than {name}")
    return getattr(chat_engine, name)


CHAT_ENGINES: dict[str, Callable[[], BaseChatEngine]] = {
    "condense question": lambda: CondenseQuestionChatEngine.from_defaults(
        query_engine(), memory=memory(), llm=Says(answer="document")
    ),
    "context": lambda: ContextChatEngine.from_defaults(Numbers(), memory=memory(), llm=Says()),
    "condense plus context": lambda: CondensePlusContextChatEngine.from_defaults(
        Numbers(), memory=memory(), llm=Says()
    ),
    "text and images": lambda: newer("MultiModalContextChatEngine").from_defaults(
        Numbers(), memory=memory(), multi_modal_llm=Says()
    ),
    "condense plus text and images": lambda: newer("MultiModalCondensePlusContextChatEngine").from_defaults(
        Numbers(), memory=memory(), multi_modal_llm=Says()
    ),
}


@pytest.fixture(params=list(CHAT_ENGINES.values()), ids=list(CHAT_ENGINES))
def chat(request: pytest.FixtureRequest) -> BaseChatEngine:
    built: BaseChatEngine = request.param()
    return built


def test_every_chat_engine_answers_from_the_best_of_many(chat: BaseChatEngine, colour: Colour) -> None:
    better = with_rerank(chat, Scripted())
    assert type(better) is type(chat)
    for _ in range(2):  # the second turn rewrites the question
        assert numbers(colour(better, "chat", "document").source_nodes) == [49, 48, 47, 46, 45]
    assert numbers(colour(chat, "chat", "document").source_nodes) == [0, 1, 2, 3]


def test_streams_of_a_chat_engine_come_from_the_best_of_many(colour: Colour) -> None:
    class Streaming:
        """Sync and async, each with its own kind of stream."""

        def __init__(self) -> None:
            self.engine = with_rerank(CHAT_ENGINES["context"](), Scripted())

        def read(self) -> tuple[str, list[NodeWithScore]]:
            streamed = self.engine.stream_chat("document")
            return "".join(streamed.response_gen), streamed.source_nodes

        async def aread(self) -> tuple[str, list[NodeWithScore]]:
            streamed = await self.engine.astream_chat("document")
            return "".join([token async for token in streamed.async_response_gen()]), streamed.source_nodes

    text, nodes = colour(Streaming(), "read")
    assert text == "It is so."
    assert numbers(nodes) == [49, 48, 47, 46, 45]


def test_the_copy_of_a_chat_engine_goes_on_with_the_same_memory(chat: BaseChatEngine, colour: Colour) -> None:
    colour(chat, "chat", "document")
    assert with_rerank(chat, Scripted()).chat_history == chat.chat_history


# ── Indexes ──


def test_all_that_an_index_makes_reranks(colour: Colour) -> None:
    better = with_rerank(index(), Scripted(lambda text: float(text.split()[-1])), recall=120)
    assert isinstance(better, VectorStoreIndex)
    found = answer(colour, better.as_retriever())
    assert [each.text for each in found] == BEST
    asked = colour(better.as_query_engine(llm=Says()), "query", "note")
    assert [each.text for each in asked.source_nodes] == BEST
    chat = better.as_chat_engine("condense_plus_context", llm=Says(), memory=memory())  # type: ignore[arg-type]
    assert [each.text for each in colour(chat, "chat", "note").source_nodes] == BEST
    retriever = better.as_retriever(similarity_top_k=3)
    assert str(widening_of(retriever)) == "VectorIndexRetriever.similarity_top_k: 3 → 120"


def test_what_an_index_and_all_that_it_makes_change_can_be_looked_at() -> None:
    better = with_rerank(index(), Scripted())
    made: list[Any] = [better, better.as_retriever(), better.as_query_engine(llm=Says())]
    made += [
        better.as_chat_engine(mode, llm=Says(), memory=memory())  # type: ignore[arg-type]
        for mode in ("condense_plus_context", "condense_question", "context")
    ]
    for each in made:
        assert str(widening_of(each)) == "VectorIndexRetriever.similarity_top_k: 2 → 50"


@pytest.mark.parametrize("target", [Numbers(), similar(), query_engine(), index()])
def test_where_nobody_has_said_the_recall_it_is_enough_for_top_n(target: Any, colour: Colour) -> None:
    ours = RerankPostprocessor(reranker=Scripted(), top_n=55)
    ways: list[dict[str, Any]] = [{"reranker": Scripted(), "top_n": 55}, {"reranker": ours}]
    ways.append({"reranker": ours, "top_n": None})
    for given in ways:
        better = with_rerank(target, **given)
        assert widening_of(better).recall == 55
        if isinstance(target, Numbers):
            assert len(answer(colour, better)) == 55
    with pytest.raises(ConfigurationError, match=r"(?m)top_n, which is 70, not 60: pass recall=70 or more$"):
        with_rerank(target, Scripted(), top_n=70, recall=60)


def test_the_index_that_was_given_stays_as_it_was_and_is_shared(colour: Colour) -> None:
    mine = VectorStoreIndex([], embed_model=Words())
    better = with_rerank(mine, Scripted())
    mine.insert_nodes([TextNode(text=f"note {number}") for number in range(60)])
    assert len(answer(colour, mine.as_retriever())) == 2
    assert len(answer(colour, better.as_retriever())) == 5


def test_a_reranked_index_can_be_widened_again_and_keeps_its_reranker(colour: Colour) -> None:
    outer = Scripted()
    best = answer(colour, with_rerank(with_rerank(index(), Scripted()), outer, recall=60, top_n=1).as_retriever())
    assert len(best) == 1
    assert len(outer.sent[0][1]) == 60


# ── Retrievers ──


def test_the_best_of_many_come_back(colour: Colour) -> None:
    retriever = with_rerank(Numbers(), Scripted())
    found = answer(colour, retriever)
    assert numbers(found) == [49, 48, 47, 46, 45]
    assert all(isinstance(each, RerankedNode) and each.earlier_scores for each in found)
    assert isinstance(retriever, RerankRetriever)
    assert isinstance(retriever.retriever, Numbers)
    assert isinstance(retriever.postprocessor, RerankPostprocessor)
    assert widening_of(retriever) is retriever.widening


def test_a_query_bundle_works_like_a_string(colour: Colour) -> None:
    retriever = with_rerank(similar(), Scripted())
    assert colour(retriever, "retrieve", QueryBundle("note")) == colour(retriever, "retrieve", "note")


def test_prompts_of_the_first_stage_can_still_be_changed() -> None:
    retriever = with_rerank(fusion(), Scripted())
    assert list(retriever.get_prompts()) == ["retriever:query_gen_prompt"]
    retriever.update_prompts({"retriever:query_gen_prompt": PromptTemplate("{query}?")})
    inner: Any = retriever.retriever
    assert inner.query_gen_prompt == "{query}?"


def test_one_line_is_enough(colour: Colour) -> None:
    nodes: list[BaseNode] = [TextNode(text=f"The threshold of rule {n} is {n} dollars.") for n in range(60)]
    retriever = with_rerank(VectorStoreIndex(nodes, embed_model=Words()).as_retriever())
    best = colour(retriever, "retrieve", "What is the threshold of rule 17?")[0]
    assert best.text == "The threshold of rule 17 is 17 dollars."
    assert 0.5 < best.score <= 1


def test_a_retriever_that_reranks_can_be_evaluated(colour: Colour) -> None:
    evaluator = RetrieverEvaluator.from_metric_names(["hit_rate"], retriever=with_rerank(Numbers(), Scripted()))
    result = colour(evaluator, "evaluate", query="document", expected_ids=["49"])
    assert result.metric_vals_dict == {"hit_rate": 1.0}


def test_a_postprocessor_can_be_evaluated(colour: Colour) -> None:
    evaluator = RetrieverEvaluator.from_metric_names(
        ["mrr"],
        retriever=Numbers(50),
        node_postprocessors=[RerankPostprocessor(reranker=Scripted())],
    )
    assert colour(evaluator, "evaluate", query="document", expected_ids=["48"]).metric_vals_dict == {"mrr": 0.5}


def test_it_works_on_what_an_ingestion_pipeline_brings_in(colour: Colour) -> None:
    pipeline = IngestionPipeline(transformations=[Words()])
    brought_in = pipeline.run(nodes=[TextNode(text=f"note {number}", id_=str(number)) for number in range(60)])
    filled = VectorStoreIndex(list(brought_in), embed_model=Words())
    assert len(answer(colour, with_rerank(filled.as_retriever(), Scripted()))) == 5


def test_reranked_nodes_pass_through_a_workflow() -> None:
    class Found(StopEvent):
        nodes: list[NodeWithScore]

    class Search(Workflow):
        @step
        async def search(self, context: Context[Any], event: StartEvent) -> Found:
            await context.store.set("found", await with_rerank(Numbers(), Scripted()).aretrieve(event.query))
            return Found(nodes=await context.store.get("found"))

    async def searched() -> Found:
        running: Any = Search().run(query="document")
        ended = await running
        assert isinstance(ended, Found)
        return ended

    found: list[Any] = asyncio.run(searched()).nodes
    assert numbers(found) == [49, 48, 47, 46, 45]
    assert found[0].earlier_scores


# ── Arguments ──


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"recall": 0}, "recall"),
        ({"recall": "50"}, "recall must be a whole number of at least 1, or None for 50, or as many as top_n"),
        ({"widen": 50}, "widen must be a function"),
        ({"target": index(), "widen": 50}, "widen must be a function"),
        ({"recall": 4}, "recall must be at least top_n"),
        ({"top_n": 0}, "top_n"),
        ({"threshold": math.inf}, "threshold"),
        ({"timeout": 0}, "timeout"),
        ({"on_error": "ignore"}, "on_error"),
        ({"reranker": 3}, "reranker must be"),
        ({"reranker": Scripted}, r"reranker is the class Scripted: pass an object of it, such as Scripted\(…\)"),
        ({"reranker": LLMRerank(llm=Says()), "threshold": 0.5}, "LLMRerank has no threshold"),
        ({"target": "notes"}, "target must be"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(wrong: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {"target": Numbers(), "reranker": Scripted(), **wrong}
    with pytest.raises(ConfigurationError, match=named):
        with_rerank(**arguments)


def test_a_bare_function_reranks(colour: Colour) -> None:
    for function in (last_numbers, alast_numbers):
        nodes = colour(with_rerank(Numbers(), function, top_n=2), "retrieve", "query")
        assert [each.node_id for each in nodes] == ["49", "48"]


def test_the_name_of_a_cross_encoder_is_one() -> None:
    for name in (embedded_folder(), str(embedded_folder())):
        made: Any = with_rerank(Numbers(), name).postprocessor
        assert isinstance(made.loaded, OnnxCrossEncoder)
        assert made.loaded.model == str(name)


def test_all_settings_reach_the_postprocessor() -> None:
    retriever = with_rerank(Numbers(), Scripted(), recall=40, top_n=4, threshold=0.0, timeout=9, on_error="keep")
    made: Any = retriever.postprocessor
    assert (made.recall, made.top_n, made.threshold, made.timeout, made.on_error) == (40, 4, 0.0, 9.0, "keep")


def test_a_postprocessor_of_ours_keeps_its_settings_unless_others_are_given(colour: Colour) -> None:
    mine = CrossEncoderRerank(reranker=Scripted(), top_n=7, threshold=44.0, on_error="keep")
    assert numbers(answer(colour, with_rerank(Numbers(), mine, top_n=None))) == [49, 48, 47, 46, 45, 44]
    assert numbers(answer(colour, with_rerank(Numbers(), mine, top_n=2))) == [49, 48]
    assert numbers(answer(colour, with_rerank(Numbers(), mine, threshold=48))) == [49, 48]
    assert (mine.top_n, mine.threshold, mine.recall) == (7, 44.0, None)


def test_without_a_top_n_everything_comes_back(colour: Colour) -> None:
    assert len(answer(colour, with_rerank(Numbers(), Scripted(), top_n=None))) == 50


def test_anybodys_postprocessor_works_and_is_held_to_top_n(colour: Colour) -> None:
    theirs = LLMRerank(llm=Says(answer="Doc: 2, Relevance: 7\nDoc: 1, Relevance: 3"), choice_batch_size=50)
    found = answer(colour, with_rerank(Numbers(), theirs, top_n=1))
    assert [(each.node_id, each.score) for each in found] == [("1", 7.0)]
    assert theirs.top_n == 10


def test_with_keep_a_failed_reranking_answers_from_the_first_stages_order(colour: Colour) -> None:
    better = with_rerank(query_engine(), Failing(RuntimeError("no memory")), on_error="keep")
    found = colour(better, "query", "document").source_nodes
    assert numbers(found) == [0, 1, 2, 3, 4]
    assert {each.rerank_failed for each in found} == {"RuntimeError: no memory"}


def test_what_does_not_come_from_with_rerank_has_no_report() -> None:
    targets: list[Any] = [Numbers(), query_engine(), None, with_rerank, index()]
    for target in targets:
        with pytest.raises(ConfigurationError, match=f"this {type(target).__name__} does not come from with_rerank"):
            widening_of(target)


# ── Warnings ──


def test_what_cannot_be_widened_is_warned_of_at_the_users_line() -> None:
    with pytest.warns(RecallWarning, match=r"could not widen Fixed: .*pass widen=") as caught:
        retriever = with_rerank(Fixed(), Scripted())
    assert [each.filename for each in caught] == [__file__]
    assert retriever.widening.unknown == ("Fixed",)


def test_a_function_of_ones_own_widens_what_the_table_does_not_know(colour: Colour) -> None:
    def more(each: BaseRetriever, recall: int) -> BaseRetriever | None:
        return Numbers(recall) if isinstance(each, Fixed) else None

    engine = RetrieverQueryEngine.from_args(Fixed(), llm=Says())
    found = colour(with_rerank(engine, Scripted(), widen=more), "query", "document").source_nodes
    assert numbers(found) == [49, 48, 47, 46, 45]


def test_a_recall_too_low_to_matter_is_warned_of_at_once() -> None:
    with pytest.warns(RecallWarning, match="recall=10 leaves a reranker little to choose from"):
        with_rerank(query_engine(), Scripted(), recall=10)


def test_too_few_candidates_of_a_retriever_are_warned_of_with_its_name(colour: Colour) -> None:
    few = VectorStoreIndex([TextNode(text="document 1")], embed_model=Words()).as_retriever()
    with pytest.warns(RecallWarning, match=r"first stage \(VectorIndexRetriever\) brought 1 candidate where 50"):
        colour(with_rerank(few, Scripted()), "retrieve", "document")


def test_too_few_candidates_are_warned_of_once_with_the_remedy(colour: Colour) -> None:
    ten = RetrieverQueryEngine.from_args(
        Numbers(), llm=Says(), node_postprocessors=[SimilarityPostprocessor(similarity_cutoff=0.9905)]
    )
    better = with_rerank(ten, Scripted())
    with pytest.warns(RecallWarning, match=r"first stage \(Numbers\) brought 10 candidates where 50 were asked for"):
        colour(better, "query", "document")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colour(better, "query", "document")


def test_an_index_that_is_known_to_hold_no_more_is_not_warned_of(colour: Colour) -> None:
    few = BM25Retriever(nodes=[TextNode(text=f"document {n}") for n in range(12)], similarity_top_k=2)
    engine = with_rerank(RetrieverQueryEngine.from_args(few, llm=Says()), Scripted())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colour(engine, "query", "document")
        colour(with_rerank(few, Scripted()), "retrieve", "document")
    assert "so many nodes are there" in str(widening_of(engine))


def test_nothing_found_is_nothing_returned_and_no_warning(colour: Colour) -> None:
    reranker = Scripted()
    nothing = with_rerank(Fixed(), reranker, widen=lambda each, _: each)
    assert answer(colour, nothing) == []
    assert reranker.sent == []


def test_bm25_blocks_nothing_in_an_engine_either() -> None:
    engine = with_rerank(RetrieverQueryEngine.from_args(bm25(), llm=Says()), Scripted())
    first = next(kind for kind in type(engine.retriever).__mro__ if "_aretrieve" in vars(kind))
    assert first is not BaseRetriever
