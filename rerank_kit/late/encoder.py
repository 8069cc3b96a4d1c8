"""Texts as vectors: a graph on ONNX Runtime, what is behind it, and what says on what the vectors depend."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rerank_kit.errors import BackendError, ConfigurationError, InvalidResponse
from rerank_kit.late.late_files import LateFiles, weights_of
from rerank_kit.late.projection import Projection
from rerank_kit.late.text_tokens import TextTokenizer, Tokens
from rerank_kit.late.vectors import TokenVectors
from rerank_kit.local.onnx_session import open_session
from rerank_kit.local.reading import WORDS
from rerank_kit.local.workers import Workers
from rerank_kit.optional import optional
from rerank_kit.texts import encodable
from rerank_kit.values import Deadline

_FEEDS: dict[str, Callable[[Tokens], Sequence[int]]] = {
    "input_ids": lambda tokens: tokens.ids,
    "attention_mask": lambda tokens: tokens.mask,
    "token_type_ids": lambda tokens: [0] * len(tokens.ids),
    "position_ids": lambda tokens: range(len(tokens.ids)),
}
_INTEGERS = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
_MATRICES = 3  # axes: texts, tokens, numbers
_SMALLEST = 1e-12  # as torch.nn.functional.normalize has it
_BACKBONE = ("last_hidden_state", "token_embeddings")  # what exporters call its output


class QueryVectors(NamedTuple):
    """A query.

    Attributes:
        vectors: An array of float32, of shape (vectors, dimension), each of length 1.
        tokens: How many tokens were read.
        cut: Whether it has more.
    """

    vectors: Any
    tokens: int
    cut: bool


class Encoder:
    """A model of late interaction, loaded. Threads may share it.

    One text goes into a call of the graph: an int8 graph quantises its activations per call, so that in a batch a
    text's vectors would depend on its neighbours.

    Attributes:
        tokenizer: Makes tokens of texts.
        dimension: Numbers of a vector.
        provider: What runs the graph.
        projected: Whether the graph has the projection in it.
    """

    def __init__(
        self, found: LateFiles, tokenizer: TextTokenizer, *, threads: int, providers: Sequence[str] | None
    ) -> None:
        """Load it.

        Raises:
            ConfigurationError: A file is damaged, or the graph is none of such a model's.
            MissingExtra: ONNX Runtime or numpy is not installed.
        """
        self._numpy = optional("numpy", extra="onnx", why="LateInteraction")
        runtime = optional("onnxruntime", extra="onnx", why="LateInteraction")
        self._found, self.tokenizer = found, tokenizer
        self._session = open_session(runtime, found.files, providers)
        self._version: str = runtime.__version__
        self.provider: str = self._session.get_providers()[0]
        self._feeds = self._inputs()
        self._output: str = self._chosen_output()
        self._workers = Workers(threads, "rerank-kit-late")
        self._projection: Projection | None = None
        self.dimension = found.layout.dimension
        width = self._tried()
        self.projected = self._has_projection(width)
        if not self.projected:
            self._projection = self._layers(width)
        self._fingerprints: tuple[str, str] | None = None

    def queries(self, texts: Sequence[str], deadline: Deadline) -> list[QueryVectors]:
        """The vectors of queries.

        Raises:
            BackendError: ONNX Runtime failed.
            DeadlineExceeded: The time is over.
        """

        def query(text: str) -> QueryVectors:
            tokens = self.tokenizer.query(encodable(text), deadline)
            return QueryVectors(self._normalized(tokens), tokens.read, tokens.cut)

        return self._shared(query, texts, deadline)

    def documents(self, texts: Sequence[str], deadline: Deadline) -> list[TokenVectors]:
        """The vectors of documents, as they are kept.

        Raises:
            BackendError: ONNX Runtime failed.
            DeadlineExceeded: The time is over.
        """

        def document(text: str) -> TokenVectors:
            tokens = self.tokenizer.document(encodable(text), deadline)
            numbers = self._normalized(tokens).astype("<f2").tobytes()
            return TokenVectors(numbers, self.dimension, tokens.read, tokens.cut)

        return self._shared(document, texts, deadline)

    def fingerprints(self) -> tuple[str, str]:
        """On what the vectors of documents depend, and on what scores do."""
        if self._fingerprints is None:
            projection = b"" if self._projection is None else self._projection.digest()
            settings = self.tokenizer.document_length, self.tokenizer.prompts[1], self.provider, self._version
            base = self._found.digest() + projection
            vectors = hashlib.sha256(base + repr(settings).encode()).hexdigest()
            query = self.tokenizer.query_length, self.tokenizer.prompts[0]
            scores = hashlib.sha256(f"{vectors}{query!r}".encode()).hexdigest()
            self._fingerprints = f"late:{vectors}", f"late:{scores}"
        return self._fingerprints

    def _shared(self, encode: Callable[[str], Any], texts: Sequence[str], deadline: Deadline) -> list[Any]:
        """What is made of each text, in their order; the longest begin, so that none is left alone at the end."""
        made: list[Any] = [None] * len(texts)
        todo = iter(sorted(range(len(texts)), key=lambda place: -len(texts[place])))

        def work(place: int) -> None:
            made[place] = encode(texts[place])

        self._workers.share(lambda: next(todo, None), work, deadline)
        return made

    def _normalized(self, tokens: Tokens) -> Any:
        """The vectors that count, of length 1 each."""
        vectors = self._run(tokens)[tokens.kept]
        if self._projection is not None:
            vectors = self._projection(vectors)
        if not self._numpy.isfinite(vectors).all():
            msg = f"the model gave a vector with NaN or infinity in it, for a text of {len(tokens.ids)} tokens"
            raise InvalidResponse(msg, backend="LateInteraction")
        lengths = self._numpy.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / self._numpy.maximum(lengths, _SMALLEST)

    def _run(self, tokens: Tokens) -> Any:
        feeds = {name: self._numpy.array([_FEEDS[name](tokens)], dtype) for name, dtype in self._feeds.items()}
        try:
            answer = self._session.run([self._output], feeds)[0]
        except Exception as error:
            msg = f"ONNX Runtime failed on a text of {len(tokens.ids)} tokens: {error}"
            raise BackendError(msg, backend="LateInteraction") from error
        if answer.ndim != _MATRICES or answer.shape[:2] != (1, len(tokens.ids)):
            msg = f"the graph gives {answer.shape} for {(1, len(tokens.ids))} tokens: it must give a vector for each"
            raise InvalidResponse(msg, backend="LateInteraction")
        return answer[0].astype(self._numpy.float32)

    def _inputs(self) -> dict[str, str]:
        """The inputs of the graph, each with its number format."""
        wanted = self._session.get_inputs()
        found = {each.name: _INTEGERS.get(each.type) for each in wanted if each.name in _FEEDS}
        if len(found) < len(wanted) or None in found.values() or "input_ids" not in found:
            names = sorted(each.name for each in wanted)
            graph, others = self._found.files.onnx.name, sorted(set(_FEEDS) - {"input_ids"})
            msg = (
                f"model={self._found.name!r}: the graph {graph} wants the inputs {names}; a model of late interaction "
                f"takes integers called input_ids and, optionally, {others}"
            )
            raise ConfigurationError(msg)
        return {name: dtype for name, dtype in found.items() if dtype is not None}

    def _chosen_output(self) -> str:
        """The output with a vector for each token: the first with three axes, where it says how many it has."""
        outputs = self._session.get_outputs()
        matrices = [each.name for each in outputs if each.shape is not None and len(each.shape) == _MATRICES]
        name: str = [*matrices, outputs[0].name][0]
        return name

    def _tried(self) -> int:
        """Numbers of a vector that the graph gives.

        Raises:
            ConfigurationError: It gives none.
        """
        try:
            return int(self._run(self.tokenizer.document(WORDS)).shape[-1])
        except BackendError as error:
            msg = (
                f"model={self._found.name!r}: the graph {self._found.files.onnx.name} gives no vector for each token "
                f"({error}): pass the file= of one that does"
            )
            raise ConfigurationError(msg) from error

    def _has_projection(self, width: int) -> bool:
        """Whether what is behind the backbone is in the graph."""
        hidden = self._found.files.config.get("hidden_size")
        alike = hidden == self.dimension and self._output in _BACKBONE and bool(self._found.layout.layers)
        return width == self.dimension and not alike

    def _layers(self, width: int) -> Projection:
        """What is behind the backbone.

        Raises:
            ConfigurationError: It is not there, or does not fit.
        """
        layers, name = self._found.layout.layers, self._found.name
        graph = self._found.files.onnx.name
        if not layers:
            msg = (
                f"model={name!r}: the graph {graph} gives vectors of {width} numbers, and the model's have "
                f"{self.dimension}: pass the file= of a graph with the projection in it, since scores without it are "
                "not the model's"
            )
            raise ConfigurationError(msg)
        projection = Projection(layers, weights_of(self._found, [each.file for each in layers]))
        if (projection.inputs, projection.outputs) != (width, self.dimension):
            msg = (
                f"model={name!r}: the graph {graph} gives vectors of {width} numbers, the projection makes "
                f"{projection.outputs} of {projection.inputs}, and the model's have {self.dimension}: fetch all files "
                "of one model"
            )
            raise ConfigurationError(msg)
        return projection
