"""Rerankers made of sentence-transformers' modules, such as Ettin's, are exported with all that they are made of."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from rerank_kit import BackendError, ConfigurationError
from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder
from tests.export.originals import MAX_LENGTH, TEXTS, bert, ettin, logits, modernbert, torch, transformers

QUERY = "query apple"


def exported(original: Path, folder: Path) -> list[float]:
    """The logits that an exported folder gives the texts."""
    export_model(original, folder, texts=TEXTS, int8=False)
    hits = OnnxCrossEncoder(folder, raw_scores=True).rerank(QUERY, TEXTS).hits
    return [hit.score for hit in sorted(hits, key=lambda hit: hit.index)]


def operators(folder: Path) -> set[str]:
    return {node.op_type for node in onnx.load(folder / "model.onnx").graph.node}


@pytest.mark.parametrize(
    "options",
    [{"pooling": "mean"}, {"labels": 2}, {"attention_bias": True, "mlp_bias": True}, {"num_hidden_layers": 1}],
    ids=["mean pooling", "two labels", "biases", "one layer"],
)
def test_whatever_the_layers_are_the_scores_are_those_of_sentence_transformers(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    original = ettin(tmp_path / "original", **options)
    found = exported(original, tmp_path / "new")
    assert found == pytest.approx(logits(original, QUERY, TEXTS), abs=1e-4)
    assert max(found) - min(found) > 0.05  # else this could hardly fail
    assert "MultiHeadAttention" in operators(tmp_path / "new")


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_classifier_on_modernbert_computes_the_same_in_fewer_operators(tmp_path: Path, pooling: str) -> None:
    original = modernbert(tmp_path / "original", classifier_pooling=pooling)
    found = exported(original, tmp_path / "new")
    assert found == pytest.approx(logits(original, QUERY, TEXTS), abs=1e-4)
    assert {"RotaryEmbedding", "MultiHeadAttention"} <= operators(tmp_path / "new")


def test_where_the_faster_graph_is_not_exact_that_of_torch_is_taken(tmp_path: Path) -> None:
    original = modernbert(tmp_path / "original", local_attention=4)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(original)
    with torch.no_grad():  # so that what is out of a token's sight would be looked at most of all
        model.model.layers[-1].attn.Wqkv.weight.mul_(200)
    model.save_pretrained(original)
    found = exported(original, tmp_path / "new")
    assert found == pytest.approx(logits(original, QUERY, TEXTS), abs=1e-3)
    assert "MultiHeadAttention" not in operators(tmp_path / "new")


def test_the_transformer_may_be_another_one_with_token_types(tmp_path: Path) -> None:
    original = ettin(tmp_path / "original", encoder=bert)
    found = exported(original, tmp_path / "new")
    assert found == pytest.approx(logits(original, QUERY, TEXTS), abs=1e-4)


@pytest.mark.filterwarnings("ignore:.*longer than what:rerank_kit.local.LongDocumentsWarning")
def test_the_maximum_length_is_the_models_own(tmp_path: Path) -> None:
    original = ettin(tmp_path / "original")
    exported(original, tmp_path / "new")
    assert OnnxCrossEncoder(tmp_path / "new").max_length == MAX_LENGTH
    settings = original / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text("utf-8")), "model_max_length": 40}), "utf-8")
    found = exported(original, tmp_path / "shorter")
    assert OnnxCrossEncoder(tmp_path / "shorter").max_length == 40
    assert found == pytest.approx(logits(original, QUERY, TEXTS), abs=1e-4)


def test_three_values_for_a_pair_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives 3 values for a pair"):
        export_model(ettin(tmp_path / "original", labels=3), tmp_path / "new", texts=TEXTS)


def test_a_layer_without_weights_is_refused(tmp_path: Path) -> None:
    original = ettin(tmp_path / "original")
    (weights,) = original.glob("4_Dense/model.safetensors")
    files: Any = pytest.importorskip("safetensors.torch")
    files.save_file({name: each for name, each in files.load_file(weights).items() if name != "linear.weight"}, weights)
    with pytest.raises(ConfigurationError, match=r"could not be loaded .*Dense"):
        export_model(original, tmp_path / "new", texts=TEXTS)


def test_an_exported_folder_ranks_in_both_adapters(tmp_path: Path) -> None:
    local = [pytest.importorskip(f"{each}_rerank_kit.local") for each in ("langchain", "llama")]
    documents: Any = pytest.importorskip("langchain_core.documents")
    schema: Any = pytest.importorskip("llama_index.core.schema")
    original = ettin(tmp_path / "original")
    exported(original, tmp_path / "new")
    compressor, postprocessor = (
        each.CrossEncoderRerank(model=str(tmp_path / "new"), raw_scores=True, top_n=None) for each in local
    )
    expected = sorted(logits(original, QUERY, TEXTS), reverse=True)
    pages = compressor.compress_documents([documents.Document(page_content=text) for text in TEXTS], QUERY)
    assert [page.metadata["relevance_score"] for page in pages] == pytest.approx(expected, abs=1e-4)
    nodes = [schema.NodeWithScore(node=schema.TextNode(text=text)) for text in TEXTS]
    found = postprocessor.postprocess_nodes(nodes, query_str=QUERY)
    assert [node.score for node in found] == pytest.approx(expected, abs=1e-4)


def test_a_last_layer_that_makes_scores_is_not_squeezed_once_more(tmp_path: Path) -> None:
    library: Any = pytest.importorskip("sentence_transformers")
    modules: Any = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    encoder = modernbert(tmp_path / "encoder", kind="Model")
    parts = [
        modules.Transformer(str(encoder)),
        modules.Pooling(64, "cls"),
        modules.Dense(64, 1, activation_function=torch.nn.Sigmoid(), module_output_name="scores"),
    ]
    model = library.CrossEncoder(modules=parts, device="cpu", activation_fn=torch.nn.Identity())
    model.save_pretrained(str(tmp_path / "model"))
    expected = model.predict([("query", text) for text in TEXTS], batch_size=1).tolist()
    export_model(tmp_path / "model", tmp_path / "exported", texts=TEXTS, int8=False)
    hits = OnnxCrossEncoder(tmp_path / "exported").rerank("query", TEXTS).hits
    assert [hit.score for hit in sorted(hits, key=lambda hit: hit.index)] == pytest.approx(expected, abs=1e-4)


def test_a_graph_that_cannot_be_run_is_told_of_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(folder: Path, *others: object) -> None:
        msg = f"{folder}/model.onnx failed"
        raise BackendError(msg)

    monkeypatch.setattr("rerank_kit.export.compare", fails)
    original = modernbert(tmp_path / "model")
    told = r"model='.*/model': its graph cannot be run .*\(what was exported/model.onnx failed\); nothing was written"
    with pytest.raises(ConfigurationError, match=told):
        export_model(original, tmp_path / "exported", texts=TEXTS, int8=False)
    assert not (tmp_path / "exported").exists()


def test_torch_prints_no_graph_where_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*others: object, **more: object) -> None:
        sys.stdout.write("Torch IR graph at exception")
        raise RuntimeError("unsupported")

    original = modernbert(tmp_path / "model")
    monkeypatch.setattr(torch.onnx, "export", fails)
    with pytest.raises(ConfigurationError, match=r"cannot make a graph of a .* \(unsupported\)"):
        export_model(original, tmp_path / "exported", texts=TEXTS, int8=False)
    assert "graph" not in capsys.readouterr().out
