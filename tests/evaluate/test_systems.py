"""Systems by name and by object, and first stages of both frameworks."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.vectorstores import InMemoryVectorStore
from llama_index.core import MockEmbedding, VectorStoreIndex
from llama_index.core.chat_engine import ContextChatEngine, SimpleChatEngine
from llama_index.core.llms import MockLLM
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.query_engine import RetryQueryEngine
from llama_index.core.schema import NodeWithScore, QueryBundle, TextNode
from llama_index.retrievers.bm25 import BM25Retriever as LlamaBM25

import langchain_rerank_kit
import llama_rerank_kit
from rerank_kit import Cascade, ConfigurationError, MissingExtra, Reranker
from rerank_kit.evaluate import Dataset, evaluate
from rerank_kit.evaluate.first_stages import RetrieverStage
from rerank_kit.evaluate.systems import System, reranker_of, systems_of
from rerank_kit.late import LateInteraction
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.managed import Cohere, Endpoint, Jina, Voyage
from tests.doubles import Scripted
from tests.late.tiny_late import stanford_like

TEXTS = {str(number): f"a text of item{number}" for number in range(60)}
DATA = Dataset("numbers", {"q": "text item7"}, {"q": {"7": 1}}, TEXTS)
GIVEN = Dataset("given", DATA.queries, DATA.judgements, TEXTS, {"q": ["9", "7", "8"]})


def shared(query: str, texts: list[str]) -> list[float]:
    return [float(len(set(query.split()) & set(text.split()))) for text in texts]


def names(given: Any, data: Dataset = DATA) -> list[tuple[str, str, int | None]]:
    return [(each.name, each.first_stage.name, each.recall) for each in systems_of(given, data)]


def _by_words(query: str, texts: list[str]) -> list[float]:
    return [float(len(each)) for each in texts]


def test_by_default_the_embedded_model_is_tried_on_few_and_many_candidates() -> None:
    assert names(None) == [
        ("bm25", "bm25", None),
        ("bm25@10 > onnx:embedded", "bm25", 10),
        ("bm25@50 > onnx:embedded", "bm25", 50),
        ("bm25@100 > onnx:embedded", "bm25", 100),
    ]


@pytest.mark.parametrize(("documents", "recalls"), [(7, [10]), (50, [10, 50]), (60, [10, 50, 100])])
def test_by_default_no_system_sees_the_same_candidates_as_a_smaller_one(documents: int, recalls: list[int]) -> None:
    few = Dataset("few", DATA.queries, {"q": {"3": 1}}, {str(each): TEXTS[str(each)] for each in range(documents)})
    assert [recall for _, _, recall in names(None, few)] == [None, *recalls]


def test_what_is_wrong_with_several_systems_is_said_once() -> None:
    bare = Dataset("bare", DATA.queries, DATA.judgements)
    told = r"(?m)^systems: bm25 needs the documents .*as in corpus='notes', or pass a retriever \(bm25, .*shared.*\)$"
    with pytest.raises(ConfigurationError, match=told) as raised:
        systems_of(["bm25", ("bm25", shared)], bare)
    assert str(raised.value).count("needs") == 1
    with pytest.raises(ConfigurationError, match=r"(?m)retriever$"):
        systems_of(None, bare)


def test_candidates_that_come_along_are_the_first_stage() -> None:
    assert [each for each, _, _ in names(None, GIVEN)][:2] == ["given", "given@10 > onnx:embedded"]
    assert names([shared], GIVEN)[-1] == ("given@50 > shared", "given", 50)


def test_names_of_first_stages_and_objects_are_combined() -> None:
    assert names(
        ["given", "bm25@20 > tests.evaluate.test_systems:shared", ("bm25", shared), ("bm25", Scripted())], GIVEN
    ) == [
        ("given", "given", None),
        ("bm25", "bm25", None),
        ("bm25@20 > tests.evaluate.test_systems:shared", "bm25", 20),
        ("bm25@50 > shared", "bm25", 50),
        ("bm25@50 > Scripted(scripted)", "bm25", 50),
    ]
    assert names({"mine": ("given@2", shared), "given": "given", "lexical": "bm25"}, GIVEN) == [
        ("given", "given", None),
        ("mine", "given", 2),
        ("lexical", "lexical", None),
    ]
    made = systems_of(["bm25"], DATA)[0].first_stage
    assert names([System("whole", made, 7, Scripted())]) == [("bm25", "bm25", None), ("whole", "bm25", 7)]


def test_cascades_are_written_as_they_run() -> None:
    mine = "tests.evaluate.test_systems:shared"
    (_, made) = systems_of([f"bm25@40 > {mine}@10 > {mine}"], DATA)
    assert (made.name, made.recall) == (f"bm25@40 > {mine}@10 > {mine}", 40)
    assert isinstance(made.reranker, Cascade)
    assert [each.top_n for each in made.reranker.stages] == [10, None]
    for wrong in (mine, f"{mine}@0", f"{mine}@many"):
        with pytest.raises(ConfigurationError, match="say with how many, such as"):
            systems_of([f"bm25 > {wrong} > {mine}"], DATA)


def test_two_systems_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two are called 'bm25@50 > Scripted"):
        systems_of([Scripted(), Scripted()], DATA)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("onnx:embedded", OnnxCrossEncoder),
        ("cohere:rerank-v4.0-fast", Cohere),
        ("voyage:rerank-2.5", Voyage),
        ("jina:jina-reranker-v3", Jina),
        ("endpoint:http://127.0.0.1:8080", Endpoint),
        ("tests.evaluate.test_systems:shared", Reranker),
    ],
)
def test_rerankers_have_names(monkeypatch: pytest.MonkeyPatch, name: str, kind: type) -> None:
    for vendor in ("CO", "VOYAGE", "JINA"):
        monkeypatch.setenv(f"{vendor}_API_KEY", "a key for tests")
    assert isinstance(reranker_of(name), kind)


def test_a_compressor_stands_for_its_reranker() -> None:
    compressor = langchain_rerank_kit.RerankCompressor(reranker=Scripted())
    assert isinstance(reranker_of(compressor), Scripted)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tests.evaluate.test_systems", "is not understood"),
        ("cohere:", "'cohere:' names no model"),
        ("bm25@5", "'bm25@5' says how many are reranked, and not by what"),
        ("bm25@5", 'write "bm25@5 > onnx:embedded" with these quotation marks, since a shell'),
        ("tests.evaluate.test_systems:nothing", "cannot be imported: AttributeError"),
        ("tests.evaluate.test_systems:TEXTS", "is no reranker, no function and no retriever"),
    ],
)
def test_a_name_that_is_none_is_told(name: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        systems_of([name], DATA)


def test_what_stands_in_the_working_folder_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_reranker.py").write_text("def score(query, texts):\n    return [1.0] * len(texts)\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert names(["my_reranker:score"])[-1][0] == "bm25@50 > my_reranker:score"


def vectors() -> Any:
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents([Document(page_content=text, id=each) for each, text in TEXTS.items()])
    return store


def nodes() -> Any:
    return LlamaBM25(nodes=[TextNode(id_=each, text=text) for each, text in TEXTS.items()], similarity_top_k=2)


def index() -> Any:
    texts: Any = [TextNode(id_=each, text=text) for each, text in TEXTS.items()]
    return VectorStoreIndex(texts, embed_model=MockEmbedding(embed_dim=2))


@pytest.mark.parametrize(
    ("retriever", "count"),
    [
        (lambda: vectors().as_retriever(), 40),
        (vectors, 40),
        (nodes, 40),
        (lambda: langchain_rerank_kit.with_rerank(vectors(), shared, recall=30), 30),
        (lambda: llama_rerank_kit.with_rerank(nodes(), shared, recall=30), 5),
        (index, 40),
        (lambda: index().as_query_engine(llm=MockLLM()), 40),
        (lambda: llama_rerank_kit.with_rerank(index().as_query_engine(llm=MockLLM()), shared), 5),
    ],
    ids=[
        *("retriever", "store", "nodes", "with_rerank", "with_rerank in LlamaIndex"),
        *("index", "query engine", "with_rerank around an engine"),
    ],
)
def test_retrievers_of_both_frameworks_bring_as_many_as_are_asked_for(retriever: Any, count: int) -> None:
    stage = RetrieverStage(retriever(), dataset=DATA)
    found = stage.find("q", "text item7", 40)
    assert len(found) == count
    assert {each.id for each in found} <= TEXTS.keys()
    assert all(each.text == TEXTS[each.id] for each in found)
    assert len(stage.find("q", "text item7", 3)) == 3
    assert stage.find("q", "text item7", 3) == stage.find("q", "text item7", 3)


def test_what_a_retriever_finds_is_known_by_its_text_where_it_has_other_ids() -> None:
    others = langchain_rerank_kit.BM25Retriever.from_texts([*TEXTS.values(), "a text of another"])
    found = RetrieverStage(others, dataset=DATA).find("q", "text item7", 61)
    assert found[0].id == "7"
    assert "a text of another" in {each.id for each in found}


def test_a_retriever_is_a_system_and_a_first_stage() -> None:
    evaluation = evaluate(DATA, [nodes(), (vectors(), shared), vectors().as_retriever()])
    assert [each.name for each in evaluation.systems] == [
        "BM25Retriever",
        "InMemoryVectorStore",
        "VectorStoreRetriever",
        "InMemoryVectorStore@50 > shared",
    ]
    assert evaluation["BM25Retriever"].mean("RR@10") == 1.0
    assert evaluation["BM25Retriever"].cost_per_1000 is None


class First(BaseNodePostprocessor):
    """Leaves one node."""

    def _postprocess_nodes(self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None) -> Any:
        return nodes[:1]


def test_an_engine_stands_for_its_retriever_with_its_own_postprocessors_behind_it() -> None:
    engine = index().as_query_engine(llm=MockLLM(), node_postprocessors=[First()])
    assert len(RetrieverStage(engine, dataset=DATA).find("q", "text item7", 40)) == 1


@pytest.mark.parametrize(
    "made",
    [
        lambda: SimpleChatEngine.from_defaults(llm=MockLLM(), memory=ChatMemoryBuffer.from_defaults(llm=MockLLM())),
        lambda: ContextChatEngine.from_defaults(
            index().as_retriever(), llm=MockLLM(), memory=ChatMemoryBuffer.from_defaults(llm=MockLLM())
        ),
        lambda: RetryQueryEngine(index().as_query_engine(llm=MockLLM()), cast("Any", None)),
    ],
)
def test_an_engine_that_only_generates_is_refused_with_what_to_name(made: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"this \w+Engine finds nothing .* name the retriever"):
        systems_of([made()], DATA)


@pytest.mark.filterwarnings("ignore:recall=5 leaves")
def test_what_reranks_by_itself_has_no_ceiling_and_is_no_reason_to_give_up() -> None:
    asked = Dataset("two", {"q": "text item7", "p": "text item8"}, {"q": {"7": 1}, "p": {"8": 1}}, TEXTS)
    inner = langchain_rerank_kit.with_rerank(vectors(), lambda _, texts: [float(len(each)) for each in texts], recall=5)
    found = evaluate(asked, {"mine": inner, "plain": vectors()})
    assert set(found.ceilings) == {"plain"}
    missing = {each["system"]: each["text"] for each in found.findings if each["kind"] == "missing"}
    assert "what it reranks is not seen here" in missing["mine"]
    assert not [each for each in found.findings if each["kind"] == "recall" and each["system"] == "mine"]
    assert not [note for note in found.notes if "of mine" in note]


def test_a_pair_in_a_module_is_a_system_and_a_retriever_can_only_stand_first() -> None:
    module = "tests.evaluate.test_systems"
    assert names([f"{module}:PAIR"]) == [
        ("BM25Retriever", "BM25Retriever", None),
        (f"{module}:PAIR", "BM25Retriever", 20),
    ]
    with pytest.raises(ConfigurationError, match="BM25Retriever finds candidates, and can only stand first, as in"):
        systems_of([f"{OTHERS_NAME} > {OTHERS_NAME}"], DATA)


def test_what_is_no_first_stage_is_told() -> None:
    with pytest.raises(ConfigurationError, match="a first stage must be a retriever of LangChain or LlamaIndex"):
        systems_of([(5, shared)], DATA)
    with pytest.raises(ConfigurationError, match="bm25 needs the documents of the dataset"):
        systems_of(["bm25"], Dataset("none", {"q": "?"}, {"q": {"a": 1}}))


def test_a_first_stage_in_a_module_and_a_model_of_sentence_transformers_have_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (_, few) = systems_of(["tests.evaluate.test_systems:OTHERS@20 > tests.evaluate.test_systems:shared"], DATA)
    assert few.recall == 20
    with pytest.raises(ConfigurationError, match=r"'nosuch:a' cannot be imported.*'cohere:' names no model"):
        systems_of(["nosuch:a", "cohere:"], DATA)
    made = systems_of([("tests.evaluate.test_systems:OTHERS", shared)], DATA)
    assert [each.name for each in made] == [OTHERS_NAME, f"{OTHERS_NAME}@50 > shared"]
    assert names([OTHERS_NAME])[-1][0] == OTHERS_NAME
    assert systems_of([OTHERS], DATA)[0].name == "BM25Retriever"
    monkeypatch.setitem(sys.modules, "flashrank", None)
    with pytest.raises(MissingExtra, match="flashrank"):
        reranker_of("flashrank:ms-marco-TinyBERT-L-2-v2")


def test_late_interaction_has_a_name(tmp_path: Path) -> None:
    folder = stanford_like(tmp_path).folder
    made = reranker_of(f"late:{folder}")
    assert isinstance(made, LateInteraction)
    assert made.model == str(folder)


def test_nodes_are_known_by_their_text_alone_whatever_metadata_they_have() -> None:
    texts: Any = [TextNode(text=text, metadata={"file": "notes.md"}) for text in TEXTS.values()]
    stage = RetrieverStage(LlamaBM25(nodes=texts, similarity_top_k=2), dataset=DATA)
    (found,) = stage.find("q", "text item7", 1)
    assert (found.id, found.shown) == ("7", TEXTS["7"])
    assert "notes.md" in found.text


def _nodes(texts: Sequence[str], metadata: Sequence[dict[str, str]]) -> Any:
    nodes = [TextNode(text=text, metadata=each) for text, each in zip(texts, metadata, strict=True)]
    return LlamaBM25(nodes=cast("Any", nodes), similarity_top_k=2)


def _chunks(texts: Sequence[str], metadata: Sequence[dict[str, str]]) -> Any:
    return langchain_rerank_kit.BM25Retriever.from_texts(texts, metadatas=metadata, k=2)


@pytest.mark.parametrize("retriever", [_nodes, _chunks])
def test_labels_are_of_texts_and_never_of_metadata(retriever: Any) -> None:
    quote = "the office is open from nine to five on all days"
    texts = ["Of the office:\n\nThe  office is open from nine\tto five on all days.", "The office has dogs in it."]
    found = retriever(texts, [{"file": "a.md"}, {"summary": quote}])
    by_text = Dataset("texts", {"q": "the office"}, {"q": {"a": 1}}, {"a": " ".join(texts[0].split()), "b": texts[1]})
    by_quote = Dataset("quotes", {"q": "the office"}, {}, quotes={"q": [quote]})
    for data in (by_text, by_quote):
        (first,) = evaluate(data, [found]).systems
        shown = {each.id: each.shown for each in first.outcomes["q"].candidates}
        assert len(shown) == 2
        assert [shown[each] for each, grade in first.judgements["q"].items() if grade] == [texts[0]]


def test_given_candidates_are_found() -> None:
    found = evaluate(GIVEN, ["given"])
    assert found["given"].outcomes["q"].ids == ["9", "7", "8"]
    assert found["given"].cost_per_1000 == 0.0


OTHERS = langchain_rerank_kit.BM25Retriever.from_texts(["one text", "another text"])
OTHERS_NAME = "tests.evaluate.test_systems:OTHERS"
PAIR = (OTHERS, shared, 20)


def test_a_pair_may_say_how_many_candidates_are_reranked() -> None:
    names = [each.name for each in systems_of([("bm25", _by_words), ("bm25", _by_words, 10)], DATA)]
    assert [name.partition(" ")[0] for name in names] == ["bm25", "bm25@50", "bm25@10"]
    with pytest.raises(ConfigurationError, match="recall must be"):
        systems_of([("bm25", _by_words, 0)], DATA)


def test_the_name_of_the_embedded_model_is_meant() -> None:
    with pytest.raises(ConfigurationError, match=r"'onnx:embeded' is no model here: did you mean 'onnx:embedded'\?"):
        systems_of(["bm25@50 > onnx:embeded"], DATA)


@pytest.mark.parametrize("count", ["²", "9" * 5000, "0"])
def test_a_number_of_candidates_is_one(count: str) -> None:
    for name in (f"bm25@{count} > onnx:embedded", f"bm25 > onnx:embedded@{count} > onnx:embedded"):
        with pytest.raises(ConfigurationError, match=r"reranks no candidates|say with how many"):
            systems_of([name], DATA)
