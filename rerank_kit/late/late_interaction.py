"""`LateInteraction`: ranks by the vectors of tokens, of which those of documents are computed once and kept."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import CORES, check_count, check_flag, check_function, check_instance, check_timeout
from rerank_kit.flow import Flow, arun, blocking, run
from rerank_kit.late.checked_vectors import CheckedVectors
from rerank_kit.late.encoder import Encoder
from rerank_kit.late.late_files import find_late
from rerank_kit.late.ranked import ranked
from rerank_kit.late.text_tokens import TextTokenizer
from rerank_kit.late.vectors import Key, TokenVectors, VectorStore
from rerank_kit.late.warming import Warmed, warmed
from rerank_kit.local.cpu import usable_cores
from rerank_kit.local.file_choice import Precision
from rerank_kit.local.hub_source import Source, holding_token
from rerank_kit.local.windows import LongDocumentsWarning
from rerank_kit.optional import needed
from rerank_kit.quoting import whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import Reranker, RerankRequest
from rerank_kit.settled import Settled
from rerank_kit.texts import encodable
from rerank_kit.user_warnings import warn_user
from rerank_kit.values import Deadline, Document, Usage

_log = logging.getLogger("rerank_kit")

_MANY = 10  # documents: of fewer, that most are cut says little


class LateInteraction(Settled, Reranker):
    """A model of late interaction (ColBERT and its kin), which ONNX Runtime runs.

    It makes a vector of every token. Those of a document do not depend on the query, so that they are computed once and
    kept; a ranking then computes the query's, and compares. Scores are from 0 to 1 and keep the order of MaxSim: they
    are its mean over the query's vectors, moved from between -1 and 1. They are no probabilities, and lie close
    together: `rerank-kit calibrate` finds a threshold.

    A score does not depend on the other candidates, their order, the number of threads, or on whether the vectors come
    from the store: they are rounded to float16 in any case. Each distinct text is read once. Memory does not grow with
    the number of candidates.

    The attributes are fixed when the model is loaded; only `hooks` can be assigned later.

    Attributes:
        model: The model's name, and its graph's where that is not the default one.
        dimension: Numbers of a vector.
        max_length: The most tokens read of a document.
        max_query_length: The most tokens read of a query.
        threads: How many texts are read side by side.
        provider: What runs the graph, in ONNX Runtime's terms.
        raw_scores: Whether scores are sums, as ColBERT gives them.
    """

    _settled_when = "the model is loaded"
    _shown = repr("")  # until the files are found
    _told_of_cut_documents = _told_of_cut_queries = False
    model = ""
    max_length = max_query_length = threads = 0

    @holding_token
    @named
    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        store: str | os.PathLike[str] | VectorStore | None = None,
        file: str | None = None,
        precision: Precision | None = None,
        revision: str | None = None,
        token: object = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        max_length: int | None = None,
        max_query_length: int | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        raw_scores: bool = False,
    ) -> None:
        """Load a model.

        Args:
            model: A folder, or a hub name such as `"owner/name"`, in the layout of ColBERT or of PyLate.
            store: Where documents' vectors are kept: the path of a file, or a `VectorStore`; by default 256 MB of
                memory.
            file: The ONNX file in it; by default `model.onnx` or `onnx/model.onnx`. It may have the projection in it,
                or be the backbone alone, for which the projection is read from safetensors.
            precision: `"int8"` takes the quantised file, of several the one made for this CPU.
            revision: The hub commit, tag or branch to use; by default the main branch, as it is when this is loaded.
            token: For what is private on the hub, a str or a SecretStr; by default that of `HF_TOKEN` or of a login.
            cache_dir: Where what is fetched is kept; by default where all programs keep it.
            local_files_only: Whether to ask the hub for nothing, and to take what the cache has.
            max_length: Tokens read of a document, up to what the model can; by default what its files say, which is
                what it was trained for. What is cut is counted in `usage.truncated`.
            max_query_length: Tokens read of a query, likewise. A query that is cut is counted in
                `usage.query_truncated`; a model that fills queries up with mask tokens fills them up to this length.
            query_prompt: The text before each query, of a model that wants one; by default what its files say.
            document_prompt: The text before each document, likewise.
            threads: Workers; by default the cores that CPU affinity and container quota allow.
            providers: ONNX Runtime's execution providers, best first; by default a GPU's where the installed ONNX
                Runtime has one, and the CPU's.
            raw_scores: Return sums over the query's vectors, as ColBERT does, instead of scores from 0 to 1.

        Raises:
            ConfigurationError: No such model, files missing or damaged, or an argument the model cannot follow.
            BackendError: The hub cannot be reached, or fails, and the cache is not enough.
            MissingExtra: ONNX Runtime, tokenizers or numpy is not installed.
        """
        source = Source.of(revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        self._source = model
        self._options: dict[str, Any] = {
            **source.as_settings(),
            "file": file,
            "precision": precision,
            "max_length": max_length,
            "max_query_length": max_query_length,
            "query_prompt": query_prompt,
            "document_prompt": document_prompt,
            "threads": threads,
            "providers": providers,
            "raw_scores": raw_scores,
        }
        check_instance("model", model, (str, os.PathLike), "a folder or the name of a model")
        for name, prompt in (("query_prompt", query_prompt), ("document_prompt", document_prompt)):
            check_instance(name, prompt, (str, type(None)), "a text")
        self.raw_scores = check_flag("raw_scores", raw_scores)
        self.threads = check_count("threads", threads, none=CORES) or usable_cores()
        needed("onnxruntime", "tokenizers", "numpy", extra="onnx", why="LateInteraction")
        found = find_late(model, file=file, precision=precision, source=source)
        graph = found.files.other_graph
        self.model = "/".join([found.name, graph][: 1 + bool(graph)])
        self._shown = f"{found.name!r}, file={graph!r}" if graph else repr(found.name)
        prompts = query_prompt, document_prompt
        tokenizer = TextTokenizer(found, max_length=max_length, max_query_length=max_query_length, prompts=prompts)
        self.max_length, self.max_query_length = tokenizer.document_length, tokenizer.query_length
        self._encoder = Encoder(found, tokenizer, threads=self.threads, providers=providers)
        self.dimension, self.provider = self._encoder.dimension, self._encoder.provider
        self._kept = CheckedVectors(store, self.dimension)
        if found.layout.other_prompts and prompts == (None, None):
            _tell_of_prompts(self, found.layout.other_prompts)
        self._settle(LateInteraction)

    @property
    def store(self) -> VectorStore:
        """Where documents' vectors are. It belongs to the caller, who closes it if it can be closed."""
        return self._kept.store

    @property
    def fingerprint(self) -> str:
        """The model's files, weights and tokenizer among them, and every setting that moves a score.

        An int8 model scores a little differently on CPUs of another kind, which is not in it.
        """
        return f"{self._encoder.fingerprints()[1]}{':raw' if self.raw_scores else ''}"

    @property
    def vectors_fingerprint(self) -> str:
        """The same for the vectors of documents, which do not depend on what concerns queries alone."""
        return self._encoder.fingerprints()[0]

    def cost(self, usage: Usage) -> float:
        """Nothing: nobody sends a bill for this machine."""
        return 0.0

    def flow(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Flow[Ranking]:
        """Rank the documents of one query."""
        return (yield from self.flow_many([(query, documents)], deadline))[0]

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: what they have in common is looked up or computed once."""
        rankings, cut = yield from blocking(
            ranked,
            requests,
            encoder=self._encoder,
            store=self._kept,
            key=self.key,
            raw=self.raw_scores,
            deadline=deadline,
        )
        self._tell_of_cut(rankings, cut)
        return rankings

    @named
    def warm(
        self,
        texts: Iterable[str | Document],
        *,
        progress: Callable[[Warmed], None] | None = None,
        timeout: float | None = None,
    ) -> Warmed:
        """Compute and keep the vectors of texts, before they are candidates.

        Those that the store has are not computed again: what was broken off is gone on with by the same call. Memory
        does not grow with the number of texts.

        Args:
            texts: Texts or documents, of any number, which may be given one after the other.
            progress: Called now and then, with what is done.
            timeout: Seconds allowed; `None` is no limit. What is done by then is kept.

        Raises:
            ConfigurationError: An argument is wrong, or the store cannot be read or written.
            DeadlineExceeded: `timeout` ran out.
            BackendError: The model failed.
        """
        return run(self._warming(texts, progress, timeout))

    @named
    async def awarm(
        self,
        texts: Iterable[str | Document],
        *,
        progress: Callable[[Warmed], None] | None = None,
        timeout: float | None = None,
    ) -> Warmed:
        """Compute and keep the vectors of texts: `warm`, without blocking the running loop."""
        return await arun(self._warming(texts, progress, timeout))

    @named
    def vectors(self, texts: Sequence[str], *, timeout: float | None = None) -> list[TokenVectors]:
        """Compute the vectors of documents, as they are kept, without asking the store.

        `numpy.frombuffer(each.numbers, "<f2").reshape(-1, each.dimension)` is one's array.

        Raises:
            DeadlineExceeded: `timeout` ran out.
            BackendError: The model failed.
        """
        return self._encoder.documents(texts, Deadline.after(check_timeout(timeout)))

    def key(self, text: str) -> Key:
        """The key under which the vectors of a text are kept."""
        return self.vectors_fingerprint, encodable(text)

    def _warming(
        self, texts: Iterable[str | Document], progress: Callable[[Warmed], None] | None, timeout: float | None
    ) -> Flow[Warmed]:
        deadline = Deadline.after(check_timeout(timeout))
        if progress is not None:
            check_function("progress", progress, "what is done")
        return (
            yield from blocking(
                warmed,
                texts,
                encoder=self._encoder,
                store=self.store,
                key=self.key,
                progress=progress,
                deadline=deadline,
            )
        )

    def _tell_of_cut(self, rankings: Sequence[Ranking], cut: Sequence[bool]) -> None:
        if not self._told_of_cut_queries and any(each.usage.query_truncated for each in rankings):
            self._told_of_cut_queries = True
            _log.warning(
                "%r was asked a query of more than %d tokens: its end is left out. Pass max_query_length= to read "
                "more; usage.query_truncated counts such queries; this is said once",
                self,
                self.max_query_length,
            )
        if not self._told_of_cut_documents and len(cut) >= _MANY and 2 * sum(cut) >= len(cut):
            self._told_of_cut_documents = True
            warn_user(
                f"{sum(cut)} of {len(cut)} documents are longer than the {self.max_length} tokens that {self!r} reads, "
                "so that they are ranked by their beginnings alone. Pass a larger max_length, if the model reads more, "
                "or split documents into passages before they are indexed. This is said once",
                LongDocumentsWarning,
                once=True,
                ranking=True,
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles load the model anew, with a copy of the store: a session cannot travel."""
        return partial(type(self), store=self.store, **self._options), (self._source,), {"hooks": self.hooks}

    @whole
    def __repr__(self) -> str:
        """Say which model this is."""
        return f"LateInteraction({self._shown}, max_length={self.max_length}, threads={self.threads})"


def _tell_of_prompts(model: LateInteraction, prompts: Mapping[str, str]) -> None:
    _log.warning(
        "%r: its files name prompts that PyLate puts before a text where somebody asks for it: %s. None is put there; "
        "pass query_prompt= and document_prompt= if the model's card says so",
        model,
        dict(prompts),
    )
