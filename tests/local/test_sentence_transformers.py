"""The PyTorch engine gives the library's own scores, sooner, and keeps its promises about the machine it runs on."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import random
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import BackendError, ConfigurationError, DeadlineExceeded, InvalidResponse, MissingExtra, Usage
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
from rerank_kit.local.torch_loading import PrecisionWarning, device_name, suitable
from tests.conftest import Colour
from tests.local.tiny_models import WORDS
from tests.local.tiny_torch_models import LENGTH, REASON, bert_like, qwen_like, torch, xlmr_like
from tests.processes import python

library: Any = pytest.importorskip("sentence_transformers", reason=REASON)

QUERY = "query apple"
_random = random.Random(5)
TEXTS = [" ".join(_random.choices(WORDS, k=length)) for length in (1, 1, 2, 3, 5, 8, 8, 13, 20, 30, 45, 55, 90, 300)]


@pytest.fixture(scope="module", params=[bert_like, xlmr_like, qwen_like], ids=["bert", "xlm-r", "qwen"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    built: Path = request.param(tmp_path_factory.mktemp("model"))
    return built


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bert_like(tmp_path_factory.mktemp("model"))


def own_scores(folder: Path, texts: list[str], query: str = QUERY, **options: Any) -> list[float]:
    """The library's scores, each pair alone."""
    model = library.CrossEncoder(str(folder), device="cpu", max_length=LENGTH)
    return [float(model.predict([(query, text)], **options)[0]) for text in texts]


def scores(reranker: SentenceTransformersCrossEncoder, texts: list[str], query: str = QUERY) -> list[float]:
    """Scores in the order of the texts."""
    return [hit.score for hit in sorted(reranker.rerank(query, texts), key=lambda hit: hit.index)]


def test_scores_are_those_of_the_library(tiny: Path, colour: Colour) -> None:
    ranking = colour(SentenceTransformersCrossEncoder(tiny), "rerank", QUERY, TEXTS)
    expected = own_scores(tiny, TEXTS)
    assert [hit.score for hit in ranking] == pytest.approx([expected[hit.index] for hit in ranking], abs=1e-5)
    assert max(expected) - min(expected) > 1e-3
    assert ranking.usage.truncated == 2


def test_scores_are_from_0_to_1_whatever_the_model_says_unless_raw_ones_are_asked_for(tmp_path: Path) -> None:
    saved = {"activation_fn": "torch.nn.modules.linear.Identity"}
    folder = bert_like(tmp_path, sentence_transformers=saved)
    logits = scores(SentenceTransformersCrossEncoder(folder, raw_scores=True), TEXTS)
    assert logits == pytest.approx(own_scores(folder, TEXTS), abs=1e-5)
    assert min(logits) < 0 or max(logits) > 1
    assert scores(SentenceTransformersCrossEncoder(folder), TEXTS) == pytest.approx(
        [1 / (1 + math.exp(-logit)) for logit in logits]
    )


def test_of_two_labels_the_second_stands_for_relevant(tmp_path: Path) -> None:
    folder = bert_like(tmp_path, labels=2)
    model = library.CrossEncoder(str(folder), device="cpu")
    expected = model.predict([(QUERY, text) for text in TEXTS], apply_softmax=True)[:, 1].tolist()
    assert scores(SentenceTransformersCrossEncoder(folder), TEXTS) == pytest.approx(expected, abs=1e-5)


def test_more_than_two_labels_are_no_reranker(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="gives 3 values for a pair"):
        SentenceTransformersCrossEncoder(bert_like(tmp_path, labels=3))


def test_a_score_depends_on_neighbours_order_and_threads_by_rounding_alone(tiny: Path) -> None:
    engine = SentenceTransformersCrossEncoder(tiny)
    together = dict(zip(TEXTS, scores(engine, TEXTS), strict=True))
    shuffled = random.Random(3).sample(TEXTS, len(TEXTS))
    one_thread = SentenceTransformersCrossEncoder(tiny, threads=1, batch_tokens=10_000)
    assert dict(zip(shuffled, scores(one_thread, shuffled), strict=True)) == pytest.approx(together, abs=1e-5)
    assert {text: scores(engine, [text])[0] for text in TEXTS} == pytest.approx(together, abs=1e-5)
    assert engine.fingerprint is None


@pytest.mark.parametrize("batch_tokens", [1, 64, 100_000])
def test_batches_keep_to_their_bound_of_tokens(bert: Path, batch_tokens: int) -> None:
    model = library.CrossEncoder(str(bert), device="cpu")
    shapes: list[tuple[int, int]] = []
    engine = SentenceTransformersCrossEncoder(model, batch_tokens=batch_tokens, threads=1)
    watch(model, lambda ids: shapes.append((ids.shape[0], ids.shape[1])))
    engine.rerank(QUERY, TEXTS)
    assert sum(count for count, _ in shapes) == len(TEXTS)
    assert all(count == 1 or count * width <= batch_tokens for count, width in shapes)
    assert max(count for count, _ in shapes) == {1: 1, 64: 4, 100_000: len(TEXTS)}[batch_tokens]


def test_tokens_and_cut_documents_are_counted(tiny: Path, colour: Colour) -> None:
    model = library.CrossEncoder(str(tiny), device="cpu")
    around = model.preprocess([(QUERY, "fig")])["input_ids"].shape[1] - 1
    exact = " ".join(["fig"] * (LENGTH - around))
    ranking = colour(SentenceTransformersCrossEncoder(tiny), "rerank", QUERY, ["fig", exact, f"{exact} fig"])
    assert ranking.usage == Usage(pairs=3, tokens=around + 1 + 2 * LENGTH, truncated=1)


@pytest.mark.parametrize("head", ["", " " * 100_000, "apple" * 10_000 + " "], ids=["words", "blanks", "one long word"])
def test_of_a_long_document_just_what_the_model_reads_is_used(tiny: Path, head: str) -> None:
    text = head + " ".join(random.Random(5).choices(WORDS, k=30_000))
    engine = SentenceTransformersCrossEncoder(tiny)
    assert scores(engine, [text]) == pytest.approx(own_scores(tiny, [text]), abs=1e-5)
    assert engine.rerank(QUERY, [text]).usage.truncated == 1


def test_a_model_that_reads_the_end_of_a_document_is_given_it(tmp_path: Path) -> None:
    folder = bert_like(tmp_path)
    settings = folder / "tokenizer_config.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text("utf-8")), "truncation_side": "left"}), "utf-8")
    texts = ["fig " * 2000 + "apple cherry", "fig " * 2000 + "banana date"]
    expected = own_scores(folder, texts)
    assert abs(expected[0] - expected[1]) > 1e-4
    assert scores(SentenceTransformersCrossEncoder(folder), texts) == pytest.approx(expected, abs=1e-5)


def test_a_document_of_the_full_length_does_not_leave_the_table_of_positions(tmp_path: Path) -> None:
    folder = xlmr_like(tmp_path)
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        library.CrossEncoder(str(folder), device="cpu").predict([(QUERY, "fig " * 100)])
    engine = SentenceTransformersCrossEncoder(folder)
    assert engine.max_length == LENGTH
    assert engine.rerank(QUERY, ["fig " * 100]).usage.tokens == LENGTH


@pytest.mark.parametrize("max_length", [15, LENGTH + 1, 32.0, True])
def test_a_maximum_length_that_the_model_cannot_read_is_an_error(bert: Path, max_length: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"max_length must be from 16 to {LENGTH}"):
        SentenceTransformersCrossEncoder(bert, max_length=max_length)


def test_a_shorter_maximum_length_is_that_of_the_library(tiny: Path) -> None:
    model = library.CrossEncoder(str(tiny), device="cpu", max_length=20)
    expected = model.predict([(QUERY, text) for text in TEXTS]).tolist()
    assert scores(SentenceTransformersCrossEncoder(tiny, max_length=20), TEXTS) == pytest.approx(expected, abs=1e-5)


def test_an_instruction_reaches_models_that_take_one(tmp_path: Path) -> None:
    folder = qwen_like(tmp_path)
    instructed = scores(SentenceTransformersCrossEncoder(folder, prompt="grape elder"), TEXTS)
    assert instructed == pytest.approx(own_scores(folder, TEXTS, prompt="grape elder"), abs=1e-5)
    assert instructed != pytest.approx(scores(SentenceTransformersCrossEncoder(folder), TEXTS), abs=1e-4)


def test_the_models_own_instruction_is_used_unless_another_is_given(tmp_path: Path) -> None:
    folder = qwen_like(tmp_path)
    model = library.CrossEncoder(
        str(folder), device="cpu", prompts={"web": "grape elder"}, default_prompt_name="web", max_length=LENGTH
    )
    expected = model.predict([(QUERY, text) for text in TEXTS]).tolist()
    assert scores(SentenceTransformersCrossEncoder(model), TEXTS) == pytest.approx(expected, abs=1e-5)


def watch(model: Any, look: Callable[[Any], object]) -> None:
    """Have the input of each call of a model looked at."""

    def hook(_: Any, arguments: Any) -> None:
        look(arguments[0]["input_ids"])

    model.register_forward_pre_hook(hook)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
def test_without_memory_a_batch_is_halved_and_the_work_goes_on(
    bert: Path, colour: Colour, error: type[Exception]
) -> None:
    model, failed = library.CrossEncoder(str(bert), device="cpu"), list[tuple[int, ...]]()

    def look(ids: Any) -> None:
        if ids.numel() > 200:
            failed.append(tuple(ids.shape))
            raise error("out of memory")

    watch(model, look)
    ranking = colour(SentenceTransformersCrossEncoder(model, batch_tokens=10_000, threads=1), "rerank", QUERY, TEXTS)
    expected = own_scores(bert, TEXTS)
    assert [hit.score for hit in ranking] == pytest.approx([expected[hit.index] for hit in ranking], abs=1e-5)
    assert failed == [(len(TEXTS), LENGTH), (len(TEXTS) // 2, LENGTH)]


def test_a_single_pair_that_fails_is_a_back_end_error_with_its_cause(bert: Path, colour: Colour) -> None:
    model = library.CrossEncoder(str(bert), device="cpu")

    def look(ids: Any) -> None:
        raise torch.OutOfMemoryError("out of memory")

    engine = SentenceTransformersCrossEncoder(model)
    watch(model, look)
    with pytest.raises(BackendError, match=r"PyTorch failed on 1 pairs .* out of memory") as caught:
        colour(engine, "rerank", QUERY, TEXTS)
    assert isinstance(caught.value.__cause__, torch.OutOfMemoryError)
    assert caught.value.backend == "SentenceTransformersCrossEncoder"


def test_a_failure_of_another_kind_is_not_tried_again(bert: Path) -> None:
    model, tried = library.CrossEncoder(str(bert), device="cpu"), list[int]()

    def look(ids: Any) -> None:
        tried.append(len(ids))
        raise IndexError("index out of range in self")

    engine = SentenceTransformersCrossEncoder(model, batch_tokens=10_000, threads=1)
    watch(model, look)
    with pytest.raises(BackendError, match="index out of range"):
        engine.rerank(QUERY, TEXTS)
    assert len(tried) == 1


def test_a_template_that_fails_later_is_a_back_end_error(tmp_path: Path, colour: Colour) -> None:
    model = library.CrossEncoder(str(qwen_like(tmp_path)), device="cpu")
    engine = SentenceTransformersCrossEncoder(model)
    model.processor.chat_template = "{{ messages[0]['nothing']['here'] }}"
    with pytest.raises(BackendError, match="template"):
        colour(engine, "rerank", QUERY, TEXTS)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_refused_on_a_cpu(bert: Path, dtype: Any) -> None:
    with pytest.warns(PrecisionWarning, match=f"dtype='{dtype}' is several times slower") as caught:
        engine = SentenceTransformersCrossEncoder(bert, device="cpu", dtype=dtype)
    assert caught[0].filename == __file__
    assert engine.dtype == "float32"
    assert scores(engine, TEXTS) == pytest.approx(own_scores(bert, TEXTS), abs=1e-5)


def test_a_model_saved_in_half_precision_runs_in_float32_on_a_cpu(tmp_path: Path) -> None:
    folder = bert_like(tmp_path)
    half = library.CrossEncoder(str(folder), device="cpu", model_kwargs={"dtype": torch.float16})
    half.save_pretrained(str(tmp_path / "half"))
    assert SentenceTransformersCrossEncoder(tmp_path / "half", dtype="float32").dtype == "float32"
    assert SentenceTransformersCrossEncoder(tmp_path / "half").dtype == "float32"


def test_a_loaded_model_in_half_precision_is_warned_of(bert: Path) -> None:
    half = library.CrossEncoder(str(bert), device="cpu", model_kwargs={"dtype": torch.bfloat16})
    with pytest.warns(PrecisionWarning, match="the model is in torch.bfloat16") as caught:
        engine = SentenceTransformersCrossEncoder(half)
    assert caught[0].filename == __file__
    assert engine.dtype == "bfloat16"
    assert scores(engine, TEXTS) == pytest.approx(own_scores(bert, TEXTS), abs=0.1)


@pytest.mark.parametrize(
    ("device", "asked", "expected"),
    [
        ("cpu", None, "float32"),
        ("cpu", "float32", "float32"),
        ("cuda", None, "float16"),
        ("cuda:1", None, "float16"),
        ("cuda", "float32", "float32"),
        ("mps", None, "float16"),
        ("xpu", None, "float32"),
        ("xpu", "bfloat16", "bfloat16"),
    ],
)
def test_the_number_format_suits_the_device(device: str, asked: Any, expected: str) -> None:
    assert suitable(device, asked) == expected


def test_numbers_that_half_precision_cannot_hold_are_named_with_the_remedy(bert: Path, colour: Colour) -> None:
    model = library.CrossEncoder(str(bert), device="cpu", model_kwargs={"dtype": torch.float16})
    model[0].model.classifier.bias.data += 1e5
    with pytest.warns(PrecisionWarning):
        engine = SentenceTransformersCrossEncoder(model)
    with pytest.raises(InvalidResponse, match="float16 cannot hold: pass dtype='bfloat16'"):
        colour(engine, "rerank", QUERY, TEXTS)


def test_an_unknown_number_format_is_an_error(bert: Path) -> None:
    with pytest.raises(ConfigurationError, match="dtype must be one of 'float32', 'float16', 'bfloat16', not 'int8'"):
        SentenceTransformersCrossEncoder(bert, dtype="int8")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./no/such/folder", "there is no such folder"),
        (Path("/no/such/folder"), "there is no such folder"),
        (__file__, r"is a file: pass the folder in which it is"),
    ],
)
def test_what_is_no_folder_is_named(model: str | Path, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        SentenceTransformersCrossEncoder(model)
    assert repr(str(model)) in str(caught.value)


def test_a_device_that_is_not_there_is_named(bert: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^device='cuda:99' cannot be used here \(.*[^.]\): pass device='cpu'"
    ) as e:
        SentenceTransformersCrossEncoder(bert, device="cuda:99")
    assert "folder" not in str(e.value)
    assert e.value.__cause__ is not None


def test_what_the_library_says_and_the_remedy_are_two_sentences(tmp_path: Path) -> None:
    folder = bert_like(tmp_path)
    (folder / "model.safetensors").write_bytes(
        b"damaged" * 9
    )  # of which the library says something without a full stop
    with pytest.raises(ConfigurationError, match=r"[^.]\. Check the names, or pass the path of a folder"):
        SentenceTransformersCrossEncoder(folder, device="cpu")


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu"), torch.device("cpu", 0)])
def test_a_device_is_named_in_any_way_of_pytorch(bert: Path, device: Any) -> None:
    assert SentenceTransformersCrossEncoder(bert, device=device).device == "cpu"


@pytest.mark.parametrize("device", ["tpu", -1, 99, True, 1.5, ["cpu"]])
def test_a_device_that_is_none_is_named_with_those_that_are(bert: Path, device: Any) -> None:
    with pytest.raises(ConfigurationError, match=rf"^device={re.escape(repr(device))} is none of PyTorch's.*'cuda:0'"):
        SentenceTransformersCrossEncoder(bert, device=device)


def test_a_number_is_that_of_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "device", lambda device: f"cuda:{device}")  # as it says where there is one
    assert device_name(0) == "cuda:0"


def without_padding(folder: Path, *, special: bool = True) -> Path:
    """Take the token to pad with from a tokenizer, or every special one."""
    settings = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    kept = {name: value for name, value in settings.items() if special or not name.endswith("_token")}
    kept.pop("pad_token", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(kept), "utf-8")
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"padding": None}), "utf-8")
    return folder


@pytest.mark.parametrize("build", [bert_like, xlmr_like, qwen_like])
def test_a_tokenizer_that_cannot_pad_has_its_pairs_scored_one_by_one(
    tmp_path: Path, build: Callable[[Path], Path], caplog: pytest.LogCaptureFixture
) -> None:
    expected = scores(SentenceTransformersCrossEncoder(build(tmp_path / "padded")), TEXTS)
    engine = SentenceTransformersCrossEncoder(without_padding(build(tmp_path / "not")))
    assert "no token to pad with" in caplog.text
    assert engine.batch_tokens == 1
    assert scores(engine, TEXTS) == pytest.approx(expected, abs=1e-5)


def test_a_tokenizer_without_any_special_token_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no special tokens.*name the pad_token in tokenizer_config"):
        SentenceTransformersCrossEncoder(without_padding(bert_like(tmp_path), special=False))


def test_a_model_without_the_files_of_its_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = bert_like(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(ConfigurationError, match="its tokenizer has no vocabulary"):
        SentenceTransformersCrossEncoder(folder)


def test_no_more_is_read_unasked_than_the_cards_of_rerankers_name(tmp_path: Path) -> None:
    folder = bert_like(tmp_path, max_position_embeddings=9000)
    assert SentenceTransformersCrossEncoder(folder).max_length == 8192
    assert SentenceTransformersCrossEncoder(folder, max_length=9000).max_length == 9000


def test_a_damaged_model_is_named(tmp_path: Path) -> None:
    folder = bert_like(tmp_path)
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ConfigurationError, match="could not be loaded"):
        SentenceTransformersCrossEncoder(folder)


def test_a_model_must_be_a_name_or_a_model() -> None:
    with pytest.raises(ConfigurationError, match="not int"):
        SentenceTransformersCrossEncoder(7)


def test_a_models_own_code_is_not_run_unless_it_is_trusted(tmp_path: Path) -> None:
    folder, trace = bert_like(tmp_path / "model"), tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').close()\nfrom transformers import BertConfig\nclass Own(BertConfig):\n    pass\n"
    (folder / "own.py").write_text(code, "utf-8")
    settings = json.loads((folder / "config.json").read_text("utf-8"))
    settings |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(settings), "utf-8")
    with pytest.raises(ConfigurationError, match=r"loaded.*comes with code of its own.*trust_remote_code=True"):
        SentenceTransformersCrossEncoder(folder)
    assert not trace.exists()
    with pytest.raises(ConfigurationError, match="Unrecognized configuration class"):  # there is no model to it
        SentenceTransformersCrossEncoder(folder, trust_remote_code=True)
    assert trace.exists()


def test_a_loaded_model_is_used_as_it_is(bert: Path) -> None:
    model = library.CrossEncoder(str(bert), device="cpu", max_length=48, activation_fn=torch.nn.Identity())
    engine = SentenceTransformersCrossEncoder(model, max_length=32)
    assert scores(engine, TEXTS) == pytest.approx(
        scores(SentenceTransformersCrossEncoder(bert, max_length=32), TEXTS), abs=1e-5
    )
    assert engine.model == str(bert)
    assert (model.max_seq_length, type(model.activation_fn)) == (48, torch.nn.Identity)


@pytest.mark.parametrize(
    "options",
    [
        {"device": "cpu"},
        {"dtype": "float32"},
        {"revision": "main"},
        {"trust_remote_code": True},
        {"token": "t"},
        {"cache_dir": "folder"},
        {"local_files_only": True},
    ],
)
def test_how_to_load_cannot_be_said_of_a_loaded_model(bert: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="this CrossEncoder is loaded"):
        SentenceTransformersCrossEncoder(library.CrossEncoder(str(bert), device="cpu"), **options)


def test_a_model_left_in_training_is_scored_without_dropout(bert: Path) -> None:
    model = library.CrossEncoder(str(bert), device="cpu")
    engine = SentenceTransformersCrossEncoder(model)
    model.train()
    assert scores(engine, TEXTS) == pytest.approx(own_scores(bert, TEXTS), abs=1e-5)


def test_operators_use_one_core_in_workers_and_all_elsewhere(bert: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        model, cores = library.CrossEncoder(str(bert), device="cpu"), set[int]()
        engine = SentenceTransformersCrossEncoder(model, threads=2)
        watch(model, lambda ids: cores.add(torch.get_num_threads()))
        engine.rerank(QUERY, TEXTS)
        assert cores == {1}
        assert torch.get_num_threads() == 3
        with ThreadPoolExecutor(1) as started_later:
            assert started_later.submit(torch.get_num_threads).result() == 3
    finally:
        torch.set_num_threads(before)


def test_the_workers_are_as_many_as_pytorch_may_use_cores(bert: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert SentenceTransformersCrossEncoder(bert).threads == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("options", [{"threads": 0}, {"batch_tokens": 0}, {"threads": 1.5}])
def test_threads_and_batch_tokens_must_be_at_least_one(bert: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=f"{next(iter(options))} must be"):
        SentenceTransformersCrossEncoder(bert, **options)


def test_many_callers_at_once_get_their_own_scores(tiny: Path) -> None:
    engine = SentenceTransformersCrossEncoder(tiny)
    expected = scores(engine, TEXTS)
    together = threading.Barrier(4, timeout=60)

    def call(number: int) -> list[float]:
        together.wait()
        return scores(engine, TEXTS, QUERY)

    with ThreadPoolExecutor(4) as callers:
        for answer in callers.map(call, range(4)):
            assert answer == pytest.approx(expected, abs=1e-5)


def test_many_queries_share_the_batches_and_count_what_is_theirs(colour: Colour, bert: Path) -> None:
    engine = SentenceTransformersCrossEncoder(bert)
    together = colour(engine, "rerank_many", ["query", "word", "query"], [["apple", "fig"], ["apple"], ["fig"]])
    assert [ranking.usage.pairs for ranking in together] == [2, 1, 0]
    assert together[2].usage.duplicates == 1
    assert together[1].hits[0].score == pytest.approx(own_scores(bert, ["apple"], "word")[0], abs=1e-5)


def test_a_deadline_holds_in_the_middle_of_the_work(colour: Colour, bert: Path) -> None:
    engine = SentenceTransformersCrossEncoder(bert)
    with pytest.raises(DeadlineExceeded):
        colour(engine, "rerank", QUERY, [f"{number} " + "fig " * 60 for number in range(20_000)], timeout=0.05)


def test_nan_from_the_model_is_told_when_it_is_loaded_or_an_invalid_response(bert: Path, colour: Colour) -> None:
    model = library.CrossEncoder(str(bert), device="cpu")
    engine = SentenceTransformersCrossEncoder(model)
    with torch.no_grad():
        model.model.classifier.bias.fill_(math.nan)
    with pytest.raises(InvalidResponse, match="finite"):
        colour(engine, "rerank", QUERY, TEXTS)
    with pytest.raises(ConfigurationError, match="gives nan for a pair, which is no score: its weights are damaged"):
        SentenceTransformersCrossEncoder(model)


def test_scores_are_python_floats(bert: Path) -> None:
    assert all(type(hit.score) is float for hit in SentenceTransformersCrossEncoder(bert).rerank(QUERY, TEXTS))


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_an_engine_can_be_copied_and_pickled(bert: Path, travel: Any) -> None:
    engine = SentenceTransformersCrossEncoder(bert, max_length=32, raw_scores=True, threads=1)
    other = travel(engine)
    assert scores(other, TEXTS) == pytest.approx(scores(engine, TEXTS), abs=1e-5)
    assert repr(other) == repr(engine)
    assert repr(engine).endswith("device='cpu', dtype='float32', max_length=32)")


@pytest.mark.parametrize("package", ["torch", "sentence_transformers"])
def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, bert: Path, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf'{package}: pip install "rerank-kit\[sentence-transformers\]"'):
        SentenceTransformersCrossEncoder(bert)


def test_a_forked_process_can_go_on_reranking(bert: Path) -> None:
    code = f"""
import os
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
engine = SentenceTransformersCrossEncoder({str(bert)!r})
expected = [hit.index for hit in engine.rerank("query", {TEXTS!r})]
child = os.fork()
if child == 0:
    os._exit(0 if [hit.index for hit in engine.rerank("query", {TEXTS!r})] == expected else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if not hasattr(os, "fork"):
        pytest.skip("this system cannot fork")
    done = python("-W", "ignore", "-c", code)
    assert done.stdout.split()[-1] == "0"


@pytest.mark.parametrize("labels", [1, 2])
def test_scores_that_come_to_1_keep_the_order_of_what_the_model_gave(
    tmp_path: Path, labels: int, colour: Colour
) -> None:
    model = library.CrossEncoder(str(bert_like(tmp_path, labels=labels)), device="cpu")
    head = model[0].model.classifier
    head.weight.data *= 1e5
    raw = SentenceTransformersCrossEncoder(model, raw_scores=True, threads=1).rerank(QUERY, WORDS)
    ranking = colour(SentenceTransformersCrossEncoder(model, threads=1), "rerank", QUERY, WORDS)
    assert sum(hit.score == 1.0 for hit in ranking) > 2
    assert [(hit.index, hit.logit) for hit in ranking] == [(hit.index, hit.score) for hit in raw]
