"""How many tokens a model can read follows from its configuration, as transformers itself reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit.local import SentenceTransformersCrossEncoder
from rerank_kit.local.model_files import ModelFiles
from tests.local.tiny_families import bert_tokenised
from tests.local.tiny_torch_models import SIZES, torch, transformers

FROM_PADDING = (
    "camembert data2vec-text ibert layoutlmv3 lilt longformer luke markuplm mpnet roberta roberta-prelayernorm "
    "xlm-roberta xlm-roberta-xl xmod"
)
FROM_ZERO = "bert deberta-v2 distilbert electra ernie megatron-bert"
PADDING = 1


def reads(model: Any, tokens: int) -> bool:
    """Whether it can look up the positions of so many."""
    try:
        with torch.inference_mode():
            model(torch.full((1, tokens), 7))
    except (IndexError, RuntimeError):
        return False
    return True


@pytest.mark.parametrize("kind", [*FROM_PADDING.split(), *FROM_ZERO.split()])
def test_a_model_reads_just_as_many_tokens_as_its_configuration_is_taken_to_say(kind: str) -> None:
    sizes: dict[str, Any] = {**SIZES, "vocab_size": 20, "max_position_embeddings": 42, "pad_token_id": PADDING}
    sizes |= {"dim": 16, "n_heads": 2, "n_layers": 2, "hidden_dim": 32} if kind == "distilbert" else {}
    sizes |= {"languages": ["en"], "default_language": "en"} if kind == "xmod" else {}
    sizes |= {"attention_window": 8} if kind == "longformer" else {}
    sizes |= {"coordinate_size": 3, "shape_size": 2} if kind == "layoutlmv3" else {}
    sizes |= {"channel_shrink_ratio": 2, "hidden_size": 24} if kind == "lilt" else {}
    config = transformers.AutoConfig.for_model(kind, **sizes)
    limit = ModelFiles("m", Path(), (), Path(), config.to_dict()).max_length
    assert limit == (40 if kind in FROM_PADDING.split() else 42)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    assert reads(model, limit)
    assert not reads(model, limit + 1)


@pytest.mark.parametrize("family", ["IBert", "Luke", "Roberta", "Bert"])
def test_a_document_of_full_length_is_read(tmp_path: Path, family: str) -> None:
    pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    folder = bert_tokenised(tmp_path, family, pad_token_id=0, max_position_embeddings=42)
    engine = SentenceTransformersCrossEncoder(folder, device="cpu")
    assert engine.max_length == (42 if family == "Bert" else 41)
    assert engine.rerank("apple", ["cherry " * 100]).usage.truncated == 1
