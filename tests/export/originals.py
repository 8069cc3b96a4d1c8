"""Tiny cross-encoders as transformers saves them, with random weights and a tokenizer that spells any text."""

from __future__ import annotations

import random
import shutil
import string
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

torch: Any = pytest.importorskip("torch", reason="exporting a model needs torch")
transformers: Any = pytest.importorskip("transformers", reason="exporting a model needs transformers")

torch.set_num_threads(1)  # in matrices this small, threads do nothing but wait for each other
MAX_LENGTH = 96
_WORDS = ["apple", "banana", "cherry", "date", "elder", "fig", "grape", "query", "text", "word"]
_SIZES = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
_random = random.Random(3)
TEXTS = [" ".join(_random.choices(_random.sample(_WORDS, 2), k=2 + 20 * (place % 7))) for place in range(25)]
"""Passages of different lengths, some longer than the models read."""


def bert(folder: Path, **config: Any) -> Path:
    size = _wordpiece(folder, ["input_ids", "token_type_ids", "attention_mask"])
    return _save(folder, "Bert", vocab_size=size, max_position_embeddings=MAX_LENGTH, **config)


def modernbert(folder: Path, **config: Any) -> Path:
    """Rotary positions; every other layer sees a window of tokens only. No token types."""
    size = _wordpiece(folder, ["input_ids", "attention_mask"])
    special = {
        "pad_token_id": 0,
        "bos_token_id": 2,
        "cls_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
    }
    windows = {"local_attention": 16, "global_attn_every_n_layers": 2}
    options: dict[str, Any] = {"vocab_size": size, **special, **windows, **config}
    return _save(folder, "ModernBert", **options)


def ettin(
    folder: Path, *, pooling: str = "cls", labels: int = 1, encoder: Callable[..., Path] = modernbert, **config: Any
) -> Path:
    """The modules of cross-encoder/ettin-reranker-17m-v1, as its card prints them, around a tiny encoder."""
    library = pytest.importorskip("sentence_transformers", reason="rerankers made of modules need it")
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    encoder(folder / "encoder", kind="Model", **config)
    transformer = modules.Transformer(str(folder / "encoder"))
    size = transformer.get_embedding_dimension()
    torch.manual_seed(5)
    model = library.CrossEncoder(
        modules=[
            transformer,
            modules.Pooling(size, pooling_mode=pooling),
            modules.Dense(size, size, bias=False, activation_function=torch.nn.GELU()),
            modules.LayerNorm(size),
            modules.Dense(size, labels, activation_function=torch.nn.Identity(), module_output_name="scores"),
        ],
        device="cpu",
        activation_fn=torch.nn.Identity(),
    )
    model.save_pretrained(str(folder))
    shutil.rmtree(folder / "encoder")
    return folder


def xlm_roberta(folder: Path, **config: Any) -> Path:
    """Positions that start behind the padding's, and are counted from the ids. No token types."""
    pieces = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    pieces += [(f"▁{word}", -2.0) for word in _WORDS]
    pieces += [(sign, -5.0) for sign in "▁" + string.ascii_letters + string.digits + string.punctuation]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    names = {"bos": "<s>", "cls": "<s>", "pad": "<pad>", "eos": "</s>", "sep": "</s>", "unk": "<unk>"}
    _save_tokenizer(folder, tokenizer, names, ["input_ids", "attention_mask"])
    return _save(folder, "XLMRoberta", vocab_size=len(pieces), max_position_embeddings=MAX_LENGTH + 2, **config)


def logits(folder: Path, query: str, texts: Sequence[str]) -> list[float]:
    """What transformers or sentence-transformers computes, in the way of its own documentation."""
    if (folder / "modules.json").exists():
        return modular_logits(folder, query, texts)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    found: list[float] = []
    for text in texts:
        encoded = tokenizer(query, text, truncation=True, max_length=MAX_LENGTH, return_tensors="pt")
        with torch.no_grad():
            values = model(**encoded).logits[0].tolist()
        found.append(values[-1] - values[0] if len(values) > 1 else values[0])
    return found


def modular_logits(folder: Path, query: str, texts: Sequence[str]) -> list[float]:
    library = pytest.importorskip("sentence_transformers")
    model = library.CrossEncoder(str(folder), device="cpu", activation_fn=torch.nn.Identity())
    rows = [row.reshape(-1).tolist() for row in model.predict([(query, text) for text in texts], batch_size=1)]
    return [row[-1] - row[0] if len(row) > 1 else row[0] for row in rows]


def _wordpiece(folder: Path, inputs: list[str]) -> int:
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_WORDS, *letters, *(f"##{letter}" for letter in letters)]
    tokenizer = Tokenizer(models.WordPiece({token: place for place, token in enumerate(tokens)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]"}
    _save_tokenizer(folder, tokenizer, names, inputs)
    return len(tokens)


def _save_tokenizer(folder: Path, tokenizer: Tokenizer, names: dict[str, str], inputs: list[str]) -> None:
    special = {f"{name}_token": token for name, token in names.items()}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=MAX_LENGTH, model_input_names=inputs, **special
    ).save_pretrained(folder)


def _save(folder: Path, family: str, *, kind: str = "ForSequenceClassification", **config: Any) -> Path:
    torch.manual_seed(11)
    settings = getattr(transformers, f"{family}Config")(**{**_SIZES, "num_labels": 1, **config})
    model = getattr(transformers, f"{family}{kind}")(settings)
    with torch.no_grad():  # as large as training makes them: the initial ones leave hardly a trace of the text
        for weight in model.parameters():
            weight.mul_(4 if weight.ndim > 1 else 1).add_(torch.randn(weight.shape), alpha=0.02)
    model.save_pretrained(folder)
    return folder
