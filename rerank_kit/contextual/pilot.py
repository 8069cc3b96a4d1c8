"""`pilot`: whether contexts pay for themselves, told on a part of the documents before all of them are paid for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rerank_kit.arguments import named
from rerank_kit.checks import check_count, check_function, check_instance, check_positive, check_whole
from rerank_kit.contextual.contexts import Contexts, ContextSource
from rerank_kit.contextual.documents import ChunkedDocument, checked
from rerank_kit.contextual.labelled import LabelledChunks, labelled_chunks
from rerank_kit.contextual.piloting import FIRST, READ, Piloting
from rerank_kit.contextual.search import Kit, bm25
from rerank_kit.contextual.sources import check_contexts
from rerank_kit.errors import BudgetExceeded, ConfigurationError
from rerank_kit.evaluate import Dataset, Evaluation
from rerank_kit.evaluate.comparing import LEVEL, Comparison, check_options, compare
from rerank_kit.evaluate.planning import dollars
from rerank_kit.evaluate.pooling import chance
from rerank_kit.evaluate.verdicts import Verdict, holm, more_queries, verdict
from rerank_kit.texts import counted

_OTHERS = 4  # documents that compete, for each that a question is about, where no budget says how many
_FEWEST = 20  # of them
_LEAST = 1e-9  # US dollars: no more is left
_MUCH = 3  # times as many chunks are the fewest among which a choice can be told

_BEHIND = {
    FIRST: "of the first stage",
    "chunks": "behind the reranker",
    "contexts": "behind the reranker, which reads contexts too,",
}
_WORDS: Mapping[Verdict, str] = {
    "better": "worth it",
    "worse": "harmful: leave contexts out",
    "equal": "no difference that matters: leave contexts out",
    "inconclusive": "too few questions to say",
}


@dataclass(frozen=True)
class Pilot:
    """What contexts did to retrieval on a part of the documents.

    Attributes:
        evaluation: All systems: the first stage without contexts and with them, and the reranker behind both, which
            reads the chunks as they are, and in one more system with their contexts.
        contexts: What was written, and what that took.
        comparisons: Contexts against none: of the `"first stage"`; behind the reranker, where there is one, which
            reads `"chunks"` or `"contexts"` too.
        documents: How many documents were in it, of how many.
        whole_cost: What the contexts of all documents would cost, in US dollars; `None` where it is not known.
        notes: What has to be known beside it.
    """

    evaluation: Evaluation = field(repr=False)
    contexts: Contexts = field(repr=False)
    comparisons: Mapping[str, Comparison]
    documents: tuple[int, int]
    whole_cost: float | None
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What each comparison says, adjusted for there being several."""
        adjusted = holm([each.p for each in self.comparisons.values()])
        return {name: verdict(each, p) for (name, each), p in zip(self.comparisons.items(), adjusted, strict=True)}

    @property
    def best(self) -> str:
        """Which comparison counts: behind the reranker, that which contexts do more for."""
        behind = [each for each in self.comparisons if each != FIRST] or [FIRST]
        return max(behind, key=lambda each: self.comparisons[each].after)

    @property
    def verdict(self) -> Verdict:
        """What the comparison says that counts."""
        return self.verdicts[self.best]

    @property
    def in_words(self) -> str:
        """The verdict in a sentence."""
        comparison = self.comparisons[self.best]
        numbers = (
            f"{self.evaluation.measure} {_BEHIND[self.best]} is {comparison.after:.3f} with contexts and "
            f"{comparison.before:.3f} without ({comparison.difference:+.3f}; {comparison.low:+.3f} to "
            f"{comparison.high:+.3f})"
        )
        more = more_queries(comparison, among=len(self.comparisons)) if self.verdict == "inconclusive" else None
        enough = "" if more is None else f", about {more:,} more would tell"
        whole = "at a price that is not known" if self.whole_cost is None else f"for about {dollars(self.whole_cost)}"
        whole = whole if self.whole_cost != 0.0 else "for nothing"
        return (
            f"{_WORDS[self.verdict]}{enough}: {numbers}. All {counted(self.documents[1], 'document')} would get "
            f"theirs {whole}"
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain values, for JSON."""
        measures = self.evaluation.measures
        return {
            "verdict": self.verdict,
            "in_words": self.in_words,
            "compared": self.best,
            "measure": self.evaluation.measure,
            "questions": len(self.evaluation.asked),
            "documents": {"pilot": self.documents[0], "all": self.documents[1]},
            "systems": {
                each.name: {measure: each.mean(measure) for measure in measures} for each in self.evaluation.systems
            },
            "comparisons": {
                name: {**asdict(each), "verdict": self.verdicts[name]} for name, each in self.comparisons.items()
            },
            "cost": {"pilot": self.contexts.cost, "all": self.whole_cost},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        """The table, and the verdict."""
        shown = [each for each in self.evaluation.systems if each.name != READ]  # which finds what contexts find
        measures = self.evaluation.measures
        wide = max(len(each.name) for each in shown)
        rows = [f"{'':{wide}}  {'  '.join(measures)}"]
        for each in shown:
            cells = (f"{each.mean(measure):>{len(measure)}.3f}" for measure in measures)
            rows.append(f"{each.name:{wide}}  {'  '.join(cells)}")
        part, whole = self.documents
        size = f"{counted(len(self.evaluation.asked), 'question')}, {part:,} of {counted(whole, 'document')}"
        head = f"{size}: {self.contexts}"
        return "\n".join([head, "", *rows, "", self.in_words, *self.notes])


@named
def pilot(
    documents: Sequence[ChunkedDocument],
    questions: Dataset,
    contexts: ContextSource,
    *,
    kit: Kit = bm25,
    reranker: object = None,
    recall: int = 150,
    top_n: int = 20,
    budget: float | None = None,
    others: int | None = None,
    margin: float = 0.01,
    store: str | Path | None = None,
    seed: int = 0,
) -> Pilot:
    """Find out on a part of the documents whether contexts are worth their price.

    In the pilot are the documents that answer its questions, and others to compete with them. Both searches run over
    the same chunks, once plain and once with contexts; the reranker reads the chunks as they are and, in one more row,
    with their contexts.

    Args:
        documents: All documents with their chunks.
        questions: A `Dataset` with labels: quotes, ids of documents or of chunks. `synthesise` writes one where there
            is none, of questions that flatter.
        contexts: Such as a `Contextualizer`, or a `HeadingContext`.
        kit: Makes a search of the texts of chunks, by their ids: by default BM25 alone. `hybrid(embed)` searches
            embeddings too.
        reranker: The one that you use, by object or by name, as `evaluate` takes it; `None` is none.
        recall: How many chunks are found for each question, and reranked.
        top_n: How many are kept: what is compared is the share of relevant chunks among these.
        budget: What the pilot may cost, in US dollars, contexts and reranking together: as many other documents take
            part as it pays for. Needed where the reranker has a price.
        others: How many other documents take part, where no budget says so: by default four for each that answers a
            question, and at least twenty.
        margin: Differences up to this do not matter.
        store: A file in which the scores of the reranker are kept.
        seed: Of the other documents that are drawn, and of the statistics.

    Raises:
        ConfigurationError: An argument is wrong, or no chunk answers any question.
        BudgetExceeded: The documents that answer the questions cost more than the budget, or reranking has a price
            and there is none. Only one question was asked of the reranker by then.
        IncompleteContexts: Some chunks got no context.
    """
    whole = checked(documents)
    check_contexts(contexts)
    check_instance("questions", questions, Dataset, "a Dataset, which read_dataset(path) or synthesise(…) make")
    check_function("kit", kit, "texts")
    check_options(margin, LEVEL)
    recall, top_n = check_whole("recall", recall), check_whole("top_n", top_n)
    most, count = check_positive("budget", budget), check_count("others", others, least=0)
    start = check_whole("seed", seed, least=0)
    asked = Piloting(labelled_chunks(questions, whole), kit, reranker, recall=recall, top_n=top_n, seed=start)
    reranking = asked.tried(whole, most)
    if most is None and reranking:
        msg = f"reranking in this pilot costs about {dollars(reranking)} besides contexts: pass budget= (US dollars)"
        raise BudgetExceeded(msg)
    chosen = _chosen(whole, asked.labelled, contexts, budget=most, reranking=reranking, others=count, seed=seed)
    left = None if most is None else max(most - reranking, _LEAST)
    made = contexts.limited(left).contextualize(chosen)
    evaluation = asked.evaluated(made, margin, store, None if most is None else max(most - (made.cost or 0.0), _LEAST))
    comparisons = {
        stage: _compared(evaluation, before, after, margin=margin, seed=seed)
        for stage, (before, after) in asked.stages().items()
    }
    chunks = sum(map(len, made.rows))
    notes = [*asked.labelled.notes, *_flattering(questions)]
    if top_n * _MUCH > chunks:
        notes.append(
            f"{top_n} of {chunks} chunks are kept, which is much of all: with a smaller top_n, differences show"
        )
    sizes = len(chosen), len(whole)
    return Pilot(evaluation, made, comparisons, sizes, contexts.expected_cost(whole), tuple(notes))


def _compared(evaluation: Evaluation, before: str, after: str, *, margin: float, seed: int) -> Comparison:
    first, second = (evaluation[each].values[evaluation.measure] for each in (before, after))
    return compare(first, second, margin=margin, seed=seed)


def _flattering(questions: Dataset) -> list[str]:
    written = questions.synthetic
    if not written:
        return []
    told = (
        f"THE QUESTIONS WERE WRITTEN BY A MODEL ({written}), each from one chunk: they use its words, so that it is "
        "found more easily than by a person's question. They flatter every system, and hide what contexts are for"
    )
    return [told]


def _chosen(
    whole: Sequence[ChunkedDocument],
    labelled: LabelledChunks,
    contexts: ContextSource,
    *,
    budget: float | None,
    reranking: float,
    others: int | None,
    seed: int,
) -> list[ChunkedDocument]:
    """The documents that answer questions, and others, as far as the budget goes."""
    wanted = labelled.documents
    chosen = [each for each in whole if each.id in wanted]
    rest = sorted((each for each in whole if each.id not in wanted), key=lambda each: chance(seed, each.id))
    if budget is None:
        count = max(_FEWEST, _OTHERS * len(chosen)) if others is None else others
        return chosen + rest[:count]
    expected = contexts.expected_cost(chosen)
    if expected is None:
        msg = "budget needs the price of the model: pass prices= to the Contextualizer, or others= in place of budget="
        raise ConfigurationError(msg)
    spent = expected + reranking
    if spent > budget:
        beside = f", and reranking about {dollars(reranking)}" if reranking else ""
        msg = (
            f"the {counted(len(chosen), 'document')} that answer the questions cost about {dollars(expected)}{beside}: "
            f"pass budget={spent * 1.1:.2g}, or fewer questions"
        )
        raise BudgetExceeded(msg)
    for each in rest if others is None else rest[:others]:
        spent += contexts.expected_cost([each]) or 0.0
        if spent > budget:
            break
        chosen.append(each)
    return chosen
