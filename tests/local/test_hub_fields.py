"""How the hub is reached is a field of both adapters, and the token a secret of theirs."""

from __future__ import annotations

import copy
import pickle
import shutil
from pathlib import Path
from typing import Any

import langchain_core.load
import pytest
from pydantic import SecretStr

import langchain_rerank_kit
import llama_rerank_kit
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from tests.api.leaks import leaked
from tests.llama.stores import Numbers
from tests.local.hub_server import COMMIT, NAME, TOKEN, Hub

ADAPTERS = [langchain_rerank_kit, llama_rerank_kit]


@pytest.mark.parametrize("package", ADAPTERS)
@pytest.mark.parametrize("token", [TOKEN, SecretStr(TOKEN)])
def test_a_token_of_a_field_is_sent_and_seen_nowhere(hub: Hub, package: Any, token: Any) -> None:
    made = package.CrossEncoderRerank(model=NAME, engine="onnx", token=token)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}
    pickled = pickle.dumps(made)
    shown = [repr(made), str(made), repr(made.loaded), repr(vars(made)), repr(pickled)]
    shown += [repr(made.model_dump()), made.model_dump_json(), langchain_core.load.dumps(made)]
    assert leaked("\n".join(shown), TOKEN) == []
    hub.sent.clear()
    assert pickle.loads(pickled).token is None
    assert set(hub.sent) == {""}
    hub.sent.clear()
    copy.deepcopy(made.loaded)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("package", ADAPTERS)
def test_the_cache_and_the_revision_are_fields(hub: Hub, package: Any, tmp_path: Path) -> None:
    cache = str(tmp_path / "mine")
    package.CrossEncoderRerank(model=NAME, engine="onnx", cache_dir=cache, revision=COMMIT)
    hub.asked.clear()
    made = package.CrossEncoderRerank(
        model=NAME, engine="onnx", cache_dir=cache, revision=COMMIT, local_files_only=True
    )
    assert (made.loaded.model, hub.asked) == (NAME, [])
    travelled = pickle.loads(pickle.dumps(made))
    assert (travelled.cache_dir, travelled.loaded.model) == (cache, NAME)


@pytest.mark.parametrize("weights", ["model.onnx", "model.safetensors"])
def test_a_retriever_is_wrapped_with_a_models_name_alone(hub: Hub, weights: str) -> None:
    if weights == "model.safetensors":
        models: Any = pytest.importorskip("tests.local.tiny_torch_models")
        shutil.rmtree(hub.folder)
        models.bert_like(hub.folder)
    engine = OnnxCrossEncoder if weights == "model.onnx" else SentenceTransformersCrossEncoder
    bm25 = langchain_rerank_kit.BM25Retriever.from_texts(["apple fig"] * 60, language=None)
    chain: Any = langchain_rerank_kit.with_rerank(bm25, NAME, distinct=None)
    assert isinstance(chain.base_compressor.loaded, engine)
    assert chain.invoke("apple")[0].metadata["first_stage_rank"] == 1
    assert llama_rerank_kit.with_rerank(Numbers(), NAME).retrieve("apple")
    assert hub.fetched.count(weights) == 1
