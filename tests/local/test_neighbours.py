"""A pair's score depends on the pair alone, also of models that read the padding of a batch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local import SentenceTransformersCrossEncoder
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.neighbours import goes_alone
from rerank_kit.values import Deadline
from tests.local.cards import REASON
from tests.local.tiny_families import Build, bert_tokenised, encoder, ettin

pytest.importorskip("sentence_transformers", reason=REASON)

PAIRS = [("an apple", text) for text in ("fig", "date " * 3, "cherry " * 17, "elder " * 40, "grape " * 60)]


@pytest.mark.parametrize("family", ["FNet", "ConvBert"])
def test_models_that_read_padding_score_a_pair_as_if_it_were_alone(
    tmp_path: Path, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    engine = SentenceTransformersCrossEncoder(bert_tokenised(tmp_path, family), device="cpu", raw_scores=True)
    together = engine.score(PAIRS, Deadline()).scores
    assert list(together) == [engine.score([pair], Deadline()).scores[0] for pair in PAIRS]
    assert engine.batch_tokens == 1
    assert "reads padding, so that its pairs are scored one by one, which is slower" in caplog.text


@pytest.mark.parametrize("build", [encoder("mine"), encoder("mine", "ModernBert"), encoder("mine", "DebertaV2"), ettin])
def test_models_that_hide_padding_keep_their_batches(tmp_path: Path, build: Build) -> None:
    assert SentenceTransformersCrossEncoder(build(tmp_path), device="cpu").batch_tokens == 512


class Model:
    """Gives these numbers for the first pair of a batch, by the batch's size."""

    def __init__(self, alone: float, beside: float | Exception) -> None:
        self.alone, self.beside = alone, beside

    def __call__(self, pairs: Sequence[Pair]) -> list[float]:
        if len(pairs) == 1:
            return [self.alone]
        if isinstance(self.beside, Exception):
            raise self.beside
        return [self.beside, 0.0]


@pytest.mark.parametrize(
    ("alone", "beside", "dtype", "told"),
    [
        (1.0, 1.00001, "float32", False),
        (1.0, 1.001, "float32", True),
        (1.0, 1.001, "float16", False),
        (30.0, 30.5, "float16", False),
        (0.1, 0.15, "float16", True),
        (0.1, 0.15, "bfloat16", False),
        (float("nan"), 1.0, "float16", False),
        (1.0, RuntimeError("batches of one only"), "float32", True),
    ],
)
def test_rounding_is_no_neighbour(alone: float, beside: float | Exception, dtype: str, told: bool) -> None:
    assert goes_alone(Model(alone, beside), pads=True, dtype=dtype, name="m") is told


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_gives_no_number_is_refused_while_it_is_loaded(number: float, dtype: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"model='m' gives {number} for a pair.*weights are damaged\. Fetch"):
        goes_alone(Model(number, 1.0), pads=True, dtype=dtype, name="m")


def test_sparse_attention_that_a_short_text_would_turn_off_for_good_is_refused(tmp_path: Path) -> None:
    folder = bert_tokenised(tmp_path, "BigBird", attention_type="block_sparse", block_size=4, num_random_blocks=1)
    with pytest.raises(ConfigurationError, match=r'write "attention_type": "original_full" into its config\.json'):
        SentenceTransformersCrossEncoder(folder, device="cpu")
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "attention_type": "original_full"}), "utf-8")
    engine = SentenceTransformersCrossEncoder(folder, device="cpu", raw_scores=True)
    before = engine.score(PAIRS[-1:], Deadline()).scores
    engine.score(PAIRS[:1], Deadline())
    assert engine.score(PAIRS[-1:], Deadline()).scores == before


def test_modules_that_lost_the_last_of_them_are_refused(tmp_path: Path) -> None:
    folder = ettin(tmp_path)
    path = folder / "modules.json"
    *kept, lost = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(kept), "utf-8")
    shutil.rmtree(folder / lost["path"])
    with pytest.raises(ConfigurationError, match=r"cannot score a pair \(there are no 'scores'\)"):
        SentenceTransformersCrossEncoder(folder, device="cpu")
