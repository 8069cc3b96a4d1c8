"""The local rerankers in plain fields: every setting of an engine is there, and what it cannot follow is an error."""

from __future__ import annotations

import asyncio
import inspect
import json
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, TextNode

import llama_rerank_kit
from llama_rerank_kit import (
    CascadeRerank,
    CohereRerank,
    CrossEncoderRerank,
    DecisionRerank,
    EndpointRerank,
    FlashRankRerank,
    JinaRerank,
    LateInteractionRerank,
    LLMJudgeRerank,
    RerankPostprocessor,
    RuleRerank,
    VoyageRerank,
    with_rerank,
)
from rerank_kit import ConfigurationError, MissingExtra, Reranker
from rerank_kit.late import LateInteraction
from rerank_kit.local import Engine, FlashRank, LongDocumentsWarning, OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.model_files import EMBEDDED, embedded_folder
from rerank_kit.testing import ChatServer, DecisionServer, RerankServer
from tests.conftest import Colour
from tests.doubles import Scripted
from tests.llama.models import flashrank_cache, torch_folder
from tests.llama.stores import Numbers, answer

QUERY = QueryBundle("query apple")
TORCH: dict[str, Any] = {"engine": "sentence-transformers", "device": "cpu"}


def fruit() -> list[NodeWithScore]:
    texts = ["banana text", "apple apple", "word grape fig", "cherry"]
    return [NodeWithScore(node=TextNode(text=text, id_=text), score=0.5) for text in texts]


# ── The fields ──


ENGINES: dict[Engine, type[Reranker]] = {
    "onnx": OnnxCrossEncoder,
    "sentence-transformers": SentenceTransformersCrossEncoder,
}


def settings(engine: type[Reranker]) -> dict[str, Any]:
    """What an engine can be set to, by the names and defaults of its constructor."""
    return {name: each.default for name, each in inspect.signature(engine).parameters.items() if name != "model"}


@pytest.mark.parametrize("engine", list(ENGINES))
def test_every_setting_of_an_engine_is_a_field_with_the_same_default(engine: Engine) -> None:
    fields = {name: field.default for name, field in CrossEncoderRerank.model_fields.items()}
    assert settings(ENGINES[engine]).items() <= fields.items()


def test_every_setting_of_flashrank_is_a_field_with_the_same_default() -> None:
    fields = {name: field.default for name, field in FlashRankRerank.model_fields.items()}
    given = {name: each.default for name, each in inspect.signature(FlashRank).parameters.items()}
    assert given.items() <= fields.items()


def test_code_that_comes_with_a_model_is_not_run_unless_asked_for() -> None:
    assert CrossEncoderRerank.model_fields["trust_remote_code"].default is False


SAMPLES: dict[str, Any] = {
    "file": "other.onnx",
    "precision": "int8",
    "batch_size": 2,
    "providers": ["CPUExecutionProvider"],
    "output": "logits",
    "on_language": "skip",
    "device": "cpu",
    "dtype": "float32",
    "batch_tokens": 256,
    "prompt": "Judge",
    "trust_remote_code": True,
}
FOREIGN = [
    (engine, name)
    for engine, own in ENGINES.items()
    for other in ENGINES.values()
    for name in settings(other).keys() - settings(own).keys()
]


@pytest.mark.parametrize(("engine", "name"), sorted(FOREIGN))
def test_a_field_that_the_engine_cannot_follow_is_an_error_that_names_it(engine: Engine, name: str) -> None:
    complaint = f"{name}={SAMPLES[name]!r} is no setting of engine={engine!r}"
    with pytest.raises(ConfigurationError, match=re.escape(complaint)):
        CrossEncoderRerank(engine=engine, model="folder", **{name: SAMPLES[name]})


def test_the_onnx_engine_follows_its_fields() -> None:
    folder = str(embedded_folder())
    made = CrossEncoderRerank(
        model=folder,
        max_length=32,
        threads=1,
        raw_scores=True,
        batch_size=2,
        providers=["CPUExecutionProvider"],
        long_documents="max",
        window=20,
        max_windows=3,
        long_queries="keep-start",
        max_query_length=9,
        output="logits",
    )
    engine = made.loaded
    assert isinstance(engine, OnnxCrossEncoder)
    assert (engine.model, engine.max_length, engine.threads) == (folder, 32, 1)
    assert (engine.batch_size, engine.provider, engine.long_documents) == (2, "CPUExecutionProvider", "max")
    assert engine.windows("tax", "word " * 500)[3:] == []
    assert engine.rerank("tax " * 9, ["word"]).usage.query_truncated == 0
    assert engine.rerank("tax " * 10, ["word"]).usage.query_truncated == 1
    assert any(not 0 <= each.score <= 1 for each in made.postprocess_nodes(fruit(), QUERY) if each.score is not None)


def test_the_sentence_transformers_engine_follows_its_fields(tmp_path: Path, colour: Colour) -> None:
    folder = torch_folder(tmp_path)
    made = CrossEncoderRerank(
        **TORCH,
        model=folder,
        dtype="float32",
        max_length=32,
        long_queries="keep-start",
        max_query_length=9,
        threads=1,
        batch_tokens=64,
        raw_scores=True,
    )
    engine = made.loaded
    assert isinstance(engine, SentenceTransformersCrossEncoder)
    assert (engine.model, engine.device, engine.dtype) == (folder, "cpu", "float32")
    assert (engine.max_length, engine.threads, engine.batch_tokens) == (32, 1, 64)
    assert [engine.rerank("apple " * count, ["fig"]).usage.query_truncated for count in (9, 10)] == [0, 1]
    own = SentenceTransformersCrossEncoder(folder, device="cpu", raw_scores=True, max_length=32)
    best = colour(made, "postprocess_nodes", fruit(), QUERY)
    ranking = own.rerank(QUERY.query_str, [each.text for each in fruit()], top_n=3)
    assert [each.text for each in best] == ranking.pick([each.text for each in fruit()])
    assert [each.score for each in best] == pytest.approx([hit.score for hit in ranking], abs=1e-5)


def test_a_device_of_pytorch_is_a_field_by_its_name(tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch")
    made = CrossEncoderRerank(**{**TORCH, "device": torch.device("cpu")}, model=torch_folder(tmp_path))
    assert made.device == "cpu"
    assert made.to_dict()["device"] == "cpu"
    with pytest.raises(ConfigurationError, match="device=99 is none of PyTorch's"):
        made.device = 99


def test_flashrank_follows_its_fields(tmp_path: Path, colour: Colour) -> None:
    made = FlashRankRerank(
        cache_dir=flashrank_cache(tmp_path),
        max_length=64,
        long_queries="keep-start",
        max_query_length=9,
        threads=1,
        top_n=2,
    )
    engine = made.loaded
    assert [engine.rerank("tax " * count, ["word"]).usage.query_truncated for count in (9, 10)] == [0, 1]
    assert isinstance(engine, FlashRank)
    assert (engine.model, engine.max_length, engine.threads) == (EMBEDDED, 64, 1)
    best = colour(made, "postprocess_nodes", fruit(), QUERY)
    assert best[0].text == "apple apple"
    assert len(best) == 2


def test_late_interaction_follows_its_fields_and_keeps_vectors_in_a_file(tmp_path: Path, colour: Colour) -> None:
    tiny: Any = pytest.importorskip("tests.late.tiny_late")
    fields: dict[str, Any] = {
        "model": str(tiny.pylate_like(tmp_path / "model").folder),
        "store": str(tmp_path / "kept"),
    }
    fields |= {"threads": 1, "max_length": 10, "max_query_length": 9, "query_prompt": "word "}
    made = LateInteractionRerank(**fields, top_n=2)
    engine = made.loaded
    assert isinstance(engine, LateInteraction)
    given = {name: each.default for name, each in inspect.signature(LateInteraction).parameters.items()}
    own = {name: each.default for name, each in LateInteractionRerank.model_fields.items() if name in given}
    assert {name: value for name, value in own.items() if name != "model"} == {
        name: value for name, value in given.items() if name != "model"
    }
    assert (engine.max_length, engine.max_query_length, engine.threads) == (10, 9, 1)
    best = colour(made, "postprocess_nodes", fruit(), QUERY)
    scores = [hit.score for hit in engine.rerank(QUERY.query_str, [each.text for each in fruit()])]
    assert [each.score for each in best] == scores[:2]
    again = LateInteractionRerank(**fields).loaded.rerank(QUERY.query_str, [each.text for each in fruit()])
    assert again.usage.cached == 4


def test_the_embedded_model_is_for_onnx_alone() -> None:
    with pytest.raises(ConfigurationError, match=r"engine='sentence-transformers' needs a model=.*embedded"):
        CrossEncoderRerank(engine="sentence-transformers")


@pytest.mark.parametrize("wrong", [{"max_length": 3}, {"threads": 0}, {"model": "/nowhere"}, {"batch_size": 0}])
def test_what_the_engine_refuses_is_its_own_error_and_not_pydantics(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        CrossEncoderRerank(**wrong)


def test_an_engine_that_is_not_installed_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for missing in ("sentence_transformers", "flashrank.Config"):
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[sentence-transformers\]"'):
        CrossEncoderRerank(engine="sentence-transformers", model="folder")
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[flashrank\]"'):
        FlashRankRerank()


@pytest.mark.parametrize("kind", [CrossEncoderRerank, FlashRankRerank])
def test_a_given_reranker_wins_over_the_fields_of_the_subclass(kind: type[RerankPostprocessor]) -> None:
    mine = Scripted()
    assert kind(reranker=mine).loaded is mine


def test_with_rerank_keeps_the_model_that_is_loaded(colour: Colour) -> None:
    mine = CrossEncoderRerank(top_n=2)
    retriever = with_rerank(Numbers(), mine, top_n=None)
    copied: Any = retriever.postprocessor
    assert copied.loaded is mine.loaded
    assert len(answer(colour, retriever)) == 2


# ── There and back ──


MADE: dict[str, Callable[[Path, RerankServer], RerankPostprocessor]] = {
    "RerankPostprocessor": lambda _folder, _server: RerankPostprocessor(
        top_n=7, threshold=0.0, timeout=30, metadata_mode=MetadataMode.LLM, on_error="keep", recall=4
    ),
    "CrossEncoderRerank": lambda _folder, _server: CrossEncoderRerank(
        top_n=None, max_length=128, threads=1, raw_scores=True, long_documents="max", providers=["CPUExecutionProvider"]
    ),
    "CrossEncoderRerank on PyTorch": lambda folder, _server: CrossEncoderRerank(
        **TORCH, model=torch_folder(folder), dtype="float32", threads=1, top_n=2
    ),
    "FlashRankRerank": lambda folder, _server: FlashRankRerank(cache_dir=flashrank_cache(folder), threads=1, top_n=2),
    "LateInteractionRerank": lambda folder, _server: late(folder),
    "RuleRerank": lambda _folder, _server: RuleRerank(rules=RULES, top_n=3),
    "CascadeRerank": lambda _folder, _server: CascadeRerank(
        stages=[RuleRerank(rules=RULES, top_n=3), CrossEncoderRerank(threads=1, top_n=2)], budget=60
    ),
    "CohereRerank": lambda _folder, server: cohere(server),
    "VoyageRerank": lambda _folder, server: VoyageRerank(
        model="rerank-2.5", base_url=server.base_url("voyage"), instruction="Fruit alone.", top_n=2
    ),
    "JinaRerank": lambda _folder, server: JinaRerank(model="jina-reranker-v3.5", base_url=server.base_url("jina")),
    "EndpointRerank": lambda _folder, server: EndpointRerank(
        base_url=server.base_url("tei"), model="served", format="tei", top_n=1
    ),
    "LLMJudgeRerank": lambda _folder, server: judge(server),
    "DecisionRerank": lambda _folder, server: DecisionRerank(
        base_url=server.base_url("openai"), criterion="names a fruit", levels=["no", "yes"], top_n=2
    ),
}
SERVERS: dict[str, type[RerankServer]] = {"LLMJudgeRerank": ChatServer, "DecisionRerank": DecisionServer}
RULES: dict[str, Any] = {"prefer": [{"rule": "contains", "field": "kind", "words": ["fruit"]}]}


def late(folder: Path) -> LateInteractionRerank:
    tiny: Any = pytest.importorskip("tests.late.tiny_late")
    model = str(tiny.stanford_like(folder / "late").folder)
    return LateInteractionRerank(model=model, store=str(folder / "vectors"), threads=1, top_n=2)


def cohere(server: RerankServer) -> CohereRerank:
    pytest.importorskip("cohere", reason="cohere is not installed")
    return CohereRerank(model="rerank-v4.0-fast", base_url=server.base_url("cohere"), max_tokens_per_doc=100, top_n=2)


def judge(server: RerankServer) -> LLMJudgeRerank:
    pytest.importorskip("anthropic", reason="anthropic is not installed")
    return LLMJudgeRerank(base_url=server.base_url("anthropic"), mode="grade", criterion="names a fruit", top_n=2)


@pytest.mark.parametrize("kind", list(MADE))
def test_dicts_json_and_pickles_bring_the_same_back(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "CO_API_KEY",
        "VOYAGE_API_KEY",
        "JINA_API_KEY",
        "ANTHROPIC_API_KEY",
        "OPENAI_API_KEY",
    ):  # no dict or pickle has a key in it
        monkeypatch.setenv(name, "key")
    with SERVERS.get(kind, RerankServer)() as server:
        there_and_back(MADE[kind](tmp_path, server))


def there_and_back(made: RerankPostprocessor) -> None:
    data = made.to_dict()
    assert data["class_name"] == type(made).__name__ == made.class_name()
    assert json.loads(made.to_json()) == data == json.loads(json.dumps(data))
    best = [(each.node_id, each.score) for each in made.postprocess_nodes(fruit(), QUERY)]
    copies: list[RerankPostprocessor] = [
        type(made).from_dict(data),
        type(made).from_json(made.to_json()),
        type(made).model_validate_json(made.to_json()),
        pickle.loads(pickle.dumps(made)),
    ]
    for again in copies:
        assert type(again) is type(made)
        assert again.to_dict() == data
        assert repr(again.loaded) == repr(made.loaded)
        found = again.postprocess_nodes(fruit(), QUERY)
        assert [each.node_id for each in found] == [name for name, _ in best]
        assert [each.score for each in found] == pytest.approx([score for _, score in best], abs=1e-5)


def test_every_postprocessor_there_is_goes_there_and_back() -> None:
    names: list[str] = vars(llama_rerank_kit)["__all__"]
    public = [getattr(llama_rerank_kit, name) for name in names]
    ours = {each.__name__ for each in public if inspect.isclass(each) and issubclass(each, RerankPostprocessor)}
    assert ours == {kind.split()[0] for kind in MADE}


def test_that_most_nodes_are_cut_is_said_at_the_users_line() -> None:
    long = [NodeWithScore(node=TextNode(text=f"GST {place} {'word ' * 60}")) for place in range(20)]
    with pytest.warns(LongDocumentsWarning, match="^20 of 20 documents are longer") as told:
        CrossEncoderRerank(max_length=32).postprocess_nodes(long, QUERY)
    assert [each.filename for each in told] == [__file__]
    with pytest.warns(LongDocumentsWarning, match="^20 of 20 documents are longer") as told:
        asyncio.run(CrossEncoderRerank(max_length=32).apostprocess_nodes(long, QUERY))
    assert [each.filename for each in told] == [__file__]
