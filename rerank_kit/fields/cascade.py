"""The plain fields of a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PrivateAttr, SerializeAsAny
from typing_extensions import override

from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.stages import Budget, Stage
from rerank_kit.fields.base import RerankFields
from rerank_kit.reranker import Reranker


class CascadeFields(RerankFields):
    """Reranks in stages: cheap and broad first, dear and precise on what is left."""

    stages: Sequence[SerializeAsAny[RerankFields]] = Field(
        description="In plain fields, in order. Their `top_n`, `threshold` and `timeout` are those of the stages."
    )
    budget: Budget | float | None = Field(default=None, description="Seconds for the whole, or a `rerank_kit.Budget`.")
    on_budget: Literal["return", "raise"] = Field(
        default="return",
        description='What a used-up budget does: `"return"` gives the ranking so far, `"raise"` raises.',
    )
    keep_rest: bool = Field(default=False, description="Whether what stages leave out is kept below the others.")
    top_n: int | None = Field(
        default=None, description="How many to return at most; by default all that the stages leave."
    )

    _parts: tuple[object, ...] = PrivateAttr(default=())

    @property
    @override
    def loaded(self) -> Reranker:
        """The cascade at work, made anew where a field of a stage has changed."""
        if self.reranker is None and self._parts != self._parts_now():
            self._make()
        return super().loaded

    @override
    def _make(self) -> None:
        self._parts = self._parts_now()
        super()._make()

    def _parts_now(self) -> tuple[object, ...]:
        """What the cascade is made of; rerankers, which may be compared as they please, by their identity."""
        return tuple((id(each.loaded), each.top_n, each.threshold, each.timeout) for each in self.stages)

    @override
    def _build(self) -> Reranker:
        stages = (Stage(each.loaded, each.top_n, each.threshold, each.timeout) for each in self.stages)
        return Cascade(*stages, budget=self.budget, on_budget=self.on_budget, keep_rest=self.keep_rest)
