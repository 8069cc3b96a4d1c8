"""The field `distinct` of the adapters' classes: which candidates are merged into one."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from rerank_kit.first_stage.distinct import check_distinct

DistinctField: TypeAlias = Annotated[
    Literal["document", "text"] | Annotated[float, Field(gt=0, le=1)] | None,
    BeforeValidator(check_distinct),
    Field(
        description="Which candidates are merged into the best placed of them: those that are one by id and text "
        '(`"document"`); those of the same text whatever their ids, up to case, width and white space (`"text"`); also '
        "those that share so much of their words, such as 0.9; or none (`None`)."
    ),
]
"""See `rerank_kit.first_stage.distinct`."""
