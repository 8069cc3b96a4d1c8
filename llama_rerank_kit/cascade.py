"""A cascade as a LlamaIndex node postprocessor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from pydantic import Field, SerializeAsAny, field_serializer, field_validator

from llama_rerank_kit.postprocessor import RerankPostprocessor
from rerank_kit import ConfigurationError
from rerank_kit.fields import CascadeFields


class CascadeRerank(CascadeFields, RerankPostprocessor):
    """Reranks in stages: cheap and broad first, dear and precise on what is left.

    For stages with conditions, pass a cascade of your own: `RerankPostprocessor(reranker=Cascade(Stage(…, when=…)))`.
    """

    stages: Sequence[SerializeAsAny[RerankPostprocessor]] = Field(  # pyright: ignore[reportIncompatibleVariableOverride]
        description="Our postprocessors, in order. Their `top_n`, `threshold` and `timeout` are those of the stages; "
        "`metadata_mode`, `distinct`, `on_error` and `recall` are those of the cascade."
    )

    @field_validator("stages", mode="before")
    @classmethod
    def _from_dicts(cls, stages: object) -> object:
        """Stages as `to_dict` writes them, by the names of their classes."""
        if not isinstance(stages, list | tuple):
            return stages
        known = {kind.__name__: kind for kind in _kinds(RerankPostprocessor)}
        return [_made(each, known) for each in cast("Sequence[object]", stages)]

    @field_validator("stages")
    @classmethod
    def _of_the_whole(cls, stages: Sequence[RerankPostprocessor]) -> Sequence[RerankPostprocessor]:
        """Refuse in a stage what is decided for all of them, and would not be followed."""
        for place, each in enumerate(stages):
            for name in ("distinct", "metadata_mode", "on_error", "recall"):
                if getattr(each, name) != RerankPostprocessor.model_fields[name].default:
                    msg = f"stages[{place}] has a {name}= of its own: pass {name}= to the cascade, for all of them"
                    raise ConfigurationError(msg)
        return stages

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
