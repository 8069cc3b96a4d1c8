"""The plain fields of a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from pydantic import Field, PrivateAttr, SerializeAsAny, field_validator
from typing_extensions import override

from rerank_kit.combine.cascade import Cascade
from rerank_kit.combine.stages import Budget, Stage
from rerank_kit.errors import ConfigurationError
from rerank_kit.fields.base import RerankFields
from rerank_kit.quoting import class_name
from rerank_kit.reranker import Reranker

_BASES = ("RerankCompressor", "RerankPostprocessor")


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

    @field_validator("stages", mode="before")
    @classmethod
    def _each_is_ours(cls, stages: object) -> object:
        """Say what to write for what is no stage."""
        base = next((kind.__name__ for kind in cls.__mro__ if kind.__name__ in _BASES), "CascadeFields")
        if not isinstance(stages, list | tuple):
            msg = f"stages must be a list of {base}s, not {class_name(stages)}: wrap it in a list"
            raise ConfigurationError(msg)
        for place, each in enumerate(cast("Sequence[object]", stages)):
            if isinstance(each, type):
                msg = f"stages[{place}] is the class {each.__name__}: pass an object of it, {each.__name__}(…)"
                raise ConfigurationError(msg)
            if not isinstance(each, RerankFields | dict):
                told = f": wrap it, {base}(reranker=…)" if isinstance(each, Reranker) or callable(each) else ""
                msg = f"stages[{place}] must be a {base}, not {class_name(each)}{told}"
                raise ConfigurationError(msg)
        return cast("object", stages)

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
