"""Rerankers that read from left to right are exported with their prompt; the graph gives the last token's score."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import onnx
import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export import export_model
from rerank_kit.export.parity import spearman
from rerank_kit.export.recipes import carried
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.recipe import Recipe
from rerank_kit.local.scale import Scale
from tests.export.originals import ettin
from tests.local import cards, tiny_tokenizers
from tests.local.tiny_families import Build, as_graph, decoder, zerank_2

QUERY = "what is an apple?"
TEXTS = [f"{number} apples grow{' on a tree' * (number % 9)}, and no pear" for number in range(20)]
TEMPLATE = "Query: {query}\nDocument: {document}\nIs it relevant?"

qwen3 = decoder("Qwen3-Reranker-0.6B", "Qwen3")
qwen3_classifier = decoder("Qwen3-Reranker-0.6B-seq-cls", "Qwen3", "ForSequenceClassification", num_labels=1)
mxbai_labels = decoder("mxbai-rerank-base-v2-seq", "Qwen2", "ForSequenceClassification", id2label={0: "0", 1: "1"})


def scores(folder: Path, **options: Any) -> list[float]:
    """The logits that an exported folder gives the texts."""
    hits = OnnxCrossEncoder(folder, raw_scores=True, **options).rerank(QUERY, TEXTS).hits
    return [hit.score for hit in sorted(hits, key=lambda hit: hit.index)]


@pytest.mark.parametrize("build", [qwen3, qwen3_classifier, mxbai_labels, zerank_2], ids=lambda _: "")
@pytest.mark.parametrize("file", ["model.onnx", "model_int8.onnx"])
def test_a_score_is_the_same_alone_and_in_a_batch(tmp_path: Path, build: Build, file: str) -> None:
    export_model(build(tmp_path), tmp_path / "new", texts=TEXTS, min_correlation=0.9)
    alone = scores(tmp_path / "new", file=file)
    assert scores(tmp_path / "new", file=file, batch_size=8) == pytest.approx(alone, abs=1e-5)
    assert max(alone) - min(alone) > 0.05  # else this could hardly fail


def test_int8_ranks_as_fp32_does(tmp_path: Path) -> None:
    report = export_model(qwen3(tmp_path), tmp_path / "new", texts=TEXTS)
    fp32, int8 = (scores(tmp_path / "new", file=each.file) for each in report.files)
    assert fp32 != int8
    assert spearman(fp32, int8) > 0.97
    assert report.files[1].bytes < report.files[0].bytes


def test_the_graph_gives_one_number_and_has_neither_the_vocabulary_nor_a_cache(tmp_path: Path) -> None:
    original = qwen3(tmp_path)
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    graph = onnx.load(tmp_path / "new" / "model.onnx").graph
    (output,) = graph.output
    assert [size.dim_param or size.dim_value for size in output.type.tensor_type.shape.dim] == ["batch", 1]
    assert [each.name for each in graph.input] == ["input_ids", "attention_mask"]
    size = json.loads((original / "config.json").read_text("utf-8"))["vocab_size"]
    assert [each.dims for each in graph.initializer if size in each.dims] == [[size, 32]]  # the embeddings alone


def test_the_folder_carries_prompt_and_scale_and_takes_another_instruction(tmp_path: Path) -> None:
    original = qwen3(tmp_path)
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    recipe = json.loads((tmp_path / "new" / "rerank_kit.json").read_text("utf-8"))
    assert recipe["family"] == "Qwen3-Reranker"
    assert recipe["answers"] == []
    (tmp_path / "new").rename(tmp_path / "under another name")
    told = scores(tmp_path / "under another name", instruction="find the fruit")
    card = partial(cards.qwen3_ids, cards._tokenizer(original), QUERY, instruction="find the fruit")
    expected = [cards._yes_no(original, card(text), cards._tokenizer(original), "yes", "no") for text in TEXTS]
    assert told == pytest.approx(expected, abs=1e-4)
    assert told != scores(tmp_path / "under another name")


def test_a_prompt_and_answers_of_ones_own_are_carried_too(tmp_path: Path) -> None:
    original = decoder("Qwen3-0.6B", "Qwen3")(tmp_path)
    with pytest.raises(ConfigurationError, match="template="):
        export_model(original, tmp_path / "new", texts=TEXTS)
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False, template=TEMPLATE, answers=("Yes", "No"))
    tokenizer = cards._tokenizer(original)
    ids = [tokenizer(TEMPLATE.format(query=QUERY, document=text))["input_ids"] for text in TEXTS]
    expected = [cards._yes_no(original, each, tokenizer, "Yes", "No") for each in ids]
    assert scores(tmp_path / "new") == pytest.approx(expected, abs=1e-4)


def saved_with_a_template(folder: Path, *, prompt: str | None = None, template: str | None = None) -> Path:
    """A language model that sentence-transformers saved, in no family, whose template is made for pairs."""
    template = template or (
        "{% for message in messages %}{% if message.role == 'system' %}Judge: {{ message.content }}\n{% endif %}"
        "{% if message.role == 'query' %}Q: {{ message.content }}\n{% endif %}"
        "{% if message.role == 'document' %}D: {{ message.content }}\n{% endif %}{% endfor %}Answer:"
    )
    library: Any = pytest.importorskip("sentence_transformers")
    made = decoder("own", "Llama", tokenizer=partial(tiny_tokenizers.qwen, template))(folder)
    prompts = {} if prompt is None else {"prompts": {"own": prompt}, "default_prompt_name": "own"}
    library.CrossEncoder(str(made), device="cpu", **prompts).save_pretrained(str(folder / "saved"))
    return folder / "saved"


@pytest.mark.parametrize("prompt", [None, "fruit alone"])
def test_a_template_that_comes_with_the_model_is_carried(tmp_path: Path, prompt: str | None) -> None:
    original = saved_with_a_template(tmp_path, prompt=prompt)
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    judge = "" if prompt is None else f"Judge: {prompt}\n"
    tokenizer = cards._tokenizer(original)
    ids = [tokenizer(f"{judge}Q: {QUERY}\nD: {text}\nAnswer:")["input_ids"] for text in TEXTS]
    expected = [cards._yes_no(original, each, tokenizer, "yes", "no") for each in ids]
    assert scores(tmp_path / "new") == pytest.approx(expected, abs=1e-4)


def test_a_prompt_before_each_query_cannot_be_carried(tmp_path: Path) -> None:
    original = ettin(tmp_path / "original")
    settings = original / "config_sentence_transformers.json"
    own = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    settings.write_text(json.dumps(json.loads(settings.read_text("utf-8")) | own), "utf-8")
    with pytest.raises(ConfigurationError, match="puts 'query: ' before each query"):
        export_model(original, tmp_path / "new", texts=TEXTS)


def test_an_activation_of_its_own_cannot_be_carried(tmp_path: Path) -> None:
    original = ettin(tmp_path / "original")
    settings = original / "config_sentence_transformers.json"
    own = {"activation_fn": "torch.distributions.transforms.SigmoidTransform"}
    settings.write_text(json.dumps(json.loads(settings.read_text("utf-8")) | own), "utf-8")
    with pytest.raises(ConfigurationError, match="makes its scores by a SigmoidTransform"):
        export_model(original, tmp_path / "new", texts=TEXTS)


def test_a_words_bias_counts(tmp_path: Path) -> None:
    original = decoder("own", "Phi", hidden_act="gelu")(tmp_path)
    told: dict[str, Any] = {"template": TEMPLATE, "answers": ("yes", "no")}
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False, **told)
    torch_engine = SentenceTransformersCrossEncoder(original, device="cpu", raw_scores=True, **told)
    hits = sorted(torch_engine.rerank(QUERY, TEXTS).hits, key=lambda hit: hit.index)
    assert scores(tmp_path / "new") == pytest.approx([hit.score for hit in hits], abs=1e-4)


BEHIND = "Is this about it? {{ messages[-1].content }} It: {{ messages[-2].content }}{# 'query' 'document' #} Answer:"
"""A template with the query behind the document: what is cut is the document all the same."""


@pytest.mark.parametrize("side", ["right", "left"])
def test_what_stands_behind_a_document_that_is_cut_is_read_on_both_engines(tmp_path: Path, side: str) -> None:
    original = saved_with_a_template(tmp_path, template=BEHIND)
    settings = original / "tokenizer_config.json"
    settings.write_text(json.dumps(json.loads(settings.read_text("utf-8")) | {"truncation_side": side}), "utf-8")
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False)
    long = [" ".join(f"{number}{each}" for number in range(3000)) for each in TEXTS[:3]]
    engines = (
        SentenceTransformersCrossEncoder(original, device="cpu", raw_scores=True),
        OnnxCrossEncoder(tmp_path / "new", raw_scores=True),
    )
    torch, onnx = ([(hit.index, hit.score) for hit in each.rerank(QUERY, long)] for each in engines)
    assert [score for _, score in onnx] == pytest.approx([score for _, score in torch], abs=1e-4)
    assert [place for place, _ in onnx] == [place for place, _ in torch]
    asked = {score for query in (QUERY, "another") for score in scores_of(engines[1], query, long)}
    assert len(asked) == 6  # the query is read


def scores_of(engine: OnnxCrossEncoder, query: str, texts: list[str]) -> list[float]:
    return [hit.score for hit in engine.rerank(query, texts)]


def test_a_template_that_changes_its_texts_is_refused_wherever_it_is_loaded(tmp_path: Path) -> None:
    cutting = BEHIND.replace("messages[-1].content", "messages[-1].content[:400]")
    original = saved_with_a_template(tmp_path, template=cutting)
    loads = (
        lambda: export_model(original, tmp_path / "new", texts=TEXTS),
        lambda: SentenceTransformersCrossEncoder(original, device="cpu"),
        lambda: OnnxCrossEncoder(as_graph(original, tmp_path / "graph", loader="AutoModelForCausalLM")),
    )
    for load in loads:
        with pytest.raises(
            ConfigurationError, match=r"its chat template does more with query and document .* template="
        ):
            load()


SIZES: dict[str, int] = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 1024}


@pytest.mark.parametrize(
    ("family", "config"),
    [
        ("GPT2", SIZES),
        ("GPT2", {**SIZES, "pad_token_id": None}),
        ("Bloom", {"n_layer": 2, "n_head": 4}),
        ("OPT", {"ffn_dim": 64, "word_embed_proj_dim": 32}),
        ("GPTNeoX", {}),
    ],
)
def test_a_classifier_made_of_an_older_language_model_is_exported(
    tmp_path: Path, family: str, config: dict[str, Any]
) -> None:
    original = decoder("own", family, "ForSequenceClassification", num_labels=1, **config)(tmp_path)
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False, template=TEMPLATE)
    ids = [cards._tokenizer(original)(TEMPLATE.format(query=QUERY, document=text))["input_ids"] for text in TEXTS]
    model = cards.transformers.AutoModelForSequenceClassification.from_pretrained(original).eval()
    expected = [model(input_ids=cards.torch.tensor([each])).logits[0, 0].item() for each in ids]
    assert scores(tmp_path / "new") == pytest.approx(expected, abs=1e-4)


def test_a_model_that_reads_any_length_is_exported_with_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rerank_kit.local.reading._LONGEST_UNASKED", 512)  # pairs of 8192 tokens would take a minute
    build = decoder("own", "Bloom", "ForSequenceClassification", num_labels=1, n_layer=1, n_head=2)
    original = build(tmp_path)
    for name, limit in (("tokenizer_config.json", "model_max_length"), ("config.json", "max_position_embeddings")):
        path = original / name
        settings = json.loads(path.read_text("utf-8"))
        del settings[limit]
        path.write_text(json.dumps(settings), "utf-8")
    export_model(original, tmp_path / "new", texts=TEXTS, int8=False, template=TEMPLATE)
    monkeypatch.undo()
    assert OnnxCrossEncoder(tmp_path / "new").max_length == 512


def test_a_classifier_that_cannot_be_exported_is_refused_with_what_can_run_it(tmp_path: Path) -> None:
    config: dict[str, Any] = {**SIZES, "dff": 64}
    original = decoder("own", "CTRL", "ForSequenceClassification", num_labels=1, **config)(tmp_path)
    with pytest.raises(ConfigurationError, match=r"what a CTRLForSequenceClassification reads .* rank with Sentence"):
        export_model(original, tmp_path / "new", texts=TEXTS, template=TEMPLATE)


def test_a_template_that_leaves_a_text_out_cannot_be_carried() -> None:
    model = SimpleNamespace(preprocess=lambda pairs, prompt: {"modality": "message"})
    reading: Any = SimpleNamespace(scale=Scale(), inputs=None, instruction=None, recipe=Recipe())
    with pytest.raises(ConfigurationError, match=r"model='m': its chat template does not show both .* template="):
        carried(model, reading, "m")
