"""Cross-encoders on PyTorch: loaded and tokenised by sentence-transformers, batched and spread over the cores by us.

The library pads 32 pairs to the longest and lets each operator use all cores. On a CPU, small batches of like lengths
on one thread each take about half the time for the same sums. `docs/performance.md` has the figures.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

from rerank_kit.arguments import named
from rerank_kit.checks import CORES, check_count
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.local.batching import BEYOND, BLANKS, Batches
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.cpu import usable_cores
from rerank_kit.local.cross_encoder import LoadedCrossEncoder, Pair, Scored
from rerank_kit.local.hub_source import Source, holding_token
from rerank_kit.local.measuring import Measured, measured
from rerank_kit.local.neighbours import goes_alone
from rerank_kit.local.queries import FittedQuery, LongQueries, QueryShare
from rerank_kit.local.reading import NO_LIMIT, WORDS, check_vocabulary, chosen_length
from rerank_kit.local.shared_batches import SharedBatches, Wanted, all_wanted
from rerank_kit.local.torch_loading import Device, DType, check_held, load, needed, pads, readable_length, use_one_core
from rerank_kit.local.torch_prompts import reading_of, told
from rerank_kit.local.windows import LongDocuments, check_policy, fitted, most_windows, window_size
from rerank_kit.local.workers import Workers
from rerank_kit.quoting import whole
from rerank_kit.values import Deadline, Passage

_NEVER = Deadline()
_CPU_BATCH = 512  # tokens: the activations stay in the cache
_BATCH = 16_384  # tokens: what the library's own 32 pairs come to at a length of 512
_log = logging.getLogger("rerank_kit")


class SentenceTransformersCrossEncoder(LoadedCrossEncoder):
    """A cross-encoder that PyTorch runs, of any kind that sentence-transformers loads.

    Causal models such as Qwen3-Reranker are scored with their chat template. Scores are between 0 and 1, whatever
    activation the model's configuration names, and equal the library's own up to rounding: 1e-6 in float32. The last
    digits depend on what shares a batch, in half precision the third digit; so there is no `fingerprint`. What padding
    moves further, as that of FNet and ConvBERT does, is scored one by one.

    The attributes are fixed when the model is loaded; only `hooks` can be assigned later.

    Attributes:
        model: The model's name.
        recipe: How the model is prompted, and what makes scores of its logits, where its family is known.
        device: Where it runs, such as `"cpu"` or `"cuda:0"`.
        dtype: The number format that it computes in.
        max_length: The most tokens read of a pair.
        long_documents: What to do with documents that are longer than the model reads.
        batch_tokens: The most tokens in a batch, padding included; 1, a pair at a time, where it cannot pad, or
            reads padding.
        threads: How many batches are scored side by side.
    """

    _of_another: ClassVar = {
        "precision": "OnnxCrossEncoder has it, for what rerank-kit export makes of the model; here it is dtype=",
        "batch_size": "batches are of so many tokens, batch_tokens=",
    }

    @holding_token
    @named
    def __init__(
        self,
        model: str | os.PathLike[str] | Any,
        *,
        device: Device | None = None,
        dtype: DType | None = None,
        revision: str | None = None,
        token: object = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        max_length: int | None = None,
        long_documents: LongDocuments = "truncate",
        window: int | None = None,
        max_windows: int | None = None,
        long_queries: LongQueries = "keep-end",
        max_query_length: int | None = None,
        batch_tokens: int | None = None,
        threads: int | None = None,
        prompt: str | None = None,
        trust_remote_code: bool = False,
        raw_scores: bool = False,
        template: str | None = None,
        instruction: str | None = None,
        answers: Sequence[str] | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: A folder, a hub name such as `"owner/name"`, or a `CrossEncoder` of the library, used as it is.
            device: A name such as `"cuda:0"`, a GPU's number or a `torch.device`; by default a GPU if there is one.
            dtype: `"float32"`, `"float16"` or `"bfloat16"`. On a CPU it is float32, and the others are refused with a
                `PrecisionWarning`; by default it is float16 on CUDA and Apple's GPUs.
            revision: The hub commit, tag or branch to use; by default the main branch, as it is when this is loaded.
            token: For what is private on the hub, a str or a SecretStr; by default that of `HF_TOKEN` or of a login.
            cache_dir: Where what is fetched is kept; by default where all programs keep it.
            local_files_only: Whether to ask the hub for nothing, and to take what the cache has.
            max_length: Tokens, up to what the model can read; by default as many, but no more than 8192.
            long_documents: See `LongDocuments`. With `"truncate"`, what is cut is counted in `usage.truncated`; the
                others tell in each hit's `passage` which part of the text was decisive.
            window: Tokens in a window of a long document; by default as many as fit, and 128 for `"best-window"`.
            max_windows: Windows of a document at most, from its beginning; by default 64, and 1024 to choose from for
                `"best-window"`. What is behind them is counted in `usage.truncated`.
            long_queries: Which end of a query is kept when it is longer than `max_query_length`; see `LongQueries`.
            max_query_length: Tokens of the query that are read; by default half of those that query and document have
                together. A query that was cut is counted in `usage.query_truncated`.
            batch_tokens: By default 512 on a CPU and 16384 elsewhere. Batches that do not fit into memory are halved.
            threads: Workers on a CPU; by default the cores that CPU affinity, container quota and PyTorch allow.
            prompt: The instruction, as sentence-transformers calls it.
            trust_remote_code: Run code that comes with the model.
            raw_scores: Return logits instead of scores from 0 to 1.
            template: The prompt of a model that wants one, with `{query}`, `{document}` and, optionally,
                `{instruction}` in it; by default the model's own, or that of its family, as in the next two.
            instruction: What a model that takes an instruction is told to judge by.
            answers: The tokens of a language model whose logits are the score, such as `("yes", "no")`.

        Raises:
            ConfigurationError: No such model, it is no reranker, or an argument that the model cannot follow.
            BackendError: The hub cannot be reached, or fails, and the cache is not enough.
            MissingExtra: sentence-transformers is not installed.
        """
        source = Source.of(revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        self._source = model
        loading: dict[str, Any] = {"device": device, "dtype": dtype, "trust_remote_code": trust_remote_code}
        self._options: dict[str, Any] = {
            **loading,
            **source.as_settings(),
            "max_length": max_length,
            "long_documents": long_documents,
            "window": window,
            "max_windows": max_windows,
            "long_queries": long_queries,
            "max_query_length": max_query_length,
            "batch_tokens": batch_tokens,
            "threads": threads,
            "prompt": prompt,
            "raw_scores": raw_scores,
            "template": template,
            "instruction": instruction,
            "answers": answers,
        }
        check_policy(long_documents)
        self._torch = needed("torch")
        self._to_device = needed("sentence_transformers.util").batch_to_device
        self._model = load(model, source=source, **loading)
        self.model = os.fspath(model) if isinstance(model, str | os.PathLike) else str(self._model.config.name_or_path)
        self.device = str(self._model.device)
        self.dtype = str(self._model.dtype).removeprefix("torch.")
        padded = pads(self._model)
        self._reading = reading_of(
            self._model, self.model, template=template, instruction=told(prompt, instruction), answers=answers
        )
        self.recipe, self._inputs = replace(self._reading.recipe, raw=raw_scores), self._reading.inputs
        self.max_length = chosen_length(max_length, readable_length(self._model), self.model, self.recipe.max_length)
        self.long_documents = long_documents
        self._window = window_size(long_documents, window)
        self._most_windows = most_windows(long_documents, max_windows)
        if long_documents != "truncate" and not self._model.tokenizer.is_fast:
            msg = f"long_documents={long_documents!r} needs a fast tokenizer, and {self.model!r} has none: leave it out"
            raise ConfigurationError(msg)
        on_cpu = self._model.device.type == "cpu"
        usual = _CPU_BATCH if on_cpu else _BATCH
        tokens = check_count("batch_tokens", batch_tokens, none="for the usual number") or usual
        cores = check_count("threads", threads, none=CORES) or min(usable_cores(), self._torch.get_num_threads())
        self.threads = cores if on_cpu else 1
        self._gives_logits = not (raw_scores or self._reading.gives_probabilities)
        self._tokenizing = threading.Lock()  # a call sets the tokenizer's truncation, then relies on it
        check_vocabulary(self._alone(WORDS)["input_ids"], self.model)
        self._strategy = "longest_first"
        around = self._ids(("", ""), NO_LIMIT)
        self._control = ControlTokens.of_transformers(self._model.tokenizer, self._alone, around)
        self._skips_blanks = not self._length_alone(BLANKS)
        own = self.max_length - len(around)
        room = own if self._inputs is None else self._inputs.read.room(self.max_length)
        self._share = QueryShare.of(room, length=max_query_length, keep=long_queries)
        if self._share.above_half and "message" not in self._model[0].modality_config:
            self._strategy = "only_second"  # a chat template's pair is a single text, whose end is cut
        alone = goes_alone(self._tried, pads=padded, dtype=self.dtype, name=self.model)
        self.batch_tokens = 1 if alone else tokens
        self._workers = Workers(self.threads, "rerank-kit-torch", use_one_core if on_cpu else None)
        self._together = None if on_cpu else SharedBatches(self._score)
        self._settle(SentenceTransformersCrossEncoder)

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs. Callers at the same time share the workers on a CPU, and the batches elsewhere."""
        return self._score(pairs, deadline) if self._together is None else self._together.score(pairs, deadline)

    def _score(self, pairs: Sequence[Pair], deadline: Deadline, wanted: Wanted = all_wanted) -> Scored:
        """Score in batches of like lengths."""
        self._model.eval()
        found = self._measured(pairs, deadline)
        tokens = [min(each.tokens, self.max_length) for each in found]
        scores = [0.0] * len(pairs)
        batches = Batches(tokens, self.batch_tokens, takers=self.threads)

        def work(batch: list[int]) -> None:
            batch = [place for place in batch if wanted(place)]
            if not batch:
                return
            features = self._features([found[place].pair for place in batch], self.max_length)
            try:
                answers = self._answers(features, len(batch))
            except Exception as error:
                if len(batch) == 1 or not isinstance(error, RuntimeError):  # being out of memory is one, on any device
                    msg = (
                        f"PyTorch failed on {len(batch)} pairs of up to {max(tokens[p] for p in batch)} tokens: {error}"
                    )
                    raise BackendError(msg, backend="SentenceTransformersCrossEncoder") from error
                _log.warning("%d pairs together failed, going on with half as many: %s", len(batch), error)
            else:
                check_held(answers, self.dtype, self.model)
                for place, answer in zip(batch, answers, strict=True):
                    scores[place] = answer
                return
            batches.halve(batch)  # here, where the error and the tensors in its frames are gone

        self._workers.share(batches.take, work, deadline)
        cut = [each.truncated for each in found]
        return Scored(scores, tokens, cut, logits=self._gives_logits, scale=self._reading.scale)

    def windows(self, query: str, text: str) -> list[Passage]:
        """Cut a document into windows that fit beside the query; one when it fits."""
        return self.windows_in_time(query, text, _NEVER)

    def windows_in_time(self, query: str, text: str, deadline: Deadline) -> list[Passage]:
        """The same, while there is time."""
        query = self.fitted_query(query, deadline).text
        size = self._share.beside(self._length_alone(query), self._window)
        most = min(self.max_length, self._length(query, "", deadline) + size)

        def fits(part: str) -> bool:
            return self._length(query, part, deadline) <= most

        return fitted(text, self._control.offsets, fits, size=size, most=self._most_windows, check=deadline.check)

    def _length(self, query: str, text: str, deadline: Deadline) -> int:
        """Tokens of a pair; of one that is too long, more than the model reads."""
        (pair,) = self._measured([(query, text)], deadline)
        return max(pair.tokens, self.max_length + 1) if pair.truncated else pair.tokens

    def fitted_query(self, query: str, deadline: Deadline) -> FittedQuery:
        """As much of a query as it may take of what the model reads."""
        return self._share.fitted(query, self._length_alone, deadline)

    def _measured(self, pairs: Sequence[Pair], deadline: Deadline) -> list[Measured]:
        def ids(pair: Pair) -> list[int]:
            return self._ids(pair, self.max_length + BEYOND)

        end = self._inputs is None and self._model.tokenizer.truncation_side == "left"
        return [measured(pair, self.max_length, ids, self._control, deadline, end=end) for pair in pairs]

    def _length_alone(self, text: str) -> int:
        return len(self._alone(self._control.taken_apart(text))["input_ids"])

    def _alone(self, text: str, **options: Any) -> Any:
        """What the tokenizer makes of a text alone."""
        with self._tokenizing:
            return self._model.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False, **options)

    def _ids(self, pair: Pair, most: int) -> list[int]:
        if self._inputs is not None:
            return self._inputs.read(*pair, most).ids
        ids: list[int] = self._features([pair], most)["input_ids"].reshape(-1).tolist()
        return ids

    def _features(self, pairs: Sequence[Pair], most: int) -> Any:
        """The model's input, with its template or prompt, of at most so many tokens a pair."""
        if self._inputs is not None:
            return self._inputs(pairs, most)
        limit = {"text": {"max_length": most, "truncation": self._strategy}}
        try:
            with self._tokenizing:
                return self._model.preprocess(pairs, prompt=self._reading.instruction, processing_kwargs=limit)
        except Exception as error:  # a template may raise anything
            msg = f"sentence-transformers cannot make this model's input of a query and a document: {error}"
            raise BackendError(msg, backend="SentenceTransformersCrossEncoder") from error

    def _tried(self, pairs: Sequence[Pair]) -> list[float]:
        self._model.eval()
        return self._answers(self._features(pairs, self.max_length), len(pairs))

    def _answers(self, features: Any, count: int) -> list[float]:
        """Run the model on a batch."""
        with self._torch.inference_mode():
            return self._reading.numbers(self._model(self._to_device(features, self._model.device)), count)

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles load the model anew: threads cannot travel."""
        return partial(type(self), self._source, **self._options), ()

    @whole
    def __repr__(self) -> str:
        """Say which model this is, and how it runs."""
        how = f"device={self.device!r}, dtype={self.dtype!r}, max_length={self.max_length}"
        return f"{type(self).__name__}({self.model!r}, {how})"
