"""Settings beside a model's weights: both engines read them alike, or refuse them alike."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder, SentenceTransformersCrossEncoder
from tests.local import tiny_models

pytest.importorskip("sentence_transformers", reason="one of the two engines is sentence-transformers")
originals: Any = pytest.importorskip("tests.export.originals")
families: Any = pytest.importorskip("tests.local.tiny_families")

TEXTS = ["apple banana", "Apple BANANA Über CHERRY", "apple " * 50 + "cherry " * 80 + "date " * 900, "x"]
TOKENIZER, SENTENCE = "tokenizer_config.json", "sentence_bert_config.json"
SAVED: dict[str, Any] = {
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"}
    ],
    "config_sentence_transformers.json": {"model_type": "CrossEncoder"},
}
AS_SCORER = {  # of sentence_bert_config.json, as the library saves a classifier
    "transformer_task": "sequence-classification",
    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
    "module_output_name": "scores",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Two models, each for PyTorch and for ONNX Runtime."""
    place = tmp_path_factory.mktemp("settings")
    made = {"bert": originals.bert(place / "bert"), "xlm-r": originals.xlm_roberta(place / "xlm-r")}
    return {name: (each, families.as_graph(each, place / f"{name}-onnx")) for name, each in made.items()}


def changed(folder: Path, to: Path, files: Mapping[str, Any]) -> Path:
    """A copy in which some files have other content: text as it is, lists as they are, objects as what is changed."""
    shutil.copytree(folder, to)
    for name, content in files.items():
        path = to / name
        before: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        whole: Any = before | dict[str, Any](content) if isinstance(content, dict) else content
        path.write_text(whole if isinstance(whole, str) else json.dumps(whole), "utf-8")
    return to


def engines(folders: tuple[Path, Path], to: Path, files: Mapping[str, Any]) -> list[Callable[[], Any]]:
    """Loads each engine, with these files."""
    torch, onnx = (changed(each, to / each.name, files) for each in folders)
    return [
        lambda: SentenceTransformersCrossEncoder(torch, device="cpu", raw_scores=True),
        lambda: OnnxCrossEncoder(onnx, raw_scores=True),
    ]


def scores(engine: Any) -> list[float]:
    hits = engine.rerank("query apple", TEXTS).hits
    return [hit.score for hit in sorted(hits, key=lambda hit: hit.index)]


def cutting(direction: str) -> dict[str, Any]:
    return {"truncation": {"direction": direction, "max_length": 40, "strategy": "LongestFirst", "stride": 0}}


SMALL = {"max_seq_length": 40, "do_lower_case": True, **AS_SCORER}
BARE, BARE_IN_ALL = (
    {SENTENCE: {"processing_kwargs": {kind: {"add_special_tokens": False}}, **AS_SCORER}, **SAVED}
    for kind in ("text", "common")
)
CAPITALS: dict[str, Any] = {
    "normalizer": {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": False,
    }
}


@pytest.mark.parametrize(
    ("model", "files", "length", "moves"),
    [
        ("bert", {TOKENIZER: {"truncation_side": "left"}}, 96, True),
        ("xlm-r", {TOKENIZER: {"truncation_side": "left"}}, 96, True),
        ("bert", {"tokenizer.json": cutting("Left")}, 96, True),
        ("bert", {"tokenizer.json": cutting("Left"), TOKENIZER: {"truncation_side": "right"}}, 96, False),
        ("bert", {TOKENIZER: {"padding_side": "left"}}, 96, False),
        ("xlm-r", {TOKENIZER: {"padding_side": "left"}}, 96, False),
        ("bert", {TOKENIZER: {"do_lower_case": False, "tokenizer_class": "BertTokenizer"}}, 96, True),
        ("bert", {TOKENIZER: {"do_lower_case": False, "tokenizer_class": None}}, 96, True),
        ("bert", {TOKENIZER: {"strip_accents": False, "tokenizer_class": "BertTokenizer"}}, 96, True),
        ("bert", {TOKENIZER: {"do_lower_case": False, "tokenizer_class": "PreTrainedTokenizerFast"}}, 96, False),
        ("bert", {TOKENIZER: {"tokenizer_class": "BertTokenizerFast"}, "tokenizer.json": CAPITALS}, 96, False),
        ("bert", {"tokenizer.json": CAPITALS}, 96, True),
        ("bert", {SENTENCE: SMALL}, 96, False),
        ("bert", {SENTENCE: SMALL, **SAVED, "tokenizer.json": CAPITALS}, 40, True),
        ("xlm-r", {SENTENCE: SMALL, **SAVED}, 40, True),
        ("bert", {SENTENCE: {"processing_kwargs": {"text": {"max_length": 24}}, **AS_SCORER}, **SAVED}, 24, True),
        ("bert", BARE, 96, True),
        ("xlm-r", BARE, 96, True),
        ("bert", BARE_IN_ALL, 96, True),
        ("bert", {TOKENIZER: {"model_input_names": ["input_ids", "attention_mask"]}}, 96, True),
        ("bert", {TOKENIZER: {"model_max_length": 16}}, 16, True),
        ("bert", {TOKENIZER: {"model_max_length": 64.5}}, 64, True),
        ("bert", {TOKENIZER: '{"model_max_length": Infinity}'}, 96, None),
        ("bert", {TOKENIZER: {"model_max_length": 1e30}}, 96, False),
        ("bert", {TOKENIZER: {"model_max_length": None}}, 96, False),
        ("bert", {"config.json": {"pad_token_id": None}}, 96, False),
    ],
)
def test_both_engines_read_a_setting_alike(  # noqa: PLR0917 - pytest passes them by name
    tmp_path: Path, folders: dict[str, tuple[Path, Path]], model: str, files: dict[str, Any], length: int, moves: object
) -> None:
    torch, onnx = (load() for load in engines(folders[model], tmp_path, files))
    assert (torch.max_length, onnx.max_length) == (length, length)
    assert scores(onnx) == pytest.approx(scores(torch), abs=1e-4)
    if moves is not None:
        usual = scores(OnnxCrossEncoder(folders[model][1], raw_scores=True))
        assert (scores(onnx) != pytest.approx(usual, abs=1e-4)) == moves


@pytest.mark.parametrize("model", ["bert", "xlm-r"])
def test_an_export_puts_no_special_tokens_around_a_pair_where_the_model_has_none(
    tmp_path: Path, folders: dict[str, tuple[Path, Path]], model: str
) -> None:
    folder = changed(folders[model][0], tmp_path / "model", BARE)
    export_model(folder, tmp_path / "exported", texts=originals.TEXTS, int8=False)
    torch = SentenceTransformersCrossEncoder(folder, device="cpu", raw_scores=True)
    assert scores(OnnxCrossEncoder(tmp_path / "exported", raw_scores=True)) == pytest.approx(scores(torch), abs=1e-3)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        *(
            (TOKENIZER, {"model_max_length": each}, r"model_max_length must be a number of tokens above 0, not ")
            for each in (0, -1, "512", True, [1])
        ),
        (TOKENIZER, '{"model_max_length": NaN}', "model_max_length must be .*, not nan"),
        (TOKENIZER, {"model_max_length": 3}, "reads 3 tokens of a pair, which leaves no room .* model_max_length in"),
        (TOKENIZER, {"truncation_side": "up"}, 'truncation_side must be "left" or "right", not \'up\''),
        (TOKENIZER, {"do_lower_case": "yes"}, "do_lower_case must be true or false, not 'yes'"),
        (SENTENCE, {"max_seq_length": "40"}, "max_seq_length must be a number of tokens above 0, not '40'"),
        ("config.json", {"id2label": ["no", "yes"]}, r"id2label must be an object such as .*, not \[.no., .yes.\]"),
        ("config.json", {"architectures": [5]}, r"architectures must be a list of names, not \[5\]"),
        ("config.json", {"max_position_embeddings": "96"}, "max_position_embeddings must be a whole number, not '96'"),
        ("config.json", {"n_positions": "96"}, "n_positions must be a whole number, not '96'"),
        ("config.json", {"pad_token_id": 0.5}, r"pad_token_id must be a whole number, not 0\.5"),
        *(("config.json", each, "config.json is not valid JSON .*: fetch") for each in ("", "{", "[" * 100_000)),
        *(("config.json", each, "config.json must hold a JSON object, not") for each in ("[]", "5", "null")),
        (TOKENIZER, "[]", f"{TOKENIZER} must hold a JSON object, not list"),
    ],
)
def test_both_engines_refuse_a_setting_alike(
    tmp_path: Path, folders: dict[str, tuple[Path, Path]], file: str, content: Any, said: str
) -> None:
    for load in engines(folders["bert"], tmp_path, {file: content}):
        with pytest.raises(ConfigurationError, match=said):
            load()


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"added_tokens": 5}', '{"post_processor": {"pair": [5]}}'])
def test_a_broken_tokenizer_is_refused_by_both(
    tmp_path: Path, folders: dict[str, tuple[Path, Path]], content: str
) -> None:
    for load in engines(folders["bert"], tmp_path, {"tokenizer.json": content, "config.json": {"model_type": None}}):
        with pytest.raises(ConfigurationError, match=r"not a tokenizer that can be loaded|could not be loaded"):
            load()


def test_a_chat_template_that_is_none_is_passed_over(tmp_path: Path) -> None:
    folder = tiny_models.bert_like(tmp_path, tokenizer_config={"chat_template": [5]}).folder
    assert OnnxCrossEncoder(folder).rerank("query", ["apple"]).hits


def test_a_graph_that_answers_one_number_for_all_pairs_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.bert_like(tmp_path, activation="ReduceSum", outputs=1, scalar=True).folder
    with pytest.raises(ConfigurationError, match=r"gives no score for a pair .*0 rows for 1 pairs"):
        OnnxCrossEncoder(folder)


def test_a_graph_that_answers_what_is_no_number_is_refused(tmp_path: Path) -> None:
    folder = tiny_models.bert_like(tmp_path, scale=float("inf")).folder
    with pytest.raises(ConfigurationError, match="gives no score for a pair"):
        OnnxCrossEncoder(folder)


def test_a_loop_of_links_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for engine in (OnnxCrossEncoder, SentenceTransformersCrossEncoder):
        with pytest.raises(ConfigurationError, match="there is no such folder"):
            engine(tmp_path / "loop")
    folder = tiny_models.bert_like(tmp_path / "model").folder
    (folder / "self").symlink_to(folder)
    (folder / "config.json").symlink_to(folder / "config.json")
    assert OnnxCrossEncoder(folder).rerank("query", ["apple"]).hits


@pytest.mark.parametrize(("problem", "alone"), [("multi_label_classification", True), (None, False)])
@pytest.mark.parametrize("relevant", [0, 1])
def test_of_two_labels_that_can_both_hold_one_is_the_score(
    tmp_path: Path, problem: str | None, alone: bool, relevant: int
) -> None:
    labels = {relevant: "relevant", 1 - relevant: "irrelevant"}
    folder = originals.bert(tmp_path / "bert", num_labels=2, id2label=labels, problem_type=problem)
    graph = families.as_graph(folder, tmp_path / "graph")
    library = families.transformers
    tokenizer = library.AutoTokenizer.from_pretrained(folder)
    model = library.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    pair = tokenizer("query apple", TEXTS[0], return_tensors="pt")
    values = model(**pair).logits[0].tolist()
    expected = values[relevant] - (0 if alone else values[1 - relevant])
    for engine in (
        SentenceTransformersCrossEncoder(folder, device="cpu", raw_scores=True),
        OnnxCrossEncoder(graph, raw_scores=True),
    ):
        assert engine.rerank("query apple", TEXTS[:1]).hits[0].score == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("problem", "count", "said"),
    [
        ("regression", 2, "gives 2 values for a pair, and its config.json says problem_type='regression'"),
        ("multi_label_classification", 3, "gives 3 (values|numbers)"),
        ("single_label_classification", 3, "gives 3 (values|numbers)"),
    ],
)
def test_several_labels_that_make_no_score_are_refused(tmp_path: Path, problem: str, count: int, said: str) -> None:
    folder = originals.bert(tmp_path / "bert", num_labels=count, problem_type=problem)
    graph = families.as_graph(folder, tmp_path / "graph")
    for load in (
        lambda: SentenceTransformersCrossEncoder(folder, device="cpu"),
        lambda: OnnxCrossEncoder(graph),
    ):
        with pytest.raises(ConfigurationError, match=said):
            load()
