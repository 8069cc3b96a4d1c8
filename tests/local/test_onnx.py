"""The ONNX engine gives the model's own scores, whatever else is among the candidates."""

from __future__ import annotations

import copy
import math
import pickle
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from onnx import TensorProto
from tokenizers import Tokenizer, models

from rerank_kit import BackendError, ConfigurationError, DeadlineExceeded, InvalidResponse, MissingExtra, Usage
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.model_files import embedded_folder
from rerank_kit.local.onnx_shapes import without_value_info
from tests.conftest import Colour
from tests.local.tiny_models import WORDS, TinyModel, bert_like, xlmr_like

QUERY = "Australia GST registration threshold"
ANSWER = "You must register for GST once your turnover reaches the registration threshold of 75,000 dollars."
TOPICAL = "The history of Australia's GST begins with a tax summit in 1985."
OTHER = "Cats sleep for most of the day."


@pytest.fixture(scope="module", params=[bert_like, xlmr_like], ids=["bert", "xlm-r"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    built: TinyModel = request.param(tmp_path_factory.mktemp("model"))
    return built


def expected_logit(tiny: TinyModel, query: str, text: str) -> float:
    """The tokenizer alone, and numpy."""
    tokenizer = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    tokenizer.no_padding()
    encoding = tokenizer.encode(query, text)
    types = encoding.type_ids if any(encoding.type_ids) else None
    return float(tiny.logits(encoding.ids, types)[0])


def test_the_embedded_model_puts_the_answer_before_the_topic_before_the_rest(
    colour: Colour, embedded: OnnxCrossEncoder
) -> None:
    ranking = colour(embedded, "rerank", QUERY, [OTHER, TOPICAL, ANSWER])
    assert [hit.index for hit in ranking] == [2, 1, 0]
    assert [hit.score for hit in ranking] == pytest.approx([0.99, 0.50, 0.0], abs=0.2)
    assert embedded.model == "ms-marco-MiniLM-L-12-v2"


def test_the_logits_of_the_embedded_model_stay_what_they_were() -> None:
    query = "What is the GST registration threshold in Australia?"
    texts = [ANSWER, TOPICAL, "GST registration", "The threshold of the house was made of oak.", OTHER]
    logits = [hit.score for hit in OnnxCrossEncoder(raw_scores=True).rerank(query, texts)]
    pinned = [4.256, 1.364, -1.716, -10.046, -11.289]
    assert logits == pytest.approx(pinned, abs=0.25)  # CPUs without VNNI cut off large sums, and differ by up to 0.2


def test_scores_of_bert_and_xlmr_like_models_are_their_own(tiny: TinyModel, colour: Colour) -> None:
    texts = ["apple banana", "cherry", "text word word", "unheard of"]
    raw = OnnxCrossEncoder(tiny.folder, raw_scores=True)
    for hit in colour(raw, "rerank", "query apple", texts):
        assert hit.score == pytest.approx(expected_logit(tiny, "query apple", texts[hit.index]), abs=1e-4)


def test_scores_are_from_0_to_1_unless_raw_ones_are_asked_for(tiny: TinyModel) -> None:
    texts = ["apple banana", "cherry"]
    raw = OnnxCrossEncoder(tiny.folder, raw_scores=True).rerank("query", texts)
    scores = OnnxCrossEncoder(tiny.folder).rerank("query", texts)
    assert [hit.index for hit in raw] == [hit.index for hit in scores]
    for logit, score in zip(raw, scores, strict=True):
        assert score.score == pytest.approx(1 / (1 + math.exp(-logit.score)))


def test_scores_of_the_embedded_model_are_those_of_onnx_runtime(embedded: OnnxCrossEncoder) -> None:
    import numpy as np
    import onnxruntime

    folder = embedded_folder()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    graph = without_value_info(folder / "model.onnx")
    assert graph is not None
    session: Any = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    for hit in embedded.rerank(QUERY, [ANSWER, TOPICAL, OTHER]):
        encoding = tokenizer.encode(QUERY, [ANSWER, TOPICAL, OTHER][hit.index])
        feeds = {
            "input_ids": np.array([encoding.ids]),
            "attention_mask": np.array([encoding.attention_mask]),
            "token_type_ids": np.array([encoding.type_ids]),
        }
        logit = float(session.run(None, feeds)[0][0][0])
        assert hit.score == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-9)


def test_a_score_does_not_depend_on_the_other_candidates_their_order_or_the_threads(
    embedded: OnnxCrossEncoder,
) -> None:
    texts = [ANSWER, TOPICAL, OTHER, f"{TOPICAL} {ANSWER}", "Tax. " * 60]
    whole = {texts[hit.index]: hit.score for hit in embedded.rerank(QUERY, texts)}
    alone = {text: embedded.rerank(QUERY, [text]).hits[0].score for text in texts}
    shuffled = random.Random(3).sample(texts, len(texts))
    one_thread = OnnxCrossEncoder(threads=1).rerank(QUERY, shuffled)
    assert alone == whole
    assert {shuffled[hit.index]: hit.score for hit in one_thread} == whole


def test_the_same_text_is_scored_once(colour: Colour, embedded: OnnxCrossEncoder) -> None:
    ranking = colour(embedded, "rerank", QUERY, [OTHER, ANSWER, OTHER, OTHER])
    assert [hit.index for hit in ranking] == [1, 0, 2, 3]
    assert ranking.usage.pairs == 2
    assert ranking.usage.duplicates == 2


def test_tokens_and_cut_documents_are_counted(colour: Colour, tiny: TinyModel) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=16)
    usage = colour(reranker, "rerank", "query", ["apple", "word " * 50]).usage
    short = len(Tokenizer.from_file(str(tiny.folder / "tokenizer.json")).encode("query", "apple").tokens)
    padding = 512 - 5 if short == 512 else 0
    assert usage == Usage(pairs=2, tokens=short - padding + 16, truncated=1)


@pytest.mark.parametrize("head", ["", " " * 600_000, "apple" * 20_000 + " "], ids=["words", "blanks", "one long word"])
def test_of_a_long_document_just_what_the_model_reads_is_used(tiny: TinyModel, head: str) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=32, raw_scores=True)
    text = head + " ".join(random.Random(5).choices(WORDS, k=100_000))
    tokenizer = Tokenizer.from_file(str(tiny.folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(32)
    whole = tokenizer.encode("query", text)
    types = whole.type_ids if any(whole.type_ids) else None
    ranking = reranker.rerank("query", [text])
    assert ranking.hits[0].score == pytest.approx(float(tiny.logits(whole.ids, types)[0]), abs=1e-4)
    assert ranking.usage.truncated == 1


def test_a_query_that_fills_the_model_alone_is_cut_and_counted(tiny: TinyModel) -> None:
    usage = OnnxCrossEncoder(tiny.folder, max_length=16).rerank("query " * 100, ["apple"]).usage
    assert usage.tokens < 16
    assert (usage.truncated, usage.query_truncated) == (0, 1)


@pytest.mark.parametrize(
    ("config", "tokenizer_config", "expected"),
    [
        (None, None, 512),
        ({"max_position_embeddings": 64}, None, 64),
        ({"max_position_embeddings": 514, "model_type": "xlm-roberta"}, None, 512),
        ({"max_position_embeddings": 8192, "model_type": "modernbert"}, {"model_max_length": 8000}, 8000),
        (None, {"model_max_length": 1000000000000000019884624838656}, 512),
        ({"max_position_embeddings": 128}, {"model_max_length": 1e30}, 128),
        ({"max_position_embeddings": 514, "model_type": "mpnet"}, None, 512),
        ({"max_position_embeddings": 513, "model_type": "roberta", "pad_token_id": 0}, {}, 512),
        ({"max_position_embeddings": 40_960, "model_type": "modernbert"}, {"model_max_length": 131_072}, 8192),
    ],
)
def test_the_maximum_length_is_the_models_own(
    tmp_path: Path, config: dict[str, Any] | None, tokenizer_config: dict[str, Any] | None, expected: int
) -> None:
    model = bert_like(tmp_path, config=config, tokenizer_config=tokenizer_config)
    assert OnnxCrossEncoder(model.folder).max_length == expected


def test_more_than_the_cards_of_rerankers_name_is_read_when_asked_for(tmp_path: Path) -> None:
    model = bert_like(tmp_path, config={"max_position_embeddings": 40_960})
    assert OnnxCrossEncoder(model.folder, max_length=40_960).max_length == 40_960


@pytest.mark.parametrize("max_length", [0, 15, 513, "512", True])
def test_a_maximum_length_that_the_model_cannot_read_is_an_error(tiny: TinyModel, max_length: Any) -> None:
    with pytest.raises(ConfigurationError, match="max_length must be from 16 to 512"):
        OnnxCrossEncoder(tiny.folder, max_length=max_length)


def test_a_graph_that_answers_probabilities_is_taken_at_its_word(tmp_path: Path) -> None:
    logits = bert_like(tmp_path / "a")
    named = bert_like(tmp_path / "b", activation="Sigmoid", output_name="probabilities")
    said = bert_like(tmp_path / "c", activation="Sigmoid")
    texts = ["apple", "cherry date"]
    expected = [hit.score for hit in OnnxCrossEncoder(logits.folder).rerank("query", texts)]
    for reranker in (OnnxCrossEncoder(named.folder), OnnxCrossEncoder(said.folder, output="probabilities")):
        assert [hit.score for hit in reranker.rerank("query", texts)] == pytest.approx(expected, abs=1e-6)


def test_logits_mistaken_for_probabilities_are_noticed(tmp_path: Path) -> None:
    model = bert_like(tmp_path, scale=50.0)
    with pytest.raises(ConfigurationError, match='output="logits"'):
        OnnxCrossEncoder(model.folder, output="probabilities")


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("raw", [False, True])
def test_logits_that_are_called_scores_are_read_as_logits(tmp_path: Path, outputs: int, raw: bool) -> None:
    called = {name: bert_like(tmp_path / name, outputs=outputs, output_name=name) for name in ("logits", "scores")}
    logits, scores = (OnnxCrossEncoder(each.folder, raw_scores=raw) for each in called.values())
    texts = ["apple", "cherry date", "fig"]
    assert scores.rerank("query", texts).hits == logits.rerank("query", texts).hits
    assert scores.recipe == logits.recipe
    assert scores.recipe.logit == logits.recipe.logit


def test_of_two_outputs_the_second_stands_for_relevant(tmp_path: Path) -> None:
    logits = bert_like(tmp_path / "a", outputs=2)
    softmax = bert_like(tmp_path / "b", outputs=2, activation="Softmax", output_name="probs")
    texts = ["apple", "cherry date", "fig"]
    from_logits = OnnxCrossEncoder(logits.folder).rerank("query", texts)
    from_softmax = OnnxCrossEncoder(softmax.folder).rerank("query", texts)
    assert [hit.index for hit in from_logits] == [hit.index for hit in from_softmax]
    assert [hit.score for hit in from_logits] == pytest.approx([hit.score for hit in from_softmax], abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"outputs": 3}, r"gives 3 numbers, as an embedding model or a classifier does \(logits, "),
        ({"outputs": 8, "for_each_token": True}, r"a vector for every token, as an embedding model or a ColBERT"),
        ({"outputs": 1, "for_each_token": True}, r"a vector for every token"),
        (
            {"outputs": 1, "for_each_token": True, "activation": "Squeeze"},
            r"a number for every token, as a model that answers questions does",
        ),
        (
            {"outputs": 14, "for_each_token": True, "config": {"vocab_size": 14}},
            r"a number for every token that could come next, as a language model",
        ),
    ],
)
def test_a_graph_that_gives_no_score_for_a_pair_is_refused_when_it_is_loaded(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        OnnxCrossEncoder(bert_like(tmp_path, **options).folder)


def test_more_than_two_outputs_are_no_reranker(tmp_path: Path) -> None:
    model = bert_like(tmp_path, for_each_token=True, activation="Flatten")  # a number of them that no shape tells
    with pytest.raises(ConfigurationError, match=r"model\.onnx gives no score for a pair .* values for a pair"):
        OnnxCrossEncoder(model.folder)


def test_a_tokenizer_without_a_vocabulary_is_refused(tmp_path: Path) -> None:
    folder = bert_like(tmp_path, config={"model_type": "bert"}).folder
    Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(folder / "tokenizer.json"))
    with pytest.raises(ConfigurationError, match="its tokenizer has no vocabulary"):
        OnnxCrossEncoder(folder)


def test_an_unknown_kind_of_output_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="output must be"):
        OnnxCrossEncoder(output="softmax")  # type: ignore[arg-type]


def test_graphs_with_short_integers_work_too(tmp_path: Path) -> None:
    texts = ["apple", "cherry"]
    long = OnnxCrossEncoder(bert_like(tmp_path / "a").folder).rerank("query", texts)
    short = OnnxCrossEncoder(bert_like(tmp_path / "b", integers=TensorProto.INT32).folder).rerank("query", texts)
    assert short.hits == long.hits


@pytest.mark.parametrize("options", [{"extra_input": "pixel_values"}, {"integers": TensorProto.INT16}])
def test_a_graph_that_wants_other_inputs_is_named_as_no_cross_encoder(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"wants the inputs|cannot load"):
        OnnxCrossEncoder(bert_like(tmp_path, **options).folder)


def test_nan_from_the_model_is_an_invalid_response(tmp_path: Path, colour: Colour) -> None:
    model = bert_like(tmp_path, activation="Log")  # the logarithm of a negative number
    with pytest.raises(InvalidResponse, match="finite") as caught:
        colour(OnnxCrossEncoder(model.folder), "rerank", "query", WORDS)
    assert caught.value.backend == "OnnxCrossEncoder"


def test_a_failing_graph_is_a_back_end_error_with_its_cause(tmp_path: Path, colour: Colour) -> None:
    model = bert_like(tmp_path)
    bigger = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
    bigger.add_tokens(["zzz"])  # whose id lies outside the model's table
    bigger.save(str(model.folder / "tokenizer.json"))
    with pytest.raises(BackendError, match="ONNX Runtime failed") as caught:
        colour(OnnxCrossEncoder(model.folder), "rerank", "query", ["zzz"] * 3)
    assert caught.value.__cause__ is not None


def test_a_deadline_holds_in_the_middle_of_the_work(colour: Colour, embedded: OnnxCrossEncoder) -> None:
    with pytest.raises(DeadlineExceeded):
        colour(embedded, "rerank", QUERY, [f"{number} {ANSWER}" * 5 for number in range(2000)], timeout=0.05)


def test_many_queries_share_the_workers_and_count_what_is_theirs(colour: Colour, tiny: TinyModel) -> None:
    reranker = OnnxCrossEncoder(tiny.folder)
    together = colour(reranker, "rerank_many", ["query", "word", "query"], [["apple", "fig"], ["apple"], ["fig"]])
    apart = [
        reranker.rerank(query, texts)
        for query, texts in (("query", ["apple", "fig"]), ("word", ["apple"]), ("query", ["fig"]))
    ]
    assert [ranking.hits for ranking in together] == [ranking.hits for ranking in apart]
    assert [ranking.usage.pairs for ranking in together] == [2, 1, 0]
    assert together[2].usage.duplicates == 1


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_an_engine_can_be_copied_and_pickled(tiny: TinyModel, travel: Any) -> None:
    model = OnnxCrossEncoder(tiny.folder, max_length=64, raw_scores=True)
    other = travel(model)
    assert other.rerank("query", WORDS).hits == model.rerank("query", WORDS).hits
    assert repr(other) == repr(model)


@pytest.mark.parametrize("package", ["onnxruntime", "tokenizers", "numpy"])
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, tiny: TinyModel, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf'{package}: pip install "rerank-kit\[onnx\]"'):
        OnnxCrossEncoder(tiny.folder)


@pytest.mark.parametrize("threads", [0, -1, 1.5])
def test_threads_must_be_at_least_one(threads: Any) -> None:
    with pytest.raises(ConfigurationError, match="threads must be"):
        OnnxCrossEncoder(threads=threads)


def test_batches_give_the_same_scores_where_the_model_allows_it(tiny: TinyModel, colour: Colour) -> None:
    texts = [" ".join(WORDS[:count]) for count in range(1, 10)]
    alone = OnnxCrossEncoder(tiny.folder).rerank("query", texts)
    together = colour(OnnxCrossEncoder(tiny.folder, batch_size=4), "rerank", "query", texts)
    assert [hit.index for hit in together] == [hit.index for hit in alone]
    assert [hit.score for hit in together] == pytest.approx([hit.score for hit in alone], abs=1e-6)
    assert together.usage == alone.usage


def test_a_graph_that_answers_too_few_rows_is_an_invalid_response(tmp_path: Path) -> None:
    model = bert_like(tmp_path, only_first=True)
    assert len(OnnxCrossEncoder(model.folder).rerank("query", WORDS)) == len(WORDS)
    with pytest.raises(InvalidResponse, match="1 rows for 4 pairs"):
        OnnxCrossEncoder(model.folder, batch_size=4).rerank("query", WORDS)


@pytest.mark.parametrize(
    ("provider", "package"),
    [
        ("CUDAExecutionProvider", "onnxruntime-gpu"),
        ("OpenVINOExecutionProvider", "onnxruntime-openvino"),
        ("NoSuchProvider", "see https://onnxruntime.ai"),
    ],
)
def test_the_package_with_a_provider_is_named(tiny: TinyModel, provider: str, package: str) -> None:
    told = rf"Uninstall it, and install the build that has the others \({package}\) in its place"
    with pytest.raises(ConfigurationError, match=told):
        OnnxCrossEncoder(tiny.folder, providers=[provider])


def test_providers_that_are_not_installed_are_named(tiny: TinyModel) -> None:
    assert OnnxCrossEncoder(tiny.folder, providers=["CPUExecutionProvider"]).provider == "CPUExecutionProvider"
    for wrong in (["QuantumExecutionProvider"], []):
        with pytest.raises(ConfigurationError, match=r"providers=.*CPUExecutionProvider"):
            OnnxCrossEncoder(tiny.folder, providers=wrong)


def test_a_fingerprint_names_all_that_moves_a_score(tmp_path: Path) -> None:
    one = bert_like(tmp_path / "a").folder
    other = bert_like(tmp_path / "b", scale=2.0).folder
    engines = [
        OnnxCrossEncoder(one),
        OnnxCrossEncoder(other),
        OnnxCrossEncoder(one, max_length=64),
        OnnxCrossEncoder(one, raw_scores=True),
        OnnxCrossEncoder(bert_like(tmp_path / "c", activation="Sigmoid").folder, output="probabilities"),
        OnnxCrossEncoder(one, long_documents="max"),
        OnnxCrossEncoder(one, long_documents="max", window=64),
    ]
    fingerprints = [engine.fingerprint for engine in engines]
    assert len({*fingerprints}) == len(engines)
    assert OnnxCrossEncoder(one, threads=1).fingerprint == engines[0].fingerprint == engines[0].fingerprint
    assert OnnxCrossEncoder(one, batch_size=2).fingerprint is None


def test_callers_that_wait_share_batches_and_each_gets_its_own_ranking(tiny: TinyModel) -> None:
    together, alone = OnnxCrossEncoder(tiny.folder, batch_size=4), OnnxCrossEncoder(tiny.folder)
    texts = [[f"{WORDS[number]} {WORDS[other]}" for other in range(6)] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        rankings = list(pool.map(lambda each: together.rerank("query", each), texts))
    for ranking, each in zip(rankings, texts, strict=True):
        expected = alone.rerank("query", each)
        assert [hit.index for hit in ranking] == [hit.index for hit in expected]
        assert [hit.score for hit in ranking] == pytest.approx([hit.score for hit in expected], abs=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_scores_that_come_to_1_keep_the_order_of_what_the_model_gave(
    tmp_path: Path, outputs: int, batch_size: int, colour: Colour
) -> None:
    folder = bert_like(tmp_path, scale=1000.0, outputs=outputs).folder
    raw = OnnxCrossEncoder(folder, raw_scores=True, batch_size=batch_size).rerank("query", WORDS)
    ranking = colour(OnnxCrossEncoder(folder, batch_size=batch_size), "rerank", "query", WORDS)
    assert sum(hit.score == 1.0 for hit in ranking) > 2
    assert [(hit.index, hit.logit) for hit in ranking] == [(hit.index, hit.score) for hit in raw]
    assert {hit.logit for hit in raw} == {None}
