"""A local cross-encoder by the name of its engine, or by what is there to run; what none can follow is named."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError, MissingExtra, WrongArguments
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder, cross_encoder
from tests.api.leaks import leaked, seen_of
from tests.local.engines import Engines
from tests.local.hub_client import point_at
from tests.local.hub_server import NAME, NO_REPOSITORY, TOKEN, Hub, on, serving
from tests.local.tiny_models import bert_like


def torch_folder(folder: Path) -> Path:
    """A model for PyTorch alone."""
    models: Any = pytest.importorskip("tests.local.tiny_torch_models")
    built: Path = models.bert_like(folder)
    return built


def test_the_embedded_model_runs_on_onnx_runtime_unless_told_otherwise() -> None:
    assert repr(cross_encoder()) == repr(OnnxCrossEncoder())


def test_settings_reach_the_engine_and_none_leaves_them_alone(tmp_path: Path) -> None:
    model = bert_like(tmp_path).folder
    engine = cross_encoder(model, max_length=32, threads=1, revision=None, raw_scores=False, device=None)
    assert repr(engine) == f"OnnxCrossEncoder({str(model)!r}, max_length=32, threads=1)"


@pytest.mark.parametrize(
    ("engine", "settings", "message"),
    [
        ("onnx", {"device": "cuda"}, "device='cuda' is no setting of engine='onnx': .*engine='sentence-transformers'"),
        ("sentence-transformers", {"file": "a.onnx"}, "file='a.onnx' is no setting of .*use engine='onnx'"),
        ("onnx", {"colour": "red"}, "(?m)colour='red' is no setting of engine='onnx'$"),
        ("auto", {"colour": "red"}, "colour='red' is no setting of"),
        ("auto", {"file": "a.onnx", "device": "cuda"}, "device='cuda' is no setting of engine='onnx'"),
        ("tensorrt", {}, "engine must be one of 'auto', 'onnx', 'sentence-transformers', not 'tensorrt'"),
    ],
)
def test_what_an_engine_cannot_follow_is_named_with_one_that_can(
    engine: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        cross_encoder("model", engine=engine, **settings)


@pytest.mark.parametrize("setting", ["file", "revision"])
def test_what_says_where_a_model_is_needs_a_model(setting: str) -> None:
    given: dict[str, Any] = {setting: "x"}
    with pytest.raises(ConfigurationError, match=f"^{setting}='x' is for a model from a folder.*leave {setting} out"):
        cross_encoder(**given)


@pytest.mark.parametrize("setting", ["window", "max_windows"])
@pytest.mark.parametrize("name", ["onnx-bert", "torch-bert"])
def test_settings_of_windows_need_windows(tmp_path: Path, name: str, setting: str) -> None:
    with pytest.raises(ConfigurationError, match=f'^{setting}=9 .*leave {setting} out, or pass long_documents="max"'):
        Engines(tmp_path)(name, **{setting: 9})


def test_the_embedded_model_is_for_onnx_runtime() -> None:
    with pytest.raises(ConfigurationError, match="engine='sentence-transformers' needs a model="):
        cross_encoder(engine="sentence-transformers")
    with pytest.raises(ConfigurationError, match="device='cpu' is no setting of engine='onnx'"):
        cross_encoder(device="cpu")


# ── What is there decides ──


def test_a_model_with_a_graph_runs_on_onnx_runtime_also_beside_weights_for_pytorch(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bert_like(tmp_path, place="onnx/model.onnx")
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    assert isinstance(cross_encoder(tmp_path), OnnxCrossEncoder)
    assert caplog.text == ""


def test_a_model_without_one_runs_on_pytorch_and_the_log_says_what_would_be_faster(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = torch_folder(tmp_path)
    assert isinstance(cross_encoder(folder, threads=1), SentenceTransformersCrossEncoder)
    assert f"rerank-kit export {folder} --to DIR; with engine='sentence-transformers' this is not said" in caplog.text
    caplog.clear()
    cross_encoder(folder, engine="sentence-transformers")
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"device": "cpu"}, SentenceTransformersCrossEncoder),
        ({"providers": ["CPUExecutionProvider"]}, OnnxCrossEncoder),
        ({"precision": "fp32"}, OnnxCrossEncoder),
    ],
)
def test_a_setting_that_one_engine_has_decides_for_it(
    tmp_path: Path, settings: dict[str, Any], kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    folder = torch_folder(tmp_path)
    bert_like(folder)
    assert type(cross_encoder(folder, **settings)) is kind
    assert caplog.text == ""


def test_a_setting_for_the_engine_that_the_files_are_not_for_is_to_be_left_out(tmp_path: Path) -> None:
    graph = bert_like(tmp_path / "graph").folder
    with pytest.raises(ConfigurationError, match=r"(?m)a file for ONNX Runtime, .*leave device out.*providers= says$"):
        cross_encoder(graph, device="cpu")
    folder = torch_folder(tmp_path / "torch")
    (folder / "tokenizer" / "model.onnx").unlink()
    with pytest.raises(
        ConfigurationError, match=r"(?m)weights for PyTorch, .*leave precision out.*rerank-kit export \S+ --to DIR$"
    ):
        cross_encoder(folder, precision="int8")
    assert isinstance(cross_encoder(graph), OnnxCrossEncoder)
    assert isinstance(cross_encoder(folder), SentenceTransformersCrossEncoder)


@pytest.mark.parametrize(
    ("setting", "told"), [("precision", "OnnxCrossEncoder has it"), ("batch_size", "batch_tokens=")]
)
def test_a_setting_of_the_other_engine_is_told_whose_it_is(setting: str, told: str) -> None:
    given: dict[str, Any] = {setting: "int8"}
    with pytest.raises(WrongArguments, match=f"has no argument '{setting}': .*{told}"):
        SentenceTransformersCrossEncoder("mine", **given)


@pytest.mark.parametrize("kind", ["cuda", "backends.mps"])
def test_a_gpu_that_pytorch_alone_can_use_decides_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = torch_folder(tmp_path)
    bert_like(folder)
    caplog.set_level("INFO", "rerank_kit")
    with monkeypatch.context() as machine:  # this machine has none: so it is asked for, and refused
        machine.setattr(f"torch.{kind}.is_available", lambda: True)
        with pytest.raises(
            ConfigurationError, match=rf"device='{kind.removeprefix('backends.')}.*' cannot be used here"
        ):
            cross_encoder(folder)
        assert "runs on PyTorch, which can use the GPU; this build of ONNX Runtime cannot" in caplog.text
        assert isinstance(cross_encoder(bert_like(tmp_path / "graph").folder), OnnxCrossEncoder)
        assert isinstance(cross_encoder(folder, precision="fp32"), OnnxCrossEncoder)
        machine.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
        with pytest.raises(ConfigurationError, match="ONNX Runtime cannot load"):
            cross_encoder(folder)
    assert isinstance(cross_encoder(folder), OnnxCrossEncoder)


def test_a_model_that_is_loaded_is_one_of_sentence_transformers(tmp_path: Path) -> None:
    library: Any = pytest.importorskip("sentence_transformers")
    model = library.CrossEncoder(str(torch_folder(tmp_path)), device="cpu")
    assert isinstance(cross_encoder(model), SentenceTransformersCrossEncoder)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Take packages away."""

    def take(*names: str) -> None:
        for name in names:
            monkeypatch.setitem(sys.modules, name, None)

    return take


def test_without_onnx_runtime_a_model_with_both_runs_on_pytorch(
    tmp_path: Path, without: Any, caplog: pytest.LogCaptureFixture
) -> None:
    folder = torch_folder(tmp_path)
    bert_like(folder)
    without("onnxruntime")
    assert isinstance(cross_encoder(folder), SentenceTransformersCrossEncoder)
    assert 'it has a file for it, pip install "rerank-kit[onnx]"' in caplog.text


def test_without_any_engine_one_is_told_what_to_install_for_what_is_there(tmp_path: Path, without: Any) -> None:
    folder = torch_folder(tmp_path)
    without("onnxruntime", "sentence_transformers")
    with pytest.raises(
        MissingExtra, match=r"rerank-kit export .*: pip install \"rerank-kit\[sentence-transformers\]\""
    ):
        cross_encoder(folder)
    bert_like(folder)
    with pytest.raises(MissingExtra, match=r'pip install "rerank-kit\[onnx\]"'):
        cross_encoder(folder)


@pytest.mark.parametrize(
    ("settings", "missing", "extra"),
    [
        ({}, ["onnxruntime", "sentence_transformers"], "sentence-transformers"),
        ({"engine": "onnx"}, ["onnxruntime"], "onnx"),
        ({"precision": "int8"}, ["onnxruntime"], "onnx"),
        ({"engine": "sentence-transformers"}, ["sentence_transformers"], "sentence-transformers"),
        ({"device": "cpu"}, ["sentence_transformers"], "sentence-transformers"),
    ],
)
def test_what_is_not_installed_is_told_before_the_hub_is_asked(
    hub: Hub, without: Any, settings: dict[str, Any], missing: list[str], extra: str
) -> None:
    without(*missing)
    with pytest.raises(MissingExtra, match=rf'(?m)pip install "rerank-kit\[{extra}\]"$'):
        cross_encoder(NAME, **settings)
    assert hub.asked == []


@pytest.mark.parametrize("name", ["", " "])
@pytest.mark.parametrize("engine", ["auto", "onnx", "sentence-transformers"])
def test_an_empty_name_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: Any, name: str
) -> None:
    bert_like(torch_folder(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=f"^model='{name}' names nothing: pass a folder or the name"):
        cross_encoder(name, engine=engine)


@pytest.mark.parametrize("files", [[], ["model.gguf"], ["onnx/model_quantized.onnx", "tokenizer.json"]])
def test_what_neither_can_run_is_listed_with_what_to_write(tmp_path: Path, files: list[str]) -> None:
    for each in files:
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).touch()
    with pytest.raises(ConfigurationError, match=rf"lacks .*; it has {files[0] if files else 'no files'}"):
        cross_encoder(tmp_path)


def test_a_path_is_a_folder_and_no_name_on_the_hub(hub: Hub) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        cross_encoder(Path("owner", "tiny"))
    assert hub.asked == []


@pytest.mark.parametrize("options", [{"file": 7}, {"precision": "int4"}])
def test_a_wrong_setting_is_named_before_the_files_are_looked_at(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        cross_encoder(bert_like(tmp_path).folder, **options)


# ── On the hub ──


def test_the_hub_is_asked_once_which_engine_it_is(hub: Hub) -> None:
    cross_encoder(NAME)
    (hub.folder / "model.safetensors").touch()
    hub.asked.clear()
    assert isinstance(cross_encoder(NAME), OnnxCrossEncoder)
    assert hub.asked == [f"GET /api/models/{NAME}"]


@pytest.fixture
def torch_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(torch_folder(tmp_path / "repo")) as hub:
        point_at(monkeypatch, hub.url, tmp_path / "cache")
        yield hub


def test_a_model_of_the_hub_without_a_graph_runs_on_pytorch(torch_hub: Hub, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"cache_dir": str(tmp_path / "cache"), "threads": 1}
    engine = cross_encoder(NAME, **settings)
    assert isinstance(engine, SentenceTransformersCrossEncoder)
    assert torch_hub.fetched.count("model.safetensors") == 1
    torch_hub.asked.clear()
    assert cross_encoder(NAME, **settings).rerank("query", ["apple"]).hits == engine.rerank("query", ["apple"]).hits
    assert torch_hub.asked == [f"GET /api/models/{NAME}"]
    torch_hub.asked.clear()
    cross_encoder(NAME, local_files_only=True, **settings)
    assert torch_hub.asked == []


def test_nothing_shows_a_token_that_was_passed_by_name_of_the_engine_or_not(hub: Hub) -> None:
    hub.fault = on("/api/", NO_REPOSITORY)
    for settings in ({}, {"engine": "onnx"}, {"engine": "onnx", "device": "cuda"}, {"token": f"{TOKEN}\n"}):
        given: dict[str, Any] = {"token": TOKEN, **settings}
        with pytest.raises(ConfigurationError) as caught:
            cross_encoder(NAME, **given)
        failed = caught.value
        failed.__traceback__ = failed.__traceback__ and failed.__traceback__.tb_next  # the test's own frame
        assert leaked("\n".join(seen_of(failed)), TOKEN) == []
