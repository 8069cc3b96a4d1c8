"""`with_rerank`: wide first stage, best few back, nothing lost on the way, and everything visible."""

from __future__ import annotations

import asyncio
import math
import warnings
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.callbacks import CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.documents.base import Blob
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import ConfigurableField, RunnableConfig, RunnableLambda

from langchain_rerank_kit import (
    BM25Retriever,
    CrossEncoderRerank,
    RecallWarning,
    RerankCompressor,
    RerankRetriever,
    with_rerank,
)
from rerank_kit import ConfigurationError, Deadline, DeadlineExceeded, MissingExtra, Ranking, Reranker
from rerank_kit import Document as Candidate
from rerank_kit.flow import Flow, blocking
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder
from tests.conftest import Colour, tasks_left_by_cancelling
from tests.doubles import Failing, Gated, Scripted, alast_numbers, last_numbers
from tests.langchain.recording import Recorder
from tests.servers import eventually


class Numbers(BaseRetriever):
    """Brings "document 0", "document 1", …"""

    k: int = 4

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [Document(page_content=f"document {number}", id=str(number)) for number in range(self.k)]


def ids(documents: list[Document]) -> list[str | None]:
    return [document.id for document in documents]


def test_the_best_of_many_come_back(colour: Colour) -> None:
    retriever = with_rerank(Numbers(), Scripted())
    assert ids(colour(retriever, "invoke", "query")) == ["49", "48", "47", "46", "45"]


def test_a_bare_function_reranks(colour: Colour) -> None:
    for function in (last_numbers, alast_numbers):
        assert ids(colour(with_rerank(Numbers(), function), "invoke", "query", top_n=2)) == ["49", "48"]


def test_the_name_of_a_cross_encoder_is_one() -> None:
    for name in (embedded_folder(), str(embedded_folder())):
        made: Any = with_rerank(Numbers(), name).base_compressor
        assert isinstance(made.loaded, OnnxCrossEncoder)
        assert made.loaded.model == str(name)


def test_it_is_a_contextual_compression_retriever() -> None:
    retriever = with_rerank(Numbers(), Scripted())
    assert isinstance(retriever, ContextualCompressionRetriever)
    assert isinstance(retriever.base_retriever, Numbers)
    assert isinstance(retriever.base_compressor, RerankCompressor)


def test_the_retriever_that_was_given_is_not_changed(colour: Colour) -> None:
    mine = Numbers()
    colour(with_rerank(mine, Scripted()), "invoke", "query")
    assert mine.k == 4


def test_recall_top_n_and_threshold_can_be_given_for_one_call(colour: Colour) -> None:
    reranker = Scripted()
    retriever = with_rerank(Numbers(), reranker, recall=30)
    assert ids(colour(retriever, "invoke", "query", recall=80, top_n=2)) == ["79", "78"]
    assert ids(colour(retriever, "invoke", "query", threshold=28)) == ["29", "28"]
    assert len(reranker.sent[-1][1]) == 30


def test_k_for_one_call_is_top_n_and_does_not_narrow_the_first_stage(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    reranker = Scripted()
    retriever = with_rerank(Numbers(), reranker)
    for _ in range(2):
        assert ids(colour(retriever, "invoke", "query", k=1)) == ["49"]
    assert ids(colour(retriever, "invoke", "query", k=2, top_n=2)) == ["49", "48"]
    assert ids(colour(retriever.bind(k=3), "invoke", "query")) == ["49", "48", "47"]
    assert len(colour(retriever, "invoke", "query", k=None)) == 5
    assert {len(documents) for _, documents in reranker.sent} == {50}
    assert [each.getMessage() for each in caplog.records] == [
        "k=1 is taken for top_n: recall says how many candidates the first stage brings"
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"k": 1, "top_n": 2}, "k=1 and top_n=2 say two things"),
        ({"k": 0}, "k must be a whole number"),
        ({"k": True}, "k"),
    ],
)
def test_a_wrong_k_is_an_error(arguments: dict[str, Any], told: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=told):
        colour(with_rerank(Numbers(), Scripted()), "invoke", "query", **arguments)


def test_a_recall_for_one_call_may_be_lower(colour: Colour) -> None:
    reranker = Scripted()
    retriever = with_rerank(Numbers(), reranker, recall=80)
    colour(retriever, "invoke", "query", recall=25)
    assert len(reranker.sent[-1][1]) == 25


def test_more_than_the_recall_for_one_call_raises_it_for_that_call(colour: Colour) -> None:
    reranker = Scripted()
    retriever = with_rerank(Numbers(), reranker)
    assert len(colour(retriever, "invoke", "query", top_n=70)) == 70
    assert len(colour(retriever, "invoke", "query", k=60)) == 60
    colour(retriever, "invoke", "query")
    assert [len(documents) for _, documents in reranker.sent] == [70, 60, 50]
    for arguments in ({"recall": 60, "top_n": 70}, {"recall": 4}):
        with pytest.raises(ConfigurationError, match="recall must be at least top_n"):
            colour(retriever, "invoke", "query", **arguments)


@pytest.mark.parametrize("given", [{}, {"recall": 60}])
def test_so_it_is_with_what_is_configured_for_one_call(given: dict[str, Any], colour: Colour) -> None:
    retriever = with_rerank(Numbers(), Scripted(), **given).configurable_fields(top_n=ConfigurableField(id="top_n"))
    assert len(colour(retriever, "invoke", "query", {"configurable": {"top_n": 70}})) == 70
    assert len(colour(retriever, "invoke", "query")) == 5


@pytest.mark.parametrize("top_n", [51, 70])
def test_where_nobody_has_said_the_recall_it_is_enough_for_top_n(top_n: int, colour: Colour) -> None:
    ours = RerankCompressor(reranker=Scripted(), top_n=top_n)
    theirs = Cutting(top_n=top_n)
    made = {
        "with_rerank": with_rerank(Numbers(), Scripted(), top_n=top_n),
        "a compressor of ours": with_rerank(Numbers(), ours),
        "and for good": with_rerank(Numbers(), ours, top_n=None),
        "of others": with_rerank(Numbers(), theirs),
        "the class": RerankRetriever(base_retriever=Numbers(), base_compressor=ours, top_n=top_n),
        "the class and a compressor": RerankRetriever(base_retriever=Numbers(), base_compressor=theirs),
    }
    for way, retriever in made.items():
        assert (way, retriever.recall) == (way, top_n)
        assert len(colour(retriever, "invoke", "query")) == top_n
    changed = with_rerank(Numbers(), Scripted())
    changed.top_n = top_n
    assert len(colour(changed, "invoke", "query")) == changed.recall == top_n
    changed.top_n = 3
    assert changed.recall == changed.widening.recall == 50
    changed = with_rerank(Numbers(), Scripted(), top_n=None)
    changed.base_compressor = ours
    assert changed.recall == changed.widening.recall == top_n


def test_a_recall_that_was_said_is_never_raised_in_silence() -> None:
    for recall, enough in ((40, 50), (60, 70)):
        told = f"(?m)recall must be at least top_n, which is {recall + 10}, not {recall}: pass recall={enough} or more$"
        with pytest.raises(ConfigurationError, match=told):
            with_rerank(Numbers(), Scripted(), recall=recall, top_n=recall + 10)
        retriever = with_rerank(Numbers(), Scripted(), recall=recall)
        with pytest.raises(ConfigurationError, match=told):
            retriever.top_n = recall + 10
        with pytest.raises(ValueError, match=told[:-1]):
            RerankRetriever(base_retriever=Numbers(), base_compressor=Cutting(), recall=recall, top_n=recall + 10)


@pytest.mark.parametrize("name", ["recall", "top_n", "k"])
def test_none_in_a_call_is_what_the_retriever_says(name: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be .* at least 1, or None for that of the retriever"):
        colour(with_rerank(Numbers(), Scripted()), "invoke", "query", **{name: 0})
    assert len(colour(with_rerank(Numbers(), Scripted()), "invoke", "query", **{name: None})) == 5


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("topn", "top_n"), ("top_k", "top_n"), ("limit", "top_n"), ("recal", "recall"), ("treshold", "threshold")],
)
def test_what_resembles_an_argument_is_asked_about(wrong: str, meant: str, colour: Colour) -> None:
    with pytest.raises(ConfigurationError, match=rf"not '{wrong}': did you mean {meant}\?"):
        colour(with_rerank(Numbers(), Scripted()), "invoke", "query", **{wrong: 1})


def test_other_arguments_go_on_to_the_first_stage(colour: Colour) -> None:
    def listening(query: str, k: int = 4, **kwargs: Any) -> list[Document]:
        got.append(kwargs)
        return [Document(page_content=f"{query} {number}") for number in range(k)]

    got: list[dict[str, Any]] = []
    given: dict[str, Any] = {"score_threshold": 0.5, "fetch_k": 9, "filter": {}, "n": 1, "page": 3}
    colour(with_rerank(listening, Scripted()), "invoke", "query", **given)
    assert got == [given]


def test_a_top_n_that_a_compressor_was_given_holds_unless_another_is_said(colour: Colour) -> None:
    mine = RerankCompressor(reranker=Scripted(), top_n=2)
    cases: list[tuple[BaseDocumentCompressor, dict[str, Any], int]] = [
        (mine, {}, 2),
        (Cutting(top_n=2), {}, 2),
        (mine, {"top_n": 4}, 4),
        (mine, {"top_n": None}, 2),
        (RerankCompressor(reranker=Scripted(), top_n=None), {}, 50),
        (RerankCompressor(reranker=Scripted()), {}, 5),
        (Cutting(), {}, 5),
    ]
    for compressor, arguments, count in cases:
        assert len(colour(with_rerank(Numbers(), compressor, **arguments), "invoke", "query")) == count
    retriever: Any = with_rerank(Numbers(), mine)
    retriever.base_compressor.top_n = 3
    assert len(colour(retriever, "invoke", "query")) == 3
    with pytest.raises(ConfigurationError, match="recall must be at least top_n, which is 70"):
        with_rerank(Numbers(), RerankCompressor(reranker=Scripted(), top_n=70), recall=60)


@pytest.mark.parametrize("wrong", [{"recall": 0}, {"top_n": -1}, {"threshold": math.nan}])
def test_a_wrong_number_for_one_call_is_an_error(colour: Colour, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        colour(with_rerank(Numbers(), Scripted()), "invoke", "query", **wrong)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"recall": 0}, "recall"),
        ({"recall": "50"}, "recall must be a whole number of at least 1, or None for 50, or as many as top_n"),
        ({"recall": 4}, "recall must be at least top_n"),
        ({"top_n": 0}, "top_n"),
        ({"threshold": math.inf}, "threshold"),
        ({"timeout": 0}, "timeout"),
        ({"on_error": "ignore"}, "on_error"),
        ({"reranker": 3}, "reranker must be"),
        ({"reranker": Scripted}, r"reranker is the class Scripted: pass an object of it, such as Scripted\(…\)"),
        ({"reranker": RerankCompressor(reranker=Scripted()), "timeout": 3}, "timeout goes with"),
    ],
)
def test_a_wrong_argument_is_an_error_that_names_it(wrong: dict[str, Any], named: str) -> None:
    arguments: dict[str, Any] = {"reranker": Scripted(), **wrong}
    with pytest.raises(ConfigurationError, match=named):
        with_rerank(Numbers(), **arguments)


def test_something_that_is_no_retriever_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="retriever must be"):
        with_rerank(Blob.from_data("x"), Scripted())  # type: ignore[arg-type]


def test_a_bound_top_n_works_like_one_given_in_the_call(colour: Colour) -> None:
    assert ids(colour(with_rerank(Numbers(), Scripted()).bind(top_n=1), "invoke", "query")) == ["49"]


def test_fields_can_be_made_configurable(colour: Colour) -> None:
    reranker = Scripted()
    retriever = with_rerank(Numbers(), reranker).configurable_fields(
        recall=ConfigurableField(id="recall"), top_n=ConfigurableField(id="top_n")
    )
    found = colour(retriever, "invoke", "query", {"configurable": {"recall": 30, "top_n": 2}})
    assert ids(found) == ["29", "28"]
    assert len(reranker.sent[-1][1]) == 30


def test_batches_work(colour: Colour) -> None:
    found = colour(with_rerank(Numbers(), Scripted()), "batch", ["a", "b"])
    assert [ids(each) for each in found] == [["49", "48", "47", "46", "45"]] * 2


def test_config_reaches_the_first_stage(colour: Colour) -> None:
    seen: list[RunnableConfig] = []

    def search(query: str, config: RunnableConfig, k: int = 4) -> list[Document]:
        seen.append(config)
        return [Document(page_content=f"{query} {number}") for number in range(k)]

    config: RunnableConfig = {
        "tags": ["mine"],
        "metadata": {"tenant": "Ada"},
        "configurable": {"language": "en"},
        "run_name": "faq",
    }
    colour(with_rerank(search, Scripted()), "invoke", "query", config)
    (got,) = seen
    assert got.get("configurable") == {"language": "en"}
    assert got.get("metadata", {})["tenant"] == "Ada"
    assert got.get("tags") == ["mine"]


def test_every_run_is_in_the_trace_below_the_retrievers(colour: Colour) -> None:
    recorder = Recorder()
    config: RunnableConfig = {
        "callbacks": [recorder],
        "tags": ["mine"],
        "metadata": {"tenant": "Ada"},
        "run_name": "faq",
    }
    colour(with_rerank(Numbers(), Scripted()), "invoke", "query", config)
    outer, first = [run for run in recorder.runs.values() if run.name == "faq"]
    second = recorder.named("Scripted")
    assert outer.parent is None
    assert first.parent == second.parent == recorder.id_of("faq")
    assert [len(run.outputs) for run in (outer, first)] == [5, 50]
    assert len(second.outputs["hits"]) == 5
    for run in (outer, first, second):
        assert "mine" in run.tags
        assert run.metadata["tenant"] == "Ada"


def test_without_a_run_name_runs_are_called_what_they_are(colour: Colour) -> None:
    recorder = Recorder()
    colour(with_rerank(Numbers(), Scripted()), "invoke", "query", {"callbacks": [recorder]})
    assert [run.name for run in recorder.runs.values()] == ["RerankRetriever", "Numbers", "Scripted"]


@pytest.mark.parametrize("error", [RuntimeError("no memory"), DeadlineExceeded("too late")])
def test_a_failed_reranking_raises_by_default(colour: Colour, error: Exception) -> None:
    with pytest.raises(type(error)):
        colour(with_rerank(Numbers(), Failing(error)), "invoke", "query")


def test_with_keep_a_failed_reranking_returns_the_first_stages_order_flagged_without_retrieving_again(
    colour: Colour, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[str] = []

    def search(query: str, k: int = 4) -> list[Document]:
        calls.append(query)
        return [Document(page_content="x", id=str(number)) for number in range(k)]

    found = colour(with_rerank(search, Failing(RuntimeError("no memory")), on_error="keep"), "invoke", "query")
    assert ids(found) == ["0", "1", "2", "3", "4"]
    assert {document.metadata["rerank_failed"] for document in found} == {"RuntimeError: no memory"}
    assert calls == ["query"]
    assert "reranking failed" in caplog.text


def test_with_keep_and_no_top_n_the_compressors_own_limit_holds(colour: Colour) -> None:
    compressor = RerankCompressor(reranker=Failing(RuntimeError("x")), top_n=3)
    retriever = with_rerank(Numbers(), compressor, top_n=None, on_error="keep")
    assert ids(colour(retriever, "invoke", "query")) == ["0", "1", "2"]


@pytest.mark.parametrize("error", [ConfigurationError("wrong key"), MissingExtra("x is missing", "x")])
def test_a_wrong_setting_raises_even_with_keep(colour: Colour, error: Exception) -> None:
    retriever = with_rerank(Numbers(), Failing(error), on_error="keep")
    with pytest.raises(type(error)):
        colour(retriever, "invoke", "query")


def test_with_keep_a_timeout_degrades_too(colour: Colour) -> None:
    class Slow(Reranker):
        def flow(self, query: str, documents: Sequence[Candidate], deadline: Deadline) -> Flow[Ranking]:
            while True:
                yield from blocking(deadline.check)

    retriever = with_rerank(Numbers(), Slow(), timeout=0.01, on_error="keep")
    found = colour(retriever, "invoke", "query")
    assert len(found) == 5
    assert found[0].metadata["rerank_failed"].startswith("DeadlineExceeded")


def test_a_cancelled_call_is_cancelled_whatever_on_error_says() -> None:
    async def cancelled() -> None:
        retriever = with_rerank(Numbers(), Failing(asyncio.CancelledError()), on_error="keep")
        with pytest.raises(asyncio.CancelledError):
            await retriever.ainvoke("query")

    asyncio.run(cancelled())


def test_a_failing_first_stage_raises_whatever_on_error_says(colour: Colour) -> None:
    def broken(query: str, k: int = 4) -> list[Document]:
        raise OSError(query)

    with pytest.raises(OSError, match="query"):
        colour(with_rerank(broken, Scripted(), on_error="keep"), "invoke", "query")


def test_nothing_found_is_nothing_returned_and_no_warning(colour: Colour) -> None:
    def nothing(query: str, k: int = 4) -> list[Document]:
        return []

    reranker = Scripted()
    assert colour(with_rerank(nothing, reranker), "invoke", "query") == []
    assert reranker.sent == []


def test_too_few_candidates_are_warned_of_once_with_the_remedy(colour: Colour) -> None:
    def ten(query: str, k: int = 4) -> list[Document]:
        return [Document(page_content=f"document {number}") for number in range(10)]

    retriever = with_rerank(ten, Scripted())
    with pytest.warns(RecallWarning, match=r"brought 10 candidates where 50 were asked for.*retriever.widening"):
        colour(retriever, "invoke", "query")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        colour(retriever, "invoke", "query")


def test_the_warning_points_at_the_users_line() -> None:
    def one(query: str, k: int = 4) -> list[Document]:
        return [Document(page_content="x 1")]

    retriever = with_rerank(RunnableLambda(one), Scripted())
    with pytest.warns(RecallWarning) as caught:
        retriever.invoke("query")
    assert caught[0].filename == __file__


def test_a_recall_too_low_to_matter_is_warned_of_at_once() -> None:
    with pytest.warns(RecallWarning, match="recall=10 leaves a reranker little to choose from"):
        with_rerank(Numbers(), Scripted(), recall=10)


class Cutting(BaseDocumentCompressor):
    """Somebody else's compressor: keeps its top_n from the end, without scores."""

    top_n: int = 3

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        return tuple(reversed(documents))[: self.top_n]


def test_any_other_compressor_works_and_is_held_to_top_n(colour: Colour) -> None:
    theirs = Cutting()
    assert ids(colour(with_rerank(Numbers(), theirs, top_n=5), "invoke", "query")) == ["49", "48", "47", "46", "45"]
    assert ids(colour(with_rerank(Numbers(), theirs, top_n=1), "invoke", "query")) == ["49"]
    assert ids(colour(with_rerank(Numbers(), theirs, top_n=None), "invoke", "query")) == ["49", "48", "47"]
    assert theirs.top_n == 3


def test_any_other_compressor_is_visible_in_the_trace(colour: Colour) -> None:
    recorder = Recorder()
    colour(with_rerank(Numbers(), Cutting()), "invoke", "query", {"callbacks": [recorder]})
    assert len(recorder.named("Cutting").outputs["documents"]) == 5


def test_a_threshold_holds_for_any_other_compressor_that_scores(colour: Colour) -> None:
    class Scoring(Cutting):
        def compress_documents(
            self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
        ) -> Sequence[Document]:
            return [Document(page_content=str(score), metadata={"relevance_score": score}) for score in (0.9, 0.4)]

    found = colour(with_rerank(Numbers(), Scoring(), threshold=0.5), "invoke", "query")
    assert [document.page_content for document in found] == ["0.9"]


def test_our_own_compressors_are_taken_too(colour: Colour) -> None:
    texts = [f"The threshold of rule {number} is {number} dollars." for number in range(60)]
    retriever = with_rerank(BM25Retriever.from_texts(texts), CrossEncoderRerank(), top_n=2)
    found = colour(retriever, "invoke", "What is the threshold of rule 17?")
    assert found[0].page_content == texts[17]
    assert len(found) == 2


def test_one_line_is_enough(colour: Colour) -> None:
    texts = [f"The threshold of rule {number} is {number} dollars." for number in range(60)]
    retriever = with_rerank(BM25Retriever.from_texts(texts))
    assert colour(retriever, "invoke", "What is the threshold of rule 17?")[0].page_content == texts[17]
    assert isinstance(retriever, RerankRetriever)
    assert str(retriever.widening) == "BM25Retriever.k: 4 → 50"


@pytest.mark.parametrize("on_error", ["raise", "keep"])
def test_a_cancelled_call_drops_the_pairs_that_have_not_begun(on_error: Any) -> None:
    gated = Gated()
    retriever = with_rerank(Numbers(), gated, on_error=on_error)
    assert tasks_left_by_cancelling(lambda: retriever.ainvoke("query"), lambda: bool(gated.begun)) == 1
    gated.gate.set()
    assert eventually(lambda: len(gated.ended) == 1)
    assert len(gated.begun) == 1
