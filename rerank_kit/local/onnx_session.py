"""A session of ONNX Runtime: what a cross-encoder's graph wants to be fed, and how to read what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rerank_kit.checks import check_choice, check_instance
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.local.model_files import ModelFiles
from rerank_kit.local.onnx_answers import Answers, Output
from rerank_kit.local.onnx_data import is_self_contained
from rerank_kit.local.onnx_inputs import Inputs
from rerank_kit.local.onnx_shapes import without_value_info
from rerank_kit.local.pair_tokenizer import EncodedPair
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted

_CPU = "CPUExecutionProvider"
_GPUS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "MIGraphXExecutionProvider", "DmlExecutionProvider")

_PACKAGES = {  # whose names are on PyPI
    "CUDAExecutionProvider": "onnxruntime-gpu",
    "TensorrtExecutionProvider": "onnxruntime-gpu",
    "DmlExecutionProvider": "onnxruntime-directml",
    "OpenVINOExecutionProvider": "onnxruntime-openvino",
}


def has_gpu_provider(runtime: Any) -> bool:
    """Whether this build of ONNX Runtime can use a GPU."""
    return not set(_GPUS).isdisjoint(runtime.get_available_providers())


class Graph:
    """A cross-encoder's graph, loaded. Threads may share it.

    Attributes:
        provider: What runs it.
        on_gpu: Whether that is a GPU.
        speaks: Whether it gives a logit for every word, of which some make the score.
    """

    def __init__(
        self,
        files: ModelFiles,
        *,
        output: Output,
        raw_scores: bool,
        providers: Sequence[str] | None = None,
        words: Callable[[], Sequence[int]] = tuple,
    ) -> None:
        """Load it.

        Raises:
            ConfigurationError: The file is damaged, or the graph is no cross-encoder's, but an embedding model's, say.
            MissingExtra: ONNX Runtime is not installed.
        """
        check_choice("output", output, ("auto", "logits", "probabilities"))
        runtime = optional("onnxruntime", extra="onnx", why="OnnxCrossEncoder")
        self._session = open_session(runtime, files, providers)
        read = self._session.get_inputs()
        self._inputs = Inputs(files, read)
        shown = self._session.get_outputs()[0]
        self._output: str = shown.name
        self._answers = Answers(files, shown, read, output=output, raw=raw_scores, words=words)
        self._raw = raw_scores
        self._version = runtime.__version__
        self.speaks = bool(self._answers.words)
        self.provider: str = self._session.get_providers()[0]
        self.on_gpu = self.provider in _GPUS

    @property
    def gives_logits(self) -> bool:
        """Whether what it gives is yet to be squeezed into 0 to 1, by the sigmoid."""
        return not (self._answers.probabilities or self._raw)

    @property
    def logit(self) -> str:
        """Of which of its values the logit is made, in words; nothing where it gives one."""
        return self._answers.logit

    @property
    def settings(self) -> tuple[object, ...]:
        """What moves its scores besides the file."""
        return self._answers.probabilities, self._raw, self._version

    def tried(self, pair: EncodedPair, others: Sequence[EncodedPair]) -> float:
        """The number for one pair, with which it is found out what the graph gives.

        Args:
            pair: The pair.
            others: More to look at where the output is called probabilities, and may be logits.

        Raises:
            BackendError: ONNX Runtime failed.
            InvalidResponse: The answer cannot be relevance scores.
        """
        answer = self._run([pair])
        for each in [answer, *([self._run([other]) for other in others] if self._answers.named_alone else [])]:
            self._answers.look_at(each)
        return self._answers(answer, [len(pair.ids)])[0]

    def __call__(self, pairs: Sequence[EncodedPair]) -> list[float]:
        """One number for each pair, all in one call of the model: its relevance score, or the logit of that.

        Raises:
            BackendError: ONNX Runtime failed.
            InvalidResponse: The answer cannot be relevance scores.
        """
        return self._answers(self._run(pairs), [len(pair.ids) for pair in pairs])

    def _run(self, pairs: Sequence[EncodedPair]) -> Any:
        try:
            return self._session.run([self._output], self._inputs(pairs))[0]
        except Exception as error:
            longest = max(len(pair.ids) for pair in pairs)
            msg = f"ONNX Runtime failed on {len(pairs)} pairs of up to {longest} tokens: {error}"
            raise BackendError(msg, backend="OnnxCrossEncoder") from error


def open_session(runtime: Any, files: ModelFiles, providers: Sequence[str] | None) -> Any:
    """A session of a model's graph.

    Args:
        runtime: ONNX Runtime.
        files: The model's files.
        providers: What may run it, best first; `None` is a GPU where there is one, and the CPU.

    Raises:
        ConfigurationError: The file is damaged, or there is no such provider.
    """
    check_instance("providers", providers, (list, tuple, type(None)), "a list of ONNX Runtime's execution providers")
    available = runtime.get_available_providers()
    wanted = [each for each in (*_GPUS, _CPU) if each in available] if providers is None else list(providers)
    missing = [each for each in wanted if each not in available]
    if missing or not wanted:
        packages = sorted({_PACKAGES[each] for each in missing if each in _PACKAGES})
        build = f"the build that has the others ({' or '.join(packages) or 'see https://onnxruntime.ai'})"
        msg = (
            f"providers={quoted(wanted)}: this ONNX Runtime has {available}. Uninstall it, and install "
            f"{build} in its place: all builds share a folder"
        )
        raise ConfigurationError(msg)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # workers are the parallelism: they scale better than threads inside an operator
    options.inter_op_num_threads = 1
    cleaned = without_value_info(files.onnx) if is_self_contained(files.onnx) else None
    try:
        return runtime.InferenceSession(str(files.onnx) if cleaned is None else cleaned, options, providers=wanted)
    except Exception as error:  # ONNX Runtime's errors share no base class
        msg = f"model={files.name!r}: ONNX Runtime cannot load {files.onnx} ({error}): fetch the file again"
        raise ConfigurationError(msg) from error
