"""The FlashRank engine gives FlashRank's own scores for each document alone, and leaves the application as it was."""

from __future__ import annotations

import asyncio
import copy
import importlib.machinery
import json
import logging
import pickle
import random
import shutil
import sys
import threading
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from rerank_kit import BackendError, ConfigurationError, DeadlineExceeded, Document, Hit, MissingExtra, Usage
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.flashrank import FlashRank
from rerank_kit.local.model_files import EMBEDDED, embedded_folder
from tests.conftest import Colour
from tests.local.tiny_models import WORDS, bert_like
from tests.processes import python

flashrank: Any = pytest.importorskip("flashrank", reason="flashrank is not installed")

QUERY = "Australia GST registration threshold"
TEXTS = [
    "Cats sleep for most of the day.",
    "The history of Australia's GST begins with a tax summit in 1985.",
    "You must register for GST once your turnover reaches the registration threshold of 75,000 dollars.",
    "Tax. " * 60,
]
LISTWISE = "rank_zephyr_7b_v1_full"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FlashRank's folder of models, with one in it: its weights are those of the embedded model."""
    cache = tmp_path_factory.mktemp("flashrank")
    shutil.copytree(embedded_folder(), cache / EMBEDDED)
    (cache / EMBEDDED / "model.onnx").rename(cache / EMBEDDED / "flashrank-MiniLM-L-12-v2_Q.onnx")
    (cache / EMBEDDED / "config.json").write_text(json.dumps({"pad_token_id": 0}), "utf-8")
    return cache


@pytest.fixture(scope="module")
def engine(cache: Path) -> FlashRank:
    return FlashRank(cache_dir=cache)


@pytest.fixture(scope="module")
def peer(cache: Path) -> Any:
    return flashrank.Ranker(EMBEDDED, cache_dir=str(cache))


def own_score(peer: Any, text: str) -> float:
    """FlashRank's score for a text alone."""
    return float(peer.rerank(flashrank.RerankRequest(QUERY, [{"text": text}]))[0]["score"])


def scores(engine: FlashRank, texts: Sequence[str]) -> list[float]:
    """Scores in the order of the texts."""
    return [hit.score for hit in sorted(engine.rerank(QUERY, texts), key=lambda hit: hit.index)]


def test_scores_are_those_that_flashrank_gives_each_document_alone(
    colour: Colour, engine: FlashRank, peer: Any
) -> None:
    ranking = colour(engine, "rerank", QUERY, TEXTS)
    assert [hit.index for hit in ranking][:2] == [2, 1]
    assert [hit.score for hit in ranking] == pytest.approx([own_score(peer, TEXTS[hit.index]) for hit in ranking])
    assert all(type(hit.score) is float for hit in ranking)


def test_a_score_does_not_depend_on_the_other_candidates_their_order_or_the_threads(
    cache: Path, engine: FlashRank
) -> None:
    together = dict(zip(TEXTS, scores(engine, TEXTS), strict=True))
    shuffled = random.Random(3).sample(TEXTS, len(TEXTS))
    one_thread = FlashRank(cache_dir=cache, threads=1)
    assert dict(zip(shuffled, scores(one_thread, shuffled), strict=True)) == together
    assert {text: scores(engine, [text])[0] for text in TEXTS} == together


def test_the_model_is_given_one_pair_at_a_time_so_that_memory_stays_flat(cache: Path) -> None:
    engine, shapes = FlashRank(cache_dir=cache), list[tuple[int, ...]]()
    session = engine._ranker.session

    class Watched:
        def run(self, names: Any, feeds: Any) -> Any:
            shapes.append(feeds["input_ids"].shape)
            return session.run(names, feeds)

    engine._ranker.session = Watched()
    engine.rerank(QUERY, [f"{text} {number}" for number in range(3) for text in TEXTS])
    assert [rows for rows, _ in shapes] == [1] * 12
    assert len({width for _, width in shapes}) > 2


def test_tokens_and_cut_documents_are_counted(colour: Colour, engine: FlashRank) -> None:
    around = 6 + 3  # the query's words, and what marks beginning, middle and end
    usage = colour(engine, "rerank", "one two three four five six", ["tax", "tax " * 503, "tax " * 504]).usage
    assert usage == Usage(pairs=3, tokens=around + 1 + 2 * 512, truncated=1)


@pytest.mark.parametrize("head", ["", " " * 600_000], ids=["words", "blanks"])
def test_of_a_long_document_just_what_the_model_reads_is_used(engine: FlashRank, peer: Any, head: str) -> None:
    text = head + "The registration threshold for GST is a turnover of 75,000 dollars. " * 3_000
    assert scores(engine, [text]) == pytest.approx([own_score(peer, text)])


def test_a_shorter_maximum_length_is_that_of_flashrank(cache: Path) -> None:
    shorter = flashrank.Ranker(EMBEDDED, cache_dir=str(cache), max_length=24)
    engine = FlashRank(cache_dir=cache, max_length=24)
    assert scores(engine, TEXTS) == pytest.approx([own_score(shorter, text) for text in TEXTS])
    assert engine.rerank(QUERY, TEXTS).usage.truncated == 2


@pytest.mark.parametrize(("max_length", "allowed"), [(15, "at least 16"), (513, "from 16 to 512"), (True, "at least")])
def test_a_maximum_length_that_the_model_cannot_read_is_an_error(cache: Path, max_length: Any, allowed: str) -> None:
    with pytest.raises(ConfigurationError, match=f"max_length must be {allowed}"):
        FlashRank(cache_dir=cache, max_length=max_length)


def test_documents_are_not_touched(engine: FlashRank) -> None:
    documents = [Document(text, {"text": "other", "score": 7}, score=0.5) for text in TEXTS]
    before = copy.deepcopy(documents)
    engine.rerank(QUERY, documents)
    assert documents == before


def test_the_logging_of_the_application_stays_as_it_is(cache: Path) -> None:
    code = f"""
import logging
from rerank_kit.local import OnnxCrossEncoder
from rerank_kit.local.flashrank import FlashRank
FlashRank(cache_dir={str(cache)!r}).rerank("tax", ["tax", "cats"])
print(logging.root.handlers, logging.root.level == logging.WARNING)
logging.basicConfig(level=logging.ERROR)
print(logging.root.level == logging.ERROR)
"""
    done = python("-c", code)
    assert done.stdout.splitlines() == ["[] True", "True"]


def test_loading_leaves_the_handlers_of_the_application(cache: Path) -> None:
    before = [*logging.root.handlers]
    FlashRank(cache_dir=cache)
    assert logging.root.handlers == before


@pytest.mark.parametrize("kind", [str, Path])
def test_a_model_is_found_by_its_folder(cache: Path, engine: FlashRank, kind: Any) -> None:
    assert scores(FlashRank(kind(cache / EMBEDDED)), TEXTS) == scores(engine, TEXTS)


def test_a_folder_may_be_relative_to_where_one_is(
    cache: Path, engine: FlashRank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cache)
    assert scores(FlashRank(EMBEDDED), TEXTS) == scores(engine, TEXTS)


def test_a_model_is_looked_for_by_name_where_flashrank_keeps_them(
    cache: Path, engine: FlashRank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flashrank.Config.default_cache_dir", str(cache))
    assert scores(FlashRank(), TEXTS) == scores(engine, TEXTS)


def test_a_name_that_flashrank_does_not_know_is_an_error(cache: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"'no-such-model' is none of FlashRank's, which are .*MiniLM"):
        FlashRank("no-such-model", cache_dir=cache)


def test_a_folder_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        FlashRank(Path("/nowhere", EMBEDDED))


def test_a_folder_needs_no_cache(cache: Path) -> None:
    with pytest.raises(ConfigurationError, match="cache_dir is for models by name"):
        FlashRank(cache / EMBEDDED, cache_dir=cache)


@pytest.mark.parametrize("file", ["flashrank-MiniLM-L-12-v2_Q.onnx", "tokenizer.json", "config.json"])
def test_missing_and_damaged_files_are_named_with_their_folder(cache: Path, tmp_path: Path, file: str) -> None:
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    (tmp_path / EMBEDDED / file).write_text("damaged", "utf-8")
    with pytest.raises(ConfigurationError, match=f"could not be loaded from {tmp_path / EMBEDDED}"):
        FlashRank(cache_dir=tmp_path)
    (tmp_path / EMBEDDED / file).unlink()
    with pytest.raises(ConfigurationError, match="Remove the folder to fetch it again"):
        FlashRank(cache_dir=tmp_path)


def test_a_model_that_cannot_be_fetched_has_no_folder_to_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(ConfigurationError, match="it was not fetched: check the network, or copy the") as caught:
        FlashRank(cache_dir=tmp_path)
    assert "Remove" not in str(caught.value)


def test_a_failing_model_is_a_back_end_error_with_its_cause(cache: Path, colour: Colour) -> None:
    engine = FlashRank(cache_dir=cache)
    engine._ranker.tokenizer.add_tokens([f"new{number}" for number in range(3)])  # ids outside the model's table
    with pytest.raises(BackendError, match="FlashRank failed on 1 passages") as caught:
        colour(engine, "rerank", QUERY, ["tax new2"])
    assert caught.value.__cause__ is not None
    assert caught.value.backend == "FlashRank"


def test_a_deadline_holds_in_the_middle_of_the_work(colour: Colour, engine: FlashRank) -> None:
    with pytest.raises(DeadlineExceeded):
        colour(engine, "rerank", QUERY, [f"{number} {TEXTS[2]}" * 5 for number in range(2000)], timeout=0.05)


def test_many_queries_share_the_workers(colour: Colour, engine: FlashRank) -> None:
    together = colour(engine, "rerank_many", [QUERY, "cats", QUERY], [TEXTS, TEXTS[:1], TEXTS[:1]])
    assert [ranking.usage.pairs for ranking in together] == [4, 1, 0]
    assert together[0].hits == engine.rerank(QUERY, TEXTS).hits


def test_the_fingerprint_tells_apart_what_scores_apart(cache: Path, tmp_path: Path, engine: FlashRank) -> None:
    assert engine.fingerprint == FlashRank(cache / EMBEDDED, threads=1).fingerprint
    assert engine.fingerprint == engine.fingerprint
    shorter = FlashRank(cache_dir=cache, max_length=64).fingerprint
    shutil.copytree(cache, tmp_path, dirs_exist_ok=True)
    with (tmp_path / EMBEDDED / "tokenizer.json").open("a") as file:
        file.write("\n")
    other = FlashRank(cache_dir=tmp_path).fingerprint
    assert len({engine.fingerprint, shorter, other}) == 3


@pytest.mark.parametrize("travel", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_an_engine_can_be_copied_and_pickled(cache: Path, travel: Any) -> None:
    engine = FlashRank(cache_dir=cache, max_length=64, threads=1)
    other = travel(engine)
    assert other.rerank(QUERY, TEXTS).hits == engine.rerank(QUERY, TEXTS).hits
    assert repr(other) == repr(engine) == f"FlashRank({EMBEDDED!r}, max_length=64, threads=1)"


def test_threads_must_be_at_least_one(cache: Path) -> None:
    with pytest.raises(ConfigurationError, match="threads must be"):
        FlashRank(cache_dir=cache, threads=0)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    monkeypatch.setitem(sys.modules, "flashrank.Config", None)
    with pytest.raises(MissingExtra, match=r'flashrank: pip install "rerank-kit\[flashrank\]"'):
        FlashRank(cache_dir=cache)


def test_a_list_wise_model_without_llama_cpp_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(MissingExtra, match=r'runs on llama.cpp: pip install "flashrank\[listwise\]"'):
        FlashRank(LISTWISE, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Stands in for llama.cpp and 4 GB of weights: the answers that its model gives, one after the other."""
    answers: list[str] = []

    class Llama:
        def __init__(self, model_path: str, n_ctx: int, n_threads: int) -> None:
            assert n_ctx == 4096

        def create_chat_completion(self, messages: list[dict[str, str]]) -> dict[str, Any]:
            assert f"Search Query: {QUERY}" in messages[-1]["content"]
            return {"choices": [{"message": {"content": answers.pop(0)}}]}

    module = types.ModuleType("llama_cpp")
    module.__spec__ = importlib.machinery.ModuleSpec("llama_cpp", None)
    vars(module)["Llama"] = Llama
    monkeypatch.setitem(sys.modules, "llama_cpp", module)
    (tmp_path / LISTWISE).mkdir()
    return answers


def test_a_list_wise_model_is_not_pointwise_and_its_order_is_kept(
    answers: list[str], tmp_path: Path, colour: Colour
) -> None:
    answers.append("[3] > [2] > [4] > [1]")
    engine = FlashRank(LISTWISE, cache_dir=tmp_path)
    assert (engine.pointwise, engine.fingerprint) == (False, None)
    ranking = colour(engine, "rerank", QUERY, TEXTS)
    assert ranking.hits == (Hit(2, 1.0), Hit(1, 0.75), Hit(3, 0.5), Hit(0, 0.25))
    assert ranking.usage == Usage(pairs=4)


def test_lists_that_wait_for_another_are_dropped_when_their_callers_leave(
    answers: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, begun = threading.Event(), list[int]()

    class Waiting(sys.modules["llama_cpp"].Llama):  # type: ignore[misc]  # the stand-in above
        def create_chat_completion(self, messages: list[dict[str, str]]) -> dict[str, Any]:
            begun.append(1)
            assert gate.wait(30)
            return super().create_chat_completion(messages)  # type: ignore[no-any-return]

    monkeypatch.setattr(sys.modules["llama_cpp"], "Llama", Waiting)
    answers += ["[2] > [1]"] * 2
    engine = FlashRank(LISTWISE, cache_dir=tmp_path)

    async def main() -> list[int]:
        tasks = [asyncio.create_task(engine.arerank(QUERY, TEXTS[:2])) for _ in range(4)]
        while not begun:  # noqa: ASYNC110 - it is in another thread
            await asyncio.sleep(0.001)
        for task in tasks:
            task.cancel()
        with pytest.raises(DeadlineExceeded):
            await engine.arerank(QUERY, TEXTS[:2], timeout=0.01)
        gate.set()
        return [hit.index for hit in await engine.arerank(QUERY, TEXTS[:2])]

    assert asyncio.run(main()) == [1, 0]
    assert len(begun) == 2


def test_what_a_list_wise_model_leaves_out_comes_last_and_says_so(answers: list[str], tmp_path: Path) -> None:
    answers.append("[3] > [1] > [3]")
    ranking = FlashRank(LISTWISE, cache_dir=tmp_path).rerank(QUERY, TEXTS)
    left_out = "the model left it out"
    assert ranking.hits == (Hit(2, 1.0), Hit(0, 0.75), Hit(1, 0.0, left_out), Hit(3, 0.0, left_out))


@pytest.mark.parametrize("answer", ["[5] > [1]", "Passage 3 answers it."])
def test_an_answer_that_names_no_order_is_a_back_end_error(answers: list[str], tmp_path: Path, answer: str) -> None:
    answers.append(answer)
    with pytest.raises(BackendError, match="FlashRank failed on 4 passages"):
        FlashRank(LISTWISE, cache_dir=tmp_path).rerank(QUERY, TEXTS)


def test_many_queries_go_to_a_list_wise_model_one_after_the_other(
    answers: list[str], tmp_path: Path, colour: Colour
) -> None:
    answers += ["[2] > [1]", "[1] > [2]"]
    rankings = colour(FlashRank(LISTWISE, cache_dir=tmp_path), "rerank_many", [QUERY, QUERY], [TEXTS[:2], TEXTS[2:]])
    assert [[hit.index for hit in ranking] for ranking in rankings] == [[1, 0], [0, 1]]


@pytest.mark.parametrize("outputs", [1, 2])
def test_scores_that_come_to_1_keep_the_order_of_what_the_model_gave(
    tmp_path: Path, outputs: int, colour: Colour
) -> None:
    folder = tmp_path / EMBEDDED
    shutil.copytree(embedded_folder(), folder, ignore=shutil.ignore_patterns("*.onnx"))
    bert_like(
        folder, scale=1000.0, outputs=outputs, place="flashrank-MiniLM-L-12-v2_Q.onnx", config={"pad_token_id": 0}
    )
    raw = OnnxCrossEncoder(folder, file="flashrank-MiniLM-L-12-v2_Q.onnx", raw_scores=True).rerank("query", WORDS)
    ranking = colour(FlashRank(folder), "rerank", "query", WORDS)
    assert sum(hit.score == 1.0 for hit in ranking) > 2
    assert [(hit.index, hit.logit) for hit in ranking] == [(hit.index, pytest.approx(hit.score)) for hit in raw]
