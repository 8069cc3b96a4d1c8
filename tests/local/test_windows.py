"""A document longer than the model reads is scored by its windows, and the hit says which of them was decisive."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import ConfigurationError, Usage
from rerank_kit.local import CrossEncoder, LongDocumentsWarning, OnnxCrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.windows import aggregate, cut, most_alike
from rerank_kit.values import Passage
from tests.conftest import Colour
from tests.local.engines import ALL, WINDOWED, Engines
from tests.local.tiny_models import WORDS, TinyModel, bert_like, xlmr_like

LENGTH = 32
LONG = " ".join(random.Random(11).choices(WORDS, k=100))
SHORT = "apple fig"


@pytest.fixture(scope="module", params=[bert_like, xlmr_like], ids=["bert", "xlm-r"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    built: TinyModel = request.param(tmp_path_factory.mktemp("model"))
    return built


def places_of(text: str) -> list[Passage]:
    """A token for every letter."""
    return [(place, place + 1) for place, letter in enumerate(text) if letter != " "]


@given(words=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=60), size=st.integers(1, 64))
def test_windows_cover_the_text_and_overlap(words: list[str], size: int) -> None:
    text = " ".join(words)
    tokens = places_of(text)
    windows = list(cut(text, tokens, lambda part: len(places_of(part)) <= size, size))
    assert {place for start, end in windows for place in range(start, end)} >= {start for start, _ in tokens}
    assert windows == sorted(set(windows))
    assert all(len(places_of(text[start:end])) <= size for start, end in windows)
    if size >= 9 * 4:  # so that no word is longer than a quarter of it
        assert all(set(text[start:end].split()) <= set(words) for start, end in windows)


@given(
    words=st.lists(st.text("abc", min_size=1, max_size=9), min_size=1, max_size=60),
    size=st.integers(2, 24),
    most=st.integers(1, 48),
)
def test_no_window_lies_inside_of_another_however_short_they_have_to_be(words: list[str], size: int, most: int) -> None:
    text = " ".join(words)
    windows = list(cut(text, places_of(text), lambda part: len(part) <= most, size))
    assert {place for start, end in windows for place in range(start, end)} >= {start for start, _ in places_of(text)}
    ends = [end for _, end in windows]
    assert ends == sorted(set(ends))
    assert windows == sorted(windows)


def test_a_window_that_would_lie_inside_of_the_one_before_is_left_out() -> None:
    text = "ab a abcde"
    windows = list(cut(text, places_of(text), lambda part: len(part) <= 4, 5))
    assert [text[slice(*each)] for each in windows] == ["ab a", "abcd", "bcde"]


def test_a_quarter_of_a_window_is_shared_with_the_one_before() -> None:
    text = "abcdefghijklmnop"
    assert list(cut(text, places_of(text), lambda _: True, 8)) == [(0, 8), (6, 14), (8, 16)]


def test_windows_begin_and_end_between_words() -> None:
    text = "one two three four five six seven eight"
    windows = list(cut(text, places_of(text), lambda _: True, 16))
    assert [text[slice(*each)] for each in windows] == [
        "one two three four",
        "four five six seven",
        "six seven eight",
    ]


def test_where_there_is_no_white_space_windows_begin_and_end_at_a_words_end() -> None:
    text = "one.two-three(four)five/six"
    windows = list(cut(text, places_of(text), lambda _: True, 16))
    assert [text[slice(*each)] for each in windows] == [
        "one.two-three(",
        "three(four)five/",
        "(four)five/six",
    ]


def test_characters_of_scripts_without_spaces_are_words() -> None:
    text = "澳大利亚的历史注册门槛是七万五千"
    windows = list(cut(text, places_of(text), lambda _: True, 8))
    assert windows == [(0, 8), (6, 14), (8, 16)]


def test_a_word_longer_than_a_window_is_cut() -> None:
    text = "a" * 20
    assert list(cut(text, places_of(text), lambda _: True, 8)) == [(0, 8), (6, 14), (12, 20)]


def test_windows_that_would_not_be_read_whole_are_made_shorter() -> None:
    """As where what stands first in a text has more tokens than it has behind a white space."""
    text = "one two three four five six seven eight"
    windows = list(cut(text, places_of(text), lambda part: len(places_of(part)) + 2 <= 16, 16))
    assert [text[slice(*each)] for each in windows] == [
        "one two three",
        "three four five",
        "five six seven",
        "six seven eight",
    ]
    assert list(cut("abc", places_of("abc"), lambda _: False, 8)) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("policy", "scores", "expected"),
    [("max", [0.1, 0.9, 0.5], 0.9), ("mean-top-k", [0.1, 0.9, 0.5, 0.4], 0.6), ("mean-top-k", [0.2], 0.2)],
)
def test_scores_of_windows_become_one(policy: Any, scores: list[float], expected: float) -> None:
    assert aggregate(policy, scores) == pytest.approx(expected)


def test_the_window_with_the_querys_rarest_words_is_most_alike() -> None:
    text = "tax tax tax. tax rate. GST threshold tax. tax tax"
    windows = [(0, 12), (13, 22), (23, 41), (42, 49)]
    assert most_alike("The GST threshold of the tax?", text, windows) == (23, 41)
    assert most_alike("nothing of that", text, windows) == (0, 12)


def test_windows_of_chinese_are_compared_too() -> None:
    text = "澳大利亚的历史。注册门槛是七万五千。猫在睡觉。"
    assert most_alike("注册门槛是多少", text, [(0, 8), (8, 18), (18, 23)]) == (8, 18)


@pytest.mark.parametrize("policy", ["max", "mean-top-k"])
def test_every_window_is_scored_and_the_best_one_reported(colour: Colour, tiny: TinyModel, policy: Any) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=LENGTH, long_documents=policy)
    plain = OnnxCrossEncoder(tiny.folder, max_length=LENGTH)
    ranking = colour(reranker, "rerank", "query", [SHORT, LONG])
    hits = {hit.index: hit for hit in ranking}
    windows = reranker.windows("query", LONG)
    scores = {window: plain.rerank("query", [LONG[slice(*window)]]).hits[0].score for window in windows}
    best = max(scores, key=lambda window: scores[window])
    assert len(windows) > 3
    assert hits[1].passage == best
    assert hits[1].score == pytest.approx(aggregate(policy, list(scores.values())))
    assert (hits[0].passage, hits[0].score) == (None, plain.rerank("query", [SHORT]).hits[0].score)
    assert ranking.usage.windows == len(windows) - 1
    assert ranking.usage.pairs == len(windows) + 1
    assert ranking.usage.truncated == 0


def test_the_best_window_alone_is_scored(colour: Colour, tiny: TinyModel) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=64, long_documents="best-window", window=20)
    text = f"{'apple ' * 60}the answer: query grape. {'apple ' * 60}"
    ranking = colour(reranker, "rerank", "query grape", [text, SHORT])
    hit = next(hit for hit in ranking if hit.index == 0)
    assert hit.passage is not None
    assert "grape" in text[slice(*hit.passage)]
    assert ranking.usage.pairs == 2
    assert ranking.usage.windows == 0
    assert ranking.usage.truncated == 1
    assert ranking.usage.tokens < 64


def test_windows_fit_beside_the_query_however_long_it_is(tiny: TinyModel) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=LENGTH, long_documents="max")
    for query in ("query", "query " * 8, "query " * 200):
        assert all(end - start > 0 for start, end in reranker.windows(query, LONG))
        assert reranker.rerank(query, [LONG]).hits[0].passage is not None


def test_long_documents_cut_what_is_too_long_by_default(tiny: TinyModel) -> None:
    ranking = OnnxCrossEncoder(tiny.folder, max_length=LENGTH).rerank("query", [LONG])
    assert ranking.hits[0].passage is None
    assert ranking.usage == Usage(pairs=1, tokens=LENGTH, truncated=1)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"long_documents": "mean"}, "long_documents must be one of"), ({"long_documents": "max", "window": 0}, "window")],
)
def test_a_wrong_policy_is_an_error(tmp_path: Path, options: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        OnnxCrossEncoder(bert_like(tmp_path).folder, **options)


def test_the_answer_far_behind_the_limit_is_found(embedded: OnnxCrossEncoder) -> None:
    answer = "You must register for GST once your turnover reaches the threshold of 75,000 dollars."
    text = f"{'The committee met again and nothing was decided. ' * 120}{answer}"
    assert embedded.rerank("GST threshold", [text]).hits[0].score < 0.1
    for policy in ("max", "best-window"):
        (hit,) = OnnxCrossEncoder(long_documents=policy).rerank("GST threshold", [text]).hits
        assert hit.score > 0.5
        assert hit.passage is not None
        assert "75,000" in text[slice(*hit.passage)]


# ── What the model reads of windows ──


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


def any_words(seed: int) -> str:
    """Words that tokenizers know, and words that they take apart, also without a space between them."""
    chance = random.Random(seed)
    made = ["".join(chance.choices("abcdefgiklmnoprstuw", k=chance.randint(1, 7))) for _ in range(90)]
    some = [*chance.choices([*WORDS, "undone", "it's"], k=90), *made, *"猫吃老鼠。", "(a[0])", "—"]
    chance.shuffle(some)
    return "".join(word + chance.choice([" ", " ", " ", "\n", "-"]) for word in some)


@pytest.mark.parametrize("name", [*WINDOWED, "onnx-byte-level", "onnx-embedded"])
@pytest.mark.parametrize("window", [None, 40])
def test_the_model_reads_all_of_every_window(engines: Engines, name: str, window: int | None) -> None:
    texts = [any_words(seed) for seed in range(3)]
    engine: Any = engines(name, long_documents="max", window=window)
    plain = engines(name)
    ranking = engine.rerank("query text", texts)
    assert ranking.usage.truncated == 0
    for text in texts:
        windows = engine.windows("query text", text)
        assert len(windows) > 2
        alone = [plain.rerank("query text", [text[slice(*each)]]).usage for each in windows]
        assert [each.truncated for each in alone] == [0] * len(windows)
        beside = plain.rerank("query text", ["apple"]).usage.tokens - 1
        assert window is None or max(each.tokens for each in alone) <= beside + window
        assert not any(text[a - 1 : a + 1].isalnum() and text[a].isascii() for a, _ in windows if a > 0)


@pytest.mark.parametrize("policy", ["max", "best-window"])
def test_what_lies_behind_a_single_window_counts_as_cut(tiny: TinyModel, policy: Any) -> None:
    reranker = OnnxCrossEncoder(tiny.folder, max_length=LENGTH, long_documents=policy, max_windows=1)
    ranking = reranker.rerank("query", [LONG])
    assert ranking.usage == Usage(pairs=1, tokens=ranking.usage.tokens, truncated=1)
    assert [hit.passage for hit in ranking] == reranker.windows("query", LONG)


# ── What is said of documents that are cut ──

MANY_LONG = [f"{LONG} {place}" for place in range(5)]
MANY_SHORT = [f"{SHORT} {place}" for place in range(5)]


def untold(engines: Engines, name: str, **options: Any) -> CrossEncoder:
    """An engine that has said nothing yet."""
    engine = engines(name, **options)
    vars(engine).pop("_told_of_cut_documents", None)
    return engine


@pytest.mark.parametrize("name", ALL)
def test_that_most_documents_are_cut_is_said_once_with_what_to_do(colour: Colour, engines: Engines, name: str) -> None:
    engine = untold(engines, name)
    with pytest.warns(LongDocumentsWarning) as told:
        assert colour(engine, "rerank", "query", MANY_LONG + MANY_SHORT).usage.truncated == 5
    colour(engine, "rerank", "query", MANY_LONG + MANY_SHORT)
    (warning,) = told
    said = str(warning.message)
    assert said.startswith(f"5 of 10 documents are longer than what {engine!r} reads of them")
    assert 'long_documents="max"' in said
    assert ("OnnxCrossEncoder has them" in said) == (name == "flashrank")


def test_documents_that_are_cut_are_counted_over_all_queries_of_a_call(colour: Colour, engines: Engines) -> None:
    with pytest.warns(LongDocumentsWarning, match="^5 of 10 documents"):
        colour(untold(engines, "onnx-bert"), "rerank_many", ["query", "text"], [MANY_LONG, MANY_SHORT])


def test_each_text_is_counted_once_however_many_queries_it_is_ranked_for(colour: Colour, engines: Engines) -> None:
    engine, queries = untold(engines, "onnx-bert"), [f"query {number}" for number in range(10)]
    assert colour(engine, "rerank_many", queries, [MANY_LONG[:1]] * 10)[0].usage.truncated == 1
    with pytest.warns(LongDocumentsWarning, match="^5 of 10 documents"):
        colour(engine, "rerank_many", queries, [MANY_LONG + MANY_SHORT] * 10)


def test_nothing_is_said_of_few_documents_or_where_few_are_cut(colour: Colour, engines: Engines) -> None:
    engine = untold(engines, "onnx-bert")
    for texts in (MANY_LONG, MANY_LONG[:4] + MANY_SHORT + ["one", "two"], MANY_LONG * 3):
        assert colour(engine, "rerank", "query", texts).usage.truncated > 3


@pytest.mark.parametrize("policy", ["max", "mean-top-k", "best-window"])
def test_nothing_is_said_where_windows_are_looked_at(colour: Colour, engines: Engines, policy: Any) -> None:
    engine = untold(engines, "onnx-bert", long_documents=policy, max_windows=1)
    assert colour(engine, "rerank", "query", MANY_LONG + MANY_SHORT).usage.truncated == 5


# ── On sentence-transformers ──


@pytest.fixture(params=["bert_like", "xlmr_like", "qwen_like"])
def for_torch(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    models: Any = pytest.importorskip("tests.local.tiny_torch_models")
    built: Path = getattr(models, request.param)(tmp_path)
    return built


def test_sentence_transformers_scores_windows_that_fit(colour: Colour, for_torch: Path) -> None:
    options: dict[str, Any] = {"device": "cpu", "max_length": LENGTH, "threads": 1}
    reranker = SentenceTransformersCrossEncoder(for_torch, long_documents="max", **options)
    plain = SentenceTransformersCrossEncoder(for_torch, **options)
    ranking = colour(reranker, "rerank", "query", [SHORT, LONG])
    hits = {hit.index: hit for hit in ranking}
    windows = reranker.windows("query", LONG)
    alone = [plain.rerank("query", [LONG[slice(*window)]]) for window in windows]
    scores = [each.hits[0].score for each in alone]
    assert len(windows) > 3
    assert [each.usage.truncated for each in alone] == [0] * len(windows)
    assert hits[1].score == pytest.approx(max(scores), abs=1e-6)
    assert hits[1].passage == windows[scores.index(max(scores))]
    assert hits[0].passage is None
    assert ranking.usage.windows == len(windows) - 1


def test_a_slow_tokenizer_cannot_cut_windows(for_torch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library: Any = pytest.importorskip("sentence_transformers")
    model = library.CrossEncoder(str(for_torch), device="cpu")
    monkeypatch.setattr(type(model.tokenizer), "is_fast", property(lambda self: False))
    with pytest.raises(ConfigurationError, match="long_documents='max' needs a fast tokenizer"):
        SentenceTransformersCrossEncoder(model, long_documents="max")
