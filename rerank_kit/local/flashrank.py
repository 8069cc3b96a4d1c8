"""FlashRank's models, scored by FlashRank itself, a few at a time.

FlashRank pads all passages of a query to the longest and scores them in one call, which takes gigabytes, and lets the
scores of its int8 models depend on each other. Here it gets them one by one, over a pool of workers.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_instance
from rerank_kit.errors import BackendError, ConfigurationError, MissingExtra
from rerank_kit.flow import Flow, blocking
from rerank_kit.local.batching import BLANKS, Batches
from rerank_kit.local.control_tokens import ControlTokens
from rerank_kit.local.cpu import usable_cores
from rerank_kit.local.cross_encoder import LoadedCrossEncoder, Pair, Scored
from rerank_kit.local.measuring import measured
from rerank_kit.local.queries import FittedQuery, LongQueries, QueryShare, check_long_queries
from rerank_kit.local.workers import Workers
from rerank_kit.optional import optional
from rerank_kit.quoting import quoted
from rerank_kit.ranking import Ranking
from rerank_kit.reranker import RerankRequest
from rerank_kit.values import Deadline, Document, Hit, Usage

_SHORTEST = 16  # tokens: below this there is no room for a document beside a query
_READ = 512  # tokens that its cross-encoders read
_CONTEXT = 4096  # tokens for a list-wise model, which reads all passages at once
_SAFE = 80.0  # of a logit: its exponential fits into single precision, in which FlashRank computes


class FlashRank(LoadedCrossEncoder):
    """A model of the flashrank package.

    Scores are between 0 and 1, and those that FlashRank gives each document alone: they do not depend on the other
    candidates. Memory does not grow with the number of candidates. `rank_zephyr_7b_v1_full` is list-wise: it reads all
    documents at once and names an order, so that `pointwise` is false, and its scores say the place alone.

    The attributes are fixed when the model is loaded; only `hooks` can be assigned later.

    Attributes:
        model: The model's name.
        max_length: The most tokens read of a pair; longer ones are cut and counted in `usage.truncated`.
        threads: How many pairs are scored side by side.
    """

    @named
    def __init__(
        self,
        model: str | os.PathLike[str] = "ms-marco-MiniLM-L-12-v2",
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        max_length: int | None = None,
        long_queries: LongQueries = "keep-end",
        max_query_length: int | None = None,
        threads: int | None = None,
    ) -> None:
        """Load a model.

        Args:
            model: A name that FlashRank knows, or a folder of that name with the model's files.
            cache_dir: Where FlashRank keeps and looks for the folders of its models; by default where it does.
            max_length: Tokens; by default 512, and 4096 for all documents together with a list-wise model.
            long_queries: Which end of a query is kept when it is longer than `max_query_length`; see `LongQueries`.
            max_query_length: Tokens of the query that are read; by default half of those that query and document have
                together. A query that was cut is counted in `usage.query_truncated`.
            threads: Workers; by default the cores that CPU affinity and container quota allow.

        Raises:
            ConfigurationError: No such model, or files are missing or damaged.
            MissingExtra: flashrank is not installed, or what a list-wise model needs.
        """
        check_instance("model", model, (str, os.PathLike), "a name that FlashRank knows or a folder of that name")
        check_instance("cache_dir", cache_dir, (str, os.PathLike, type(None)), "a folder")
        self._source = model
        self._options: dict[str, Any] = {
            "cache_dir": cache_dir,
            "max_length": max_length,
            "long_queries": long_queries,
            "max_query_length": max_query_length,
            "threads": threads,
        }
        config = optional("flashrank.Config", extra="flashrank", why="FlashRank")
        folder = _folder(Path(model), cache_dir, config.default_cache_dir)
        if folder.name not in config.model_file_map:
            msg = f"model={folder.name!r} is none of FlashRank's, which are {', '.join(sorted(config.model_file_map))}"
            raise ConfigurationError(msg)
        self.model = folder.name
        self.pointwise = self.model not in config.listwise_rankers
        check_long_queries(long_queries)
        if not self.pointwise and max_query_length is not None:
            msg = f"max_query_length={quoted(max_query_length)} is no setting of a list-wise model: leave it out"
            raise ConfigurationError(msg)
        self.threads = check_count("threads", threads) or usable_cores()
        self.max_length = _max_length(max_length, _READ if self.pointwise else _CONTEXT)
        self._file = folder / config.model_file_map[self.model]
        self._ranker = _load(folder, self.max_length, pointwise=self.pointwise)
        if self.pointwise:
            self._ranker.session = self._session = _Session(self._ranker.session, self._file)
            self.max_length = _allowed(max_length, int(self._ranker.tokenizer.truncation["max_length"]))
            self._counter = _counter(self._ranker.tokenizer)
            self._control = ControlTokens.of(self._counter)
            self._skips_blanks = not self._control.offsets(BLANKS)
            room = self.max_length - self._counter.num_special_tokens_to_add(is_pair=True)
            self._share = QueryShare.of(room, length=max_query_length, keep=long_queries)
            if self._share.above_half:
                self._ranker.tokenizer.enable_truncation(self.max_length, strategy="only_second")
        self._fingerprint: str | None = None
        at_a_time = self.threads if self.pointwise else 1  # llama.cpp keeps one conversation at a time
        self._workers = Workers(at_a_time, "rerank-kit-flashrank")
        self.long_documents = "truncate"  # it has no windows
        self._settle(FlashRank)

    def score(self, pairs: Sequence[Pair], deadline: Deadline) -> Scored:
        """Score pairs one by one, the longest first, so that no worker is left with a long one at the end."""
        logits, tokens, truncated = [0.0] * len(pairs), [0] * len(pairs), [False] * len(pairs)

        def work(batch: list[int]) -> None:
            (place,) = batch
            found = measured(pairs[place], self.max_length, self._ids, self._control, deadline)
            query, text = found.pair
            self._ranked(query, [{"text": text}])
            logits[place] = self._session.logit()
            tokens[place], truncated[place] = min(found.tokens, self.max_length), found.truncated

        longest_first = Batches([len(text) for _, text in pairs], bound=1)
        self._workers.share(longest_first.take, work, deadline)
        return Scored(logits, tokens, truncated, logits=True)

    def _ids(self, pair: Pair) -> list[int]:
        ids: list[int] = self._counter.encode(*pair).ids
        return ids

    def fitted_query(self, query: str, deadline: Deadline) -> FittedQuery:
        """As much of a query as it may take of what the model reads."""
        return self._share.fitted(query, lambda text: len(self._control.offsets(text)), deadline)

    def flow_many(self, requests: Sequence[RerankRequest], deadline: Deadline) -> Flow[list[Ranking]]:
        """Rank for several queries: pairs all together, lists one after the other."""
        if self.pointwise:
            return (yield from super().flow_many(requests, deadline))
        rankings: list[Ranking] = []
        for query, documents in requests:
            rankings.append((yield from blocking(self._in_order, query, documents, deadline)))
        return rankings

    def _in_order(self, query: str, documents: Sequence[Document], deadline: Deadline) -> Ranking:
        """Rank with a list-wise model, which names places. Documents that it leaves out come last, in their order."""
        passages = [{"text": document.text, "place": place} for place, document in enumerate(documents)]
        ranked = self._workers.do(partial(self._ranked, query, passages), deadline)
        named = dict.fromkeys(int(passage["place"]) for passage in ranked)
        hits = [Hit(place, 1 - rank / len(documents)) for rank, place in enumerate(named)]
        hits += [Hit(place, 0.0, "the model left it out") for place in range(len(documents)) if place not in named]
        return Ranking(tuple(hits), Usage(pairs=len(documents)))

    def _ranked(self, query: str, passages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Let FlashRank rank passages of our own making, which it changes."""
        request = optional("flashrank", extra="flashrank", why="FlashRank").RerankRequest(query, passages)
        try:
            ranked: list[dict[str, Any]] = self._ranker.rerank(request)
        except Exception as error:  # ONNX Runtime's and llama.cpp's errors share no base class
            msg = f"FlashRank failed on {len(passages)} passages: {type(error).__name__}: {error}"
            raise BackendError(msg, backend="FlashRank") from error
        return ranked

    @property
    def fingerprint(self) -> str | None:
        """The model's files and every setting that moves a score; `None` for a list-wise model."""
        if not self.pointwise:
            return None
        if self._fingerprint is None:
            version = optional("onnxruntime", extra="flashrank", why="FlashRank").__version__
            digest = hashlib.sha256(repr((self.max_length, self._share, version)).encode())
            for path in (self._file, self._file.with_name("tokenizer.json")):
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            self._fingerprint = f"flashrank:{digest.hexdigest()}"
        return self._fingerprint

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles load the model anew: a session cannot travel."""
        return partial(type(self), self._source, **self._options), ()

    def __repr__(self) -> str:
        """Say which model this is."""
        return f"FlashRank({self.model!r}, max_length={self.max_length}, threads={self.threads})"


def _folder(model: Path, cache_dir: str | os.PathLike[str] | None, default: str) -> Path:
    """Where the model's files are, or will be once FlashRank has fetched them."""
    if len(model.parts) == 1 and (cache_dir is not None or not model.is_dir()):
        return Path(default if cache_dir is None else cache_dir, model)
    if not model.is_dir() or cache_dir is not None:
        msg = (
            f"model={str(model)!r}: there is no such folder" if cache_dir is None else "cache_dir is for models by name"
        )
        raise ConfigurationError(msg)
    return model.absolute()


def _max_length(asked: int | None, default: int) -> int:
    if asked is None:
        return default
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < _SHORTEST:
        msg = f"max_length must be at least {_SHORTEST} tokens, not {quoted(asked)}"
        raise ConfigurationError(msg)
    return asked


def _allowed(asked: int | None, limit: int) -> int:
    """What FlashRank set the tokenizer to, which is less than what was asked for when the model reads no more."""
    if asked is not None and asked > limit:
        msg = f"max_length must be from {_SHORTEST} to {limit} tokens for this model, not {quoted(asked)}"
        raise ConfigurationError(msg)
    return limit


def _load(folder: Path, max_length: int, *, pointwise: bool) -> Any:
    """FlashRank's own object for a model, without its effect on the application's logging."""
    ranker = optional("flashrank", extra="flashrank", why="FlashRank").Ranker
    if not pointwise and find_spec("llama_cpp") is None:  # asked now, because FlashRank fetches 4 GB first
        msg = f'model={folder.name!r} is list-wise and runs on llama.cpp: pip install "flashrank[listwise]"'
        raise MissingExtra(msg)
    placeholder = logging.NullHandler()
    logging.root.addHandler(placeholder)  # FlashRank calls logging.basicConfig, which does nothing where there is one
    try:
        return ranker(model_name=folder.name, cache_dir=str(folder.parent), max_length=max_length)
    except Exception as error:  # of the file system, the network, tokenizers and ONNX Runtime
        msg = f"model={folder.name!r} could not be loaded from {folder}: {error}. {_remedy(folder)}"
        raise ConfigurationError(msg) from error
    finally:
        logging.root.removeHandler(placeholder)


def _remedy(folder: Path) -> str:
    """What to do where a model could not be loaded: FlashRank fetches it where there is no folder."""
    if folder.exists():
        return "Remove the folder to fetch it again"
    return "There is no such folder, and it was not fetched: check the network, or copy the model's folder there"


class _Session:
    """FlashRank's session, anew: with operators that use one core, since workers scale better than threads inside one.

    It remembers what the model gave, which FlashRank takes to a score in single precision: from about 17 on to 1.0.
    """

    def __init__(self, given: Any, file: Path) -> None:
        runtime = optional("onnxruntime", extra="flashrank", why="FlashRank")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session: Any = runtime.InferenceSession(str(file), options, providers=given.get_providers())
        self._last = threading.local()

    def run(self, names: Any, feeds: Any) -> Any:
        """Run the model. FlashRank gets no number that overflows in its sum, which warns then."""
        answers = self._session.run(names, feeds)
        self._last.answer = answers[0]
        return [answers[0].clip(-_SAFE, _SAFE), *answers[1:]]

    def logit(self) -> float:
        """What the model gave last in this thread, for a single pair.

        The softmax of two values is the sigmoid of their difference.
        """
        (values,) = self._last.answer.tolist()
        return float(values[0] if len(values) == 1 else values[1] - values[0])


def _counter(tokenizer: Any) -> Any:
    """The tokenizer once more, to count with: it cuts nothing."""
    counter = optional("tokenizers", extra="flashrank", why="FlashRank").Tokenizer.from_str(tokenizer.to_str())
    counter.no_padding()
    counter.no_truncation()
    return counter
