"""What a field refuses is not shown, whatever refused it: there may be a key in it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError, field_validator
from pydantic_core import PydanticCustomError

from rerank_kit.fields.managed import VoyageFields

KEY = "sk-planted-Q7w9Zx3LmN4pR8tV"


class Picky(VoyageFields):
    """Refuses in words of its own."""

    @field_validator("model")
    @classmethod
    def _refuse(cls, value: str) -> str:
        kind = "too_picky"
        raise PydanticCustomError(kind, "no model is good enough")


def test_a_refusal_of_a_kind_of_its_own_is_one_all_the_same() -> None:
    with pytest.raises(ValidationError, match="no model is good enough") as caught:
        Picky.model_validate({"model": KEY, "api_key": KEY})
    assert KEY not in f"{caught.value} {caught.value.errors()} {caught.value.json()}"
