"""Cross-encoders on ONNX Runtime: one unpadded pair per call, over a pool of workers on one shared session.

A pair alone needs no padding and its activations stay in the CPU's cache, which makes this faster than batches on a
CPU. It also makes a score a pure function of model, maximum length, query and text: an int8 graph quantises its
activations per call, so in a batch a score would depend on the neighbours. `docs/performance.md` has the figures.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import Any, Literal

from rerank_kit.checks import check_count
from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.local.cross_encoder import CrossEncoder, Pair, Scored, sigmoid
from rerank_kit.local.models import ModelFiles, find_model
from rerank_kit.local.pairs import EncodedPair, PairTokenizer
from rerank_kit.local.threads import usable_cores
from rerank_kit.optional import optional
from rerank_kit.values import Deadline

Output = Literal["auto", "logits", "probabilities"]

_SHORTEST = 16  # tokens: below this there is no room for a document beside a query
_ROUNDING = 1e-6  # how far a probability may leave 0 to 1
_DTYPES = {"tensor(int64)": "int64", "tensor(int32)": "int32"}


class OnnxCrossEncoder(CrossEncoder):
    """A cross-encoder that ONNX Runtime runs on the CPU.

    Scores are between 0 and 1 and do not depend on the other candidates, their order or the number of threads.
    Each distinct text is scored once. Memory does not grow with the number of candidates.

    Attributes:
        model: The model's name.
        max_length: The most tokens read of a pair; longer ones are cut and counted in `usage.truncated`.
        threads: How many pairs are scored side by side.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        file: str | None = None,
        revision: str | None = None,
        max_length: int | None = None,
        threads: int | None = None,
        output: Output = "auto",
        raw_scores: bool = False,
    ) -> None:
        """Load a model.

        Args:
            model: A folder, a hub name such as `"owner/name"`, or `None` for the embedded English model.
            file: The ONNX file in it; by default `model.onnx` or `onnx/model.onnx`.
            revision: The hub commit, tag or branch to use.
            max_length: Tokens, up to what the model can read, which is the default.
            threads: Workers; by default the cores that CPU affinity and container quota allow.
            output: What the graph answers. `"auto"` takes it for logits unless the output is named after
                probabilities or scores.
            raw_scores: Return the graph's own numbers instead of scores from 0 to 1.

        Raises:
            ConfigurationError: No such model, files missing or damaged, or an argument the model cannot follow.
            MissingExtra: ONNX Runtime, tokenizers or the embedded model is not installed.
        """
        self._source = model
        self._options: dict[str, Any] = {
            "file": file,
            "revision": revision,
            "max_length": max_length,
            "threads": threads,
            "output": output,
            "raw_scores": raw_scores,
        }
        if output not in ("auto", "logits", "probabilities"):
            msg = f'output must be "auto", "logits" or "probabilities", not {output!r}'
            raise ConfigurationError(msg)
        cores = check_count("threads", threads)
        files = find_model(model, file=file, revision=revision)
        self.model = files.name
        self.max_length = _max_length(max_length, files)
        self.threads = usable_cores() if cores is None else cores
        self._encode = PairTokenizer(files.tokenizer, self.max_length)
        self._graph = _Graph(files, output=output, raw_scores=raw_scores)
        self._pool: tuple[int, ThreadPoolExecutor] | None = None

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs, the longest first, so that no worker is left with a long one at the end."""
        todo = deque(sorted(range(len(pairs)), key=lambda place: len(pairs[place][1]), reverse=True))
        scores, tokens, truncated = [0.0] * len(pairs), [0] * len(pairs), [False] * len(pairs)

        def work() -> None:
            while True:
                try:
                    place = todo.popleft()
                except IndexError:  # nothing is left; asking first would race with the other workers
                    return
                deadline.check()
                encoded = self._encode(*pairs[place])
                scores[place] = self._graph(encoded)
                tokens[place], truncated[place] = len(encoded.ids), encoded.truncated

        workers = [self._workers().submit(work) for _ in range(min(self.threads, len(pairs)))]
        try:
            for worker in workers:
                worker.result()
        finally:
            todo.clear()
            wait(workers)
        return Scored(scores, tokens, truncated)

    def _workers(self) -> ThreadPoolExecutor:
        """The pool that all callers share. A forked process makes its own: threads do not survive a fork."""
        pool = self._pool
        if pool is None or pool[0] != os.getpid():
            pool = self._pool = os.getpid(), ThreadPoolExecutor(self.threads, thread_name_prefix="rerank-kit-onnx")
        return pool[1]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles load the model anew: a session cannot travel."""
        return partial(type(self), self._source, **self._options), ()

    def __repr__(self) -> str:
        """Say which model this is."""
        return f"OnnxCrossEncoder({self.model!r}, max_length={self.max_length}, threads={self.threads})"


class _Graph:
    """A session and what its graph wants and answers."""

    def __init__(self, files: ModelFiles, *, output: Output, raw_scores: bool) -> None:
        self._session = _session(files)
        self._array = optional("numpy", extra="onnx", why="OnnxCrossEncoder").array
        self._inputs = {each.name: _DTYPES.get(each.type) for each in self._session.get_inputs()}
        unknown = [name for name, dtype in self._inputs.items() if name not in _FEEDS or dtype is None]
        if unknown or "input_ids" not in self._inputs:
            msg = (
                f"model={files.name!r}: the graph {files.onnx.name} wants the inputs {sorted(self._inputs)}; a "
                f"cross-encoder takes integers called input_ids and, optionally, {sorted(set(_FEEDS) - {'input_ids'})}"
            )
            raise ConfigurationError(msg)
        first = self._session.get_outputs()[0]
        self._output = first.name
        named_after = any(word in first.name.lower() for word in ("prob", "score", "sigmoid", "softmax"))
        self._probabilities = output == "probabilities" or (output == "auto" and named_after)
        self._raw = raw_scores

    def __call__(self, pair: EncodedPair) -> float:
        feeds = {name: self._array([_FEEDS[name](pair)], dtype) for name, dtype in self._inputs.items()}
        try:
            answer = self._session.run([self._output], feeds)[0]
        except Exception as error:
            msg = f"ONNX Runtime failed on a pair of {len(pair.ids)} tokens: {error}"
            raise BackendError(msg, backend="OnnxCrossEncoder") from error
        return self._read([float(value) for value in answer.ravel()])

    def _read(self, values: Sequence[float]) -> float:
        """One relevance score from what the graph answered for one pair.

        A second value, where there is one, stands for "relevant", as in monoBERT; the softmax of two logits is the
        sigmoid of their difference.
        """
        if len(values) not in (1, 2):
            msg = (
                f"the model answered {len(values)} values for a pair: a reranker answers 1, or 2 (irrelevant, relevant)"
            )
            raise InvalidResponse(msg)
        if self._probabilities:
            value = values[-1]
            if not self._raw and not -_ROUNDING <= value <= 1 + _ROUNDING:
                msg = f'the model answered {value!r} as a probability: if these are logits, pass output="logits"'
                raise InvalidResponse(msg)
            return value
        logit = values[0] if len(values) == 1 else values[1] - values[0]
        return logit if self._raw or logit != logit else sigmoid(logit)  # noqa: PLR0124 - NaN is refused further up


_FEEDS: dict[str, Callable[[EncodedPair], Sequence[int]]] = {
    "input_ids": lambda pair: pair.ids,
    "attention_mask": lambda pair: [1] * len(pair.ids),
    "token_type_ids": lambda pair: pair.types,
    "position_ids": lambda pair: range(len(pair.ids)),
}
"""The inputs that BERT-like (all), XLM-R- and ModernBERT-like graphs (no token types) ask for."""


def _session(files: ModelFiles) -> Any:
    onnxruntime = optional("onnxruntime", extra="onnx", why="OnnxCrossEncoder")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = (
        1  # the workers are the parallelism: they scale better than threads inside an operator
    )
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(files.onnx), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's errors share no base class
        msg = f"model={files.name!r}: ONNX Runtime cannot load {files.onnx} ({error}): fetch the file again"
        raise ConfigurationError(msg) from error


def _max_length(asked: int | None, files: ModelFiles) -> int:
    if asked is None:
        return files.max_length
    if not isinstance(asked, int) or isinstance(asked, bool) or not _SHORTEST <= asked <= files.max_length:
        msg = f"max_length must be from {_SHORTEST} to {files.max_length} tokens for {files.name!r}, not {asked!r}"
        raise ConfigurationError(msg)
    return asked
