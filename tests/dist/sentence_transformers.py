"""The extra `sentence-transformers`: a tiny model with random weights, made here, gives finite scores."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import transformers

from rerank_kit.local import SentenceTransformersCrossEncoder

of: Any = transformers
with TemporaryDirectory() as folder:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "planet", "bread", *"abcdefghijklmnopqrstuvwxyz"]
    (Path(folder) / "vocab.txt").write_text("\n".join(words), "utf-8")
    of.BertTokenizerFast(str(Path(folder) / "vocab.txt")).save_pretrained(folder)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = of.BertConfig(vocab_size=len(words), num_labels=1, max_position_embeddings=32, **sizes)
    of.BertForSequenceClassification(config).save_pretrained(folder)
    ranking = SentenceTransformersCrossEncoder(folder).rerank("red planet", ["bread", "planet"])
assert len(ranking) == 2
assert all(math.isfinite(hit.score) for hit in ranking)
