"""The model that is exported, as sentence-transformers has it in torch: its logits, its graph, and its recipe."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from textwrap import shorten
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.export.decoder import last_token_logits, sample_tokens
from rerank_kit.export.modernbert import faster, rewritten
from rerank_kit.export.recipes import carried
from rerank_kit.export.sample_texts import SAMPLE
from rerank_kit.export.tracing import attention, trace
from rerank_kit.local.clues import FILE
from rerank_kit.local.cross_encoder import Pair
from rerank_kit.local.hub_source import Source
from rerank_kit.local.model_files import adds_special_tokens
from rerank_kit.local.reading import NO_LIMIT
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
from rerank_kit.local.torch_loading import load, readable_length
from rerank_kit.local.torch_prompts import reading_of
from rerank_kit.optional import optional
from rerank_kit.values import Deadline

_PACKAGES = ("torch", "transformers", "sentence_transformers", "threadpoolctl", "onnx")
_SAID = 300  # characters of what the library says


class Original:
    """A cross-encoder with its tokenizer, in fp32 on the CPU.

    Attributes:
        name: What the user called it.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        trust_remote_code: bool = False,
        template: str | None = None,
        instruction: str | None = None,
        answers: Sequence[str] | None = None,
    ) -> None:
        """Load a model. The arguments are those of `SentenceTransformersCrossEncoder`.

        Raises:
            ConfigurationError: There is none, or it is no cross-encoder, or one that needs more than a graph.
            MissingExtra: torch, transformers, sentence-transformers or onnx is not installed.
        """
        for package in _PACKAGES:
            optional(package, extra="export", why="exporting a model")
        self.name = name = os.fspath(model)
        source = Source(revision)
        loaded: Any = load(name, device="cpu", dtype=None, source=source, trust_remote_code=trust_remote_code)
        self._model: Any = loaded.eval()
        if not self._model.tokenizer.is_fast:
            msg = f"model={name!r} has no fast tokenizer: one that can be saved as tokenizer.json is needed"
            raise ConfigurationError(msg)
        asked: dict[str, Any] = {"template": template, "instruction": instruction, "answers": answers}
        self._engine = SentenceTransformersCrossEncoder(self._model, raw_scores=True, **asked)
        self._reading = reading_of(self._model, name, **asked)
        self._recipe = carried(self._model, self._reading, name)

    def logits(self, pairs: Sequence[Pair]) -> Sequence[float]:
        """The relevance of pairs, before any activation."""
        return self._engine.score(pairs, Deadline()).scores

    @property
    def max_length(self) -> int:
        """The most tokens that it reads of a pair."""
        return self._engine.max_length

    def fitted(self, query: str) -> str:
        """As much of a query as is read of it."""
        return self._engine.fitted_query(query, Deadline()).text

    @property
    def has_a_faster_graph(self) -> bool:
        """Whether there is one besides that which torch makes of the model as it is."""
        return bool(faster(self._model))

    def save(self, folder: Path, file: str, *, fast: bool = True) -> None:
        """Write the graph into a file of the folder, and what else belongs to the model beside it.

        Args:
            folder: Where to.
            file: The graph's name in it.
            fast: Whether to write the faster graph where there is one.

        Raises:
            ConfigurationError: torch cannot make a graph of the model.
        """
        transformer = self._model[0]
        readable = readable_length(self._model)
        transformer.tokenizer.model_max_length = readable if readable < NO_LIMIT else self.max_length
        if not adds_special_tokens(getattr(transformer, "processing_kwargs", None)):
            _without_special_tokens(transformer.tokenizer.backend_tokenizer)
        transformer.tokenizer.save_pretrained(folder)
        transformer.config.save_pretrained(folder)
        (folder / FILE).write_text(f"{json.dumps(self._recipe.to_json(), indent=2)}\n", "utf-8")
        with attention(transformer.model, "eager"):  # the plainest graph, and the fastest in ONNX Runtime
            self._trace(transformer, folder / file, fast=fast)

    def _trace(self, transformer: Any, path: Path, *, fast: bool) -> None:
        logits = last_token_logits(self._model, self._reading.answers)
        if logits is not None:
            trace(transformer.model, logits, sample_tokens(transformer.tokenizer), path)
            return
        try:
            features = self._model.preprocess(SAMPLE)
        except Exception as error:  # of a template for chats, or of none
            msg = (
                f"model={self._engine.model!r}: what a {type(transformer.model).__name__} reads of a pair is not known "
                f"to the export ({shorten(str(error), _SAID)}): rank with SentenceTransformersCrossEncoder"
            )
            raise ConfigurationError(msg) from error
        names = [name for name in inspect.signature(transformer.model.forward).parameters if name in features]
        traced = self._model if len(self._model) > 1 else transformer.model
        with rewritten(transformer.model, first=self._reads_first_token()) if fast else nullcontext():
            output = "scores" if self._reading.gives_probabilities else "logits"  # the name says what they are
            trace(traced, self._scores, {name: features[name] for name in names}, path, output)

    def _scores(self, **features: Any) -> Any:
        return self._model(features)["scores"]

    def _reads_first_token(self) -> bool:
        """Whether nothing but each text's first token makes its score."""
        poolings: list[object] = [each.pooling_mode for each in self._model if hasattr(each, "pooling_mode")]
        return [*poolings, getattr(self._model[0].config, "classifier_pooling", None)][0] == "cls"


def _without_special_tokens(tokenizer: Any) -> None:
    """Have a tokenizer put nothing around a pair, so that what is saved of it says so wherever it is read."""
    types = tokenizer.encode("a", "b", add_special_tokens=False).type_ids
    processing = optional("tokenizers.processors", extra="export", why="exporting a model").TemplateProcessing
    tokenizer.post_processor = processing(single="$A:0", pair=f"$A:{types[0]} $B:{types[-1]}", special_tokens=[])
