"""How many tokens a model can read follows from its configuration, as transformers itself reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rerank_kit.local.model_files import ModelFiles
from tests.local.tiny_torch_models import SIZES, torch, transformers

FROM_PADDING = "camembert data2vec-text mpnet roberta roberta-prelayernorm xlm-roberta xlm-roberta-xl xmod"
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
    config = transformers.AutoConfig.for_model(kind, **sizes)
    limit = ModelFiles("m", Path(), (), Path(), config.to_dict()).max_length
    assert limit == (40 if kind in FROM_PADDING.split() else 42)
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    assert reads(model, limit)
    assert not reads(model, limit + 1)
