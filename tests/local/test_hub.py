"""Models from the hub: what is fetched, how often, what the cache is good for, and what is said of every failure."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

from rerank_kit import ConfigurationError, RerankError
from rerank_kit.errors import ConnectionFailed
from rerank_kit.local import OnnxCrossEncoder
from tests.api.dribbling import DRIBBLES, dribbling
from tests.local.hub_client import NOWHERE, point_at, scores
from tests.local.hub_server import (
    BROKEN,
    COMMIT,
    GATED,
    NAME,
    NO_REPOSITORY,
    OLDER,
    TOO_MANY,
    WRONG_TOKEN,
    Answer,
    Hub,
    error,
    on,
)
from tests.local.tiny_models import WORDS, bert_like, move_weights
from tests.processes import python

READ = ["config.json", "model.onnx", "tokenizer.json"]


@pytest.fixture
def gone(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Take the network away."""
    return lambda: point_at(monkeypatch, NOWHERE, tmp_path / "cache")


# ── What is fetched ──


def test_just_the_files_that_are_read_are_fetched_and_only_once(hub: Hub) -> None:
    expected = scores()
    assert hub.fetched == READ
    hub.asked.clear()
    assert scores() == expected
    assert hub.asked == [f"GET /api/models/{NAME}"]


def test_the_name_in_the_environment_is_where_the_hub_is(hub: Hub, tmp_path: Path) -> None:
    code = f"from rerank_kit.local import OnnxCrossEncoder; print(OnnxCrossEncoder({NAME!r}))"
    home = str(tmp_path / "home")
    done = python(
        "-c", code, check=False, HF_ENDPOINT=hub.url, HF_HOME=home, NO_PROXY="127.0.0.1", HF_HUB_DISABLE_TELEMETRY="1"
    )
    assert "OnnxCrossEncoder('owner/tiny', max_length=64" in done.stdout, done.stderr
    assert hub.fetched == READ


@pytest.mark.parametrize("name", ["model_qint8_avx512_vnni.onnx", "model_quint8_avx2.onnx", "model_quantized.onnx"])
def test_of_several_quantised_files_the_one_that_is_used_is_fetched_alone(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = {"model_qint8_avx512_vnni.onnx": {"avx2", "avx512f", "avx512_vnni"}, "model_quint8_avx2.onnx": {"avx2"}}
    monkeypatch.setattr("rerank_kit.local.model_files.cpu_features", lambda: features.get(name, set()))
    for each in ("qint8_avx512_vnni", "qint8_avx512", "quint8_avx2", "qint8_arm64", "quantized"):
        bert_like(hub.folder, place=f"onnx/model_{each}.onnx")
    assert scores(precision="int8")
    assert hub.fetched == ["config.json", f"onnx/{name}", "tokenizer.json"]


def test_weights_beside_the_graph_are_fetched_under_whatever_name_it_gives_them(hub: Hub) -> None:
    bert_like(hub.folder, place="onnx/model.onnx")
    (hub.folder / "model.onnx").unlink()
    move_weights(hub.folder / "onnx/model.onnx", {"embeddings": "sub/[w]*.bin", "head": "./head"})
    for nobody in ("onnx/model.onnx_data", "onnx/sub/w.bin"):
        (hub.folder / nobody).write_bytes(b"what nobody needs")
    expected = [hit.score for hit in OnnxCrossEncoder(hub.folder).rerank("query", WORDS)]
    assert scores() == expected
    assert hub.fetched == ["config.json", "onnx/head", "onnx/model.onnx", "onnx/sub/[w]*.bin", "tokenizer.json"]
    hub.asked.clear()
    assert scores() == expected
    assert hub.asked == [f"GET /api/models/{NAME}"]


def test_a_repository_without_a_graph_costs_one_question_and_says_what_to_write(hub: Hub) -> None:
    (hub.folder / "model.onnx").rename(hub.folder / "model.safetensors")
    with pytest.raises(ConfigurationError) as caught:
        OnnxCrossEncoder(NAME)
    assert f"model='owner/tiny': {hub.url} lacks model.onnx or onnx/model.onnx; it has" in str(caught.value)
    assert "engine='sentence-transformers'" in str(caught.value)
    assert "rerank-kit export owner/tiny --to DIR" in str(caught.value)
    assert (hub.questions, hub.fetched) == (1, [])


def test_an_embedding_model_on_the_hub_is_known_by_its_modules(hub: Hub) -> None:
    (hub.folder / "model.onnx").unlink()
    (hub.folder / "modules.json").write_text("[]", "utf-8")
    with pytest.raises(ConfigurationError, match="is an embedding model"):
        OnnxCrossEncoder(NAME)
    assert hub.fetched == ["modules.json"]


def test_a_name_alone_is_one_of_the_organisation_of_cross_encoders(hub: Hub) -> None:
    with pytest.raises(ConfigurationError, match="model='cross-encoder/tiny' is not a folder"):
        OnnxCrossEncoder("tiny")
    assert hub.asked == ["GET /api/models/cross-encoder/tiny"]


def test_files_that_the_hub_has_elsewhere_are_followed(hub: Hub) -> None:
    content = (hub.folder / "model.onnx").read_bytes()

    def elsewhere(path: str) -> Answer | None:
        if path.endswith("/resolve/" + COMMIT + "/model.onnx"):
            known = {"X-Linked-Etag": '"abc"', "X-Linked-Size": str(len(content)), "ETag": '"abc"'}
            return Answer(302, headers={"Location": f"{hub.url}/files/1?signature=x", **known})
        if path.startswith("/api/models/owner/tiny"):
            return None
        if path.startswith("/api/models/old/name"):
            return Answer(307, headers={"Location": path.replace("old/name", NAME)})
        if path.startswith("/old/name/resolve"):
            return Answer(307, headers={"Location": path.replace("old/name", NAME)})
        return Answer(body=content, headers={"ETag": '"abc"'}) if path == "/files/1" else None

    hub.fault = elsewhere
    assert OnnxCrossEncoder("old/name").rerank("query", WORDS).hits
    assert "GET /files/1" in hub.asked


# ── The cache, and a hub that moves on ──


def test_a_newer_commit_of_the_branch_is_fetched(hub: Hub, gone: Any) -> None:
    older = scores()
    bert_like(hub.folder, scale=1.0)
    hub.commit = OLDER
    newer = scores()
    assert newer != older
    gone()
    assert scores() == newer
    assert scores(revision=COMMIT) == older


def test_a_branch_that_goes_back_to_a_commit_of_the_cache_costs_no_download(hub: Hub, gone: Any) -> None:
    older = scores()
    hub.commit = OLDER
    bert_like(hub.folder, scale=1.0)
    scores()
    hub.commit = COMMIT
    hub.asked.clear()
    assert scores() == older
    assert hub.fetched == []
    gone()
    assert scores() == older


def test_a_commit_is_asked_for_only_once(hub: Hub) -> None:
    expected = scores(revision=COMMIT)
    hub.asked.clear()
    assert scores(revision=COMMIT) == expected
    assert hub.asked == []


def test_a_commit_of_which_other_files_are_in_the_cache_is_completed(hub: Hub) -> None:
    bert_like(hub.folder, place="other.onnx", scale=1.0)
    expected = scores(revision=COMMIT)
    hub.asked.clear()
    assert scores(revision=COMMIT, file="other.onnx") != expected
    assert hub.fetched == ["other.onnx"]


def test_a_client_that_keeps_no_lists_asks_about_a_commit_too(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scores(revision=COMMIT)
    monkeypatch.setattr(huggingface_hub, "get_cached_repo_tree", None, raising=False)
    hub.asked.clear()
    assert scores(revision=COMMIT) == expected
    assert hub.asked == [f"GET /api/models/{NAME}/revision/{COMMIT}"]


def test_a_cache_that_others_have_filled_is_taken_as_it_is(hub: Hub, tmp_path: Path, gone: Any) -> None:
    expected = scores(revision=COMMIT)
    for listed in (tmp_path / "cache").rglob("trees/*"):
        listed.unlink()
    assert scores(revision=COMMIT) == expected
    gone()
    assert scores(revision=COMMIT) == expected


def test_a_tag_is_a_revision(hub: Hub, gone: Any) -> None:
    expected = scores(revision="v1")
    assert f"GET /api/models/{NAME}/revision/v1" in hub.asked
    gone()
    assert scores(revision="v1") == expected


@pytest.mark.parametrize("fault", [BROKEN, TOO_MANY, NO_REPOSITORY, WRONG_TOKEN, GATED], ids=lambda each: each.status)
def test_what_is_in_the_cache_is_used_whatever_the_hub_says_and_the_log_says_so(
    hub: Hub, fault: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    expected = scores()
    hub.fault = on("/", fault)
    hub.asked.clear()
    with caplog.at_level(logging.WARNING, "rerank_kit"):
        assert scores() == expected
    assert len(hub.asked) == 1
    assert f"is taken from the cache, commit {COMMIT}, for the hub could not be asked" in caplog.text


def test_without_a_network_the_cache_is_used_and_the_log_says_so(
    hub: Hub, gone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected = scores()
    gone()
    assert scores() == expected
    assert "Check the network" in caplog.text


def test_a_hub_that_hangs_is_asked_once_and_no_longer_than_briefly(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    expected = scores()
    hub.asked.clear()
    hub.hanging = threading.Event()
    assert scores() == expected
    assert len(hub.asked) == 1
    assert "is taken from the cache" in caplog.text


def test_an_answer_that_never_ends_is_not_waited_for(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scores()
    with dribbling(DRIBBLES["bytes of a body"]) as url:
        point_at(monkeypatch, url, tmp_path / "cache")
        assert scores() == expected


@pytest.mark.parametrize("forbidden", ["local_files_only", "HF_HUB_OFFLINE"])
def test_where_the_hub_may_not_be_asked_it_is_not(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str, caplog: pytest.LogCaptureFixture
) -> None:
    options = {"local_files_only": True} if forbidden == "local_files_only" else {}
    point_at(monkeypatch, hub.url, tmp_path / "cache", HF_HUB_OFFLINE=not options)
    with pytest.raises(ConfigurationError, match=rf"neither a folder here nor in the cache .*{forbidden}.*hf download"):
        scores(**options)
    point_at(monkeypatch, hub.url, tmp_path / "cache")
    expected = scores()
    hub.asked.clear()
    point_at(monkeypatch, hub.url, tmp_path / "cache", HF_HUB_OFFLINE=not options)
    assert scores(**options) == expected
    assert hub.asked == []
    assert caplog.text == ""


@pytest.mark.parametrize("options", [{"local_files_only": True}, {}])
def test_of_a_part_in_the_cache_it_is_said_what_it_lacks(hub: Hub, gone: Any, options: dict[str, Any]) -> None:
    scores()
    bert_like(hub.folder, place="other.onnx")
    move_weights(hub.folder / "other.onnx", {"head": "head.bin"})
    hub.commit = OLDER
    hub.fault = on("head.bin", error(404, "Entry not found", "EntryNotFound"))
    with pytest.raises(ConfigurationError):
        scores(file="other.onnx")
    gone()
    kind: type[RerankError] = ConfigurationError if options else ConnectionFailed
    with pytest.raises(kind, match=r"the cache has only a part of model='owner/tiny', .*: it lacks head\.bin\. "):
        scores(file="other.onnx", **options)
    told = r"(?m)the cache .* lacks third\.onnx; it has .*Pass file='other\.onnx'$"
    with pytest.raises(ConfigurationError, match=told):
        scores(file="third.onnx", **options)


def test_models_are_kept_where_one_says(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = scores(cache_dir="~/mine")
    assert list((tmp_path / "mine").rglob("model.onnx"))
    assert not (tmp_path / "cache").exists()
    assert scores(cache_dir=tmp_path / "mine", local_files_only=True) == expected


def test_a_commit_without_a_list_is_asked_about(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = scores(revision=COMMIT)

    def none(*_: Any, **__: Any) -> None:
        raise huggingface_hub.errors.CachedRepoTreeNotFoundError("no list")

    monkeypatch.setattr(huggingface_hub, "get_cached_repo_tree", none, raising=False)
    hub.asked.clear()
    assert scores(revision=COMMIT) == expected
    assert hub.asked == [f"GET /api/models/{NAME}/revision/{COMMIT}"]
