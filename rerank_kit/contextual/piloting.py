"""What a pilot asks: the systems over the same chunks, and one question before anything is paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rerank_kit.contextual.contexts import Contexts
from rerank_kit.contextual.documents import ChunkedDocument, chunks_by_id
from rerank_kit.contextual.labelled import LabelledChunks
from rerank_kit.contextual.search import Kit
from rerank_kit.errors import BudgetExceeded, ConfigurationError
from rerank_kit.evaluate import Dataset, Evaluation, evaluate
from rerank_kit.evaluate.first_stages import Found
from rerank_kit.evaluate.systems import System, reranker_of
from rerank_kit.quoting import quoted
from rerank_kit.reranker import Reranker
from rerank_kit.texts import is_blank

PLAIN, CONTEXTS = "without contexts", "with contexts"
READ = "with contexts, which the reranker reads"
FIRST = "first stage"


class Piloting:
    """What is asked of a pilot.

    Attributes:
        labelled: The questions, and the chunks that answer them.
    """

    def __init__(
        self, labelled: LabelledChunks, kit: Kit, reranker: object, *, recall: int, top_n: int, seed: int
    ) -> None:
        """Take what somebody asks.

        Raises:
            ConfigurationError: The reranker is none.
        """
        self.labelled, self._kit, self._reranker = labelled, kit, _reranker(reranker)
        self._recall, self._seed = recall, seed
        self._measure = f"R@{top_n}"
        self._measures = [f"{kind}@{depth}" for kind in ("R", "Success") for depth in sorted({5, 10, top_n})]

    def stages(self) -> dict[str, tuple[str, str]]:
        """Which systems are compared, by what comes last."""
        stages = {FIRST: (PLAIN, CONTEXTS)}
        if self._reranker is not None:
            stages["chunks"] = (_reranked(PLAIN), _reranked(CONTEXTS))
            stages["contexts"] = (_reranked(PLAIN), _reranked(READ))
        return stages

    def tried(self, whole: Sequence[ChunkedDocument], budget: float | None) -> float:
        """Ask one question of what costs nothing to index, before contexts are paid for: what all of reranking costs.

        Raises:
            ConfigurationError: The kit or the reranker is none.
            BudgetExceeded: Reranking has a price, and there is no budget, or too little.
        """
        documents = [each for each in whole if each.id in self.labelled.documents]
        data = self.labelled.restricted(documents)
        chunks = data.documents
        texts = _Texts(chunks, self._kit)
        plain = _Searched(PLAIN, texts, texts, chunks)
        if not any(plain.find("", query, 1) for query in data.queries.values()):
            msg = "kit finds nothing for any question in the chunks that answer them: it has to give ids, best first"
            raise ConfigurationError(msg)
        if self._reranker is None:
            return 0.0
        system = System(_reranked(PLAIN), plain, self._recall, self._reranker)
        result = self._evaluate(data.sampled(1, self._seed), [system], 0.01, None, budget)[system.name]
        each = (result.cost_per_1000 or 0.0) / 1000 / max(1.0, result.candidates())
        return each * self._recall * len(data.queries) * (len(self.stages()) + 1)

    def evaluated(self, made: Contexts, margin: float, store: str | Path | None, budget: float | None) -> Evaluation:
        """All systems, asked all questions."""
        data = self.labelled.restricted(made.documents)
        chunks = chunks_by_id(made.documents)
        written = dict(zip(chunks, (text for each in made.texts() for text in each), strict=True))
        bare, rich = (_Texts(each, self._kit) for each in (chunks, written))
        plain, found = _Searched(PLAIN, bare, bare, chunks), _Searched(CONTEXTS, rich, bare, chunks)
        systems = [System(each.name, each) for each in (plain, found)]
        if self._reranker is not None:
            read = _Searched(READ, rich, rich, chunks)
            systems += [
                System(_reranked(each.name), each, self._recall, self._reranker) for each in (plain, found, read)
            ]
        return self._evaluate(data, systems, margin, store, budget)

    def _evaluate(
        self, data: Dataset, systems: Sequence[System], margin: float, store: str | Path | None, budget: float | None
    ) -> Evaluation:
        options: dict[str, Any] = {"measure": self._measure, "measures": self._measures, "seed": self._seed}
        try:
            return evaluate(data, systems, margin=margin, store=store, max_cost=budget, **options)
        except BudgetExceeded as error:
            raise BudgetExceeded(str(error).replace("max_cost", "budget")) from error


def _reranker(given: object) -> Reranker | None:
    try:
        return None if given is None else reranker_of(given)
    except ConfigurationError as error:
        raise ConfigurationError(str(error).replace("systems: ", "reranker: ")) from error


def _reranked(name: str) -> str:
    return f"{name}, reranked"


class _Texts:
    """Texts by their ids, and a search of them."""

    def __init__(self, texts: Mapping[str, str], kit: Kit) -> None:
        self.texts = texts
        self.search = kit({name: text for name, text in texts.items() if not is_blank(text)})


class _Searched:
    """A first stage over chunks.

    Attributes:
        name: What tables call it.
    """

    free = True

    def __init__(self, name: str, indexed: _Texts, read: _Texts, chunks: Mapping[str, str]) -> None:
        self.name = name
        self._indexed, self._read, self._chunks = indexed, read, chunks

    def find(self, query_id: str, query: str, depth: int) -> Sequence[Found]:
        found: object = self._indexed.search(query, depth)
        ids = list(found) if isinstance(found, Sequence) and not isinstance(found, str) else [found]
        known = [each for each in ids if isinstance(each, str) and each in self._chunks]
        if len(known) < len(ids) or len(set(known)) < len(known):
            msg = f"kit gave {quoted(found)}, which are not ids of texts, each once: a search gives these, best first"
            raise ConfigurationError(msg)
        return [Found(each, self._read.texts[each], plain=self._chunks[each]) for each in known[:depth]]
