"""A cascade as a LlamaIndex node postprocessor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from pydantic import SerializeAsAny, field_serializer, field_validator
from typing_extensions import override

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit import Budget, Cascade, ConfigurationError, Reranker, Stage


class CascadeRerank(RerankPostprocessor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankPostprocessor(reranker=Cascade(Stage(…, when=…)))`.

    Attributes:
        stages: Our node postprocessors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages;
            what they read of a node is decided by the `metadata_mode` of the cascade.
        budget: Seconds for the whole, or a `rerank_kit.Budget`.
        on_budget: What a used-up budget does: `"return"` gives the ranking so far, `"raise"` raises.
        keep_rest: Whether nodes that stages leave out are kept below the others.
        top_n: How many nodes to return at most; by default all that the stages leave.
    """

    stages: Sequence[SerializeAsAny[RerankPostprocessor]]
    budget: Budget | float | None = None
    on_budget: Literal["return", "raise"] = "return"
    keep_rest: bool = False
    top_n: int | None = None

    @field_validator("stages", mode="before")
    @classmethod
    def _from_dicts(cls, stages: object) -> object:
        """Stages as `to_dict` writes them, by the names of their classes."""
        if not isinstance(stages, list | tuple):
            return stages
        known = {kind.__name__: kind for kind in _kinds(RerankPostprocessor)}
        return [_made(each, known) for each in cast("Sequence[object]", stages)]

    @field_serializer("stages")
    def _as_dicts(self, stages: Sequence[RerankPostprocessor]) -> list[dict[str, Any]]:
        for place, each in enumerate(stages):
            if each.reranker is not None:
                msg = (
                    f"stages[{place}] has a reranker of its own, {each.reranker!r}, which to_dict cannot hold: give "
                    "the stage fields, or the whole cascade as reranker="
                )
                raise ConfigurationError(msg)
        return [each.to_dict() for each in stages]

    @override
    def _build(self) -> Reranker:
        stages = (Stage(each.loaded, each.top_n, each.threshold, each.timeout) for each in self.stages)
        return Cascade(*stages, budget=self.budget, on_budget=self.on_budget, keep_rest=self.keep_rest)


def _kinds(kind: type[RerankPostprocessor]) -> Iterator[type[RerankPostprocessor]]:
    """A class and all below it."""
    yield kind
    for each in kind.__subclasses__():
        yield from _kinds(each)


def _made(given: object, known: dict[str, type[RerankPostprocessor]]) -> object:
    if not isinstance(given, dict):
        return given
    data = cast("dict[str, Any]", given)
    name = data.get("class_name")
    if name not in known:
        msg = f"stages: there is no postprocessor {name!r}; there are {', '.join(known)}. Import the one that is meant"
        raise ConfigurationError(msg)
    return known[name].from_dict(data)
