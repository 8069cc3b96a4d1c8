"""The extra `export`: a tiny model with random weights, made here, becomes a folder for ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import transformers

from rerank_kit.export import export_model
from rerank_kit.local import OnnxCrossEncoder

of: Any = transformers
with TemporaryDirectory() as folder:
    here = Path(folder) / "model"
    here.mkdir()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "planet", "bread", *"abcdefghijklmnopqrstuvwxyz"]
    (here / "vocab.txt").write_text("\n".join(words), "utf-8")
    of.BertTokenizerFast(str(here / "vocab.txt")).save_pretrained(here)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = of.BertConfig(vocab_size=len(words), num_labels=1, max_position_embeddings=32, **sizes)
    of.BertForSequenceClassification(config).save_pretrained(here)
    export_model(str(here), Path(folder) / "exported")
    assert len(OnnxCrossEncoder(str(Path(folder) / "exported")).rerank("red planet", ["bread", "planet"])) == 2
