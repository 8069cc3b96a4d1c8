"""A retriever that brings many candidates and returns the best few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.prompts.mixin import PromptMixinType
from llama_index.core.schema import MetadataMode, NodeWithScore, QueryBundle, QueryType
from typing_extensions import override

from llama_rerank_kit.merging import DistinctPostprocessor
from llama_rerank_kit.nodes import RerankedNode, moves
from llama_rerank_kit.postprocessor import RerankPostprocessor, behind
from llama_rerank_kit.text_read import text_read
from llama_rerank_kit.widening import Widen, widen
from rerank_kit import ConfigurationError
from rerank_kit.arguments import named
from rerank_kit.checks import check_instance
from rerank_kit.explanation import Explanation
from rerank_kit.first_stage.drop_in import behind_a_widened_stage
from rerank_kit.first_stage.widening import Widening, check_recall, warn_of_limits
from rerank_kit.flow import Call, Flow, arun, run
from rerank_kit.names import check_names
from rerank_kit.observe.drawing import drawn
from rerank_kit.observe.explaining import Seen, explained, explaining, the_last
from rerank_kit.quoting import whole

_MADE = "what with_rerank(retriever, reranker) makes, which is the way to have a RerankRetriever"


class RerankRetriever(BaseRetriever):
    """A retriever whose first stage is widened and whose results are reranked. `with_rerank` makes one.

    A `recall` that is assigned has the first stage widened anew. What says how to rerank is changed where it is, as by
    `retriever.postprocessor.top_n = 3`. A copy has a postprocessor of its own.
    """

    @named
    def __init__(
        self,
        widening: Widening[Any],
        postprocessor: BaseNodePostprocessor,
        widen: Widen | None = None,
    ) -> None:
        """Put the second stage behind the first.

        Args:
            widening: The widened retriever, as `widen` gives it.
            postprocessor: What reranks. It is copied, and reports to the callback manager of the retriever.
            widen: How the first stage was widened, where that is not left to the table of known settings.
        """
        check_instance("widening", widening, Widening, _MADE)
        check_instance("postprocessor", postprocessor, BaseNodePostprocessor, _MADE)
        self._retriever: BaseRetriever = widening.widened
        super().__init__(  # pyright: ignore[reportUnknownMemberType] - the library leaves out type arguments
            callback_manager=getattr(self._retriever, "callback_manager", None)
        )
        self._widening = widening
        self._recall = widening.recall
        self._widen = widen
        self._postprocessor = behind(widening.original, postprocessor, self.callback_manager)
        self._made = True

    @property
    def retriever(self) -> BaseRetriever:
        """The first stage: the widened copy of what was given."""
        return self._retriever

    @property
    def postprocessor(self) -> BaseNodePostprocessor:
        """The second stage."""
        return self._postprocessor

    @property
    def widening(self) -> Widening[Any]:
        """The first stage and what was changed in it, readable with `print`."""
        return self._widening

    @property
    def recall(self) -> int:
        """How many candidates the first stage is to bring."""
        return self._recall

    @recall.setter
    def recall(self, recall: int) -> None:
        check_recall(recall, getattr(self._innermost()[0], "top_n", None))
        widening = widen(self._widening.original, recall, self._widen)
        warn_of_limits(widening)
        self._retriever, self._recall, self._widening = widening.widened, recall, widening
        if isinstance(self._postprocessor, RerankPostprocessor) and self._postprocessor.recall is not None:
            self._postprocessor.recall = recall

    def explain(self, query: str | QueryBundle) -> Explanation:
        """Retrieve and rerank, and tell all of it: `print(retriever.explain("…"))`; a notebook shows it as HTML.

        The table has the first stage's order beside the new one; below a line what was not returned, and why; then what
        was widened, what each stage took, and warnings. It costs as much as `retrieve`.
        """
        with explaining() as explanations:
            self.retrieve(query)
        return the_last(explanations, self)

    async def aexplain(self, query: str | QueryBundle) -> Explanation:
        """Retrieve and rerank, and tell all of it: `explain`, without blocking the running loop."""
        with explaining() as explanations:
            await self.aretrieve(query)
        return the_last(explanations, self)

    @whole
    def __repr__(self) -> str:
        """What runs, in a line: not the nodes that the first stage may hold."""
        first, second = type(self._widening.original).__name__, self._postprocessor
        return f"{type(self).__name__}(first_stage={first!r}, recall={self._recall}, postprocessor={second!r})"

    def _repr_html_(self) -> str:
        """Both stages in a row, for notebooks."""
        second = self._innermost()[0]
        limit: object = getattr(second, "top_n", None)
        told = "all that it leaves" if limit is None else f"the best {limit}"
        return drawn(
            [(type(self._widening.original).__name__, f"brings {self._recall}"), (type(second).__name__, told)]
        )

    @override
    def retrieve(self, str_or_query_bundle: QueryType, **others: Any) -> list[NodeWithScore]:
        """Retrieve and rerank. Settings are no arguments, but assigned: an error says where."""
        check_names("retrieve", others, (), self._settings())
        return super().retrieve(str_or_query_bundle)

    @override
    async def aretrieve(self, str_or_query_bundle: QueryType, **others: Any) -> list[NodeWithScore]:
        """Retrieve and rerank, without blocking the running loop. As with `retrieve`."""
        check_names("aretrieve", others, (), self._settings())
        return await super().aretrieve(str_or_query_bundle)

    def _innermost(self) -> tuple[BaseNodePostprocessor, str]:
        """The postprocessor that ranks, and how it is reached."""
        second = self._postprocessor
        if isinstance(second, DistinctPostprocessor):
            return second.postprocessor, "postprocessor.postprocessor"
        return second, "postprocessor"

    if not TYPE_CHECKING:  # type checkers would take it for leave to assign anything

        def __setattr__(self, name: str, value: Any) -> None:
            closed = type(self) is RerankRetriever and "_made" in vars(self)  # a subclass has attributes of its own
            if closed and not name.startswith("_"):
                self._check_assigned(name)
            super().__setattr__(name, value)

    def _check_assigned(self, name: str) -> None:
        """Refuse what would have no effect."""
        if name in {"retriever", "postprocessor", "widening"}:
            msg = f"{name} stays what with_rerank made it: make another RerankRetriever by with_rerank(…)"
            raise ConfigurationError(msg)
        if hasattr(self, name):
            return
        known = ["recall", *(each for each in vars(self) if not each.startswith("_"))]
        elsewhere = {field: told for field, told in self._settings().items() if field != "recall"}
        check_names("RerankRetriever", [name], known, elsewhere, noun="attribute")

    def _settings(self) -> dict[str, str]:
        """Where each setting is, in a sentence."""
        places = (self._innermost(), (self._postprocessor, "postprocessor"))
        theirs = {field: path for second, path in places for field in type(second).model_fields}
        told = {name: f"its postprocessor has it: assign retriever.{path}.{name}" for name, path in theirs.items()}
        return {**told, "recall": "assign retriever.recall"}

    def __copy__(self) -> Self:
        """A copy on the same first stage, whose postprocessor can be changed apart."""
        other = object.__new__(type(self))
        vars(other).update(vars(self), _postprocessor=self._postprocessor.model_copy())
        return other

    @override
    def _get_prompt_modules(self) -> PromptMixinType:
        return {"retriever": self._retriever}

    @override
    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with behind_a_widened_stage():
            return run(self._retrieving(query_bundle))

    @override
    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        with behind_a_widened_stage():
            return await arun(self._retrieving(query_bundle))

    def _retrieving(self, query: QueryBundle) -> Flow[list[NodeWithScore]]:
        """Both stages, for sync and async callers."""
        seen = Seen(type(self._widening.original).__name__, self._recall, str(self._widening))
        found: list[NodeWithScore] = []
        return (yield from explained(self._stages(query, found, seen), seen, lambda best: moves(found, best)))

    def _stages(self, query: QueryBundle, found: list[NodeWithScore], seen: Seen) -> Flow[list[NodeWithScore]]:
        first, second = self._retriever, self._postprocessor
        nodes = yield from Call[list[NodeWithScore]](
            sync=lambda: first.retrieve(query), async_=lambda: first.aretrieve(query)
        )
        found += nodes
        seen.found([text_read(each.node, MetadataMode.EMBED) for each in nodes])
        best = yield from Call[list[NodeWithScore]](
            sync=lambda: second.postprocess_nodes(nodes, query_bundle=query),
            async_=lambda: second.apostprocess_nodes(nodes, query_bundle=query),
        )
        seen.second_stage = type(self._innermost()[0]).__name__
        seen.problem = next((each.rerank_failed for each in best if isinstance(each, RerankedNode)), None)
        seen.told = isinstance(second, RerankPostprocessor) and seen.problem is None
        return best
