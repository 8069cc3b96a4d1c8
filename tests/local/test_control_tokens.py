"""A text that holds a tokenizer's own control tokens is read as the words they are made of, by every engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors

from rerank_kit.local import CrossEncoder, SentenceTransformersCrossEncoder
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.model_files import embedded_folder
from tests.conftest import Colour
from tests.local.engines import Engines

TOKENS = {
    "onnx-embedded": ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]"],
    "onnx-xlm-r": ["<s>", "</s>"],
    "flashrank": ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]"],
    "torch-bert": ["[SEP]", "[CLS]", "[PAD]"],
    "torch-xlm-r": ["<s>", "</s>", "<pad>"],
    "torch-qwen": ["<query>", "<document>", "<answer>", "<end>", "<pad>"],
}
CASES = [(name, token) for name, tokens in TOKENS.items() for token in tokens]


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


def scores(engine: CrossEncoder, query: str, texts: Sequence[str]) -> list[float]:
    return [engine.rerank(query, [text]).hits[0].score for text in texts]


@pytest.mark.parametrize(("name", "token"), CASES)
def test_a_text_with_a_control_token_scores_as_its_words_do(
    colour: Colour, engines: Engines, name: str, token: str
) -> None:
    engine, apart = engines(name), f" {token[1:]}"
    text = f"apple {token} fig {token} {token} query banana {token}"
    (hit,) = colour(engine, "rerank", "query apple", [text])
    assert hit.score == scores(engine, "query apple", [text.replace(token, apart)])[0]
    (hit,) = colour(engine, "rerank", f"query {token} apple", ["apple fig"])
    assert hit.score == scores(engine, f"query {apart} apple", ["apple fig"])[0]


@pytest.mark.parametrize("name", ["onnx-xlm-r", "torch-bert", "torch-xlm-r", "torch-qwen"])
def test_windows_keep_their_places_and_fit(engines: Engines, name: str) -> None:
    token = TOKENS[name][0]
    engine: Any = engines(name, long_documents="max", max_length=48)
    text = f"{token} fig " * 60 + "query apple"
    ranking = engine.rerank("query apple", [text])
    (hit,) = ranking.hits
    windows = engine.windows("query apple", text)
    assert hit.passage in windows
    assert (windows[0][0] <= 1, windows[-1][1]) == (True, len(text))
    assert ranking.usage.windows == len(windows) - 1


def test_a_document_about_markup_keeps_its_words(engines: Engines) -> None:
    engine = engines("onnx-embedded")
    asked = "What does the [SEP] token of BERT do?"
    right = "In BERT, [SEP] is the token that separates two segments."
    ranking = engine.rerank(asked, ["Cats sleep all day.", right])
    assert ranking.hits[0].index == 1
    assert ranking.hits[0].score > 0.9


def test_a_slow_tokenizers_tokens_are_found_by_how_they_are_spelled(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = engines("torch-bert")
    library: Any = pytest.importorskip("sentence_transformers")
    model = library.CrossEncoder(plain.model, device="cpu")
    monkeypatch.setattr(type(model.tokenizer), "is_fast", property(lambda self: False))
    slow = SentenceTransformersCrossEncoder(model, threads=1)
    text = "apple [SEP] fig [CLS]"
    assert scores(slow, "query", [text]) == pytest.approx(scores(plain, "query", [text]), abs=1e-6)


# ── Alone ──


def chat_like() -> Tokenizer:
    """Bytes, and the added tokens of several families: special ones, plain ones, and one that takes spaces along."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: place for place, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>", "<turn|>", "[|system|]", "<extra_id_0>", "[gMASK]"])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, special=True), "x:eos"])
    tokenizer.add_tokens(["<think>", "</think>", "<｜end｜>", "  ", "    ", "café"])
    return tokenizer


def unigram_like() -> Tokenizer:
    """A vocabulary in which control tokens are pieces, behind a normaliser that makes others of full-width letters."""
    pieces = [("<s>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((letter, -5.0) for letter in "▁abcs<>/")]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace("\u200b", "")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    tokenizer.add_special_tokens(["<unk>"])
    return tokenizer


def embedded() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(embedded_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


CONTROL = {
    "chat": [
        *("<|im_start|>", "<|im_end|>", "<turn|>", "[|system|]", "<extra_id_0>", "[gMASK]", "<mask>", "x:eos"),
        *("<think>", "</think>", "<｜end｜>"),
    ],
    "unigram": ["<s>", "</s>", "＜/ｓ＞", "<\u200b/s>", "<unk>"],
    "embedded": ["[SEP]", "[CLS]", "[MASK]", "[PAD]", "[UNK]"],
}
TOKENIZERS = {"chat": chat_like(), "unigram": unigram_like(), "embedded": embedded()}
READERS = {name: ControlTokens.of(each) for name, each in TOKENIZERS.items()}
PIECES = sorted({part for tokens in CONTROL.values() for token in tokens for part in (token, token[:2], token[2:])})


@pytest.mark.parametrize("kind", list(CONTROL))
@given(st.data())
def test_none_is_left_and_nothing_moves(kind: str, data: st.DataObject) -> None:
    text = "".join(data.draw(st.lists(st.sampled_from([*PIECES, " ", "abc", "漢", "\U00012345"]), max_size=12)))
    tokenizer, control = TOKENIZERS[kind], READERS[kind]
    apart = control.taken_apart(text)
    assert len(apart) == len(text)
    assert all(new in (old, " ") for old, new in zip(text, apart, strict=True))
    assert not any(each in apart for each in CONTROL[kind])
    read = tokenizer.encode(apart, add_special_tokens=False)
    assert not control.inside(tokenizer.encode("", apart).ids, apart)
    assert control.offsets(text) == read.offsets
    if not any(each in text for each in CONTROL[kind]) and kind != "unigram":
        assert apart == text


@pytest.mark.parametrize("kind", list(CONTROL))
@pytest.mark.parametrize("text", ["", "plain words", "a  b    c café", "a < b [c] (d) {e} |f|", "\U00012345 unknown ✓"])
def test_ordinary_texts_are_left_alone(kind: str, text: str) -> None:
    assert READERS[kind].taken_apart(text) == text
    assert not READERS[kind].inside(TOKENIZERS[kind].encode(text, text).ids, text, text)


@pytest.mark.parametrize("kind", list(CONTROL))
def test_what_is_inside_a_pair_is_told_from_what_surrounds_it(kind: str) -> None:
    for token in CONTROL[kind]:
        assert READERS[kind].inside(TOKENIZERS[kind].encode("a", f"b {token} c").ids, "a", f"b {token} c")
