"""An exported folder scores as the original does in torch, in both precisions."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from tokenizers import Tokenizer

from rerank_kit import ConfigurationError, MissingExtra
from rerank_kit.export import Report, export_model
from rerank_kit.export.parity import spearman
from rerank_kit.export.sample_texts import extreme_pairs, make_pairs
from rerank_kit.local import OnnxCrossEncoder
from tests.export.originals import MAX_LENGTH, TEXTS, bert, ettin, logits, modernbert, transformers, xlm_roberta

onnxruntime: Any = pytest.importorskip("onnxruntime")
QUERY = "query apple"
LEVELS = ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"]


@dataclass(frozen=True)
class Exported:
    original: Path
    folder: Path
    report: Report


@pytest.fixture(
    scope="module", params=[bert, xlm_roberta, modernbert, ettin], ids=["bert", "xlm-r", "modernbert", "ettin"]
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    place = tmp_path_factory.mktemp("export")
    original: Path = request.param(place / "original")
    return Exported(original, place / "new" / "folder", export_model(original, place / "new" / "folder", texts=TEXTS))


def session(folder: Path, file: str, level: str = "ORT_ENABLE_ALL") -> Any:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    return onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])


def run(graph: Any, folder: Path, texts: list[str], width: int = 0) -> list[float]:
    """The logits of a batch, padded to the longest, or to a width."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    pad = json.loads((folder / "config.json").read_text("utf-8"))["pad_token_id"]
    tokenizer.enable_padding(pad_id=pad, length=width or None)
    encoded = tokenizer.encode_batch([(QUERY, text) for text in texts])
    feeds = {"input_ids": "ids", "attention_mask": "attention_mask", "token_type_ids": "type_ids"}
    arrays = {
        each.name: np.array([getattr(row, feeds[each.name]) for row in encoded], np.int64)
        for each in graph.get_inputs()
    }
    return [float(row[0]) for row in graph.run(["logits"], arrays)[0]]


def test_fp32_scores_are_those_of_torch(exported: Exported) -> None:
    raw = OnnxCrossEncoder(exported.folder, raw_scores=True)
    assert raw.max_length == MAX_LENGTH
    ranking = raw.rerank(QUERY, TEXTS)
    expected = logits(exported.original, QUERY, ranking.pick(TEXTS))
    assert [hit.score for hit in ranking] == pytest.approx(expected, abs=1e-4)
    assert max(expected) - min(expected) > 0.05  # else this could hardly fail
    assert ranking.usage.truncated > 0


def test_int8_ranks_as_fp32_does(exported: Exported) -> None:
    scores = [
        sorted((hit.index, hit.score) for hit in OnnxCrossEncoder(exported.folder, file=file).rerank(QUERY, TEXTS))
        for file in ("model.onnx", "model_int8.onnx")
    ]
    assert scores[0] != scores[1]
    assert spearman(*([score for _, score in each] for each in scores)) > 0.97


@pytest.mark.parametrize("file", ["model.onnx", "model_int8.onnx"])
def test_a_score_does_not_depend_on_padding_or_the_rest_of_the_batch(exported: Exported, file: str) -> None:
    graph = session(exported.folder, file)
    alone = [run(graph, exported.folder, [text])[0] for text in TEXTS]
    assert run(graph, exported.folder, TEXTS) == pytest.approx(alone, abs=1e-6)
    assert [run(graph, exported.folder, [text], MAX_LENGTH)[0] for text in TEXTS] == pytest.approx(alone, abs=1e-6)


def test_int8_gives_the_same_at_every_level_of_optimisation(exported: Exported) -> None:
    results = [run(session(exported.folder, "model_int8.onnx", level), exported.folder, TEXTS) for level in LEVELS]
    for other in results[1:]:
        assert other == pytest.approx(results[0], abs=1e-3)


def test_the_graphs_have_the_usual_names_free_sizes_and_no_value_info(exported: Exported) -> None:
    for file in ("model.onnx", "model_int8.onnx"):
        graph = onnx.load(exported.folder / file).graph
        shapes = {
            each.name: [size.dim_param or size.dim_value for size in each.type.tensor_type.shape.dim]
            for each in (*graph.input, *graph.output)
        }
        types = ["token_type_ids"] if "token_type_ids" in shapes else []
        inputs = ["input_ids", "attention_mask", *types]
        assert shapes == {**{name: ["batch", "length"] for name in inputs}, "logits": ["batch", 1]}
        assert not graph.value_info


def test_token_types_are_an_input_where_the_model_has_them(exported: Exported) -> None:
    has_types = "token_type_ids" in {each.name for each in session(exported.folder, "model.onnx").get_inputs()}
    config = json.loads((exported.original / "config.json").read_text("utf-8"))
    assert has_types == (config["model_type"] == "bert")


def test_the_folder_holds_the_graphs_the_tokenizer_the_settings_and_the_report(exported: Exported) -> None:
    assert {path.name for path in exported.folder.iterdir()} == {
        "model.onnx",
        "model_int8.onnx",
        "tokenizer.json",
        "tokenizer_config.json",
        "config.json",
        "rerank_kit.json",
        "parity.json",
    }
    assert [path.name for path in exported.folder.parent.iterdir()] == ["folder"]
    stored = json.loads((exported.folder / "parity.json").read_text("utf-8"))
    assert stored == {
        **asdict(exported.report),
        "files": [asdict(each) for each in exported.report.files],
        "written": sorted(path.name for path in exported.folder.iterdir()),
    }
    assert stored["model"] == str(exported.original)
    assert {"torch", "transformers", "onnxruntime"} <= stored["versions"].keys()


def test_the_report_is_of_both_files_and_good(exported: Exported) -> None:
    fp32, int8 = exported.report.files
    assert (fp32.file, int8.file) == ("model.onnx", "model_int8.onnx")
    assert fp32.logit_difference < 1e-4 < int8.logit_difference
    assert int8.bytes < fp32.bytes
    assert "compared with torch" in str(exported.report)
    extremes = len(extreme_pairs(TEXTS, MAX_LENGTH))
    assert fp32.pairs == int8.pairs == sum(map(len, make_pairs(TEXTS))) + extremes


def test_two_labels_are_exported_too(tmp_path: Path) -> None:
    original = bert(tmp_path / "original", num_labels=2)
    export_model(str(original), tmp_path / "new", texts=TEXTS, int8=False)
    ranking = OnnxCrossEncoder(tmp_path / "new", raw_scores=True).rerank(QUERY, TEXTS)
    expected = logits(original, QUERY, ranking.pick(TEXTS))
    assert [hit.score for hit in ranking] == pytest.approx(expected, abs=1e-4)


def test_half_precision_weights_are_exported_as_fp32(tmp_path: Path) -> None:
    original = bert(tmp_path / "original")
    model = transformers.AutoModelForSequenceClassification.from_pretrained(original).bfloat16()
    model.save_pretrained(original)
    report = export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    assert report.files[0].logit_difference < 1e-4


def test_by_default_pythons_documentation_is_compared_and_both_sides_cut_it_alike(tmp_path: Path) -> None:
    report = export_model(bert(tmp_path / "original"), tmp_path / "new", int8=False, revision="main")
    assert report.texts == "documentation of Python's standard library"
    assert report.files[0].pairs > 80
    assert report.files[0].logit_difference < 1e-4


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"max_difference": 0.0}, r"model\.onnx does not compute what torch does.*max_difference=0;"),
        ({"max_difference": float("nan")}, "max_difference=nan"),
        ({"min_correlation": 1.01}, r"model_int8\.onnx ranks unlike torch.*min_correlation=1.01;.*--no-int8"),
    ],
)
def test_when_parity_is_bad_nothing_is_left(tmp_path: Path, limits: dict[str, float], problem: str) -> None:
    original = bert(tmp_path / "original")
    with pytest.raises(ConfigurationError, match=problem):
        export_model(original, tmp_path / "new", texts=TEXTS, **limits)  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["original"]


def test_a_former_export_stays_as_it_was_when_the_new_one_fails(tmp_path: Path) -> None:
    original = bert(tmp_path / "original")
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()}
    with pytest.raises(ConfigurationError, match="max_difference"):
        export_model(original, tmp_path / "new", texts=TEXTS, force=True, max_difference=0.0)
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == before
    export_model(original, tmp_path / "new", texts=TEXTS, force=True)
    assert (tmp_path / "new" / "model_int8.onnx").exists()


def test_a_model_without_a_trained_head_is_refused(tmp_path: Path) -> None:
    original = bert(tmp_path / "original", kind="Model")
    with pytest.raises(ConfigurationError, match=r"lacks the trained weights classifier\.weight, classifier\.bias"):
        export_model(original, tmp_path / "new", texts=TEXTS)


def test_a_classifier_of_three_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives 3 values for a pair"):
        export_model(bert(tmp_path / "original", num_labels=3), tmp_path / "new", texts=TEXTS)


def test_a_tokenizer_that_has_no_fast_form_is_refused(tmp_path: Path) -> None:
    original = bert(tmp_path / "original")
    (original / "tokenizer.json").unlink()
    transformers.CanineTokenizer().save_pretrained(original)
    with pytest.raises(ConfigurationError, match="no fast tokenizer"):
        export_model(original, tmp_path / "new", texts=TEXTS)


def test_a_model_that_torch_cannot_trace_is_refused(tmp_path: Path) -> None:
    original = bert(tmp_path / "original")
    config = transformers.FNetConfig(
        vocab_size=200, hidden_size=64, num_hidden_layers=1, intermediate_size=64, num_labels=1
    )
    transformers.FNetForSequenceClassification(config).save_pretrained(original)
    with pytest.raises(ConfigurationError, match="torch cannot make a graph of a FNetForSequenceClassification"):
        export_model(original, tmp_path / "new", texts=TEXTS)
    assert [path.name for path in tmp_path.iterdir()] == ["original"]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere': there is no such folder"):
        export_model(tmp_path / "nowhere", tmp_path / "new", texts=TEXTS)


@pytest.mark.parametrize("package", ["torch", "transformers", "sentence_transformers", "onnx"])
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf'{package}: pip install "rerank-kit\[export\]"'):
        export_model(tmp_path, tmp_path / "new", texts=TEXTS)
