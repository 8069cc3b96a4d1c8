"""Models for PyTorch from the hub: what the library reads is fetched once, the cache comes first, errors are ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import AuthenticationError, ConfigurationError, RerankError
from rerank_kit.errors import ConnectionFailed
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from tests.api.leaks import leaked, seen_of
from tests.local import tiny_models
from tests.local.hub_client import NOWHERE, point_at
from tests.local.hub_server import (
    BROKEN,
    COMMIT,
    GATED,
    NAME,
    NO_REPOSITORY,
    OLDER,
    TOKEN,
    WRONG_TOKEN,
    Answer,
    Hub,
    error,
    on,
    serving,
)
from tests.local.tiny_families import decoder
from tests.local.tiny_models import WORDS
from tests.local.tiny_torch_models import REASON, bert_like, transformers

library: Any = pytest.importorskip("sentence_transformers", reason=REASON)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with a model as sentence-transformers saves it, weights of the same in other formats beside it."""
    repository = tmp_path / "repo"
    library.CrossEncoder(str(bert_like(tmp_path / "made")), device="cpu").save_pretrained(str(repository))
    for nobody in ("pytorch_model.bin", "model.gguf", "openvino/openvino_model.xml", "onnx/config.json"):
        (repository / nobody).parent.mkdir(exist_ok=True)
        (repository / nobody).write_bytes(b"what nobody needs")
    with serving(repository) as hub:
        point_at(monkeypatch, hub.url, tmp_path / "cache")
        yield hub


def scores(cache: Path, **options: Any) -> list[float]:
    engine = SentenceTransformersCrossEncoder(NAME, device="cpu", cache_dir=cache, **options)
    assert engine.model == NAME
    return [hit.score for hit in engine.rerank("query", WORDS)]


def test_weights_are_fetched_once_in_one_format(hub: Hub, tmp_path: Path) -> None:
    expected = scores(tmp_path / "cache")
    own = SentenceTransformersCrossEncoder(hub.folder, device="cpu").rerank("query", WORDS)
    assert expected == pytest.approx([hit.score for hit in own], abs=1e-6)
    weights = [each for each in hub.fetched if each.endswith((".safetensors", ".bin", ".gguf", ".xml"))]
    assert weights == ["model.safetensors"]
    assert len(set(hub.fetched)) == len(hub.fetched)
    hub.asked.clear()
    assert scores(tmp_path / "cache") == expected
    assert hub.asked == [f"GET /api/models/{NAME}"]


def test_the_cache_is_enough_without_a_network(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache = tmp_path / "cache"
    expected = scores(cache)
    hub.asked.clear()
    assert scores(cache, local_files_only=True) == expected
    assert hub.asked == []
    point_at(monkeypatch, NOWHERE, cache)
    assert scores(cache) == expected
    assert "is taken from the cache" in caplog.text


def test_a_card_tells_what_a_model_was_made_from(hub: Hub, tmp_path: Path) -> None:
    shutil.rmtree(hub.folder)
    shutil.copytree(decoder("legal", "Qwen3", "ForSequenceClassification", num_labels=1)(tmp_path / "made"), hub.folder)
    (hub.folder / "README.md").write_text("---\nbase_model: Qwen/Qwen3-Reranker-0.6B\n---\n", "utf-8")
    engine = SentenceTransformersCrossEncoder(NAME, device="cpu", cache_dir=tmp_path / "cache")
    assert engine.recipe.family == "Qwen3-Reranker"


def test_a_newer_commit_of_the_branch_is_fetched(hub: Hub, tmp_path: Path) -> None:
    older = scores(tmp_path / "cache")
    shutil.rmtree(hub.folder)
    shutil.copytree(bert_like(tmp_path / "newer", hidden_act="relu"), hub.folder)
    hub.commit = OLDER
    assert scores(tmp_path / "cache") != older
    hub.asked.clear()
    assert scores(tmp_path / "cache", revision=COMMIT) == older


def test_small_files_that_another_program_left_out_are_fetched_before_the_cache_is_trusted(
    hub: Hub, tmp_path: Path
) -> None:
    expected = scores(tmp_path / "cache")
    (snapshot,) = (tmp_path / "cache").rglob("snapshots/*")
    (snapshot / "modules.json").unlink()
    hub.asked.clear()
    assert scores(tmp_path / "cache") == expected
    assert (snapshot / "modules.json").exists()


def test_the_librarys_own_folder_for_models_is_used(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path / "home"))
    SentenceTransformersCrossEncoder(NAME, device="cpu")
    assert list((tmp_path / "home").rglob("model.safetensors"))
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("options", [{}, {"local_files_only": True}])
def test_files_for_another_engine_are_not_enough(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    tiny_models.bert_like(hub.folder, config={})
    OnnxCrossEncoder(NAME)
    point_at(monkeypatch, NOWHERE, tmp_path / "cache")
    kind: type[RerankError] = ConfigurationError if options else ConnectionFailed
    with pytest.raises(kind, match=r"only a part of model='owner/tiny'.* lacks the weights for PyTorch[.]"):
        scores(tmp_path / "cache", **options)


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        (on("/api/", NO_REPOSITORY), ConfigurationError, "there is no such repository, or it is private"),
        (on("/api/", WRONG_TOKEN), AuthenticationError, "the token was refused"),
        (on("/resolve/", GATED), AuthenticationError, "it is gated"),
        (on("/api/", BROKEN), RerankError, "the hub fails"),
        (on("model.safetensors", error(403, "No weights for you.")), ConfigurationError, "No weights for you"),
    ],
)
def test_failures_are_told_as_of_the_other_engine(
    hub: Hub, tmp_path: Path, fault: Any, kind: type[RerankError], message: str
) -> None:
    (hub.folder / "pytorch_model.bin").unlink()  # which the library would take instead
    hub.fault = fault
    token = TOKEN if "token" in message else None
    with pytest.raises(kind, match=message):
        scores(tmp_path / "cache", token=token)
    hub.fault = on("nothing", Answer())
    assert scores(tmp_path / "cache")


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("model.gguf", "Serve its GGUF file with llama.cpp, and pass Endpoint the address"),
        ("onnx/model.onnx", "Run its ONNX graph with engine='onnx'"),
        ("model.h5", "Pass a folder or a hub name with the weights of a cross-encoder"),
    ],
)
def test_a_model_without_weights_for_pytorch_says_what_it_has(hub: Hub, tmp_path: Path, file: str, remedy: str) -> None:
    shutil.rmtree(hub.folder)
    tiny_models.bert_like(hub.folder, place=file)
    for model in (NAME, hub.folder):
        with pytest.raises(ConfigurationError, match=rf"lacks model\.safetensors or .*; it has {file}.*\. {remedy}"):
            SentenceTransformersCrossEncoder(model, device="cpu")
    assert hub.fetched == ["tokenizer.json"]


def test_weights_in_pieces_and_those_of_modules_are_fetched(hub: Hub, tmp_path: Path) -> None:
    folder = bert_like(tmp_path / "pieces")
    transformers.BertForSequenceClassification.from_pretrained(folder).save_pretrained(folder, max_shard_size="5KB")
    (folder / "model.safetensors").unlink()
    (folder / "checkpoint-5").mkdir()
    (folder / "checkpoint-5" / "model.safetensors").write_bytes(b"what nobody needs")
    shutil.rmtree(hub.folder)
    shutil.copytree(folder, hub.folder)
    expected = SentenceTransformersCrossEncoder(folder, device="cpu").rerank("query", WORDS)
    assert scores(tmp_path / "cache") == pytest.approx([hit.score for hit in expected], abs=1e-6)
    fetched = [each for each in hub.fetched if each.endswith(".safetensors")]
    assert len(fetched) > 1
    assert fetched == sorted(each.name for each in folder.glob("*.safetensors"))


@pytest.mark.parametrize(("modules", "weights"), [('[{"path": ""}, {"path": "2_Dense"}]', 2), ("{", 1)])
def test_the_weights_of_a_models_modules_are_fetched(hub: Hub, tmp_path: Path, modules: str, weights: int) -> None:
    (hub.folder / "modules.json").write_text(modules, "utf-8")
    for folder in ("2_Dense", "checkpoint-5"):
        (hub.folder / folder).mkdir()
        (hub.folder / folder / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(ConfigurationError, match="could not be loaded"):
        scores(tmp_path / "cache")
    expected = ["2_Dense/model.safetensors", "model.safetensors"][-weights:]
    assert [each for each in hub.fetched if each.endswith(".safetensors")] == expected


def test_code_that_is_in_another_repository_is_fetched_when_it_is_trusted(hub: Hub, tmp_path: Path) -> None:
    settings = json.loads((hub.folder / "config.json").read_text("utf-8"))
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "other/code--own.Own"}}
    (hub.folder / "config.json").write_text(json.dumps(settings), "utf-8")
    hub.fault = on("/other/code/", error(403, f"You sent Bearer {TOKEN}"))
    with pytest.raises(ConfigurationError, match="comes with code of its own"):
        scores(tmp_path / "cache", token=TOKEN)
    assert not any("other/code" in each for each in hub.asked)
    with pytest.raises(ConfigurationError, match="could not be loaded") as caught:
        SentenceTransformersCrossEncoder(
            NAME, device="cpu", cache_dir=tmp_path / "cache", token=TOKEN, trust_remote_code=True
        )
    assert any("other/code" in each for each in hub.asked)
    failed = caught.value
    failed.__traceback__ = failed.__traceback__ and failed.__traceback__.tb_next  # the test's own frame
    assert leaked("\n".join(seen_of(failed)), TOKEN) == []


def test_a_network_that_is_missing_is_what_is_missing(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(monkeypatch, NOWHERE, tmp_path / "cache")
    with pytest.raises(ConnectionFailed, match="Check the network") as caught:
        scores(tmp_path / "cache")
    assert "Check the name" not in str(caught.value)


def test_a_token_goes_with_every_request_and_shows_nowhere(hub: Hub, tmp_path: Path) -> None:
    scores(tmp_path / "cache", token=TOKEN)
    assert set(hub.sent) == {f"Bearer {TOKEN}"}
    (hub.folder / "pytorch_model.bin").unlink()
    hub.fault = on("model.safetensors", error(403, f"You sent Bearer {TOKEN}"))
    with pytest.raises(ConfigurationError, match=r"\*\*\*\*\*") as caught:
        SentenceTransformersCrossEncoder(NAME, device="cpu", cache_dir=tmp_path / "other", token=TOKEN)
    failed = caught.value
    failed.__traceback__ = failed.__traceback__ and failed.__traceback__.tb_next  # the test's own frame
    assert leaked("\n".join(seen_of(failed)), TOKEN) == []


def test_a_repository_without_weights_for_pytorch_says_so(hub: Hub, tmp_path: Path) -> None:
    for weights in (*hub.folder.rglob("*.safetensors"), *hub.folder.rglob("*.bin")):
        weights.unlink()
    with pytest.raises(ConfigurationError, match=r"lacks model[.]safetensors or pytorch_model[.]bin"):
        scores(tmp_path / "cache")
