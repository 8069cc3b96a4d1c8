"""What the tokenizer classes of transformers make of a `tokenizer.json`, where they go by their settings instead.

A class that is named after a model builds its own normaliser and its own cut into words from `tokenizer_config.json`,
and takes of `tokenizer.json` the vocabulary and what surrounds a pair. So it is in transformers 5.24, and so it is done
here, for what both engines read of a text must be the same. The other classes are left with what the file says.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from rerank_kit.optional import optional

_AS_THE_FILE_SAYS = frozenset(
    {"PreTrainedTokenizer", "PreTrainedTokenizerFast", "TokenizersBackend", "ConvBertTokenizer", "FNetTokenizer"}
)
_WITHOUT_A_CLASS = frozenset(  # models of which transformers believes no name of a class
    {"modernbert", "modernbert-decoder", "qwen2", "nemotron", "phi3", "minicpm3", "internlm2", "xlm-roberta-xl"}
)
_OF_TYPES: Mapping[str, str] = MappingProxyType(  # what is taken where no file names a class
    {
        "albert": "AlbertTokenizer",
        "bart": "RobertaTokenizer",
        "bert": "BertTokenizer",
        "camembert": "CamembertTokenizer",
        "data2vec-text": "RobertaTokenizer",
        "deberta": "DebertaTokenizer",
        "deberta-v2": "DebertaV2Tokenizer",
        "distilbert": "BertTokenizer",
        "electra": "BertTokenizer",
        "longformer": "RobertaTokenizer",
        "mpnet": "MPNetTokenizer",
        "roberta": "RobertaTokenizer",
        "xlm-roberta": "XLMRobertaTokenizer",
    }
)

_Follow = Callable[[Any, Any, Mapping[str, Any]], None]


def class_of(config: Mapping[str, Any], tokenizer_config: Mapping[str, Any]) -> str | None:
    """The class by which transformers reads a model's texts; `None` where that takes `tokenizer.json` as it is.

    Args:
        config: `config.json`.
        tokenizer_config: `tokenizer_config.json`.
    """
    kind = config.get("model_type")
    if kind in _WITHOUT_A_CLASS:
        return None
    named = tokenizer_config.get("tokenizer_class") or config.get("tokenizer_class") or _OF_TYPES.get(str(kind))
    name = named.removesuffix("Fast") if isinstance(named, str) else ""
    return None if name in _AS_THE_FILE_SAYS or named in _AS_THE_FILE_SAYS else name


def follow(tokenizer: Any, kind: str | None, config: Mapping[str, Any]) -> None:
    """Have a tokenizer cut texts into words as a class of transformers has it do.

    Args:
        tokenizer: Of the tokenizers package.
        kind: The class; empty where it is not known.
        config: `tokenizer_config.json`.
    """
    rule = _RULES.get(kind or "")
    if rule is not None and type(tokenizer.model).__name__ != _MODELS[rule]:
        return  # the file is of another kind of tokenizer than the class
    if rule is None and kind is not None and config and type(tokenizer.normalizer).__name__ == "BertNormalizer":
        rule = _as_bert
    if rule is not None:
        rule(optional("tokenizers", extra="onnx", why="a local cross-encoder"), tokenizer, config)


def _as_bert(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    tokenizer.normalizer = library.normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=config.get("tokenize_chinese_chars", True),
        strip_accents=config.get("strip_accents"),
        lowercase=config.get("do_lower_case", True),
    )
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()


def _as_albert(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    small = library.normalizers
    steps = [small.Replace("``", '"'), small.Replace("''", '"')]
    if not config.get("keep_accents", False):
        steps += [small.NFKD(), small.StripAccents()]
    if config.get("do_lower_case", True):
        steps.append(small.Lowercase())
    tokenizer.normalizer = small.Sequence([*steps, *_charsmap(library, tokenizer)])
    _cut_at_spaces(library, tokenizer, config)


def _as_xlm_roberta(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    tokenizer.normalizer = next(iter(_charsmap(library, tokenizer)), None)
    _cut_at_spaces(library, tokenizer, config)


def _as_deberta_v2(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    small, cuts = library.normalizers, library.pre_tokenizers
    steps = [small.Lowercase()] if config.get("do_lower_case", False) else []
    spaces = small.Replace(library.Regex(r"\s{2,}|[\n\r\t]"), " ")
    tokenizer.normalizer = small.Sequence([*steps, spaces, small.NFC(), small.Strip(left=False, right=True)])
    before = [cuts.Punctuation(behavior="isolated")] if config.get("split_by_punct", False) else []
    scheme = "always" if config.get("add_prefix_space", True) else "first"
    tokenizer.pre_tokenizer = cuts.Sequence([*before, cuts.Metaspace(replacement="▁", prepend_scheme=scheme)])


def _as_roberta(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    tokenizer.normalizer = None
    spaced = config.get("add_prefix_space", False)
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=spaced)


def _cut_at_spaces(library: Any, tokenizer: Any, config: Mapping[str, Any]) -> None:
    cuts = library.pre_tokenizers
    scheme = "always" if config.get("add_prefix_space", True) else "never"
    marks = cuts.Metaspace(replacement="▁", prepend_scheme=scheme)
    tokenizer.pre_tokenizer = cuts.Sequence([cuts.WhitespaceSplit(), marks])


def _charsmap(library: Any, tokenizer: Any) -> list[Any]:
    """The table of characters that a SentencePiece model brings along, where the tokenizer's file has it."""
    if tokenizer.normalizer is None:
        return []
    content: dict[str, Any] = json.loads(tokenizer.normalizer.__getstate__())
    steps: list[dict[str, Any]] = content.get("normalizers", [content])
    tables: list[str] = [each["precompiled_charsmap"] for each in steps if each.get("type") == "Precompiled"]
    return [library.normalizers.Precompiled(base64.b64decode(each)) for each in tables[:1]]


_MODELS: Mapping[_Follow, str] = MappingProxyType(
    {
        _as_albert: "Unigram",
        _as_bert: "WordPiece",
        _as_deberta_v2: "Unigram",
        _as_roberta: "BPE",
        _as_xlm_roberta: "Unigram",
    }
)
_LIKE_BERT = ("BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "MPNetTokenizer")
_LIKE_ROBERTA = ("BartTokenizer", "DebertaTokenizer", "GPT2Tokenizer", "LongformerTokenizer", "RobertaTokenizer")
_RULES: Mapping[str, _Follow] = MappingProxyType(
    {
        **dict.fromkeys(_LIKE_BERT, _as_bert),
        **dict.fromkeys(_LIKE_ROBERTA, _as_roberta),
        "AlbertTokenizer": _as_albert,
        "CamembertTokenizer": _as_xlm_roberta,
        "DebertaV2Tokenizer": _as_deberta_v2,
        "XLMRobertaTokenizer": _as_xlm_roberta,
    }
)
