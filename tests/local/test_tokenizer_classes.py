"""The tokens of both engines are the same where a tokenizer's class contradicts its `tokenizer.json`."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from rerank_kit.local.pair_tokenizer import PairTokenizer
from rerank_kit.local.tokenizer_classes import class_of

transformers: Any = pytest.importorskip("transformers", reason="what is compared with is in transformers")

QUERY = "Apple"
TEXTS = [
    "an APPLE, ``quoted'' and 'so'",
    "Über café  two   spaces",
    "a\nline\tand a tab ",
    " begins with a space",
    "ﬁne １２ full-width",
    "苹果 and kiwi!?",
]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'\"`éÜü苹果ﬁ１２-"
UNIGRAM, BYTES, PIECES = "Unigram", "BPE", "WordPiece"


def unigram() -> Tokenizer:
    special = ["<pad>", "<unk>", "<s>", "</s>", "[CLS]", "[SEP]"]
    pieces = [(each, 0.0) for each in special] + [(f"▁{word}", -2.0) for word in ("apple", "Apple", "and", "spaces")]
    tokenizer = Tokenizer(models.Unigram([*pieces, *((each, -5.0) for each in f"▁\n\t {_LETTERS}")], unk_id=1))
    tokenizer.normalizer = normalizers.Replace("o", "0")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    return _around(tokenizer, "[CLS]", "[SEP]", second=1)


def xlm_unigram() -> Tokenizer:
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = [(each, 0.0) for each in special] + [(f"▁{word}", -2.0) for word in ("apple", "Apple", "and", "spaces")]
    tokenizer = Tokenizer(models.Unigram([*pieces, *((each, -5.0) for each in f"▁\n\t {_LETTERS}")], unk_id=3))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    return _around(tokenizer, "<s>", "</s>", twice=True)


def byte_pairs() -> Tokenizer:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", "[CLS]", "[SEP]", *alphabet, "Ġa", "Ap"])
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ġ", "a"), ("A", "p")]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    return _around(tokenizer, "<s>", "</s>", twice=True)


def word_pieces() -> Tokenizer:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "apple", "Apple", *_LETTERS, *(f"##{each}" for each in _LETTERS)]
    tokenizer = Tokenizer(models.WordPiece({each: place for place, each in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _around(tokenizer, "[CLS]", "[SEP]", second=1)


def _around(tokenizer: Tokenizer, begin: str, end: str, *, second: int = 0, twice: bool = False) -> Tokenizer:
    ids = [(each, tokenizer.token_to_id(each)) for each in (begin, end)]
    between = f"{end} {end}" if twice else end
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}", pair=f"{begin} $A {between} $B:{second} {end}:{second}", special_tokens=ids
    )
    return tokenizer


_BERT_NAMES = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
_ALBERT_NAMES = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "[CLS]", "sep_token": "[SEP]"}
_XLM_NAMES = {"unk_token": "<unk>", "pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"}
MADE: dict[str, tuple[str, Callable[[], Tokenizer], dict[str, Any]]] = {
    "AlbertTokenizer": ("albert", unigram, _ALBERT_NAMES),
    "DebertaV2Tokenizer": ("deberta-v2", unigram, {**_ALBERT_NAMES, "bos_token": "[CLS]", "eos_token": "[SEP]"}),
    "XLMRobertaTokenizer": ("xlm-roberta", xlm_unigram, _XLM_NAMES),
    "CamembertTokenizer": ("camembert", xlm_unigram, _XLM_NAMES),
    "RobertaTokenizer": ("roberta", byte_pairs, _XLM_NAMES),
    "BertTokenizer": ("bert", word_pieces, _BERT_NAMES),
    "DistilBertTokenizer": ("distilbert", word_pieces, _BERT_NAMES),
}


def written(folder: Path, tokenizer: Tokenizer, config: dict[str, Any], settings: dict[str, Any] | None) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if settings is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    return folder


def both(folder: Path) -> tuple[list[list[int]], list[list[int]]]:
    """The ids of pairs, as this package has them and as transformers has them."""
    config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
    path = folder / "tokenizer_config.json"
    settings: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    ours = PairTokenizer(folder / "tokenizer.json", 512, config=settings, kind=class_of(config, settings))
    theirs = transformers.AutoTokenizer.from_pretrained(folder)
    return [ours(QUERY, text).ids for text in TEXTS], [theirs(QUERY, text)["input_ids"] for text in TEXTS]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"do_lower_case": False},
        {"do_lower_case": True},
        {"keep_accents": True},
        {"strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"add_prefix_space": False},
        {"add_prefix_space": True},
        {"split_by_punct": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", MADE)
def test_a_class_that_goes_by_its_settings_is_followed(tmp_path: Path, kind: str, settings: dict[str, Any]) -> None:
    model_type, build, names = MADE[kind]
    ours, theirs = both(
        written(tmp_path, build(), {"model_type": model_type}, {"tokenizer_class": kind, **names, **settings})
    )
    assert ours == theirs


@pytest.mark.parametrize("kind", MADE)
def test_what_the_file_says_holds_where_the_class_takes_it(tmp_path: Path, kind: str) -> None:
    model_type, build, names = MADE[kind]
    config, settings = {"model_type": model_type}, {"tokenizer_class": kind, "do_lower_case": False, **names}
    (tmp_path / "followed").mkdir()
    followed, _ = both(written(tmp_path / "followed", build(), config, settings))
    for number, (named, type_named) in enumerate([("PreTrainedTokenizerFast", model_type), (kind, "modernbert")]):
        (tmp_path / str(number)).mkdir()
        folder = written(
            tmp_path / str(number), build(), {"model_type": type_named}, {**settings, "tokenizer_class": named}
        )
        ours, theirs = both(folder)
        assert ours == theirs
        assert ours != followed


@pytest.mark.parametrize("kind", ["AlbertTokenizer", "RobertaTokenizer", "BertTokenizer", "XLMRobertaTokenizer"])
def test_where_no_file_names_a_class_the_model_says_which(tmp_path: Path, kind: str) -> None:
    model_type, build, names = MADE[kind]
    assert class_of({"model_type": model_type}, {}) == kind
    for settings in ({**names, "do_lower_case": False}, None):
        ours, theirs = both(written(tmp_path, build(), {"model_type": model_type}, settings))
        assert ours == theirs
        (tmp_path / "tokenizer_config.json").unlink(missing_ok=True)


def charsmap() -> bytes:
    """A table in SentencePiece's format, by which a capital A is an e: a trie of one letter, and what it stands for."""
    units = [0] * 1024
    units[0] = 256 << 10  # where the first letter is looked up
    units[256 ^ ord("A")] = 512 << 10 | 1 << 8 | ord("A")  # a word ends here, and its number is 512 further on
    return struct.pack("<I1024I", 4 * len(units), *units) + b"e\0"


@pytest.mark.parametrize("kind", ["AlbertTokenizer", "XLMRobertaTokenizer"])
@pytest.mark.parametrize("inside", [False, True])
def test_a_table_of_characters_is_kept(tmp_path: Path, kind: str, inside: bool) -> None:
    model_type, build, names = MADE[kind]
    tokenizer = build()
    table = normalizers.Precompiled(charsmap())
    tokenizer.normalizer = normalizers.Sequence([table, normalizers.Lowercase()]) if inside else table
    ours, theirs = both(written(tmp_path, tokenizer, {"model_type": model_type}, {"tokenizer_class": kind, **names}))
    assert ours == theirs


def test_an_unknown_class_is_none_to_follow() -> None:
    assert class_of({}, {}) == ""
    assert class_of({"model_type": "bert"}, {"tokenizer_class": 5}) == ""


def test_a_tokenizer_without_a_normaliser_has_no_table(tmp_path: Path) -> None:
    _, build, names = MADE["XLMRobertaTokenizer"]
    tokenizer = build()
    tokenizer.normalizer = None
    ours, theirs = both(written(tmp_path, tokenizer, {"model_type": "xlm-roberta"}, names))
    assert ours == theirs


def test_a_file_of_another_kind_of_tokenizer_is_left_as_it_is(tmp_path: Path) -> None:
    folder = written(tmp_path, word_pieces(), {}, None)
    for kind in (None, "XLMRobertaTokenizer", "RobertaTokenizer"):
        pair = PairTokenizer(folder / "tokenizer.json", 512, kind=kind)("apple", "apple")
        assert pair.ids == [2, 4, 3, 4, 3]
