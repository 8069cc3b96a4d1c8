"""What a field refuses is not shown, whatever refused it: there may be a key in it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError, field_validator
from pydantic_core import PydanticCustomError

import langchain_rerank_kit as lc
import llama_rerank_kit as li
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


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"output": "logit"}, "output must be 'auto', 'logits' or 'probabilities', not 'logit'"),
        ({"engine": "cpu"}, "engine must be 'auto', 'onnx' or 'sentence-transformers', not 'cpu'"),
        ({"threads": "two"}, "threads must be a whole number or None, not of type str"),
        ({"top_n": 0}, "top_n must be greater than or equal to 1, not 0"),
        ({"file": 7}, "file must be a valid string, not 7"),
        ({"providers": ["CPU", 7]}, "providers.1 must be a valid string, not 7"),
    ],
)
@pytest.mark.parametrize("package", [lc, li])
def test_a_refusal_names_the_field_what_it_must_be_and_what_was_harmless(
    package: Any, fields: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        package.CrossEncoderRerank(**fields)
    shown = str(caught.value)
    assert f"\n  {told} [type=" in shown
    assert "errors.pydantic.dev" not in shown
    assert "Input should be" not in shown
