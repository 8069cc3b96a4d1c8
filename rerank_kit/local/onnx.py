"""Cross-encoders on ONNX Runtime: one unpadded pair per call, over a pool of workers on one shared session.

A pair alone needs no padding and its activations stay in the CPU's cache, which makes this faster than batches on a
CPU. It also makes a score a pure function of model, maximum length, query and text: an int8 graph quantises its
activations per call, so in a batch a score would depend on the neighbours. `docs/performance.md` has the figures.
A GPU wants batches, and gets them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import CORES, check_choice, check_count
from rerank_kit.errors import BackendError, ConfigurationError
from rerank_kit.flow import Flow
from rerank_kit.local.batching import BLANKS
from rerank_kit.local.cpu import usable_cores
from rerank_kit.local.cross_encoder import LoadedCrossEncoder, Pair, Scored
from rerank_kit.local.file_choice import Precision
from rerank_kit.local.hub_source import Source, holding_token
from rerank_kit.local.model_files import find_model
from rerank_kit.local.onnx_answers import Output
from rerank_kit.local.onnx_session import Graph
from rerank_kit.local.pair_tokenizer import PairTokenizer
from rerank_kit.local.queries import FittedQuery, LongQueries, QueryShare
from rerank_kit.local.reading import OTHER_WORDS, WORDS, check_vocabulary, chosen_length
from rerank_kit.local.recipe import prompts_of, recipe_of
from rerank_kit.local.scripts import EnglishOnly, OnLanguage
from rerank_kit.local.shared_batches import SharedBatches, Wanted, all_wanted
from rerank_kit.local.tokenizer_classes import class_of
from rerank_kit.local.windows import CUTTING, LongDocuments, check_policy, fitted, most_windows, window_size
from rerank_kit.local.workers import Workers
from rerank_kit.optional import needed
from rerank_kit.quoting import quoted, whole
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import RerankRequest
from rerank_kit.values import Deadline, Passage, finite

_NEVER = Deadline()
_GPU_BATCH = 32  # pairs: enough to fill a GPU, and bounded in memory by the maximum length


class OnnxCrossEncoder(LoadedCrossEncoder):
    """A cross-encoder that ONNX Runtime runs.

    Scores are between 0 and 1. On a CPU they do not depend on the other candidates, their order or the number of
    threads. Each distinct text is scored once. Memory does not grow with the number of candidates.

    The attributes are fixed when the model is loaded; only `hooks` can be assigned later.

    Attributes:
        model: The model's name, and its graph's where that is not the default one, as `"models/mine/model_int8.onnx"`.
        max_length: The most tokens read of a pair.
        threads: How many calls of the model run side by side.
        batch_size: Pairs in a call.
        long_documents: What to do with documents that are longer than the model reads.
        provider: What runs the graph, in ONNX Runtime's terms.
        recipe: How the model is prompted, and what makes scores of its logits.
    """

    _shown = repr("")  # until the files are found

    @holding_token
    @named
    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        file: str | None = None,
        precision: Precision | None = None,
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
        threads: int | None = None,
        batch_size: int | None = None,
        providers: Sequence[str] | None = None,
        output: Output = "auto",
        raw_scores: bool = False,
        on_language: OnLanguage | None = None,
        template: str | None = None,
        instruction: str | None = None,
        answers: Sequence[str] | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: A folder, a hub name such as `"owner/name"`, or `None` for the embedded English model.
            file: The ONNX file in it; by default `model.onnx` or `onnx/model.onnx`.
            precision: `"int8"` takes the quantised file, of several the one made for this CPU.
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
            threads: Workers; by default the cores that CPU affinity and container quota allow.
            batch_size: Pairs in a call; by default 1 on a CPU and 32 on a GPU. With more than 1, the scores of a
                quantised model depend on the neighbours.
            providers: ONNX Runtime's execution providers, best first, such as `["OpenVINOExecutionProvider"]`; by
                default a GPU's where the installed ONNX Runtime has one, and the CPU's.
            output: What the graph answers. `"auto"` takes it for logits unless the output is named after
                probabilities or scores, and gives numbers from 0 to 1 for two pairs while it is loaded.
            raw_scores: Return the graph's own numbers instead of scores from 0 to 1.
            on_language: What the embedded model, which is English, does with queries or candidates in scripts that it
                does not read: `"warn"`, the default, `"skip"` or `"raise"`; see `OnLanguage`. For that model alone.
            template: The prompt of a model that wants one, with `{query}`, `{document}` and, optionally,
                `{instruction}` in it; by default that of the model's family.
            instruction: What a model that takes an instruction is told to judge by; by default its family's.
            answers: The tokens of a language model whose logits are the score, such as `("yes", "no")`; by default
                those of its family.

        Raises:
            ConfigurationError: No such model, files missing or damaged, or an argument the model cannot follow.
            BackendError: The hub cannot be reached, or fails, and the cache is not enough.
            MissingExtra: ONNX Runtime, tokenizers or the embedded model is not installed.
        """
        source = Source.of(revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
        self._source = model
        self._options: dict[str, Any] = {
            **source.as_settings(),
            "file": file,
            "precision": precision,
            "max_length": max_length,
            "long_documents": long_documents,
            "window": window,
            "max_windows": max_windows,
            "long_queries": long_queries,
            "max_query_length": max_query_length,
            "threads": threads,
            "batch_size": batch_size,
            "providers": providers,
            "output": output,
            "raw_scores": raw_scores,
            "on_language": on_language,
            "template": template,
            "instruction": instruction,
            "answers": answers,
        }
        check_policy(long_documents)
        if model is None:
            _refuse_beside_the_embedded(file=file, revision=revision)
        else:
            needed("onnxruntime", "tokenizers", "numpy", extra="onnx", why="OnnxCrossEncoder")
        files = find_model(model, file=file, precision=precision, source=source)
        self._files, graph = files, files.other_graph
        self.model = "/".join([files.name, graph][: 1 + bool(graph)])
        self._shown = f"{files.name!r}, file={graph!r}" if graph else repr(files.name)
        clues = files.clues
        own = prompts_of(clues) if template is None else []
        recipe = recipe_of(clues, template=template, instruction=instruction, answers=answers, own=own)
        self.max_length = chosen_length(max_length, files.max_length, files.name, recipe.max_length)
        self.long_documents = long_documents
        self._window = window_size(long_documents, window)
        self._most_windows = most_windows(long_documents, max_windows)
        self._encode = PairTokenizer(
            files.tokenizer,
            self.max_length,
            recipe.prompt,
            config=files.tokenizer_config,
            kind=class_of(files.config, files.tokenizer_config),
            lower=files.by_library.get("do_lower_case") is True,
            special=files.adds_special_tokens,
        )
        check_vocabulary(self._encode.ids(WORDS), files.name)
        self._english = _english(model, files.name, on_language, self._encode)
        self._skips_blanks = not self._encode.offsets(BLANKS)
        self._share = QueryShare.of(self._encode.room, length=max_query_length, keep=long_queries)
        self._encode.cut_documents_alone(alone=self._share.above_half)
        answer_ids = partial(self._encode.token_ids, recipe.answers, files.name)
        self._graph = Graph(files, output=output, raw_scores=raw_scores, providers=providers, words=answer_ids)
        self._try()
        read = recipe if self._graph.speaks else recipe.without_answers(files.name, answers)
        self.recipe = replace(read, logit=self._graph.logit or read.logit, raw=raw_scores)
        self.provider = self._graph.provider
        self.threads = check_count("threads", threads, none=CORES) or usable_cores()
        usual = _GPU_BATCH if self._graph.on_gpu else 1
        self.batch_size = check_count("batch_size", batch_size, none="for the usual one") or usual
        self._fingerprint: str | None = None
        self._workers = Workers(self.threads, "rerank-kit-onnx")
        self._together = SharedBatches(self._score)
        self._settle(OnnxCrossEncoder)

    def _try(self) -> None:
        """Refuse a graph that gives no number for a pair, of which its shapes need not tell."""
        try:
            finite(self._graph.tried(self._encode(WORDS, WORDS), [self._encode(WORDS, OTHER_WORDS)]))
        except BackendError as error:
            msg = f"model={self.model!r}: the graph {self._files.onnx.name} gives no score for a pair ({error})"
            raise ConfigurationError(msg) from error

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries; the embedded model looks at their script first."""
        if self._english is None:
            return (yield from super().flow_many(requests, deadline))
        return (yield from self._english.ranking(requests, partial(super().flow_many, deadline=deadline)))

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs. Callers at the same time share the workers, and the batches where there are any."""
        return self._score(pairs, deadline) if self.batch_size == 1 else self._together.score(pairs, deadline)

    def _score(self, pairs: Sequence[Pair], deadline: Deadline, wanted: Wanted = all_wanted) -> Scored:
        """Score the longest first, so that no worker is left with a long one at the end."""
        order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][1]), reverse=True)
        batches = [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]
        todo = iter(batches)  # threads may share a list's
        scores, tokens, truncated = [0.0] * len(pairs), [0] * len(pairs), [False] * len(pairs)

        def work(batch: list[int]) -> None:
            places = [place for place in batch if wanted(place)]
            encoded = [self._encode(*pairs[place], deadline) for place in places]
            for place, each, score in zip(places, encoded, self._graph(encoded) if encoded else [], strict=True):
                scores[place], tokens[place], truncated[place] = score, len(each.ids), each.truncated

        self._workers.share(lambda: next(todo, None), work, deadline)
        return Scored(scores, tokens, truncated, logits=self._graph.gives_logits, scale=self.recipe.scale)

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

        return fitted(text, self._encode.offsets, fits, size=size, most=self._most_windows, check=deadline.check)

    def _length(self, query: str, text: str, deadline: Deadline) -> int:
        """Tokens of a pair; of one that is too long, more than the model reads."""
        pair = self._encode(query, text, deadline)
        return len(pair.ids) + pair.truncated

    def fitted_query(self, query: str, deadline: Deadline) -> FittedQuery:
        """As much of a query as it may take of what the model reads."""
        return self._share.fitted(query, self._length_alone, deadline)

    def _length_alone(self, text: str) -> int:
        return len(self._encode.offsets(text))

    @property
    def fingerprint(self) -> str | None:
        """The model's files, weights and tokenizer among them, and every setting that moves a score.

        It is `None` when pairs share batches.

        An int8 model scores a little differently on CPUs of another kind, which is not in it.
        """
        if self.batch_size > 1:
            return None
        if self._fingerprint is None:
            self._fingerprint = self._digest()
        return self._fingerprint

    def _digest(self) -> str:
        reading = (self.max_length, self.long_documents, self._window, self._most_windows, CUTTING, self._share)
        settings = (*reading, self.recipe, self.provider, *self._graph.settings)
        return f"onnx:{hashlib.sha256(repr(settings).encode() + self._files.digest()).hexdigest()}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles load the model anew: a session cannot travel."""
        return partial(type(self), self._source, **self._options), ()

    @whole
    def __repr__(self) -> str:
        """Say which model this is."""
        return f"OnnxCrossEncoder({self._shown}, max_length={self.max_length}, threads={self.threads})"


def _refuse_beside_the_embedded(**settings: object) -> None:
    """Refuse what says where to find a model, where it is the one that comes with the install."""
    for name, value in settings.items():
        if value is not None:
            msg = (
                f"{name}={quoted(value)} is for a model from a folder or the hub, and no model= was passed: pass it, "
                f"or leave {name} out for the embedded model"
            )
            raise ConfigurationError(msg)


def _english(model: object, name: str, on_language: OnLanguage | None, tokenizer: PairTokenizer) -> EnglishOnly | None:
    """What looks at the script of what the embedded model is asked."""
    check_choice("on_language", on_language, ("warn", "skip", "raise", None))
    if model is None:
        (unknown,) = tokenizer.token_ids(["[UNK]"], name)
        return EnglishOnly(name, on_language or "warn", lambda word: unknown not in tokenizer.ids(word))
    if on_language is not None:
        msg = f"on_language={on_language!r} is for the embedded model: what {name!r} reads is not known"
        raise ConfigurationError(msg)
    return None
